//! Slows down guessing: too many wrong passwords for one account from one address lock that pair for a while.
use crate::domain::Refusal;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Pairs that are remembered; past that those whose time is over are forgotten, and then the oldest.
const PAIRS_MAX: usize = 100_000;

/// Failed logins by account and address.
pub(super) struct Lockout {
    failures_max: usize,
    window: Duration,
    failures: Mutex<HashMap<(String, IpAddr), Failures>>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: usize,
    since: Instant,
}

impl Lockout {
    /// `failures_max` of 0 locks nobody out.
    pub(super) fn new(failures_max: usize, window: Duration) -> Self {
        Self { failures_max, window, failures: Mutex::default() }
    }

    /// Refuses `LoginLocked` where the pair has failed too often.
    pub(super) fn check(&self, account: &str, address: IpAddr) -> Result<(), Refusal> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(failed) = failures.get(&(account.to_owned(), address)) else { return Ok(()) };
        let left = self.window.saturating_sub(failed.since.elapsed());
        if self.failures_max > 0 && failed.count >= self.failures_max && !left.is_zero() {
            return Err(Refusal::LoginLocked { retry_after: left });
        }
        Ok(())
    }

    /// Counts a wrong password; the one that fills the measure begins the lock.
    pub(super) fn failed(&self, account: &str, address: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= PAIRS_MAX {
            self.forget(&mut failures);
        }
        let now = Instant::now();
        let failed = failures.entry((account.to_owned(), address)).or_insert(Failures { count: 0, since: now });
        if failed.since.elapsed() >= self.window {
            *failed = Failures { count: 0, since: now };
        }
        failed.count += 1;
        if failed.count == self.failures_max {
            failed.since = now;
        }
    }

    /// Forgets the pair's failures: the right password came.
    pub(super) fn succeeded(&self, account: &str, address: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&(account.to_owned(), address));
    }

    fn forget(&self, failures: &mut HashMap<(String, IpAddr), Failures>) {
        failures.retain(|_, failed| failed.since.elapsed() < self.window);
        if failures.len() >= PAIRS_MAX
            && let Some(oldest) = failures.iter().min_by_key(|(_, failed)| failed.since).map(|(pair, _)| pair.clone())
        {
            failures.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

    #[test]
    fn the_fifth_failure_locks_the_pair_and_nobody_else() {
        let lockout = Lockout::new(5, Duration::from_secs(900));
        for _ in 0..5 {
            assert!(lockout.check("a@b.kr", HOME).is_ok());
            lockout.failed("a@b.kr", HOME);
        }
        assert!(matches!(lockout.check("a@b.kr", HOME), Err(Refusal::LoginLocked { .. })));
        assert!(lockout.check("a@b.kr", AWAY).is_ok());
        assert!(lockout.check("c@d.kr", HOME).is_ok());
    }

    #[test]
    fn a_success_begins_afresh_and_so_does_the_end_of_the_window() {
        let lockout = Lockout::new(2, Duration::from_secs(900));
        lockout.failed("a@b.kr", HOME);
        lockout.succeeded("a@b.kr", HOME);
        lockout.failed("a@b.kr", HOME);
        assert!(lockout.check("a@b.kr", HOME).is_ok());
        let over = Lockout::new(1, Duration::ZERO);
        over.failed("a@b.kr", HOME);
        assert!(over.check("a@b.kr", HOME).is_ok());
    }
}
