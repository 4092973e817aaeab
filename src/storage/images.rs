//! Keeps images: what is known of them, and apart from that their bytes.
use super::StoreResult;
use crate::domain::{Image, ImageId, MemberId, Outcome, Receipt, Timestamp, Variant};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::ops::Range;

/// What is known of images. Which posts and profiles they are on changes with those.
#[async_trait]
pub trait ImageStore: Send + Sync + 'static {
    /// Stores a new image, on nothing yet, with its receipt. Refuses `MemberNotFound`, and `TooManyImages` where
    /// `IMAGES_UNUSED_MAX` of the owner are on nothing.
    async fn add(&self, image: Image, receipt: Option<Receipt>) -> StoreResult<Outcome<()>>;
    /// Forgets an image, and takes it off its post and off its owner's profile in the same commit. Refuses
    /// `ImageNotFound`, `ImageForbidden`.
    async fn remove(&self, owner: MemberId, id: ImageId) -> StoreResult<()>;
    /// One image, unless its owner has left or its post was deleted.
    async fn image(&self, id: ImageId) -> StoreResult<Option<Image>>;
    /// Those of these that are there, in no order. At most 1,000 ids.
    async fn images(&self, ids: &[ImageId]) -> StoreResult<Vec<Image>>;
    /// Forgets at most so many that have been on nothing since before that, and says which.
    async fn remove_unused(&self, before: Timestamp, limit: usize) -> StoreResult<Vec<ImageId>>;
}

/// A file that is there, whether or not it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundFile {
    /// The image that it belongs to, or did.
    pub image: ImageId,
    /// When it was written.
    pub written_at: Timestamp,
}

/// The bytes of images. A file is written once and never changed.
#[async_trait]
pub trait ImageFileStore: Send + Sync + 'static {
    /// Whether files can be kept now: tries it, with a file that it removes again.
    async fn check(&self) -> StoreResult<()>;
    /// Keeps both variants; when this returns they survive a power loss as commits do.
    async fn write(&self, id: ImageId, original: Bytes, thumbnail: Bytes) -> StoreResult<()>;
    /// The bytes in that range, piece by piece; none where there is no such file. `Busy` where too many are being read.
    async fn read(
        &self,
        id: ImageId,
        variant: Variant,
        range: Range<u64>,
    ) -> StoreResult<Option<BoxStream<'static, StoreResult<Bytes>>>>;
    /// Removes both variants. What is not there is no failure.
    async fn delete(&self, id: ImageId) -> StoreResult<()>;
    /// The files of one part of all, of `FILE_PARTS`, in no order.
    fn part(&self, part: u8) -> BoxStream<'static, StoreResult<FoundFile>>;
}

/// Parts that files are kept in by their image's id, so that a look for strays need not see all of them at once.
pub const FILE_PARTS: u64 = 256;
