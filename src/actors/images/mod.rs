//! Images: uploads are made anew beside the actors, and what is known of them goes through the owner's slot.
mod actor;
mod check;
mod colors;
mod decoders;
mod picture;
mod sweep;
#[cfg(test)]
mod tests;

pub use decoders::Place;

use super::{Error, Reply, Supervisor, slots::Slots, timeline::Timeline};
use crate::{
    config::Config,
    domain::{
        IdGenerator, Image, ImageFile, ImageId, ImageKey, MemberId, Outcome, Picture, Purpose, Receipt, Refusal,
        Timestamp, Variant,
    },
    storage::{ImageFileStore, ImageStore, StoreError, StoreResult, Stores},
};
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use bytes::Bytes;
use decoders::Decoders;
use futures::stream::BoxStream;
use std::{fmt::Write, ops::Range, sync::Arc};

/// Bytes of the hash that a tag shows: as many as make a collision nobody's worry.
const TAG_BYTES: usize = 16;

/// What one slot's images actor can be asked. Every message is answered once its commit is durable.
pub(super) enum Message {
    /// Stores what is known of a new image, with its receipt.
    Add { image: Box<Image>, receipt: Option<Receipt>, reply: Reply<Outcome<()>> },
    /// Forgets an image of its owner.
    Remove { owner: MemberId, id: ImageId, reply: Reply<()> },
}

/// Images, from outside.
#[derive(Clone)]
pub struct Images {
    slots: Slots<Message>,
    store: Arc<dyn ImageStore>,
    files: Arc<dyn ImageFileStore>,
    ids: Arc<IdGenerator>,
    timeline: Timeline,
    decoders: Decoders,
    files_kept: check::Check,
}

/// An image as it will be, with its bytes.
#[derive(Debug)]
pub struct Draft {
    /// Known before anything is stored.
    pub image: Image,
    original: Bytes,
    thumbnail: Bytes,
}

impl Images {
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        ids: Arc<IdGenerator>,
        timeline: Timeline,
        config: &Config,
    ) -> Self {
        let part = supervisor.part("images");
        let (store, files) = (stores.images.clone(), stores.image_files.clone());
        let of_actor = store.clone();
        let slots = Slots::start_part(supervisor, &part, move || (actor::ImagesActor, of_actor.clone())).await;
        let files_kept = check::Check::start(supervisor, part, files.clone());
        let decoders = Decoders::new(&config.images);
        let images = Self { slots, store, files, ids, timeline, decoders, files_kept };
        supervisor.spawn_background(sweep::clock(images.clone()));
        images
    }

    /// The right to send one image, to be asked for before any of it is read. `Busy` where too many are being sent, by
    /// all or by that member; `Down` while files cannot be kept.
    pub fn enter(&self, owner: MemberId) -> Result<Place, Error> {
        self.files_kept.holds()?;
        self.decoders.enter(owner)
    }

    /// Makes an image of an upload. Refuses `ImageEmpty`, `ImageTooLarge`, `ImageUnsupported`, `ImageCorrupted`.
    pub async fn draft(
        &self,
        _place: &Place,
        owner: MemberId,
        purpose: Purpose,
        upload: Bytes,
    ) -> Result<Draft, Error> {
        let made = self.decoders.make(upload, purpose).await?;
        let id = ImageId(self.ids.next());
        let image = Image {
            picture: Picture {
                id,
                key: ImageKey(rand::random()),
                width: made.width,
                height: made.height,
                kind: made.kind,
            },
            owner,
            purpose,
            post: None,
            original: file(&made.original),
            thumbnail: file(&made.thumbnail),
            created_at: Timestamp::now(),
        };
        Ok(Draft { image, original: made.original, thumbnail: made.thumbnail })
    }

    /// Stores a draft: the bytes first, so that what is known has them. Refuses `TooManyImages`.
    pub async fn add(&self, draft: Draft, receipt: Option<Receipt>) -> Result<Outcome<()>, Error> {
        let Draft { image, original, thumbnail } = draft;
        let (id, owner) = (image.picture.id, image.owner);
        let written = self.files.write(id, original, thumbnail).await;
        self.files_kept.after(&written);
        written?;
        let image = Box::new(image);
        let outcome = self.slots.of(owner).ask(|reply| Message::Add { image, receipt, reply }).await;
        // Where it is not known what became of the row, the sweep decides.
        if matches!(outcome, Ok(Outcome::Repeated(_)) | Err(Error::Refused(_) | Error::Busy(_))) {
            self.discard(id).await;
        }
        outcome
    }

    /// Deletes an image, and takes it off its post or its owner's profile. Refuses `ImageNotFound`, `ImageForbidden`.
    pub async fn delete(&self, owner: MemberId, id: ImageId) -> Result<(), Error> {
        self.slots.of(owner).ask(|reply| Message::Remove { owner, id, reply }).await?;
        self.timeline.wrote(owner);
        self.discard(id).await;
        Ok(())
    }

    /// What is known of one image, for whoever has its key, or for its owner by id alone. Refuses `ImageNotFound`, also
    /// where the image is there: nobody learns that by counting.
    pub async fn image(&self, id: ImageId, key: Option<&str>, viewer: Option<MemberId>) -> Result<Image, Error> {
        let image = self.store.image(id).await?.ok_or(Refusal::ImageNotFound)?;
        let may = match key {
            Some(key) => opens(image.picture.key, key),
            None => viewer == Some(image.owner),
        };
        if may { Ok(image) } else { Err(Refusal::ImageNotFound.into()) }
    }

    /// The bytes of an image in that range, piece by piece. Refuses `ImageNotFound`.
    pub async fn read(
        &self,
        id: ImageId,
        variant: Variant,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, StoreResult<Bytes>>, Error> {
        self.files.read(id, variant, range).await?.ok_or(Refusal::ImageNotFound.into())
    }

    /// Removes the bytes of an image that nothing knows any more. What stays by a failure is a stray for the sweep.
    async fn discard(&self, id: ImageId) {
        if let Err(error) = self.files.delete(id).await {
            let error: &StoreError = &error;
            tracing::warn!(error = error as &dyn std::error::Error, "cannot remove the files of an image");
        }
    }
}

/// Whether that is the key as it is written, in a time that does not depend on how much of it is right.
fn opens(key: ImageKey, given: &str) -> bool {
    verify_slices_are_equal(key.to_string().as_bytes(), given.as_bytes()).is_ok()
}

fn file(bytes: &Bytes) -> ImageFile {
    let hash = digest(&SHA256, bytes);
    let mut tag = String::with_capacity(TAG_BYTES * 2);
    for byte in &hash.as_ref()[..TAG_BYTES] {
        let _ = write!(tag, "{byte:02x}");
    }
    ImageFile { bytes: bytes.len() as u64, tag }
}
