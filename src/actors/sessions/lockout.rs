//! Slows down guessing: too many wrong passwords for one account from one network lock that pair for a while.
//!
//! One counter for every place that takes a password, and an attempt is counted before it is checked: a thousand at once
//! are a thousand.
use super::asker::Key;
use crate::domain::Refusal;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Keys that are remembered for each thread that checks passwords, about 100 bytes each. A thread checks fewer in the
/// default quarter of an hour, and each failure was a check, so that none is forgotten before its time; past that the
/// oldest goes, which costs who would be rid of it as many checks.
const KEYS_PER_THREAD: usize = 100_000;

/// Failed attempts by what they are counted under.
pub(super) struct Lockout {
    failures_max: usize,
    window: Duration,
    keys_max: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    failures: HashMap<Key, Failures>,
    /// Keys in the order in which their time is over; one that was forgiven or renewed since stands here in vain.
    in_order: VecDeque<(Instant, Key)>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: usize,
    since: Instant,
}

impl Lockout {
    /// `failures_max` of 0 locks nobody out. `threads` is how many passwords are checked at once.
    pub(super) fn new(failures_max: usize, window: Duration, threads: usize) -> Self {
        let keys_max = threads.saturating_mul(KEYS_PER_THREAD);
        Self { failures_max, window, keys_max, known: Mutex::default() }
    }

    /// Refuses `LoginLocked` where one of the keys has failed too often. Counts nothing.
    pub(super) fn check(&self, keys: &[Key]) -> Result<(), Refusal> {
        if self.failures_max == 0 {
            return Ok(());
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.locked(&known, keys)
    }

    /// Refuses `LoginLocked` with the longest time that any of the keys is locked for.
    fn locked(&self, known: &Known, keys: &[Key]) -> Result<(), Refusal> {
        let left = keys.iter().filter_map(|key| self.left(*known.failures.get(key)?)).max();
        left.map_or(Ok(()), |retry_after| Err(Refusal::LoginLocked { retry_after }))
    }

    /// Counts an attempt under each of the keys; the one that fills the measure begins the lock. Refuses as `check`.
    pub(super) fn count(&self, keys: &[Key]) -> Result<(), Refusal> {
        if self.failures_max == 0 {
            return Ok(());
        }
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.locked(&known, keys)?;
        for key in keys {
            known.forget(now, self.window, self.keys_max);
            let Known { failures, in_order } = &mut *known;
            let failed = failures.entry(*key).or_insert(Failures { count: 0, since: now });
            failed.count += 1;
            if failed.count == 1 || failed.count == self.failures_max {
                failed.since = now;
                in_order.push_back((now, *key));
            }
        }
        drop(known);
        Ok(())
    }

    /// Gives back what was counted under the keys: the right password came.
    pub(super) fn forgive(&self, keys: &[Key]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            known.failures.remove(key);
        }
    }

    /// How long it stays locked; none where it is not.
    fn left(&self, failed: Failures) -> Option<Duration> {
        let left = self.window.saturating_sub(failed.since.elapsed());
        (failed.count >= self.failures_max && !left.is_zero()).then_some(left)
    }
}

impl Known {
    /// Forgets what has run out, and the oldest where there are too many. Each entry is looked at once.
    fn forget(&mut self, now: Instant, window: Duration, keys_max: usize) {
        while let Some((since, key)) = self.in_order.front().copied() {
            let over = now.duration_since(since) >= window;
            if !over && self.failures.len() < keys_max && self.in_order.len() < 2 * keys_max {
                break;
            }
            self.in_order.pop_front();
            if self.failures.get(&key).is_some_and(|failed| failed.since == since) {
                self.failures.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: Duration = Duration::from_secs(900);

    fn key(number: usize) -> Key {
        (number as u128).to_le_bytes()
    }

    #[test]
    fn the_fifth_attempt_locks_the_key_and_nobody_else() {
        let lockout = Lockout::new(5, QUARTER, 1);
        for _ in 0..5 {
            assert!(lockout.count(&[key(1)]).is_ok());
        }
        assert!(matches!(lockout.count(&[key(1)]), Err(Refusal::LoginLocked { .. })));
        assert!(matches!(lockout.check(&[key(2), key(1)]), Err(Refusal::LoginLocked { .. })));
        assert!(lockout.count(&[key(2)]).is_ok());
    }

    #[test]
    fn attempts_at_once_are_counted_before_any_is_checked() {
        let lockout = Lockout::new(5, QUARTER, 1);
        let counted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| (0..20).filter(|_| lockout.count(&[key(1)]).is_ok()).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(counted, 5);
    }

    #[test]
    fn a_success_begins_afresh_and_so_does_the_end_of_the_window() {
        let lockout = Lockout::new(2, QUARTER, 1);
        assert!(lockout.count(&[key(1)]).is_ok());
        lockout.forgive(&[key(1)]);
        assert!(lockout.count(&[key(1)]).is_ok());
        assert!(lockout.check(&[key(1)]).is_ok());
        let over = Lockout::new(1, Duration::ZERO, 1);
        assert!(over.count(&[key(1)]).is_ok());
        assert!(over.count(&[key(1)]).is_ok());
        let off = Lockout::new(0, QUARTER, 1);
        assert!((0..10).all(|_| off.count(&[key(1)]).is_ok()));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
        let mut lockout = Lockout::new(5, QUARTER, 1);
        lockout.keys_max = 100;
        for number in 0..1_000 {
            assert!(lockout.count(&[key(number)]).is_ok());
            lockout.forgive(&[key(number)]);
        }
        assert!(lockout.known.lock().unwrap().in_order.len() <= 200);
        for number in 0..150 {
            assert!(lockout.count(&[key(number)]).is_ok());
        }
        let failures = lockout.known.lock().unwrap().failures.clone();
        assert_eq!(failures.len(), 100);
        assert!(!failures.contains_key(&key(49)) && failures.contains_key(&key(50)));
    }
}
