//! `Shared`: the state that outlives an incarnation of the search actor: the index that answers searches, its progress
//! (`progress.rs`), and the right to build another one.
use super::progress::Progress;
use crate::{
    actors::{
        error::Error,
        health::{Fault, Part},
    },
    causes::in_full,
    config::Config,
    storage::{CommentStore, EventLog, MemberStore, PostStore, SearchIndex, SearchStore, Stores},
};
use std::{
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::AtomicU64},
    time::Duration,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

/// The state that the actor and the builder write and all clones of `Search` read. No two of its locks are held at
/// once.
pub(super) struct Shared {
    pub(super) posts: Arc<dyn PostStore>,
    pub(super) comments: Arc<dyn CommentStore>,
    pub(super) members: Arc<dyn MemberStore>,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) store: Arc<dyn SearchStore>,
    /// The index that answers searches; `None` until one is open.
    index: RwLock<Option<Arc<dyn SearchIndex>>>,
    pub(super) progress: Progress,
    /// One permit: one index is built at a time.
    build_permits: Arc<Semaphore>,
    /// Documents that the running build has written.
    pub(super) build_documents: AtomicU64,
    build_stats: Mutex<BuildStats>,
    /// Hands first indexes to the builder task; holds one.
    pub(super) first_builds: mpsc::Sender<FirstBuild>,
    pub(super) part: Part,
    /// Present while the first index cannot be built.
    pub(super) first_build_fault: Fault,
    /// Wakes the log reader after a restart, so that it returns to the last commit.
    pub(super) rewind_reader: Arc<Notify>,
    pub(super) commit_interval: Duration,
    pub(super) commit_changes_max: usize,
}

/// The right to build an index, until it is dropped.
pub(super) struct BuildPermit {
    _permit: OwnedSemaphorePermit,
}

/// An empty index that answers searches while it is filled, as there is no other one.
pub(super) struct FirstBuild {
    pub(super) index: Arc<dyn SearchIndex>,
    pub(super) permit: BuildPermit,
}

/// Builds since the process started.
#[derive(Debug, Clone, Default)]
pub(super) struct BuildStats {
    pub(super) done: u64,
    pub(super) failed: u64,
    /// The error of the last failed build.
    pub(super) last_error: Option<String>,
}

impl Shared {
    /// Returns the state, and the receiver of the first indexes to fill.
    pub(super) fn new(stores: &Stores, part: Part, config: &Config) -> (Self, mpsc::Receiver<FirstBuild>) {
        let (first_builds, to_fill) = mpsc::channel(1);
        let shared = Self {
            posts: stores.posts.clone(),
            comments: stores.comments.clone(),
            members: stores.members.clone(),
            log: stores.log.clone(),
            store: stores.search.clone(),
            index: RwLock::default(),
            progress: Progress::new(),
            build_permits: Arc::new(Semaphore::new(1)),
            build_documents: AtomicU64::new(0),
            build_stats: Mutex::default(),
            first_builds,
            first_build_fault: part.new_fault(),
            part,
            rewind_reader: Arc::default(),
            commit_interval: Duration::from_millis(config.search.commit_interval_ms),
            commit_changes_max: config.search.commit_changes_max,
        };
        (shared, to_fill)
    }

    /// Returns the index that answers searches. It stays readable after another one has replaced it. Refuses `Down`
    /// while the part is.
    pub(super) fn index(&self) -> Result<Arc<dyn SearchIndex>, Error> {
        self.part.require_up()?;
        self.open_index().ok_or(Error::Down(self.part.name()))
    }

    /// Returns the same index even while the part is down.
    pub(super) fn open_index(&self) -> Option<Arc<dyn SearchIndex>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes searches read another index.
    pub(super) fn set_index(&self, index: Arc<dyn SearchIndex>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Some(index);
    }

    /// Returns the right to build an index; `None` while one is being built.
    pub(super) fn try_build_permit(&self) -> Option<BuildPermit> {
        let permit = self.build_permits.clone().try_acquire_owned().ok()?;
        Some(BuildPermit { _permit: permit })
    }

    pub(super) fn is_building(&self) -> bool {
        self.build_permits.available_permits() == 0
    }

    pub(super) fn build_stats(&self) -> BuildStats {
        self.build_stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn build_succeeded(&self) {
        self.build_stats.lock().unwrap_or_else(PoisonError::into_inner).done += 1;
    }

    /// Logs and counts a failed build.
    pub(super) fn build_failed(&self, error: &Error) {
        tracing::error!(error = error as &dyn std::error::Error, "cannot build the search index");
        let last_error = Some(in_full(error));
        let mut stats = self.build_stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.failed += 1;
        stats.last_error = last_error;
    }
}
