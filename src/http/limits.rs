//! How often somebody may ask. Beyond that: 429, with when to come again.
use super::problem::Problem;
use crate::{config, domain::MemberId};
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};
use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

/// Checks between two sweeps that forget who has been quiet for as long as it takes to fill a bucket.
const SWEEP_EVERY: u32 = 8_192;
/// More keys than this are a crowd: some ten megabytes, and far more than an honest minute brings.
const KEYS_MAX: usize = 200_000;

/// The inbound limits; cheap to clone. None of them apply where they are switched off.
#[derive(Clone)]
pub(super) struct Limits(Option<Arc<Buckets>>);

struct Buckets {
    members: Keyed,
    strangers: Keyed,
    images: Keyed,
    logins: Keyed,
    signups: Keyed,
}

impl Limits {
    pub(super) fn new(settings: Option<&config::Limits>) -> Self {
        Self(settings.map(|limits| {
            let member = Quota::per_second(positive(limits.member_per_second));
            Arc::new(Buckets {
                members: Keyed::new(member.allow_burst(positive(limits.member_burst))),
                strangers: Keyed::new(Quota::per_second(positive(limits.address_per_second))),
                images: Keyed::new(Quota::per_second(positive(limits.image_per_second))),
                logins: Keyed::new(Quota::per_minute(positive(limits.login_per_minute))),
                signups: Keyed::new(Quota::per_hour(positive(limits.signup_per_hour))),
            })
        }))
    }

    /// A request of a member.
    pub(super) fn member(&self, member: MemberId) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |buckets| buckets.members.check(member.0))
    }

    /// A request of nobody known.
    pub(super) fn stranger(&self, address: IpAddr) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |buckets| buckets.strangers.check_address(address))
    }

    /// An image, which browsers fetch many of and without saying for whom.
    pub(super) fn image(&self, address: IpAddr) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |buckets| buckets.images.check_address(address))
    }

    /// An attempt to log in.
    pub(super) fn login(&self, address: IpAddr) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |buckets| buckets.logins.check_address(address))
    }

    /// An attempt to sign up.
    pub(super) fn signup(&self, address: IpAddr) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |buckets| buckets.signups.check_address(address))
    }
}

/// A bucket for each key.
struct Keyed {
    limiter: DefaultKeyedRateLimiter<u64>,
    clock: DefaultClock,
    checks: AtomicU32,
    crowded: AtomicBool,
}

impl Keyed {
    fn new(quota: Quota) -> Self {
        let limiter = DefaultKeyedRateLimiter::keyed(quota);
        Self { limiter, clock: DefaultClock::default(), checks: AtomicU32::new(0), crowded: AtomicBool::new(false) }
    }

    fn check(&self, key: u64) -> Result<(), Problem> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            self.crowded.store(self.limiter.len() > KEYS_MAX, Ordering::Relaxed);
        }
        let refused = |until: governor::NotUntil<_>| Problem::too_many(until.wait_time_from(self.clock.now()));
        self.limiter.check_key(&key).map_err(refused)
    }

    fn check_address(&self, address: IpAddr) -> Result<(), Problem> {
        self.check(key_of(address, self.crowded.load(Ordering::Relaxed)))
    }
}

/// Who shares a bucket: a v4 address, or the v6 network that one customer is given (/64). In a crowd, which is an
/// attack, whole neighbourhoods (/16, /32) do, so that what is remembered stays bounded.
pub(super) fn key_of(address: IpAddr, crowded: bool) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(if crowded { address.to_bits() & 0xFFFF_0000 } else { address.to_bits() }),
        IpAddr::V6(address) => {
            let network = (address.to_bits() >> 64) as u64;
            if crowded { network & 0xFFFF_FFFF_0000_0000 } else { network }
        }
    }
}

fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let settings = config::Limits { login_per_minute: 5, member_burst: 3, ..config::Limits::default() };
        Limits::new(Some(&settings))
    }

    #[test]
    fn the_sixth_login_of_a_minute_waits() {
        let limits = limits();
        let [here, there] = ["203.0.113.5", "203.0.113.6"].map(|address| address.parse().unwrap());
        for _ in 0..5 {
            assert!(limits.login(here).is_ok());
        }
        assert_eq!(limits.login(here).unwrap_err().status(), 429);
        assert!(limits.login(there).is_ok());
        assert!(limits.signup(here).is_ok());
    }

    #[test]
    fn members_are_limited_one_by_one() {
        let limits = limits();
        let refused = (0..20).filter(|_| limits.member(MemberId(1)).is_err()).count();
        assert!(refused >= 15, "{refused}");
        assert!(limits.member(MemberId(2)).is_ok());
        assert!((0..100).all(|_| Limits::new(None).member(MemberId(1)).is_ok()));
    }

    #[test]
    fn a_crowd_shares_buckets() {
        let key = |text: &str, crowded| key_of(text.parse().unwrap(), crowded);
        assert_eq!(key("2001:db8::1", false), key("2001:db8::2:3", false));
        assert_ne!(key("2001:db8:0:1::1", false), key("2001:db8:0:2::1", false));
        assert_eq!(key("2001:db8:0:1::1", true), key("2001:db8:0:2::1", true));
        assert_ne!(key("203.0.113.5", false), key("203.0.113.6", false));
        assert_eq!(key("203.0.113.5", true), key("203.0.200.6", true));
    }

    #[test]
    fn the_quiet_are_forgotten() {
        let buckets = Keyed::new(Quota::per_second(positive(1_000_000)));
        for key in 0..u64::from(SWEEP_EVERY) * 3 {
            let _ = buckets.check(key);
        }
        assert!(buckets.limiter.len() <= SWEEP_EVERY as usize + 1, "{}", buckets.limiter.len());
    }
}
