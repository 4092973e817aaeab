//! `Lockout`: slows down the guessing of passwords. Too many wrong ones for one account from one network lock that pair
//! for a time.
//!
//! An attempt is counted before its password is checked, so that a thousand attempts at once count as a thousand; a
//! right password clears the count.
use super::caller::Key;
use crate::domain::Refusal;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Remembered keys per thread of the hasher, about 100 bytes each. A thread makes fewer checks within the default
/// window of 15 minutes, so no key is evicted early by default. With a longer window the oldest key is evicted first,
/// and an attacker needs this many checks to evict it.
const KEYS_PER_THREAD: usize = 100_000;

/// Counts attempts by key.
pub(super) struct Lockout {
    failures_max: usize,
    window: Duration,
    keys_max: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    failures: HashMap<Key, Failures>,
    /// Keys with the start of their window, oldest first. An entry whose key was cleared or counted anew since has no
    /// effect.
    in_order: VecDeque<(Instant, Key)>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: usize,
    since: Instant,
}

impl Lockout {
    /// Creates a lockout after `failures_max` failures; 0 disables it. `threads` are the threads of the hasher.
    pub(super) fn new(failures_max: usize, window: Duration, threads: usize) -> Self {
        let keys_max = threads.saturating_mul(KEYS_PER_THREAD);
        Self { failures_max, window, keys_max, known: Mutex::default() }
    }

    /// Refuses `LoginLocked` while one of the keys is locked. Does not count an attempt.
    pub(super) fn check(&self, keys: &[Key]) -> Result<(), Refusal> {
        if self.failures_max == 0 {
            return Ok(());
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_known(&known, keys)
    }

    /// Refuses `LoginLocked` with the longest remaining lock of the keys.
    fn check_known(&self, known: &Known, keys: &[Key]) -> Result<(), Refusal> {
        let longest = keys.iter().filter_map(|key| self.remaining(*known.failures.get(key)?)).max();
        match longest {
            Some(retry_after) => Err(Refusal::LoginLocked { retry_after }),
            None => Ok(()),
        }
    }

    /// Counts an attempt under each of the keys; attempt number `failures_max` locks the key. Refuses what
    /// [`Lockout::check`] refuses.
    pub(super) fn count(&self, keys: &[Key]) -> Result<(), Refusal> {
        if self.failures_max == 0 {
            return Ok(());
        }
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_known(&known, keys)?;
        for key in keys {
            known.prune(now, self.window, self.keys_max);
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

    /// Clears the counts of the keys after a right password.
    pub(super) fn clear(&self, keys: &[Key]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            known.failures.remove(key);
        }
    }

    /// Returns the remaining time of the lock; `None` if the key is not locked.
    fn remaining(&self, failed: Failures) -> Option<Duration> {
        let remaining = self.window.saturating_sub(failed.since.elapsed());
        if failed.count >= self.failures_max && !remaining.is_zero() { Some(remaining) } else { None }
    }
}

impl Known {
    /// Removes expired keys, and the oldest ones above `keys_max`. Visits each entry once before it is removed.
    fn prune(&mut self, now: Instant, window: Duration, keys_max: usize) {
        while let Some((since, key)) = self.in_order.front().copied() {
            let expired = now.duration_since(since) >= window;
            if !expired && self.failures.len() < keys_max && self.in_order.len() < 2 * keys_max {
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
    fn the_fifth_attempt_locks_its_key_and_no_other() {
        let lockout = Lockout::new(5, QUARTER, 1);
        for _ in 0..5 {
            assert!(lockout.count(&[key(1)]).is_ok());
        }
        assert!(matches!(lockout.count(&[key(1)]), Err(Refusal::LoginLocked { .. })));
        assert!(matches!(lockout.check(&[key(2), key(1)]), Err(Refusal::LoginLocked { .. })));
        assert!(lockout.count(&[key(2)]).is_ok());
    }

    #[test]
    fn simultaneous_attempts_are_all_counted() {
        let lockout = Lockout::new(5, QUARTER, 1);
        let counted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| (0..20).filter(|_| lockout.count(&[key(1)]).is_ok()).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(counted, 5);
    }

    #[test]
    fn a_right_password_and_the_end_of_the_window_clear_the_count() {
        let lockout = Lockout::new(2, QUARTER, 1);
        assert!(lockout.count(&[key(1)]).is_ok());
        lockout.clear(&[key(1)]);
        assert!(lockout.count(&[key(1)]).is_ok());
        assert!(lockout.check(&[key(1)]).is_ok());
        let over = Lockout::new(1, Duration::ZERO, 1);
        assert!(over.count(&[key(1)]).is_ok());
        assert!(over.count(&[key(1)]).is_ok());
        let off = Lockout::new(0, QUARTER, 1);
        assert!((0..10).all(|_| off.count(&[key(1)]).is_ok()));
    }

    #[test]
    fn remembered_keys_are_bounded_and_the_oldest_is_evicted_first() {
        let mut lockout = Lockout::new(5, QUARTER, 1);
        lockout.keys_max = 100;
        for number in 0..1_000 {
            assert!(lockout.count(&[key(number)]).is_ok());
            lockout.clear(&[key(number)]);
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
