//! `OwnWrites`: a member's next read waits until the projection has applied the member's last write, so that members
//! read their own writes.
use crate::{
    actors::wait_until::wait_until,
    domain::{MemberId, Position},
};
use rustc_hash::FxHashMap;
use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// The longest time that a read waits. After it, the read answers from the events that are applied.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Remembered writes. Beyond this number the oldest one is forgotten: the reads of all members then wait for it.
const REMEMBERED_MAX: usize = 10_000;

/// The last write of each member that the projection may not have applied yet.
pub(super) struct OwnWrites {
    /// The projection's position. Never read while `writes` is locked, because the channel has a lock too.
    applied: watch::Receiver<Position>,
    writes: Mutex<Writes>,
    /// The number of positions that reads may wait for: nearly always 0, and then a read takes no lock.
    remembered: AtomicUsize,
}

/// At most [`REMEMBERED_MAX`] writes, about 50 bytes each.
#[derive(Default)]
struct Writes {
    /// The last write of each member. Each one is in `noted` too.
    last: FxHashMap<MemberId, Position>,
    /// Every write in the order in which it was noted, which is nearly that of the positions. An entry that is not the
    /// member's last write has no effect.
    noted: VecDeque<(Position, MemberId)>,
    /// The newest forgotten write; 0 if all forgotten writes are applied.
    forgotten_to: Position,
}

impl Writes {
    /// Notes a write. Each entry is added once and removed once, so the cost does not depend on the number of entries.
    fn note(&mut self, member: MemberId, position: Position) {
        // Two writes of one member may be noted in the wrong order.
        if self.last.get(&member).is_some_and(|last| *last >= position) {
            return;
        }
        self.last.insert(member, position);
        self.noted.push_back((position, member));
        if self.noted.len() > REMEMBERED_MAX
            && let Some((position, member)) = self.noted.pop_front()
            && self.remove_last(member, position)
        {
            self.forgotten_to = self.forgotten_to.max(position);
        }
    }

    /// Removes the oldest entries that the projection has applied, or that are not the member's last write.
    fn remove_applied(&mut self, applied: Position) {
        while let Some((position, member)) = self.noted.front().copied()
            && (position <= applied || self.last.get(&member) != Some(&position))
        {
            self.noted.pop_front();
            self.remove_last(member, position);
        }
        if self.forgotten_to <= applied {
            self.forgotten_to = Position(0);
        }
    }

    /// Removes a member's last write if it has this position. Returns whether it had.
    fn remove_last(&mut self, member: MemberId, position: Position) -> bool {
        let is_last = self.last.get(&member) == Some(&position);
        if is_last {
            self.last.remove(&member);
        }
        is_last
    }

    /// Returns the position that a read of the member waits for.
    fn awaited_by(&self, member: MemberId) -> Position {
        self.last.get(&member).copied().unwrap_or_default().max(self.forgotten_to)
    }

    /// Returns the number of positions that reads may wait for.
    fn len(&self) -> usize {
        self.noted.len() + usize::from(self.forgotten_to > Position(0))
    }
}

impl OwnWrites {
    pub(super) fn new(applied: watch::Receiver<Position>) -> Self {
        Self { applied, writes: Mutex::default(), remembered: AtomicUsize::new(0) }
    }

    /// Notes that `member` has written at or before `position`.
    pub(super) fn note(&self, member: MemberId, position: Position) {
        let applied = *self.applied.borrow();
        if applied < position {
            self.with_unapplied(applied, |writes| writes.note(member, position));
        }
    }

    /// Waits until the projection has applied the writes of `member`, for [`WAIT_MAX`] at most.
    pub(super) async fn wait(&self, member: MemberId) {
        if self.remembered.load(Ordering::Acquire) == 0 {
            return;
        }
        let applied = *self.applied.borrow();
        let position = self.with_unapplied(applied, |writes| writes.awaited_by(member));
        if position <= applied {
            return;
        }
        let mut applied = self.applied.clone();
        let waiting = wait_until(&mut applied, |applied| *applied >= position);
        if tokio::time::timeout(WAIT_MAX, waiting).await.is_err() {
            metrics::counter!("dailyfeed_stale_reads_total").increment(1);
        }
        let applied = *self.applied.borrow();
        self.with_unapplied(applied, |_| ());
    }

    /// Removes the writes that are applied, then calls `act` under the lock.
    fn with_unapplied<T>(&self, applied: Position, act: impl FnOnce(&mut Writes) -> T) -> T {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.remove_applied(applied);
        let answer = act(&mut writes);
        self.remembered.store(writes.len(), Ordering::Release);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_read_waits_only_for_the_members_own_write() {
        let (projection, applied) = watch::channel(Position(1));
        let own_writes = OwnWrites::new(applied);
        own_writes.note(MemberId(7), Position(5));
        own_writes.wait(MemberId(8)).await;
        let read = own_writes.wait(MemberId(7));
        tokio::pin!(read);
        assert!(futures::poll!(&mut read).is_pending());
        projection.send_replace(Position(5));
        read.await;
        assert_eq!(own_writes.remembered.load(Ordering::Acquire), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_behind_a_stalled_projection_ends() {
        let (_projection, applied) = watch::channel(Position(1));
        let own_writes = OwnWrites::new(applied);
        own_writes.note(MemberId(7), Position(5));
        own_writes.wait(MemberId(7)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_projection_costs_bounded_memory_and_every_read_still_waits() {
        const WRITERS: u64 = 2 * REMEMBERED_MAX as u64;
        let (projection, applied) = watch::channel(Position(0));
        let own_writes = OwnWrites::new(applied);
        for number in 1..=WRITERS {
            own_writes.note(MemberId(number), Position(number));
        }
        assert!(own_writes.remembered.load(Ordering::Acquire) <= REMEMBERED_MAX + 1);
        // The first half is forgotten: their reads, and those of members who wrote nothing, wait for the last of it.
        let forgotten_to = WRITERS / 2;
        let [forgotten, idle, last] = [1, WRITERS + 1, WRITERS].map(|member| own_writes.wait(MemberId(member)));
        tokio::pin!(forgotten, idle, last);
        for position in [0, forgotten_to - 1] {
            projection.send_replace(Position(position));
            assert!(futures::poll!(&mut forgotten).is_pending(), "the member's own write is at 1");
            assert!(futures::poll!(&mut idle).is_pending() && futures::poll!(&mut last).is_pending());
        }
        projection.send_replace(Position(forgotten_to));
        assert!(futures::poll!(forgotten).is_ready() && futures::poll!(idle).is_ready());
        assert!(futures::poll!(&mut last).is_pending());
        projection.send_replace(Position(WRITERS));
        last.await;
        assert_eq!(own_writes.remembered.load(Ordering::Acquire), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_writes_of_one_member_hold_up_nobody_else() {
        let (projection, applied) = watch::channel(Position(0));
        let own_writes = OwnWrites::new(applied);
        own_writes.note(MemberId(7), Position(1));
        for number in 2..3 * REMEMBERED_MAX as u64 {
            own_writes.note(MemberId(8), Position(number));
        }
        assert!(own_writes.remembered.load(Ordering::Acquire) <= REMEMBERED_MAX + 1);
        projection.send_replace(Position(1));
        let [other, idle] = [own_writes.wait(MemberId(7)), own_writes.wait(MemberId(9))];
        tokio::pin!(other, idle);
        assert!(futures::poll!(other).is_ready() && futures::poll!(idle).is_ready());
        let read = own_writes.wait(MemberId(8));
        tokio::pin!(read);
        assert!(futures::poll!(&mut read).is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn writes_noted_in_the_wrong_order_are_awaited_all() {
        let (projection, applied) = watch::channel(Position(1));
        let own_writes = OwnWrites::new(applied);
        for position in [9, 5] {
            own_writes.note(MemberId(7), Position(position));
        }
        own_writes.note(MemberId(8), Position(3));
        projection.send_replace(Position(5));
        own_writes.wait(MemberId(8)).await;
        let read = own_writes.wait(MemberId(7));
        tokio::pin!(read);
        assert!(futures::poll!(&mut read).is_pending());
        projection.send_replace(Position(9));
        read.await;
        assert_eq!(own_writes.remembered.load(Ordering::Acquire), 0);
    }

    /// The channel's lock prefers writers: a reader that held a guard while it read again would wait for the writer,
    /// which waits for the guard.
    #[test]
    fn readers_and_the_projection_never_deadlock() {
        const READS: usize = 20_000;
        const TIMEOUT: Duration = Duration::from_secs(60);
        let (projection, applied) = watch::channel(Position(0));
        let own_writes = std::sync::Arc::new(OwnWrites::new(applied));
        let (done, finished) = std::sync::mpsc::channel();
        for member in 0..4 {
            let (own_writes, done) = (own_writes.clone(), done.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(async {
                    for _ in 0..READS {
                        let next = own_writes.applied.borrow().0 + 1;
                        own_writes.note(MemberId(member), Position(next));
                        own_writes.wait(MemberId(member)).await;
                    }
                });
                let _ = done.send(());
            });
        }
        std::thread::spawn(move || {
            // Ends when the last reader has dropped its clone.
            while std::sync::Arc::strong_count(&own_writes) > 1 {
                projection.send_modify(|position| position.0 += 1);
                std::thread::yield_now();
            }
        });
        for _ in 0..4 {
            finished.recv_timeout(TIMEOUT).expect("a reader and the projection deadlocked");
        }
    }
}
