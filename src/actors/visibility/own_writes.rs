//! `OwnWrites`: a member's next read waits until the projection has applied the member's last write, so that members
//! read their own writes.
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

/// The longest time that a read waits. After it, the read answers from the events that are applied.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Remembered writes; beyond this number, those that the projection has applied are removed.
const REMEMBERED_MAX: usize = 10_000;

/// The last write of each member that the projection may not have applied yet.
pub(super) struct OwnWrites {
    /// The projection's position.
    applied: watch::Receiver<Position>,
    writes: Mutex<FxHashMap<MemberId, Position>>,
    /// Length of `writes`: nearly always 0, and then a read takes no lock.
    remembered: AtomicUsize,
}

impl OwnWrites {
    pub(super) fn new(applied: watch::Receiver<Position>) -> Self {
        Self { applied, writes: Mutex::default(), remembered: AtomicUsize::new(0) }
    }

    /// Notes that `member` has written at or before `position`.
    pub(super) fn note(&self, member: MemberId, position: Position) {
        // `applied` is read before `writes` is locked: this type never holds two locks.
        let applied = *self.applied.borrow();
        if applied >= position {
            return;
        }
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        // Two writes of one member may be noted in the wrong order.
        let last = writes.entry(member).or_insert(position);
        *last = position.max(*last);
        if writes.len() > REMEMBERED_MAX {
            writes.retain(|_, position| *position > applied);
        }
        self.remembered.store(writes.len(), Ordering::Release);
    }

    /// Waits until the projection has applied the writes of `member`, for [`WAIT_MAX`] at most.
    pub(super) async fn wait(&self, member: MemberId) {
        if self.remembered.load(Ordering::Acquire) == 0 {
            return;
        }
        let position = self.writes.lock().unwrap_or_else(PoisonError::into_inner).get(&member).copied();
        let Some(position) = position else { return };
        let mut applied = self.applied.clone();
        let waiting = wait_until(&mut applied, |applied| *applied >= position);
        if tokio::time::timeout(WAIT_MAX, waiting).await.is_err() {
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
