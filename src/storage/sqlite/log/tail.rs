//! The newest events in memory, so that a reader that keeps up never reads the disk.
use crate::{
    domain::{Event, Position},
    storage::{StoreResult, sqlite::failed},
};
use sqlx::SqlitePool;
use std::{
    collections::VecDeque,
    sync::{PoisonError, RwLock},
};
use tokio::sync::watch;

/// Events in memory, 80 bytes each: 5 MiB. A reader that lags further reads from the disk.
const EVENTS_MAX: usize = 65_536;

/// The newest events of the log, without holes, and the position of the last one.
///
/// Lock order: `events`, then the channel of `last`, whose guards live for one statement. Both change under the lock of
/// `events`, so no reader gets an event beyond the head.
pub(crate) struct Tail {
    events: RwLock<VecDeque<Event>>,
    last: watch::Sender<Position>,
}

impl Tail {
    /// Reads the newest position from the database. The tail itself starts empty.
    pub(crate) async fn load(pool: &SqlitePool) -> StoreResult<Self> {
        Ok(Self::after(super::newest(pool).await.map_err(failed)?))
    }

    /// Makes an empty tail of a log that ends at `last`.
    fn after(last: Position) -> Self {
        Self { events: RwLock::default(), last: watch::channel(last).0 }
    }

    /// Returns the newest position.
    pub(crate) fn last(&self) -> Position {
        *self.last.borrow()
    }

    /// Returns the newest position, with a wake-up when it grows.
    pub(super) fn watch(&self) -> watch::Receiver<Position> {
        self.last.subscribe()
    }

    /// Appends the events of commits in order, and wakes the readers. Skips those that the tail has. If events are
    /// missing before the first one, the tail begins anew there; readers find the missing ones on the disk.
    #[expect(clippy::significant_drop_tightening, reason = "`last` changes under the lock of the events")]
    pub(crate) fn append(&self, mut committed: Vec<Event>) {
        if committed.is_empty() {
            return;
        }
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        let last = self.last();
        if committed.first().is_some_and(|first| first.position <= last) {
            committed.retain(|event| event.position > last);
        }
        let (Some(first), Some(newest)) = (committed.first().copied(), committed.last().copied()) else { return };
        if first.position.0 > last.0 + 1 {
            events.clear();
        }
        let surplus = (events.len() + committed.len()).saturating_sub(EVENTS_MAX).min(events.len());
        events.drain(..surplus);
        events.extend(committed);
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
        if after >= self.last() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventKind, Fact, MemberId};

    const END: Position = Position(u64::MAX);

    fn events(positions: std::ops::RangeInclusive<u64>) -> Vec<Event> {
        let fact = Fact::new(EventKind::PostCreated, MemberId(1));
        positions.map(|position| Event { position: Position(position), at_ns: 1, fact }).collect()
    }

    fn positions(events: &[Event]) -> Vec<u64> {
        events.iter().map(|event| event.position.0).collect()
    }

    #[test]
    fn no_reader_is_ahead_of_the_head() {
        let tail = Tail::after(Position(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for position in 1..=200_000 {
                    tail.append(events(position..=position));
                }
            });
            let mut read_to = Position(0);
            while read_to < Position(200_000) {
                let read = tail.read(read_to, END, 1_000, |_| true);
                let head = *tail.last.borrow();
                match read {
                    Some(read) => read_to = read.last().map_or(read_to, |last| last.position),
                    None => read_to = head,
                }
                assert!(read_to <= head, "read up to {read_to:?}, while the head is {head:?}");
            }
        });
    }

    #[test]
    fn events_that_arrive_twice_are_kept_once() {
        let tail = Tail::after(Position(0));
        tail.append(events(1..=3));
        tail.append(events(2..=5));
        tail.append(events(1..=4));
        tail.append(Vec::new());
        assert_eq!(tail.last(), Position(5));
        assert_eq!(positions(&tail.read(Position(0), END, 9, |_| true).unwrap()), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_gap_is_read_from_the_disk() {
        let tail = Tail::after(Position(0));
        tail.append(events(1..=3));
        tail.append(events(7..=8));
        assert_eq!(tail.last(), Position(8));
        assert_eq!(tail.read(Position(2), END, 9, |_| true), None);
        assert_eq!(positions(&tail.read(Position(6), END, 9, |_| true).unwrap()), [7, 8]);
    }
}
