//! What nothing shows is removed: images that were put on nothing for a day, and files that nothing knows.
use super::Images;
use crate::{
    actors::Error,
    domain::{IMAGE_UNUSED_HOURS, ImageId, Timestamp},
    storage::FILE_PARTS,
};
use futures::StreamExt;
use std::{collections::HashSet, time::Duration};
use tokio::time::MissedTickBehavior;

/// How often.
const EVERY: Duration = Duration::from_secs(3_600);
/// Images in one step: a millisecond of the writer's time.
const STEP: usize = 100;
/// Rounds in which every part of the files is looked at once.
const ROUNDS: u64 = 24;

/// What a round removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Swept {
    pub(super) unused: usize,
    pub(super) strays: usize,
}

/// Sweeps every hour, an hour after the start at first. No actor: nobody asks it anything.
pub(super) async fn clock(images: Images) {
    let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        match images.sweep(Timestamp::now()).await {
            Ok(swept) => tracing::info!(?swept, "images swept"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "images were not swept, next try in an hour");
            }
        }
    }
}

impl Images {
    /// One round. Of the files it looks at a twenty-fourth, another one every hour.
    pub(super) async fn sweep(&self, now: Timestamp) -> Result<Swept, Error> {
        let before = now.before(Duration::from_secs(IMAGE_UNUSED_HOURS * 3_600));
        let mut swept = Swept::default();
        loop {
            let forgotten = self.store.delete_unused_images(before, STEP).await?;
            if forgotten.is_empty() {
                break;
            }
            for id in &forgotten {
                self.discard(*id).await;
            }
            swept.unused += forgotten.len();
        }
        let round = now.0.unsigned_abs() / 3_600_000 % ROUNDS;
        for part in (0..FILE_PARTS).filter(|part| part % ROUNDS == round) {
            swept.strays += self.remove_strays(part as u8, before).await?;
        }
        Ok(swept)
    }

    /// Young files are left alone: what is known of them may be on its way.
    async fn remove_strays(&self, part: u8, before: Timestamp) -> Result<usize, Error> {
        let mut files = self.files.part(part).chunks(STEP);
        let mut strays = 0;
        while let Some(found) = files.next().await {
            let mut ids = HashSet::new();
            for file in found {
                let file = file?;
                if file.written_at < before {
                    ids.insert(file.image);
                }
            }
            let asked: Vec<ImageId> = ids.iter().copied().collect();
            for known in self.store.images(&asked).await? {
                ids.remove(&known.picture.id);
            }
            for id in &ids {
                self.discard(*id).await;
            }
            strays += ids.len();
        }
        Ok(strays)
    }
}
