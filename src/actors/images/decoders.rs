//! Who may upload, decode and hold pixels, and how many at once: the memory that images cost is the sum of these.
use super::picture::{self, Made};
use crate::{
    actors::Error,
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

/// Megapixels that are decoded at once, whoever they belong to: one image of the largest, or forty small ones. Two of the
/// largest wait for each other.
const MEGAPIXELS: u64 = IMAGE_PIXELS_MAX.div_ceil(1_000_000);

/// Uploads of one member at once: as many as a post has images. A member alone does not take every place.
const UPLOADS_EACH_MAX: usize = 4;
/// The same while half of the places are taken: what is left is for members who have none.
const UPLOADS_EACH_MAX_IN_A_CROWD: usize = 1;

/// The bounds. Cheap to clone.
#[derive(Clone)]
pub(super) struct Decoders {
    /// Uploads that are under way. One more is `Busy`.
    places: Arc<Semaphore>,
    places_max: usize,
    /// Threads that decode.
    threads: Arc<Semaphore>,
    megapixels: Arc<Semaphore>,
    /// How many of the places each member has. As long as there are places at most.
    members: Arc<Mutex<HashMap<MemberId, usize>>>,
}

/// The right to send one image. Held from before the first byte of it is read.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
    owner: MemberId,
    members: Arc<Mutex<HashMap<MemberId, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut places) = members.entry(self.owner) {
            *places.get_mut() -= 1;
            if *places.get() == 0 {
                places.remove();
            }
        }
    }
}

impl Decoders {
    pub(super) fn new(settings: &Settings) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits));
        Self {
            places: semaphore(settings.decoders + settings.waiting_max),
            places_max: settings.decoders + settings.waiting_max,
            threads: semaphore(settings.decoders),
            megapixels: semaphore(MEGAPIXELS as usize),
            members: Arc::default(),
        }
    }

    pub(super) fn enter(&self, owner: MemberId) -> Result<Place, Error> {
        self.place_for(owner).ok_or_else(|| {
            count("busy");
            Error::Busy("images")
        })
    }

    fn place_for(&self, owner: MemberId) -> Option<Place> {
        let taken = self.places_max.saturating_sub(self.places.available_permits());
        let crowded = taken >= UPLOADS_EACH_MAX.max(self.places_max / 2);
        let each_max = if crowded { UPLOADS_EACH_MAX_IN_A_CROWD } else { UPLOADS_EACH_MAX };
        let permit = self.places.clone().try_acquire_owned().ok()?;
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let places = members.get(&owner).copied().unwrap_or_default();
        if places >= each_max {
            return None;
        }
        members.insert(owner, places + 1);
        Some(Place { _permit: permit, owner, members: self.members.clone() })
    }

    /// Makes both variants of an upload. Refuses `ImageEmpty`, `ImageUnsupported`, `ImageTooLarge`, `ImageCorrupted`.
    pub(super) async fn make(&self, upload: Bytes, purpose: Purpose) -> Result<Made, Error> {
        let begun = Instant::now();
        let made = self.work(upload, purpose).await;
        metrics::histogram!("dailyfeed_image_duration_seconds").record(begun.elapsed());
        count(match &made {
            Ok(_) => "made",
            Err(Error::Refused(Refusal::ImageEmpty)) => "empty",
            Err(Error::Refused(Refusal::ImageTooLarge)) => "too_large",
            Err(Error::Refused(Refusal::ImageUnsupported)) => "unsupported",
            Err(Error::Refused(_)) => "corrupted",
            Err(_) => "failed",
        });
        made
    }

    async fn work(&self, upload: Bytes, purpose: Purpose) -> Result<Made, Error> {
        let closed = |_| Error::Restarting("images");
        let thread = self.threads.clone().acquire_owned().await.map_err(closed)?;
        let header = upload.clone();
        let (measured, thread) = blocking(move || Ok((picture::measure(&header)?, thread))).await?;
        let room = self.megapixels.clone().acquire_many_owned(measured.megapixels()).await.map_err(closed)?;
        // The permits go with the work: a client that goes away does not make room for more of it.
        blocking(move || {
            let _held = (thread, room);
            picture::make(&upload, measured, purpose)
        })
        .await
    }
}

/// Off the threads that answer requests. A decoder that panics has met a file that it cannot read.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot decode an image");
            Err(Refusal::ImageCorrupted.into())
        }
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("dailyfeed_images_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_places_are_for_members_who_have_none() {
        let decoders = Decoders::new(&Settings::default());
        let enter = |member| decoders.enter(MemberId(member)).ok();
        let first: Vec<Place> = (0..20).filter_map(|_| enter(1)).collect();
        let second: Vec<Place> = (0..20).filter_map(|_| enter(2)).collect();
        let third: Vec<Place> = (0..20).filter_map(|_| enter(3)).collect();
        assert_eq!([first.len(), second.len(), third.len()], [4, 1, 1]);
        let others: Vec<Place> = (4..20).filter_map(enter).collect();
        assert_eq!(others.len(), 4, "every place is taken");
        drop((first, second, third, others));
        assert!(enter(1).is_some() && enter(2).is_some());
    }
}
