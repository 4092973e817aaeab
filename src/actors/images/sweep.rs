//! The hourly sweep: deletes images that no post or profile has used for a day, and orphans (files without a row).
use super::Images;
use crate::{
    actors::error::Error,
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
pub(super) async fn sweep_hourly(images: Images) {
    let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        match images.sweep(Timestamp::now()).await {
            Ok(swept) => tracing::info!(?swept, "images swept"),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot sweep images; next attempt in an hour"
                );
            }
        }
    }
}

impl Images {
    /// Sweeps once: deletes all unused images, and the orphans in one of [`ROUNDS`] shares of the files, another share
    /// every hour.
    pub(super) async fn sweep(&self, now: Timestamp) -> Result<Swept, Error> {
        let before = now.before(Duration::from_secs(IMAGE_UNUSED_HOURS * 3_600));
        let mut swept = Swept::default();
        loop {
            let unused = self.store.delete_unused_images(before, STEP).await?.value;
            if unused.is_empty() {
                break;
            }
            for id in &unused {
                self.delete_files(*id).await;
            }
            swept.unused += unused.len();
        }
        let round = now.0.unsigned_abs() / 3_600_000 % ROUNDS;
        for partition in (0..FILE_PARTITIONS).filter(|partition| partition % ROUNDS == round) {
            swept.orphans += self.delete_orphans(partition as u8, before).await?;
        }
        Ok(swept)
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
