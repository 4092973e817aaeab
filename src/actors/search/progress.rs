//! `Progress`: how far search has followed the event log, and how far callers wait for it.
//!
//! ```text
//! event log ════════════════════════════════════════════════════════════════════► head
//!    │
//!    ▼  reader.rs: 256 events, then the next ones from the position of the reply
//! Message::Apply ─► Indexer::apply (actor.rs)
//!    │
//!    ▼  index_changes.rs: reads the rows that the events name
//! SearchIndex::apply ······················· Indexer::applied      in the index, lost with the process
//!    │                                       Indexer::pending_changes; pending_since here
//!    ▼  commit: `commit_interval` after the first pending change, at `commit_changes_max` changes,
//!    │          or at once while requested_to > searchable_to
//! SearchIndex::commit ······················ searchable_to         searches find it
//!                     ······················ durable_to            a restart and the log's pruning begin here
//!
//! durable_to <= searchable_to <= applied <= head
//! ```
//!
//! `searchable_to` runs ahead of `durable_to` over events that change nothing in the index, as these need no commit.
//! `requested_to` is the furthest position that a caller of [`Search::wait_until_searchable`] asked for.
//!
//! [`Search::wait_until_searchable`]: super::Search::wait_until_searchable
use crate::domain::Position;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};
use tokio::sync::watch;

/// The positions that the search actor writes and searches read. Each value has a lock of its own, held only to copy
/// it.
pub(super) struct Progress {
    /// A search finds the changes of every event up to here.
    searchable_to: watch::Sender<Position>,
    /// The index on disk has every event up to here, so search needs none of them from the log, even after a restart.
    durable_to: AtomicU64,
    /// The furthest position that a caller waits for.
    requested_to: AtomicU64,
    /// When the oldest change arrived that is not committed; `None` while every change is.
    pending_since: watch::Sender<Option<Instant>>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            searchable_to: watch::channel(Position(0)).0,
            durable_to: AtomicU64::new(0),
            requested_to: AtomicU64::new(0),
            pending_since: watch::channel(None).0,
        }
    }

    pub(super) fn searchable_to(&self) -> Position {
        *self.searchable_to.borrow()
    }

    pub(super) fn watch_searchable(&self) -> watch::Receiver<Position> {
        self.searchable_to.subscribe()
    }

    pub(super) fn durable_to(&self) -> Position {
        Position(self.durable_to.load(Ordering::Acquire))
    }

    pub(super) fn watch_pending(&self) -> watch::Receiver<Option<Instant>> {
        self.pending_since.subscribe()
    }

    /// Notes a commit up to `position`, or the start from one, which can be an earlier position than before.
    pub(super) fn committed(&self, position: Position) {
        self.pending_since.send_replace(None);
        self.durable_to.store(position.0, Ordering::Release);
        self.searchable_to.send_replace(position);
    }

    /// Notes events up to `position` that changed nothing in the index and need no commit.
    pub(super) fn applied_without_changes(&self, position: Position) {
        self.searchable_to.send_replace(position);
    }

    /// Notes that a change waits for its commit. The time of the first one stays.
    pub(super) fn change_pending(&self) {
        self.pending_since.send_if_modified(|since| {
            let is_first = since.is_none();
            since.get_or_insert_with(Instant::now);
            is_first
        });
    }

    /// Notes that a new incarnation has no changes that wait for a commit.
    pub(super) fn clear_pending(&self) {
        self.pending_since.send_replace(None);
    }

    /// Asks for a commit as soon as `position` is applied.
    pub(super) fn request_commit_at(&self, position: Position) {
        self.requested_to.fetch_max(position.0, Ordering::AcqRel);
    }

    /// Returns true while a caller waits for a position that is not searchable.
    pub(super) fn is_commit_requested(&self) -> bool {
        self.requested_to.load(Ordering::Acquire) > self.searchable_to().0
    }
}
