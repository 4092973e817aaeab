//! The hourly sweep: deletes images that no post or profile has used for a day, and orphans (files without a row).
use super::Images;
use crate::{
    actors::{error::Error, lease::Lease},
    domain::{IMAGE_UNUSED_HOURS, ImageId, Timestamp},
    storage::FILE_PARTITIONS,
};
use futures::StreamExt;
use std::{collections::HashSet, time::Duration};
use tokio::time::MissedTickBehavior;

/// The time between two sweeps.
const EVERY: Duration = Duration::from_secs(3_600);
/// Images or files in one step. Deleting 100 rows takes the database writer about a millisecond.
const STEP: usize = 100;
/// Sweeps that together visit every part of the files once.
const ROUNDS: u64 = 24;

/// How many images and files one sweep deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Swept {
    pub(super) unused: usize,
    pub(super) orphans: usize,
}

/// Sweeps every hour, first an hour after the start. A plain task instead of an actor, because it receives no messages.
pub(super) async fn sweep_hourly(images: Images, lease: Lease) {
    let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        match images.sweep_with_lease(&lease, Timestamp::now()).await {
            Ok(Some(swept)) => tracing::info!(?swept, "images swept"),
            Ok(None) => {}
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "cannot sweep images; next attempt in an hour");
                metrics::counter!("dailyfeed_housekeeping_failures_total", "job" => "image_sweep").increment(1);
            }
        }
    }
}

impl Images {
    /// Sweeps once if this process has the lease.
    pub(super) async fn sweep_with_lease(&self, lease: &Lease, now: Timestamp) -> Result<Option<Swept>, Error> {
        if lease.is_held().await { Ok(Some(self.sweep(now).await?)) } else { Ok(None) }
    }

    /// Sweeps once: deletes all unused images, and the orphans in one of [`ROUNDS`] shares of the files, another share
    /// every hour. A failure of one does not stop the other.
    pub(super) async fn sweep(&self, now: Timestamp) -> Result<Swept, Error> {
        let before = now.before(Duration::from_secs(IMAGE_UNUSED_HOURS * 3_600));
        let unused = self.sweep_unused(before).await;
        let orphans = self.sweep_orphans(now, before).await;
        Ok(Swept { unused: unused?, orphans: orphans? })
    }

    async fn sweep_unused(&self, before: Timestamp) -> Result<usize, Error> {
        let mut deleted = 0;
        loop {
            let unused = self.store.delete_unused_images(before, STEP).await?.value;
            if unused.is_empty() {
                return Ok(deleted);
            }
            for id in &unused {
                self.delete_files(*id).await;
            }
            deleted += unused.len();
        }
    }

    async fn sweep_orphans(&self, now: Timestamp, before: Timestamp) -> Result<usize, Error> {
        let round = now.0.unsigned_abs() / 3_600_000 % ROUNDS;
        let mut deleted = 0;
        for partition in (0..FILE_PARTITIONS).filter(|partition| partition % ROUNDS == round) {
            deleted += self.delete_orphans(partition as u8, before).await?;
        }
        Ok(deleted)
    }

    /// Deletes the orphans in one partition. Skips files that were written after `before`: their row may not be stored
    /// yet.
    async fn delete_orphans(&self, partition: u8, before: Timestamp) -> Result<usize, Error> {
        let mut files = self.files.partition(partition).chunks(STEP);
        let mut orphans = 0;
        while let Some(found) = files.next().await {
            let mut ids = HashSet::new();
            for file in found {
                let file = file?;
                if file.written_at < before {
                    ids.insert(file.image);
                }
            }
            let written: Vec<ImageId> = ids.iter().copied().collect();
            for known in self.store.images(&written).await? {
                ids.remove(&known.picture.id);
            }
            for id in &ids {
                self.delete_files(*id).await;
            }
            orphans += ids.len();
        }
        Ok(orphans)
    }
}
