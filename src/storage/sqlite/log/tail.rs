//! The newest events in memory, so that a reader that keeps up never reads the disk.
use crate::{
    domain::{Event, Position},
    storage::{StoreResult, sqlite::failed},
};
use sqlx::SqlitePool;
use std::{
    collections::VecDeque,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};
use tokio::sync::watch;

/// Events in memory, 80 bytes each: 5 MiB. A reader that lags further reads from the disk.
const EVENTS_MAX: usize = 65_536;

/// The position of the newest event, and its time: 0 if it was pruned before the start.
pub(crate) struct LogEnd {
    pub(crate) position: Position,
    pub(crate) at_ns: i64,
}

/// The newest events of the log, and its end.
pub(crate) struct Tail {
    events: RwLock<VecDeque<Event>>,
    last: watch::Sender<Position>,
    /// The time of the newest event, so that times grow across a restart.
    last_at_ns: AtomicI64,
}

impl Tail {
    /// Reads the newest position from the database. The tail itself starts empty.
    pub(crate) async fn load(pool: &SqlitePool) -> StoreResult<Self> {
        let last = super::newest(pool).await.map_err(failed)?;
        let pruned = super::pruned_to(pool).await.map_err(failed)?;
        let (position, at_ns) = last.map_or((pruned, 0), |event| (event.position, event.at_ns));
        Ok(Self { events: RwLock::default(), last: watch::channel(position).0, last_at_ns: at_ns.into() })
    }

    /// Returns the position and time of the newest event.
    pub(crate) fn end(&self) -> LogEnd {
        LogEnd { position: *self.last.borrow(), at_ns: self.last_at_ns.load(Ordering::Acquire) }
    }

    /// Returns the newest position, with a wake-up when it grows.
    pub(super) fn watch(&self) -> watch::Receiver<Position> {
        self.last.subscribe()
    }

    /// Appends the events of a commit in order, and wakes the readers.
    pub(crate) fn append(&self, committed: Vec<Event>) {
        let Some(newest) = committed.last().copied() else { return };
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        let surplus = (events.len() + committed.len()).saturating_sub(EVENTS_MAX).min(events.len());
        events.drain(..surplus);
        events.extend(committed);
        drop(events);
        self.last_at_ns.store(newest.at_ns, Ordering::Release);
        self.last.send_replace(newest.position);
    }

    /// Returns the wanted events after `after` and up to `until`; `None` if some of them are only on the disk.
    pub(super) fn read(
        &self,
        after: Position,
        until: Position,
        limit: usize,
        wanted: impl Fn(&Event) -> bool,
    ) -> Option<Vec<Event>> {
        if after >= *self.last.borrow() {
            return Some(Vec::new());
        }
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let first = events.front()?.position;
        if after.0 + 1 < first.0 {
            return None;
        }
        // Positions have no holes within the tail, so the index is the difference.
        let from = usize::try_from(after.0 + 1 - first.0).unwrap_or(usize::MAX);
        let rest = events.range(from.min(events.len())..).take_while(|event| event.position <= until);
        let found = rest.filter(|event| wanted(event)).take(limit).copied().collect();
        drop(events);
        Some(found)
    }
}
