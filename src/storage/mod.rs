//! The stores: a small trait for each subject, and a folder for each backend that implements them.
//!
//! [`Stores::open`] opens every store of a profile; the other layers know only the traits. The embedded profile keeps
//! rows and events in SQLite, the search index in Tantivy and the bytes of images in files.
//!
//! A store enqueues a command when its future is first polled, and executes commands in that order; commands that share
//! a commit can be reordered, but no client can observe it. Dropping the future does not cancel the command. A command
//! stores its rows, its counters and its events in one commit or changes nothing. Every command answers [`Committed`]:
//! what it made, and the position of its commit.
mod members;
mod relations;
mod sessions;

mod comments;
mod likes;
mod posts;
mod views;

mod images;
mod markers;
mod ranking;
mod search;

mod activity;
mod committed;
mod departures;
mod housekeeping;
mod leases;
mod log;
mod writer;

mod objects;
mod private;
mod sqlite;
mod tantivy;

#[cfg(test)]
mod conformance;

pub use activity::{ACTIVITY_DAYS, ActivityStore, DEAD_LETTERS_MAX, DUE_MAX, DeadLetter, DeadLetterStore};
pub use comments::{BlockedCounts, CommentFacts, CommentRange, CommentStore, CommentedPost, CountBy};
pub use committed::Committed;
pub use departures::{ACCEPTED_MAX, DEPARTURE_ROWS_MAX, DepartureStep, DepartureStore};
pub use housekeeping::{
    Drift, HousekeepingStore, Import, ImportedFollow, ImportedLike, PURGE_DAYS, Prunable, PruneBounds,
};
pub use images::{FILE_PARTITIONS, FoundFile, ImageFileStore, ImageStore};
pub use leases::{Leases, Work};
pub use likes::LikeStore;
pub use log::{EventLog, Reach};
pub use markers::MarkerStore;
pub use members::{Listed, MemberStore, NETWORK_EACH_MAX, NETWORK_FOLLOWINGS_MAX, NewMember, Recommended};
pub use posts::{PostParticipants, PostRef, PostStore};
pub use ranking::{KeptDay, PeriodStarts, PostTallies, RankingStore, ScoredPost};
pub use relations::{Followed, RelationStore};
pub use search::{
    Hit, IndexChange, IndexCheckpoint, IndexSize, MemberVisibility, SearchIndex, SearchRequest, SearchStore,
    SearchViewer,
};
pub use sessions::{Credentials, Keys, NotBefore, SessionStore, SessionsToEnd, StoredRevocations};
pub use views::{VIEWS_FOLDED_MAX, VIEWS_KEPT_DAYS, View, ViewStore};
pub use writer::WriterStatus;

#[cfg(test)]
use housekeeping::Pruned;
#[cfg(test)]
use sqlite::for_tests::backend as embedded_backend;

use crate::{config::Config, domain::Refusal};
use std::sync::Arc;
use tokio::sync::watch;

/// The reason why a store has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A rule refuses the command; the caller can act on it. No row was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The queue in front of the backend is full. No row was written.
    #[error("the queue of the {backend} backend is full")]
    Busy {
        /// The name of the backend.
        backend: &'static str,
    },
    /// A file or folder named by the configuration cannot be used.
    #[error("cannot use {path} ({key})")]
    Unusable {
        /// The file or folder.
        path: String,
        /// The configuration key that names it or its parent folder.
        key: &'static str,
        /// The cause.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Another process uses the data folder.
    #[error("another dailyfeed{} uses {data_dir} (data_dir); stop it first", process.map(|id| format!(" (process {id})")).unwrap_or_default())]
    InUse {
        /// The folder.
        data_dir: String,
        /// The id of that process; `None` if it cannot be read.
        process: Option<u32>,
    },
    /// The data folder has no database, and the caller does not create one.
    #[error("no database in {data_dir} (data_dir)")]
    NoDatabase {
        /// The folder.
        data_dir: String,
    },
    /// The backend works and rejects this command: a retry would fail again. No row was written.
    #[error("the {backend} backend rejected the command")]
    Rejected {
        /// The name of the backend.
        backend: &'static str,
        /// The error of the backend.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The deadline of a read passed, or its caller stopped waiting; the read was cancelled.
    #[error("the {backend} backend did not answer in time")]
    Late {
        /// The name of the backend.
        backend: &'static str,
    },
    /// The backend failed. No row was written, unless the connection broke during the commit.
    #[error("the {backend} backend failed")]
    Unavailable {
        /// The name of the backend.
        backend: &'static str,
        /// The error of the backend.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

/// The result of a store.
pub type StoreResult<T> = Result<T, StoreError>;

/// Every store of one profile.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named after its trait")]
pub struct Stores {
    pub members: Arc<dyn MemberStore>,
    pub relations: Arc<dyn RelationStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub posts: Arc<dyn PostStore>,
    pub comments: Arc<dyn CommentStore>,
    pub likes: Arc<dyn LikeStore>,
    pub views: Arc<dyn ViewStore>,
    pub images: Arc<dyn ImageStore>,
    pub image_files: Arc<dyn ImageFileStore>,
    pub markers: Arc<dyn MarkerStore>,
    pub ranking: Arc<dyn RankingStore>,
    pub search: Arc<dyn SearchStore>,
    pub activity: Arc<dyn ActivityStore>,
    pub log: Arc<dyn EventLog>,
    pub departures: Arc<dyn DepartureStore>,
    pub housekeeping: Arc<dyn HousekeepingStore>,
    pub leases: Arc<dyn Leases>,
    pub writer: watch::Receiver<WriterStatus>,
}

impl Stores {
    /// Opens the embedded profile and creates missing files. The activity store and the file store are parts: one
    /// that cannot be opened now is opened later.
    pub async fn open(config: &Config) -> StoreResult<Self> {
        private::guard(&config.data_dir)?;
        Ok(Self::over(sqlite::Sqlite::open(config).await?, config).await)
    }

    /// Opens further stores over data that other stores of this process have open.
    #[cfg(test)]
    pub(crate) async fn open_shared(config: &Config) -> StoreResult<Self> {
        Ok(Self::over(sqlite::Sqlite::open_shared(config).await?, config).await)
    }

    async fn over(sqlite: sqlite::Sqlite, config: &Config) -> Self {
        let sqlite = Arc::new(sqlite);
        let activity = Arc::new(sqlite::SqliteActivity::open(config, EventLog::epoch(&*sqlite), sqlite.head()).await);
        let image_files = Arc::new(objects::Objects::open(config));
        // Last, because the reserve must not take the space that another store needs to open.
        HousekeepingStore::keep_reserve(&*sqlite);
        Self {
            members: sqlite.clone(),
            relations: sqlite.clone(),
            sessions: sqlite.clone(),
            posts: sqlite.clone(),
            comments: sqlite.clone(),
            likes: sqlite.clone(),
            views: sqlite.clone(),
            images: sqlite.clone(),
            image_files,
            markers: sqlite.clone(),
            ranking: sqlite.clone(),
            search: Arc::new(tantivy::IndexDirectory::new(config)),
            activity,
            log: sqlite.clone(),
            departures: sqlite.clone(),
            writer: sqlite.writer_status(),
            housekeeping: sqlite.clone(),
            leases: sqlite,
        }
    }
}

/// Checks that the data folder has a database, for commands that read the data of a server. Errors: `NoDatabase`.
pub fn require_database(config: &Config) -> StoreResult<()> {
    if sqlite::file(config).is_file() {
        return Ok(());
    }
    Err(StoreError::NoDatabase { data_dir: config.data_dir.clone() })
}

/// Recomputes every counter of the database and returns those that drifted, and the number of open departures, which
/// are no drift. Only reads, so a server can be running. Errors: `NoDatabase`.
pub async fn audit(config: &Config) -> StoreResult<(Vec<Drift>, u64)> {
    require_database(config)?;
    sqlite::audit(config).await
}
