//! Tickets: let `EventSource`, which cannot set headers, open one stream and open it again when the line breaks.
use crate::{
    actors::Error,
    domain::{Identity, MemberId},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a ticket is good for before it is used.
pub(super) const LIFETIME: Duration = Duration::from_secs(30);
/// How long after its stream was last open a ticket resumes it.
const RESUMES_FOR: Duration = Duration::from_secs(600);
/// Tickets of one member that may be out; one more voids the member's own oldest whose stream is not open, or else the
/// oldest. More than a member may have streams, by default.
const OF_MEMBER_MAX: usize = 32;
/// Tickets of all, some 200 bytes each; one more is `Busy`. It takes 3,000 members to come so far.
const OUT_MAX: usize = 100_000;
/// How often all are looked through for what has run out, where the house is full.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
pub(super) struct Tickets(Arc<Mutex<Out>>);

#[derive(Default)]
struct Out {
    tickets: HashMap<u128, Ticket>,
    /// Each member's, oldest first.
    of: HashMap<MemberId, VecDeque<u128>>,
    swept: Option<Instant>,
}

struct Ticket {
    identity: Identity,
    /// When it was made, or last of use.
    at: Instant,
    /// How often a stream was opened with it.
    openings: u64,
    /// The stream of the last opening is still there.
    open: bool,
}

impl Ticket {
    fn is_good(&self, now: Instant) -> bool {
        let lasts = if self.openings == 0 { LIFETIME } else { RESUMES_FOR };
        self.open || now.duration_since(self.at) <= lasts
    }
}

/// A stream that was opened with a ticket. For as long as it is there, the ticket is in use.
#[derive(Debug)]
pub struct TicketUse {
    tickets: Arc<Mutex<Out>>,
    ticket: u128,
    opening: u64,
}

impl Tickets {
    /// A new ticket.
    pub(super) fn issue(&self, identity: Identity) -> Result<String, Error> {
        let (ticket, now) = (uuid::Uuid::new_v4(), Instant::now());
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.make_room(identity.member, now);
        if out.tickets.len() >= OUT_MAX {
            return Err(Error::Busy("tickets"));
        }
        out.of.entry(identity.member).or_default().push_back(ticket.as_u128());
        out.tickets.insert(ticket.as_u128(), Ticket { identity, at: now, openings: 0, open: false });
        drop(out);
        Ok(ticket.simple().to_string())
    }

    /// Whose it is, without using it up.
    pub(super) fn holder(&self, ticket: &str) -> Option<Identity> {
        let (ticket, now) = (ticket.parse::<uuid::Uuid>().ok()?.as_u128(), Instant::now());
        let out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.tickets.get(&ticket).filter(|known| known.is_good(now)).map(|known| known.identity)
    }

    /// Whose it is: the first time, and again for a stream that resumes. The stream that it had opened before has lost
    /// its line, or ends soon.
    pub(super) fn redeem(&self, ticket: &str, resumes: bool) -> Option<(Identity, TicketUse)> {
        let (ticket, now) = (ticket.parse::<uuid::Uuid>().ok()?.as_u128(), Instant::now());
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = out.tickets.get_mut(&ticket)?;
        if !known.is_good(now) || known.openings > 0 && !resumes {
            return None;
        }
        known.openings += 1;
        (known.at, known.open) = (now, true);
        let (identity, opening) = (known.identity, known.openings);
        drop(out);
        Some((identity, TicketUse { tickets: self.0.clone(), ticket, opening }))
    }
}

impl TicketUse {
    /// Not the first stream of its ticket.
    pub(super) fn is_resumption(&self) -> bool {
        self.opening > 1
    }

    /// No stream was opened with the ticket since.
    pub fn is_latest(&self) -> bool {
        let out = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        out.tickets.get(&self.ticket).is_none_or(|ticket| ticket.openings == self.opening)
    }
}

impl Drop for TicketUse {
    fn drop(&mut self) {
        let mut out = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticket) = out.tickets.get_mut(&self.ticket)
            && ticket.openings == self.opening
        {
            (ticket.at, ticket.open) = (Instant::now(), false);
        }
    }
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out").field("tickets", &self.tickets.len()).finish_non_exhaustive()
    }
}

impl Out {
    /// Room for one more of the member's, at the cost of nobody else's.
    fn make_room(&mut self, member: MemberId, now: Instant) {
        if let Some(own) = self.of.get_mut(&member) {
            own.retain(|ticket| {
                let good = self.tickets.get(ticket).is_some_and(|known| known.is_good(now));
                if !good {
                    self.tickets.remove(ticket);
                }
                good
            });
            while own.len() >= OF_MEMBER_MAX {
                let unused = own.iter().position(|ticket| self.tickets.get(ticket).is_none_or(|known| !known.open));
                let oldest = own.remove(unused.unwrap_or(0));
                oldest.map(|ticket| self.tickets.remove(&ticket));
            }
        }
        let due = self.swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP_EVERY);
        if self.tickets.len() >= OUT_MAX && due {
            self.sweep(now);
        }
    }

    /// Drops what has run out.
    fn sweep(&mut self, now: Instant) {
        self.swept = Some(now);
        self.tickets.retain(|_, ticket| ticket.is_good(now));
        let tickets = &self.tickets;
        self.of.retain(|_, own| {
            own.retain(|ticket| tickets.contains_key(ticket));
            !own.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{SessionId, Timestamp};

    fn identity(member: u64) -> Identity {
        Identity { member: MemberId(member), session: SessionId(1), expires_at: Timestamp(0) }
    }

    fn later(tickets: &Tickets, by: Duration) {
        for ticket in tickets.0.lock().unwrap().tickets.values_mut() {
            ticket.at -= by;
        }
    }

    #[test]
    fn a_ticket_opens_one_stream_and_what_resumes_it() {
        let tickets = Tickets::default();
        let ticket = tickets.issue(identity(7)).unwrap();
        let (whose, first) = tickets.redeem(&ticket, false).unwrap();
        assert_eq!((whose.member, first.is_resumption()), (MemberId(7), false));
        assert!(tickets.redeem(&ticket, false).is_none(), "a second stream");
        let (_, second) = tickets.redeem(&ticket, true).unwrap();
        assert!(second.is_resumption() && second.is_latest() && !first.is_latest());
        drop(first);
        later(&tickets, RESUMES_FOR * 2);
        assert!(tickets.redeem(&ticket, true).is_some(), "its stream was open until now");
        drop(second);
        later(&tickets, RESUMES_FOR / 2);
        assert!(tickets.redeem(&ticket, true).is_some());
        later(&tickets, RESUMES_FOR + Duration::from_secs(1));
        assert!(tickets.redeem(&ticket, true).is_none(), "out of use for too long");
    }

    #[test]
    fn a_ticket_that_is_not_used_runs_out() {
        let tickets = Tickets::default();
        let ticket = tickets.issue(identity(7)).unwrap();
        later(&tickets, LIFETIME + Duration::from_secs(1));
        assert!(tickets.redeem(&ticket, true).is_none());
        assert!(tickets.redeem("made-up", true).is_none());
    }

    #[test]
    fn who_takes_many_voids_their_own() {
        let tickets = Tickets::default();
        let others = tickets.issue(identity(1)).unwrap();
        let in_use = tickets.issue(identity(2)).unwrap();
        let stream = tickets.redeem(&in_use, false).unwrap();
        let many: Vec<String> = (0..10_000).map(|_| tickets.issue(identity(2)).unwrap()).collect();
        assert_eq!(tickets.0.lock().unwrap().tickets.len(), OF_MEMBER_MAX + 1);
        assert!(tickets.redeem(&others, false).is_some());
        assert!(tickets.redeem(&many[0], false).is_none() && tickets.redeem(&many[9_999], false).is_some());
        drop(stream);
        assert!(tickets.redeem(&in_use, true).is_some(), "a stream that is open keeps its ticket");
    }

    #[test]
    fn a_full_house_is_closed_and_opens_when_something_has_run_out() {
        let tickets = Tickets::default();
        let first = tickets.issue(identity(0)).unwrap();
        for number in 1..OUT_MAX as u64 {
            tickets.issue(identity(number)).unwrap();
        }
        assert!(matches!(tickets.issue(identity(u64::MAX)), Err(Error::Busy(_))));
        assert!(tickets.redeem(&first, false).is_some(), "nobody's was voided");
        later(&tickets, RESUMES_FOR * 2);
        tickets.0.lock().unwrap().swept = None;
        assert!(tickets.issue(identity(u64::MAX)).is_ok());
        assert_eq!(tickets.0.lock().unwrap().of.len(), 1);
    }
}
