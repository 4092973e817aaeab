//! Permits for large request bodies, so that the memory of bodies that are being read is bounded.
use super::{Caller, body::BODY_BYTES};
use crate::{domain::MemberId, http::problem::Problem};
use axum::http::Extensions;
use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Bodies above [`BODY_BYTES`] that this process reads at once: 64 MiB at most. A further one gets a 503.
const PERMITS_MAX: usize = 64;
/// Permits of one member, or of one address without a member. A further body gets a 429.
const PERMITS_PER_SENDER_MAX: usize = 4;

/// The sender of each permit that is held.
static HELD: Mutex<Vec<Sender>> = Mutex::new(Vec::new());

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    Member(MemberId),
    Address(IpAddr),
    Unknown,
}

/// The right to read one large body.
pub(super) struct BodyPermit(Sender);

impl BodyPermit {
    /// Acquires a permit for the caller of a request; none if a body of that size needs no permit.
    pub(super) fn acquire(bytes: usize, extensions: &Extensions) -> Result<Option<Self>, Problem> {
        if bytes <= BODY_BYTES {
            return Ok(None);
        }
        let sender = extensions.get::<Caller>().map_or(Sender::Unknown, |caller| match &caller.identity {
            Ok(identity) => Sender::Member(identity.member),
            Err(_) => Sender::Address(caller.address),
        });
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if held.iter().filter(|held| **held == sender).count() >= PERMITS_PER_SENDER_MAX {
            return Err(Problem::too_many(Duration::from_secs(1)));
        }
        if held.len() >= PERMITS_MAX {
            return Err(Problem::unavailable());
        }
        held.push(sender);
        drop(held);
        Ok(Some(Self(sender)))
    }
}

impl Drop for BodyPermit {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = held.iter().position(|held| *held == self.0) {
            held.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_cannot_hold_every_permit() {
        let mut extensions = Extensions::new();
        let address = IpAddr::from([192, 0, 2, 77]);
        let identity = Err(crate::http::extract::NoIdentity::NoToken);
        extensions.insert(Caller { address, identity });
        assert!(BodyPermit::acquire(BODY_BYTES, &extensions).unwrap().is_none());
        let held: Vec<_> =
            (0..PERMITS_PER_SENDER_MAX).map(|_| BodyPermit::acquire(BODY_BYTES + 1, &extensions).unwrap()).collect();
        assert!(held.iter().all(Option::is_some));
        assert_eq!(BodyPermit::acquire(BODY_BYTES + 1, &extensions).err().unwrap().code(), "TOO_MANY_REQUESTS");
        drop(held);
        assert!(BodyPermit::acquire(BODY_BYTES + 1, &extensions).unwrap().is_some());
    }
}
