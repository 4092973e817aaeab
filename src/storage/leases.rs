//! `Leases`: which process of a deployment does the work that must happen once, and the number of each process.
use super::StoreResult;
use async_trait::async_trait;

/// Work that one process of a deployment does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// Replaces and disables signing keys.
    SigningKeys,
    /// Removes expired rows, events and activities.
    Pruning,
    /// Deletes unused images and orphans.
    ImageSweep,
    /// Ranks posts, and stores the best of each day.
    Ranking,
    /// Redrives the dead letters that are due.
    DeadLetters,
    /// Runs the steps of deactivations and restores.
    Departures,
}

impl Work {
    /// Returns the name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::SigningKeys => "signing_keys",
            Self::Pruning => "pruning",
            Self::ImageSweep => "image_sweep",
            Self::Ranking => "ranking",
            Self::DeadLetters => "dead_letters",
            Self::Departures => "departures",
        }
    }
}

/// Leases of the work of a deployment.
///
/// A lease saves double work; it is not a lock. A process that stalls can lose it in the middle of a round, so two
/// processes can run one round at the same time. The commits of the work decide what changes, as those of a command do.
#[async_trait]
pub trait Leases: Send + Sync + 'static {
    /// Acquires or renews the lease of this work, and returns whether this process has it. Called before each round.
    async fn hold(&self, work: Work) -> StoreResult<bool>;
    /// Returns the number of this process, below 64, which every id that it generates contains. No other running
    /// process of the deployment has the same.
    async fn node(&self) -> StoreResult<u8>;
}
