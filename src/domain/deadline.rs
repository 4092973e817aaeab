//! Until when work may go on that a dropped future does not stop: a loop on a thread, a statement of a database.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// What such work asks now and then. Cheap to clone, and to ask a few thousand times a second.
#[derive(Debug, Clone)]
pub struct Deadline {
    at: Instant,
    given_up: Arc<AtomicBool>,
}

/// Held by the caller that waits for the work. Its drop ends the work: nobody wants the result.
#[derive(Debug)]
pub struct Waiting(Arc<AtomicBool>);

impl Deadline {
    /// From now on, whatever becomes of the caller.
    pub fn after(time_max: Duration) -> Self {
        Self { at: Instant::now() + time_max, given_up: Arc::default() }
    }

    /// From now on, for as long as the caller waits.
    pub fn within(time_max: Duration) -> (Self, Waiting) {
        let deadline = Self::after(time_max);
        let waiting = Waiting(deadline.given_up.clone());
        (deadline, waiting)
    }

    /// Whether the work is to end: its time is over, or its caller has gone.
    pub fn has_passed(&self) -> bool {
        self.given_up.load(Ordering::Relaxed) || Instant::now() >= self.at
    }

    /// The moment itself.
    pub fn at(&self) -> Instant {
        self.at
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_with_its_time_or_its_caller() {
        assert!(Deadline::after(Duration::ZERO).has_passed());
        let (deadline, waiting) = Deadline::within(Duration::from_secs(60));
        let worker = deadline.clone();
        assert!(!worker.has_passed());
        drop(waiting);
        assert!(worker.has_passed() && deadline.has_passed());
    }
}
