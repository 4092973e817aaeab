//! What the search actor writes and everybody reads: the index that answers, and how far it is.
use crate::{
    actors::{
        Error,
        health::{Part, Trouble},
    },
    config::Config,
    domain::Position,
    storage::{CommentStore, EventLog, MemberStore, PostStore, SearchIndex, SearchStore, Stores},
};
use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// The state.
pub(super) struct Shared {
    pub(super) posts: Arc<dyn PostStore>,
    pub(super) comments: Arc<dyn CommentStore>,
    pub(super) members: Arc<dyn MemberStore>,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) store: Arc<dyn SearchStore>,
    /// The index that answers searches; none until one could be opened.
    index: RwLock<Option<Arc<dyn SearchIndex>>>,
    /// When the oldest change came in that no commit has yet.
    pub(super) waiting_since: watch::Sender<Option<Instant>>,
    /// Everything up to here can be found.
    pub(super) covered: watch::Sender<Position>,
    /// The furthest position that somebody waits for.
    awaited: AtomicU64,
    /// One index is built at a time.
    pub(super) building: Arc<Semaphore>,
    /// Of the index being built: documents so far.
    pub(super) built: AtomicU64,
    /// Indexes that were built since the process began, and why the last attempt failed.
    pub(super) builds: watch::Sender<Builds>,
    /// Events before this one are not needed any more.
    durable: Mutex<Position>,
    /// Indexes that answer already and have still to be filled, for the builder: one at a time.
    pub(super) to_build: mpsc::Sender<Begun>,
    pub(super) part: Part,
    /// The first index could not be built.
    pub(super) unbuilt: Trouble,
    /// Wakes the reader of the log: it has to go on from elsewhere.
    pub(super) anew: Arc<Notify>,
    pub(super) commit_interval: Duration,
    pub(super) commit_changes_max: usize,
}

/// An empty index that answers searches from its beginning, because there is no other, and the right to build it.
pub(super) type Begun = (Arc<dyn SearchIndex>, OwnedSemaphorePermit);

/// What came of building indexes.
#[derive(Debug, Clone, Default)]
pub(super) struct Builds {
    pub(super) done: u64,
    pub(super) failed: u64,
    pub(super) error: Option<String>,
}

impl Shared {
    /// And where the indexes come that have to be filled.
    pub(super) fn new(stores: &Stores, part: Part, config: &Config) -> (Self, mpsc::Receiver<Begun>) {
        let (to_build, begun) = mpsc::channel(1);
        let shared = Self {
            posts: stores.posts.clone(),
            comments: stores.comments.clone(),
            members: stores.members.clone(),
            log: stores.log.clone(),
            store: stores.search.clone(),
            index: RwLock::default(),
            waiting_since: watch::channel(None).0,
            covered: watch::channel(Position(0)).0,
            awaited: AtomicU64::new(0),
            building: Arc::new(Semaphore::new(1)),
            built: AtomicU64::new(0),
            builds: watch::channel(Builds::default()).0,
            durable: Mutex::default(),
            to_build,
            unbuilt: part.trouble(),
            part,
            anew: Arc::default(),
            commit_interval: Duration::from_millis(config.search.commit_interval_ms),
            commit_changes_max: config.search.commit_changes_max,
        };
        (shared, begun)
    }

    /// The index that answers now. Whoever holds it can go on reading it after another has taken its place.
    /// Refuses `Down` while the part is.
    pub(super) fn index(&self) -> Result<Arc<dyn SearchIndex>, Error> {
        self.part.check()?;
        self.held().ok_or(Error::Down(self.part.name()))
    }

    /// The same index, whatever state the part is in.
    pub(super) fn held(&self) -> Option<Arc<dyn SearchIndex>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets another index answer.
    pub(super) fn show(&self, index: Arc<dyn SearchIndex>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Some(index);
    }

    pub(super) fn wants(&self, position: Position) {
        self.awaited.fetch_max(position.0, Ordering::AcqRel);
    }

    /// Whether somebody waits for what is not yet found.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Acquire) > self.covered.borrow().0
    }

    pub(super) fn durable(&self) -> Position {
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_durable(&self, position: Position) {
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner) = position;
    }
}
