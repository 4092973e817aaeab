//! The newest events in memory, so that readers who keep up never touch the disk.
use super::{failed, log};
use crate::{
    domain::{Event, EventKind, Fact, MemberId, Position},
    storage::StoreResult,
};
use sqlx::SqlitePool;
use std::{
    collections::VecDeque,
    sync::{PoisonError, RwLock},
};
use tokio::sync::watch;

/// Events kept, 80 bytes each: 5 MiB. A reader further behind than this reads from the disk.
const KEPT: usize = 65_536;

/// The end of the log.
pub(super) struct Tail {
    events: RwLock<VecDeque<Event>>,
    last: watch::Sender<Position>,
    /// Of the newest event, so that times grow across a restart.
    last_at_ns: std::sync::atomic::AtomicI64,
}

impl Tail {
    pub(super) async fn load(pool: &SqlitePool) -> StoreResult<Self> {
        let last = log::newest(pool).await.map_err(failed)?;
        let pruned = log::pruned_to(pool).await.map_err(failed)?;
        let (position, at_ns) = last.map_or((pruned, 0), |event| (event.position, event.at_ns));
        Ok(Self { events: RwLock::default(), last: watch::channel(position).0, last_at_ns: at_ns.into() })
    }

    /// The newest event; a stand-in of that place and time where the log is empty.
    pub(super) fn last(&self) -> Event {
        let at_ns = self.last_at_ns.load(std::sync::atomic::Ordering::Acquire);
        let fact = Fact::new(EventKind::MemberSignedUp, MemberId(0));
        Event { position: *self.last.borrow(), at_ns, fact }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Position> {
        self.last.subscribe()
    }

    /// Takes what was just committed, in order, and wakes the readers.
    pub(super) fn append(&self, committed: Vec<Event>) {
        let Some(newest) = committed.last().copied() else { return };
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        let surplus = (events.len() + committed.len()).saturating_sub(KEPT).min(events.len());
        events.drain(..surplus);
        events.extend(committed);
        drop(events);
        self.last_at_ns.store(newest.at_ns, std::sync::atomic::Ordering::Release);
        self.last.send_replace(newest.position);
    }

    /// Events after that position; `None` where some of them are no longer here.
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
        // Positions have no holes within the tail, so the place is known.
        let from = usize::try_from(after.0 + 1 - first.0).unwrap_or(usize::MAX);
        let rest = events.range(from.min(events.len())..).take_while(|event| event.position <= until);
        let found = rest.filter(|event| wanted(event)).take(limit).copied().collect();
        drop(events);
        Some(found)
    }
}
