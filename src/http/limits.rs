//! How often somebody may ask. Beyond that: 429, with when to come again.
use super::{problem::Problem, settings::Rates};
use crate::domain::MemberId;
use governor::{
    DefaultDirectRateLimiter as _, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::DashMapStateStore,
};
use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

/// Checks between two sweeps that forget who has been quiet.
const SWEEP_EVERY: u32 = 8_192;
/// More keys than this are crowded: a few megabytes, and more than any honest minute brings.
const KEYS_MAX: usize = 200_000;
