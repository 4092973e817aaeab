//! Tickets: let `EventSource`, which cannot set headers, open one stream.
use crate::domain::Identity;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a ticket is good for.
pub(super) const LIFETIME: Duration = Duration::from_secs(30);
/// Tickets that may be out; past that the oldest is void.
const OUT_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Tickets {
    out: Mutex<Out>,
}

#[derive(Default)]
struct Out {
    identities: HashMap<String, (Identity, Instant)>,
    in_order: VecDeque<(String, Instant)>,
}

impl Tickets {
    /// A new ticket, good once.
    pub(super) fn issue(&self, identity: Identity) -> String {
        let ticket = uuid::Uuid::new_v4().simple().to_string();
        let now = Instant::now();
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, since)) = out.in_order.front()
            && (out.in_order.len() >= OUT_MAX || since.elapsed() > LIFETIME)
        {
            let oldest = out.in_order.pop_front();
            if let Some((ticket, _)) = oldest {
                out.identities.remove(&ticket);
            }
        }
        out.identities.insert(ticket.clone(), (identity, now));
        out.in_order.push_back((ticket.clone(), now));
        ticket
    }

    /// Whose it is, without using it up.
    pub(super) fn holder(&self, ticket: &str) -> Option<Identity> {
        let out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.identities.get(ticket).filter(|(_, since)| since.elapsed() <= LIFETIME).map(|(identity, _)| *identity)
    }

    /// Whose it is, the first time.
    pub(super) fn redeem(&self, ticket: &str) -> Option<Identity> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let (identity, since) = out.identities.remove(ticket)?;
        (since.elapsed() <= LIFETIME).then_some(identity)
    }
}
