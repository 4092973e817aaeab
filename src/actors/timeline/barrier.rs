//! Read your own writes: a member's next read waits until the projection has the member's last write.
use crate::domain::{MemberId, Position};
use rustc_hash::FxHashMap;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// How long a read waits. A projection that is further behind than this answers with what it has.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Writes remembered before those that the projection has are forgotten.
const REMEMBERED_MAX: usize = 10_000;

pub(super) struct Barrier {
    applied: watch::Receiver<Position>,
    writes: Mutex<FxHashMap<MemberId, Position>>,
    /// How many writes are remembered: nearly always none, and then a read takes no lock.
    remembered: AtomicUsize,
}

impl Barrier {
    pub(super) fn new(applied: watch::Receiver<Position>) -> Self {
        Self { applied, writes: Mutex::default(), remembered: AtomicUsize::new(0) }
    }

    /// The member has written something at or before that position.
    pub(super) fn wrote(&self, member: MemberId, position: Position) {
        if *self.applied.borrow() >= position {
            return;
        }
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        // Two writes of one member may come here in the other order.
        let last = writes.entry(member).or_insert(position);
        *last = position.max(*last);
        if writes.len() > REMEMBERED_MAX {
            let applied = *self.applied.borrow();
            writes.retain(|_, position| *position > applied);
        }
        self.remembered.store(writes.len(), Ordering::Release);
    }

    /// Returns when the projection has what the member wrote.
    pub(super) async fn wait(&self, member: MemberId) {
        if self.remembered.load(Ordering::Acquire) == 0 {
            return;
        }
        let position = self.writes.lock().unwrap_or_else(PoisonError::into_inner).get(&member).copied();
        let Some(position) = position else { return };
        let mut applied = self.applied.clone();
        let caught_up = tokio::time::timeout(WAIT_MAX, applied.wait_for(|applied| *applied >= position)).await;
        if caught_up.is_err() {
            metrics::counter!("dailyfeed_stale_reads_total").increment(1);
        }
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        if writes.get(&member).is_some_and(|last| *last <= *self.applied.borrow()) {
            writes.remove(&member);
        }
        self.remembered.store(writes.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_read_waits_for_the_members_own_write_alone() {
        let (projection, applied) = watch::channel(Position(1));
        let barrier = Barrier::new(applied);
        barrier.wrote(MemberId(7), Position(5));
        barrier.wait(MemberId(8)).await;
        let read = barrier.wait(MemberId(7));
        tokio::pin!(read);
        assert!(futures::poll!(&mut read).is_pending());
        projection.send_replace(Position(5));
        read.await;
        assert_eq!(barrier.remembered.load(Ordering::Acquire), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_projection_that_stands_still_does_not_hold_reads_for_ever() {
        let (_projection, applied) = watch::channel(Position(1));
        let barrier = Barrier::new(applied);
        barrier.wrote(MemberId(7), Position(5));
        barrier.wait(MemberId(7)).await;
    }
}
