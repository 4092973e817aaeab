//! Places for large bodies, so that what waits in memory to be read in full is bounded.
use super::{Caller, body::BODY_BYTES};
use crate::{domain::MemberId, http::problem::Problem};
use axum::http::Extensions;
use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Bodies above [`BODY_BYTES`] that are read at once by this process: 64 MiB at most. A further one is answered 503.
const PLACES: usize = 64;
/// Of one member, or of one address without a member. A further one is answered 429.
const PLACES_EACH: usize = 4;

/// Who sends a large body now.
static HELD: Mutex<Vec<Whose>> = Mutex::new(Vec::new());

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Member(MemberId),
    Address(IpAddr),
    Unknown,
}

/// Held while a large body is read.
pub(super) struct Place(Whose);

impl Place {
    /// Takes one for whoever asks, where so many bytes need one.
    pub(super) fn take(bytes: usize, extensions: &Extensions) -> Result<Option<Self>, Problem> {
        if bytes <= BODY_BYTES {
            return Ok(None);
        }
        let whose = extensions.get::<Caller>().map_or(Whose::Unknown, |caller| match &caller.identity {
            Ok(identity) => Whose::Member(identity.member),
            Err(_) => Whose::Address(caller.address),
        });
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if held.iter().filter(|held| **held == whose).count() >= PLACES_EACH {
            return Err(Problem::too_many(Duration::from_secs(1)));
        }
        if held.len() >= PLACES {
            return Err(Problem::unavailable());
        }
        held.push(whose);
        drop(held);
        Ok(Some(Self(whose)))
    }
}

impl Drop for Place {
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
    fn nobody_holds_every_place() {
        let mut extensions = Extensions::new();
        let address = IpAddr::from([192, 0, 2, 77]);
        let identity = Err(crate::http::extract::NoIdentity::NoToken);
        extensions.insert(Caller { address, identity });
        assert!(Place::take(BODY_BYTES, &extensions).unwrap().is_none());
        let held: Vec<_> = (0..PLACES_EACH).map(|_| Place::take(BODY_BYTES + 1, &extensions).unwrap()).collect();
        assert!(held.iter().all(Option::is_some));
        assert_eq!(Place::take(BODY_BYTES + 1, &extensions).err().unwrap().code(), "TOO_MANY_REQUESTS");
        drop(held);
        assert!(Place::take(BODY_BYTES + 1, &extensions).unwrap().is_some());
    }
}
