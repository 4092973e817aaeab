//! Where things are kept: a small trait per role here, one folder per backend beside them.
//!
//! A command is handed over when its future is first polled, and commands are carried out in that order or, where
//! they share a commit, in one that no client can tell from it. Whoever drops the future does not take the command back.
mod activity;
#[cfg(test)]
mod conformance;
mod content;
mod images;
mod log;
mod members;
mod objects;
mod private;
mod ranking;
mod relations;
mod search;
mod sessions;
mod sqlite;
mod tantivy;
mod upkeep;

pub use activity::{ACTIVITY_DAYS, ActivityStore, DEAD_LETTERS_MAX, DUE_MAX, DeadLetter};
pub use content::{CommentOrder, ContentStore, CountedBelow, PostRef, View};
pub use images::{FILE_PARTS, FoundFile, ImageFileStore, ImageStore};
pub use log::EventLog;
pub use members::{Credentials, Listed, MemberStore, NewMember, Recommended};
pub use ranking::{KeptDay, RankingStore, Scored, Since, Tallied};
pub use relations::{Followed, RelationStore};
pub use search::{Hit, IndexChange, IndexMark, IndexSize, SearchIndex, SearchStore, Wanted};
pub use sessions::{End, Keys, NotBefore, SessionStore};
pub use upkeep::{Drift, Import, ImportedFollow, ImportedLike, PURGE_DAYS, Pruned, UpkeepStore};

#[cfg(test)]
use sqlite::for_tests::backend as embedded_backend;

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
    /// A file or folder that the configuration names cannot be used.
    #[error("cannot use {path} ({key})")]
    Unusable {
        /// Which one.
        path: String,
        /// The key that names it, or the folder it lies in.
        key: &'static str,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Another process has the data folder.
    #[error("another dailyfeed{} uses {data_dir} (data_dir); stop it first", process.map(|id| format!(" (process {id})")).unwrap_or_default())]
    InUse {
        /// The folder.
        data_dir: String,
        /// Its process id, where it could be read.
        process: Option<u32>,
    },
    /// The data folder has no database, and the command does not make one.
    #[error("there is no database in {data_dir} (data_dir)")]
    NoDatabase {
        /// The folder.
        data_dir: String,
    },
    /// The backend works, and does not take this: it would fail again however often it is tried. Nothing was written.
    #[error("the {backend} backend does not take it")]
    Rejected {
        /// Which one.
        backend: &'static str,
        /// What it said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
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
            Self::Unusable { path, key, source } => Self::Unusable { path: path.clone(), key, source: source.clone() },
            Self::InUse { data_dir, process } => Self::InUse { data_dir: data_dir.clone(), process: *process },
            Self::NoDatabase { data_dir } => Self::NoDatabase { data_dir: data_dir.clone() },
            Self::Rejected { backend, source } => Self::Rejected { backend, source: source.clone() },
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
    /// Opens the embedded profile, making what is not there yet. Stores that the rest can do without may be closed still
    /// when this returns, and are opened later. The cluster profile will be the other arm of this
    /// one choice.
    pub async fn open(config: &Config) -> StoreResult<Self> {
        private::guard(&config.data_dir)?;
        let sqlite = Arc::new(sqlite::Sqlite::open(config).await?);
        let activity = Arc::new(sqlite::SqliteActivity::open(config, EventLog::epoch(&*sqlite), sqlite.head()).await);
        let image_files = Arc::new(objects::Objects::open(config));
        // Last, so that it takes nothing from what is opened before it.
        sqlite.keep_reserve();
        Ok(Self {
            members: sqlite.clone(),
            relations: sqlite.clone(),
            sessions: sqlite.clone(),
            content: sqlite.clone(),
            log: sqlite.clone(),
            images: sqlite.clone(),
            image_files,
            ranking: sqlite.clone(),
            upkeep: sqlite,
            activity,
            search: Arc::new(tantivy::Shelf::new(config)),
        })
    }
}

/// Refuses `NoDatabase` where the data folder has none: for commands that read what a server has written.
pub fn require_database(config: &Config) -> StoreResult<()> {
    if sqlite::file(config).is_file() {
        return Ok(());
    }
    Err(StoreError::NoDatabase { data_dir: config.data_dir.clone() })
}

/// Recomputes every counter of the database and says which are off. Only reads, so a server may be running. Refuses
/// `NoDatabase`.
pub async fn audit(config: &Config) -> StoreResult<Vec<Drift>> {
    require_database(config)?;
    sqlite::audit(config).await
}
