//! Where things are kept: a small trait per role here, one folder per backend beside them.
//!
//! A command is handed over when its future is first polled, and commands are carried out in that order or, where
//! they share a commit, in one that no client can tell from it. Whoever drops the future does not take the command back.
mod activity;
mod content;
#[cfg(test)]
mod contract;
mod images;
mod log;
mod members;
mod objects;
mod ranking;
mod relations;
mod search;
mod sessions;
mod sqlite;
mod tantivy;
mod upkeep;

pub use activity::{ACTIVITY_DAYS, ActivityStore, DEAD_LETTERS_MAX, DUE_MAX, DeadLetter};
pub use content::{CommentOrder, ContentStore, CountedBelow, PostPlace, View};
pub use images::{FILE_PARTS, FoundFile, ImageFileStore, ImageStore};
pub use log::EventLog;
pub use members::{Credentials, Listed, MemberStore, NewMember, Recommended};
pub use ranking::{KeptDay, RankingStore, Scored, Since, Tallied};
pub use relations::{Followed, RelationStore};
pub use search::{Hit, IndexChange, IndexMark, IndexSize, SearchIndex, SearchStore, Wanted};
pub use sessions::{End, Keys, SessionStore};
pub use upkeep::{Drift, Import, ImportedFollow, ImportedLike, PURGE_DAYS, Pruned, UpkeepStore};

use crate::{config::Config, domain::Refusal};
use std::sync::Arc;

/// Why a store gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A constraint of the store said no; the caller can do something about it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The queue in front of the backend is full. Nothing was written.
    #[error("the {backend} backend has too much to do")]
    Busy {
        /// Which one.
        backend: &'static str,
    },
    /// The work's deadline passed, and the work ended. Of reads alone.
    #[error("the {backend} backend did not answer in time")]
    Late {
        /// Which one.
        backend: &'static str,
    },
    /// The backend failed. Nothing was written, unless the connection broke during the commit.
    #[error("the {backend} backend failed")]
    Unavailable {
        /// Which one.
        backend: &'static str,
        /// What it said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// The same once more, for the others who were in the same commit.
    fn again(&self) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(refusal.clone()),
            Self::Busy { backend } => Self::Busy { backend },
            Self::Late { backend } => Self::Late { backend },
            Self::Unavailable { backend, source } => Self::Unavailable { backend, source: source.clone() },
        }
    }
}

/// What a store answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// Every store that the actors need, opened for one profile.
#[derive(Clone)]
#[expect(missing_docs, reason = "the roles are the traits' names")]
pub struct Stores {
    pub members: Arc<dyn MemberStore>,
    pub relations: Arc<dyn RelationStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub content: Arc<dyn ContentStore>,
    pub log: Arc<dyn EventLog>,
    pub upkeep: Arc<dyn UpkeepStore>,
    pub search: Arc<dyn SearchStore>,
    pub images: Arc<dyn ImageStore>,
    pub image_files: Arc<dyn ImageFileStore>,
    pub ranking: Arc<dyn RankingStore>,
    pub activity: Arc<dyn ActivityStore>,
}

impl Stores {
    /// Opens the embedded profile, making what is not there yet. The cluster profile will be the other arm of this
    /// one choice.
    pub async fn open(config: &Config) -> StoreResult<Self> {
        let sqlite = Arc::new(sqlite::Sqlite::open(config).await?);
        let (epoch, head) = sqlite.log();
        let activity = Arc::new(sqlite::SqliteActivity::open(config, epoch, head).await?);
        Ok(Self {
            members: sqlite.clone(),
            relations: sqlite.clone(),
            sessions: sqlite.clone(),
            content: sqlite.clone(),
            log: sqlite.clone(),
            images: sqlite.clone(),
            image_files: Arc::new(objects::Objects::open(config)?),
            ranking: sqlite.clone(),
            upkeep: sqlite,
            activity,
            search: Arc::new(tantivy::Shelf::new(config)),
        })
    }
}

/// Recomputes every counter of the database and says which are off. Only reads, so a server may be running.
pub async fn audit(config: &Config) -> StoreResult<Vec<Drift>> {
    sqlite::audit(config).await
}
