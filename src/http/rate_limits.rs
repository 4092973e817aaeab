//! Rate limits by member and by client address. A request beyond its limit gets a 429 with `Retry-After`.
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

/// Checks between two sweeps. A sweep removes the keys whose buckets have refilled.
const SWEEP_EVERY: u32 = 8_192;
/// With more keys than this, about ten megabytes and far beyond honest traffic, addresses are grouped into networks.
const KEYS_MAX: usize = 200_000;

/// The rate limits of requests; cheap to clone. None if `limits.enabled` is off.
#[derive(Clone)]
pub(super) struct RateLimits(Option<Arc<Limiters>>);

struct Limiters {
    members: KeyedLimiter,
    anonymous: KeyedLimiter,
    images: KeyedLimiter,
    logins: KeyedLimiter,
    signups: KeyedLimiter,
}

impl RateLimits {
    pub(super) fn new(settings: Option<&config::Limits>) -> Self {
        Self(settings.map(|limits| {
            let member = Quota::per_second(positive(limits.member_per_second));
            Arc::new(Limiters {
                members: KeyedLimiter::new(member.allow_burst(positive(limits.member_burst))),
                anonymous: KeyedLimiter::new(Quota::per_second(positive(limits.address_per_second))),
                images: KeyedLimiter::new(Quota::per_second(positive(limits.image_per_second))),
                logins: KeyedLimiter::new(Quota::per_minute(positive(limits.login_per_minute))),
                signups: KeyedLimiter::new(Quota::per_hour(positive(limits.signup_per_hour))),
            })
        }))
    }

    /// A request of a member.
    pub(super) fn member(&self, member: MemberId) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |limiters| limiters.members.check(member.0))
    }

    /// A request without a valid token.
    pub(super) fn anonymous(&self, address: IpAddr) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |limiters| limiters.anonymous.check_address(address))
    }

    /// A request for an image: browsers fetch many, and without a token.
    pub(super) fn image(&self, address: IpAddr) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |limiters| limiters.images.check_address(address))
    }

    /// An attempt to log in.
    pub(super) fn login(&self, address: IpAddr) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |limiters| limiters.logins.check_address(address))
    }

    /// An attempt to sign up.
    pub(super) fn signup(&self, address: IpAddr) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |limiters| limiters.signups.check_address(address))
    }
}

/// A token bucket for each key.
struct KeyedLimiter {
    limiter: DefaultKeyedRateLimiter<u64>,
    clock: DefaultClock,
    checks: AtomicU32,
    too_many_keys: AtomicBool,
}

impl KeyedLimiter {
    fn new(quota: Quota) -> Self {
        let limiter = DefaultKeyedRateLimiter::keyed(quota);
        Self {
            limiter,
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
            too_many_keys: AtomicBool::new(false),
        }
    }

    fn check(&self, key: u64) -> Result<(), Problem> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            self.too_many_keys.store(self.limiter.len() > KEYS_MAX, Ordering::Relaxed);
        }
        let refused = |until: governor::NotUntil<_>| Problem::too_many(until.wait_time_from(self.clock.now()));
        self.limiter.check_key(&key).map_err(refused)
    }

    fn check_address(&self, address: IpAddr) -> Result<(), Problem> {
        self.check(address_key(address, self.too_many_keys.load(Ordering::Relaxed)))
    }
}

/// The key of an address: a v4 address, or the v6 network of one customer (/64). When there are too many keys, which
/// means an attack, whole networks (/16, /32) share one, so that memory stays bounded.
pub(super) fn address_key(address: IpAddr, too_many_keys: bool) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            u64::from(if too_many_keys { address.to_bits() & 0xFFFF_0000 } else { address.to_bits() })
        }
        IpAddr::V6(address) => {
            let network = (address.to_bits() >> 64) as u64;
            if too_many_keys { network & 0xFFFF_FFFF_0000_0000 } else { network }
        }
    }
}

fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> RateLimits {
        let settings = config::Limits { login_per_minute: 5, member_burst: 3, ..config::Limits::default() };
        RateLimits::new(Some(&settings))
    }

    #[test]
    fn the_sixth_login_of_a_minute_is_refused() {
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
    fn each_member_has_a_limit() {
        let limits = limits();
        let refused = (0..20).filter(|_| limits.member(MemberId(1)).is_err()).count();
        assert!(refused >= 15, "{refused}");
        assert!(limits.member(MemberId(2)).is_ok());
        assert!((0..100).all(|_| RateLimits::new(None).member(MemberId(1)).is_ok()));
    }

    #[test]
    fn with_too_many_keys_networks_share_one() {
        let key = |text: &str, too_many_keys| address_key(text.parse().unwrap(), too_many_keys);
        assert_eq!(key("2001:db8::1", false), key("2001:db8::2:3", false));
        assert_ne!(key("2001:db8:0:1::1", false), key("2001:db8:0:2::1", false));
        assert_eq!(key("2001:db8:0:1::1", true), key("2001:db8:0:2::1", true));
        assert_ne!(key("203.0.113.5", false), key("203.0.113.6", false));
        assert_eq!(key("203.0.113.5", true), key("203.0.200.6", true));
    }

    #[test]
    fn keys_whose_buckets_have_refilled_are_removed() {
        let limiter = KeyedLimiter::new(Quota::per_second(positive(1_000_000)));
        for key in 0..u64::from(SWEEP_EVERY) * 3 {
            let _ = limiter.check(key);
        }
        assert!(limiter.limiter.len() <= SWEEP_EVERY as usize + 1, "{}", limiter.limiter.len());
    }
}
