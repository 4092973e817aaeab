//! The stores of images: rows that describe them, and files that hold their bytes.
use super::{Committed, StoreResult};
use crate::domain::{Image, ImageId, MemberId, Outcome, Receipt, Timestamp, Variant};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::ops::Range;

/// Stores the rows of images. Commands of posts and profiles attach and detach them.
#[async_trait]
pub trait ImageStore: Send + Sync + 'static {
    /// Stores an unused image with its receipt. A repeated receipt returns the stored answer. Refuses
    /// `IdempotencyKeyReused`, `MemberNotFound`, and `TooManyImages` if the owner has `IMAGES_UNUSED_MAX` unused
    /// images.
    async fn create_image(&self, image: Image, receipt: Option<Receipt>) -> StoreResult<Committed<Outcome>>;
    /// Deletes an image and removes it from its post and its owner's profile in the same commit, each with an event.
    /// Refuses `ImageNotFound`, `ImageForbidden`.
    async fn delete_image(&self, owner: MemberId, id: ImageId) -> StoreResult<Committed<()>>;
    /// Deletes at most `limit` images that have been unused since before `before`, and returns their ids.
    async fn delete_unused_images(&self, before: Timestamp, limit: usize) -> StoreResult<Committed<Vec<ImageId>>>;

    /// Returns one image, unless its owner is deactivated or its post is deleted.
    async fn image(&self, id: ImageId) -> StoreResult<Option<Image>>;
    /// Returns the images among `ids`, unordered, including those of deactivated owners and deleted posts. At most
    /// 1,000 ids.
    async fn images(&self, ids: &[ImageId]) -> StoreResult<Vec<Image>>;
}

/// A file of the file store, whether or not a row exists for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundFile {
    /// The image whose bytes it holds.
    pub image: ImageId,
    /// The time when it was written.
    pub written_at: Timestamp,
}

/// Stores the bytes of images. A file is written once and never changed.
#[async_trait]
pub trait ImageFileStore: Send + Sync + 'static {
    /// Writes and removes a test file to find out whether files can be stored now.
    async fn check(&self) -> StoreResult<()>;
    /// Stores both variants. They are as durable as a commit when this returns.
    async fn write(&self, id: ImageId, original: Bytes, thumbnail: Bytes) -> StoreResult<()>;
    /// Returns the bytes of the range as a stream of chunks, or `None` if the file does not exist. Errors:
    /// `Busy` if too many files are being read.
    async fn read(
        &self,
        id: ImageId,
        variant: Variant,
        range: Range<u64>,
    ) -> StoreResult<Option<BoxStream<'static, StoreResult<Bytes>>>>;
    /// Removes both variants. A missing file is no error.
    async fn delete(&self, id: ImageId) -> StoreResult<()>;
    /// Lists the files of one of the [`FILE_PARTITIONS`], unordered.
    fn partition(&self, partition: u8) -> BoxStream<'static, StoreResult<FoundFile>>;
}

/// Number of partitions into which the image id divides the files, so that the sweep for orphans lists a fraction of
/// them at a time.
pub const FILE_PARTITIONS: u64 = 256;
