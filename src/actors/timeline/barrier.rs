//! Read your own writes: a member's next read waits until the projection has the member's last write.
use crate::{
    actors::wait_until::wait_until,
    domain::{MemberId, Position},
};
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
        // `applied` is read before `writes` is locked: the barrier never holds two locks.
        let applied = *self.applied.borrow();
        if applied >= position {
            return;
        }
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        // Two writes of one member may come here in the other order.
        let last = writes.entry(member).or_insert(position);
        *last = position.max(*last);
        if writes.len() > REMEMBERED_MAX {
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
        let caught_up = wait_until(&mut applied, |applied| *applied >= position);
        if tokio::time::timeout(WAIT_MAX, caught_up).await.is_err() {
            metrics::counter!("dailyfeed_stale_reads_total").increment(1);
        }
        let applied = *self.applied.borrow();
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        if writes.get(&member).is_some_and(|last| *last <= applied) {
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

    /// The channel's lock prefers writers: a reader that still held a guard while it read again waited for the writer,
    /// which waited for the guard.
    #[test]
    fn readers_and_the_projection_never_wait_for_each_other() {
        const READS: usize = 20_000;
        const PATIENCE: Duration = Duration::from_secs(60);
        let (projection, applied) = watch::channel(Position(0));
        let barrier = std::sync::Arc::new(Barrier::new(applied));
        let (done, finished) = std::sync::mpsc::channel();
        for member in 0..4 {
            let (barrier, done) = (barrier.clone(), done.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(async {
                    for _ in 0..READS {
                        let next = barrier.applied.borrow().0 + 1;
                        barrier.wrote(MemberId(member), Position(next));
                        barrier.wait(MemberId(member)).await;
                    }
                });
                let _ = done.send(());
            });
        }
        std::thread::spawn(move || {
            // Goes on until the last reader has let its barrier go.
            while std::sync::Arc::strong_count(&barrier) > 1 {
                projection.send_modify(|position| position.0 += 1);
                std::thread::yield_now();
            }
        });
        for _ in 0..4 {
            finished.recv_timeout(PATIENCE).expect("a reader and the projection wait for each other");
        }
    }
}
