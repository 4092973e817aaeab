//! `Decoders`: decodes uploads on threads, and bounds the uploads, the threads and the decoded pixels, and with them
//! the memory that images use.
use super::picture::{self, Variants};
use crate::{
    actors::error::Error,
    config::Images as Settings,
    domain::{IMAGE_PIXELS_MAX, MemberId, Purpose, Refusal},
};
use bytes::Bytes;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Megapixels that are decoded at once, of all members: one image of the maximum size, or forty of one megapixel. Two
/// of the maximum size are decoded one after the other.
const MEGAPIXELS_MAX: u64 = IMAGE_PIXELS_MAX.div_ceil(1_000_000);

/// Uploads of one member at once: as many as a post has images.
const MEMBER_UPLOADS_MAX: usize = 4;
/// Uploads of one member at once while half of the permits, and at least [`MEMBER_UPLOADS_MAX`], are held: the rest is
/// for members who hold none.
const MEMBER_UPLOADS_MAX_WHEN_CROWDED: usize = 1;

/// The semaphores of all uploads. Cheap to clone.
#[derive(Clone)]
pub(super) struct Decoders {
    /// One permit for each upload; one upload more is `Busy`.
    uploads: Arc<Semaphore>,
    uploads_max: usize,
    /// One permit for each decoding thread.
    threads: Arc<Semaphore>,
    /// One permit for each megapixel of the images that are being decoded.
    megapixels: Arc<Semaphore>,
    /// The uploads of each member: `uploads_max` entries at most.
    members: Arc<Mutex<HashMap<MemberId, usize>>>,
}

/// The right to upload one image. A request holds it from before it reads the first byte of its body.
#[derive(Debug)]
pub struct UploadPermit {
    _permit: OwnedSemaphorePermit,
    owner: MemberId,
    members: Arc<Mutex<HashMap<MemberId, usize>>>,
}

impl Drop for UploadPermit {
    fn drop(&mut self) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut uploads) = members.entry(self.owner) {
            *uploads.get_mut() -= 1;
            if *uploads.get() == 0 {
                uploads.remove();
            }
        }
    }
}

impl Decoders {
    pub(super) fn new(settings: &Settings) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits));
        Self {
            uploads: semaphore(settings.decoders + settings.waiting_max),
            uploads_max: settings.decoders + settings.waiting_max,
            threads: semaphore(settings.decoders),
            megapixels: semaphore(MEGAPIXELS_MAX as usize),
            members: Arc::default(),
        }
    }

    /// Acquires the right to upload one image. Refuses `Busy` if too many uploads are under way, of all members or of
    /// this one.
    pub(super) fn acquire_upload(&self, owner: MemberId) -> Result<UploadPermit, Error> {
        self.try_acquire(owner).ok_or_else(|| {
            count_outcome("busy");
            Error::Busy("images")
        })
    }

    /// Returns `None` if all permits are held, or as many of this member as it can hold.
    fn try_acquire(&self, owner: MemberId) -> Option<UploadPermit> {
        let held = self.uploads_max.saturating_sub(self.uploads.available_permits());
        let crowded = held >= MEMBER_UPLOADS_MAX.max(self.uploads_max / 2);
        let member_max = if crowded { MEMBER_UPLOADS_MAX_WHEN_CROWDED } else { MEMBER_UPLOADS_MAX };
        let permit = self.uploads.clone().try_acquire_owned().ok()?;
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let uploads = members.get(&owner).copied().unwrap_or_default();
        if uploads >= member_max {
            return None;
        }
        members.insert(owner, uploads + 1);
        Some(UploadPermit { _permit: permit, owner, members: self.members.clone() })
    }

    /// Decodes an upload and encodes both variants, and records the metrics. Refuses `ImageEmpty`, `ImageUnsupported`,
    /// `ImageTooLarge`, `ImageCorrupted`.
    pub(super) async fn process(&self, upload: Bytes, purpose: Purpose) -> Result<Variants, Error> {
        let started = Instant::now();
        let variants = self.process_on_threads(upload, purpose).await;
        metrics::histogram!("dailyfeed_image_duration_seconds").record(started.elapsed());
        count_outcome(match &variants {
            Ok(_) => "made",
            Err(Error::Refused(Refusal::ImageEmpty)) => "empty",
            Err(Error::Refused(Refusal::ImageTooLarge)) => "too_large",
            Err(Error::Refused(Refusal::ImageUnsupported)) => "unsupported",
            Err(Error::Refused(_)) => "corrupted",
            Err(_) => "failed",
        });
        variants
    }

    /// Reads the header on a thread, waits until the image fits into the megapixels, and decodes it.
    async fn process_on_threads(&self, upload: Bytes, purpose: Purpose) -> Result<Variants, Error> {
        let closed = |_| Error::Restarting("images");
        let thread = self.threads.clone().acquire_owned().await.map_err(closed)?;
        let header = upload.clone();
        let (measured, thread) = run_blocking(move || Ok((picture::measure(&header)?, thread))).await?;
        let megapixels = self.megapixels.clone().acquire_many_owned(measured.megapixels()).await.map_err(closed)?;
        // The work holds its permits until it ends: a client that goes away does not free them early.
        run_blocking(move || {
            let _held = (thread, megapixels);
            picture::process(&upload, measured, purpose)
        })
        .await
    }
}

/// Runs `work` on a blocking thread. A panic in it is `ImageCorrupted`: the decoder met a file that it cannot read.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot decode an image");
            Err(Refusal::ImageCorrupted.into())
        }
    }
}

fn count_outcome(outcome: &'static str) {
    metrics::counter!("dailyfeed_images_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_permits_are_for_members_who_hold_none() {
        let decoders = Decoders::new(&Settings::default());
        let acquire = |member| decoders.acquire_upload(MemberId(member)).ok();
        let first: Vec<UploadPermit> = (0..20).filter_map(|_| acquire(1)).collect();
        let second: Vec<UploadPermit> = (0..20).filter_map(|_| acquire(2)).collect();
        let third: Vec<UploadPermit> = (0..20).filter_map(|_| acquire(3)).collect();
        assert_eq!([first.len(), second.len(), third.len()], [4, 1, 1]);
        let others: Vec<UploadPermit> = (4..20).filter_map(acquire).collect();
        assert_eq!(others.len(), 4, "every permit is held");
        drop((first, second, third, others));
        assert!(acquire(1).is_some() && acquire(2).is_some());
    }
}
