//! `Images`: the handle that decodes uploads on blocking threads, stores, shows and deletes images. The commands on
//! their rows go through the owner's slot.
mod colors;
mod commands;
mod decoders;
mod file_check;
mod picture;
mod sweep;
#[cfg(test)]
mod tests;

pub use decoders::UploadPermit;

use super::{error::Error, slots::Slots, supervisor::Supervisor, visibility::Visibility};
use crate::{
    config::Config,
    domain::{
        IdGenerator, Image, ImageFile, ImageId, ImageKey, MemberId, Outcome, Picture, Purpose, Receipt, Refusal,
        Timestamp, Variant,
    },
    storage::{Committed, ImageFileStore, ImageStore, StoreError, StoreResult, Stores},
};
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use bytes::Bytes;
use commands::ImageCommand;
use decoders::Decoders;
use file_check::FileCheck;
use futures::stream::BoxStream;
use std::{fmt::Write, ops::Range, sync::Arc};

/// Bytes of the hash in an entity tag: enough to make a collision practically impossible.
const TAG_BYTES: usize = 16;

/// The handle of images. Commands go through the slot of the owner; reads need no order and go to the stores.
#[derive(Clone)]
pub struct Images {
    slots: Slots<ImageCommand>,
    store: Arc<dyn ImageStore>,
    files: Arc<dyn ImageFileStore>,
    ids: Arc<IdGenerator>,
    visibility: Visibility,
    decoders: Decoders,
    file_check: FileCheck,
}

/// An image before it is stored, with the bytes of both variants.
#[derive(Debug)]
pub struct ImageDraft {
    /// The row as it will be stored.
    pub image: Image,
    original: Bytes,
    thumbnail: Bytes,
}

impl Images {
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        ids: Arc<IdGenerator>,
        visibility: Visibility,
        config: &Config,
    ) -> Self {
        let part = supervisor.add_part("images");
        let (store, files) = (stores.images.clone(), stores.image_files.clone());
        let slots = Slots::start_part(supervisor, &part, store.clone()).await;
        let file_check = FileCheck::start(supervisor, part, files.clone());
        let decoders = Decoders::new(&config.images);
        let images = Self { slots, store, files, ids, visibility, decoders, file_check };
        supervisor.spawn_background(sweep::sweep_hourly(images.clone()));
        images
    }

    /// Returns the right to upload one image, which a request acquires before it reads its body. Refuses `Busy` if too
    /// many uploads are under way, of all members or of this one, and `Down` while the part is.
    pub fn acquire_upload(&self, owner: MemberId) -> Result<UploadPermit, Error> {
        self.file_check.require_up()?;
        self.decoders.acquire_upload(owner)
    }

    /// Drafts an image: decodes the upload and encodes both variants. Refuses `ImageEmpty`, `ImageTooLarge`,
    /// `ImageUnsupported`, `ImageCorrupted`.
    pub async fn draft_image(
        &self,
        _permit: &UploadPermit,
        owner: MemberId,
        purpose: Purpose,
        upload: Bytes,
    ) -> Result<ImageDraft, Error> {
        let variants = self.decoders.process(upload, purpose).await?;
        let id = ImageId(self.ids.next());
        let image = Image {
            picture: Picture {
                id,
                key: ImageKey(rand::random()),
                width: variants.width,
                height: variants.height,
                kind: variants.kind,
            },
            owner,
            purpose,
            post: None,
            original: image_file(&variants.original),
            thumbnail: image_file(&variants.thumbnail),
            created_at: Timestamp::now(),
        };
        Ok(ImageDraft { image, original: variants.original, thumbnail: variants.thumbnail })
    }

    /// Stores a draft: the files first, so that every row has its files. Refuses `IdempotencyKeyReused`,
    /// `MemberNotFound`, `TooManyImages`.
    pub async fn create_image(&self, draft: ImageDraft, receipt: Option<Receipt>) -> Result<Committed<Outcome>, Error> {
        let ImageDraft { image, original, thumbnail } = draft;
        let (id, owner) = (image.picture.id, image.owner);
        let written = self.files.write(id, original, thumbnail).await;
        self.file_check.note_write(&written);
        written?;
        let image = Box::new(image);
        let create = |reply| ImageCommand::CreateImage { image, receipt, reply };
        let created = self.slots.mailbox_of(owner).ask(create).await;
        // After any other error the row may exist. The files stay; if the row does not exist, they are orphans.
        let is_repeat = |created: &Committed<Outcome>| matches!(created.value, Outcome::Repeated(_));
        if created.as_ref().is_ok_and(is_repeat) || matches!(created, Err(Error::Refused(_) | Error::Busy(_))) {
            self.delete_files(id).await;
        }
        let created = created?;
        self.visibility.note_write(owner, created.at);
        Ok(created)
    }

    /// Deletes an image, and removes it from its post or its owner's profile. Refuses `ImageNotFound`,
    /// `ImageForbidden`.
    pub async fn delete_image(&self, owner: MemberId, id: ImageId) -> Result<Committed<()>, Error> {
        let delete = |reply| ImageCommand::DeleteImage { owner, id, reply };
        let deleted = self.slots.mailbox_of(owner).ask(delete).await?;
        self.visibility.note_write(owner, deleted.at);
        self.delete_files(id).await;
        Ok(deleted)
    }

    /// Returns the row of an image to a caller with its key, or to its owner without a key. Refuses `ImageNotFound` to
    /// anybody else, so that counting ids reveals nothing.
    pub async fn image(&self, id: ImageId, key: Option<&str>, viewer: Option<MemberId>) -> Result<Image, Error> {
        let image = self.store.image(id).await?.ok_or(Refusal::ImageNotFound)?;
        let allowed = match key {
            Some(key) => key_matches(image.picture.key, key),
            None => viewer == Some(image.owner),
        };
        if allowed { Ok(image) } else { Err(Refusal::ImageNotFound.into()) }
    }

    /// Streams a range of the bytes of an image. Refuses `ImageNotFound`, and `Busy` if too many files are being read.
    pub async fn read(
        &self,
        id: ImageId,
        variant: Variant,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, StoreResult<Bytes>>, Error> {
        self.files.read(id, variant, range).await?.ok_or(Refusal::ImageNotFound.into())
    }

    /// Deletes the files of an image without a row. After a failure they are orphans, which the sweep deletes.
    async fn delete_files(&self, id: ImageId) {
        if let Err(error) = self.files.delete(id).await {
            let error: &StoreError = &error;
            tracing::warn!(error = error as &dyn std::error::Error, "cannot delete the files of an image");
        }
    }
}

/// Compares a key with the text from a request, in constant time.
fn key_matches(key: ImageKey, given: &str) -> bool {
    verify_slices_are_equal(key.to_string().as_bytes(), given.as_bytes()).is_ok()
}

/// Returns the length and the entity tag of a file's bytes.
fn image_file(bytes: &Bytes) -> ImageFile {
    let hash = digest(&SHA256, bytes);
    let mut tag = String::with_capacity(TAG_BYTES * 2);
    for byte in &hash.as_ref()[..TAG_BYTES] {
        let _ = write!(tag, "{byte:02x}");
    }
    ImageFile { bytes: bytes.len() as u64, tag }
}
