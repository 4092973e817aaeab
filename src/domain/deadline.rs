//! Deadlines of work that a dropped future does not stop: a loop on a thread, a statement in SQLite.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// A deadline that the work itself checks. Cheap to clone, and cheap enough to check some thousand times a second.
#[derive(Debug, Clone)]
pub struct Deadline {
    at: Instant,
    cancelled: Arc<AtomicBool>,
}

/// A guard held by the caller that waits for the work. Dropping it cancels the work, because nobody needs the result.
#[derive(Debug)]
pub struct DeadlineGuard(Arc<AtomicBool>);

impl Deadline {
    /// Returns a deadline `time_max` from now that no caller can cancel.
    pub fn after(time_max: Duration) -> Self {
        Self { at: Instant::now() + time_max, cancelled: Arc::default() }
    }

    /// Returns a deadline `time_max` from now, and the guard that cancels the work when the caller drops it.
    pub fn within(time_max: Duration) -> (Self, DeadlineGuard) {
        let deadline = Self::after(time_max);
        let guard = DeadlineGuard(deadline.cancelled.clone());
        (deadline, guard)
    }

    /// Returns whether the work has to end: its time is over, or its caller has dropped the guard.
    pub fn has_passed(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || Instant::now() >= self.at
    }

    /// Returns the instant of the deadline.
    pub fn at(&self) -> Instant {
        self.at
    }
}

impl Drop for DeadlineGuard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_when_its_time_ends_or_its_guard_is_dropped() {
        assert!(Deadline::after(Duration::ZERO).has_passed());
        let (deadline, guard) = Deadline::within(Duration::from_secs(60));
        let worker = deadline.clone();
        assert!(!worker.has_passed());
        drop(guard);
        assert!(worker.has_passed() && deadline.has_passed());
    }
}
