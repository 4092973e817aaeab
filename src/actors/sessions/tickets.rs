//! `Tickets`: `EventSource` cannot set headers, so a ticket in the query opens one stream, and resumes it after a lost
//! connection.
use crate::{
    actors::error::Error,
    domain::{Identity, MemberId},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a new ticket is valid.
pub(super) const LIFETIME: Duration = Duration::from_secs(30);
/// How long a ticket resumes its stream after the stream was last open.
const RESUME_LIFETIME: Duration = Duration::from_secs(600);
/// Tickets of one member; one more evicts the member's oldest ticket without an open stream, or else the oldest. More
/// than the streams that a member can have by default.
const MEMBER_TICKETS_MAX: usize = 32;
/// Tickets of all members, about 200 bytes each; one more is `Busy`. It takes 3,000 members to reach this.
const TICKETS_MAX: usize = 100_000;
/// The shortest time between two searches for expired tickets while the tickets are full.
const PRUNE_EVERY: Duration = Duration::from_secs(1);

/// All tickets of this process. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Tickets(Arc<Mutex<Issued>>);

#[derive(Default)]
struct Issued {
    tickets: HashMap<u128, Ticket>,
    /// The tickets of each member, oldest first.
    by_member: HashMap<MemberId, VecDeque<u128>>,
    pruned: Option<Instant>,
}

struct Ticket {
    identity: Identity,
    /// When the ticket was issued, or its stream was last opened or closed.
    used_at: Instant,
    /// How often a stream was opened with the ticket.
    openings: u64,
    /// The stream of the last opening is still open.
    is_open: bool,
}

impl Ticket {
    fn is_valid(&self, now: Instant) -> bool {
        let lifetime = if self.openings == 0 { LIFETIME } else { RESUME_LIFETIME };
        self.is_open || now.duration_since(self.used_at) <= lifetime
    }
}

/// One stream that was opened with a ticket. The ticket is in use until this is dropped.
#[derive(Debug)]
pub struct TicketUse {
    tickets: Arc<Mutex<Issued>>,
    ticket: u128,
    opening: u64,
}

impl Tickets {
    /// Issues a ticket. Refuses `Busy`.
    pub(super) fn issue(&self, identity: Identity) -> Result<String, Error> {
        let (ticket, now) = (uuid::Uuid::new_v4(), Instant::now());
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        issued.make_room(identity.member, now);
        if issued.tickets.len() >= TICKETS_MAX {
            return Err(Error::Busy("tickets"));
        }
        issued.by_member.entry(identity.member).or_default().push_back(ticket.as_u128());
        issued.tickets.insert(ticket.as_u128(), Ticket { identity, used_at: now, openings: 0, is_open: false });
        drop(issued);
        Ok(ticket.simple().to_string())
    }

    /// Returns the identity of a valid ticket without using it.
    pub(super) fn identity(&self, ticket: &str) -> Option<Identity> {
        let (ticket, now) = (ticket.parse::<uuid::Uuid>().ok()?.as_u128(), Instant::now());
        let issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        issued.tickets.get(&ticket).filter(|known| known.is_valid(now)).map(|known| known.identity)
    }

    /// Uses a ticket to open its stream: once, and again to resume the stream (`resumes`). The stream of the opening
    /// before has lost its connection or ends soon. `None` for an unknown, expired or used ticket.
    pub(super) fn redeem(&self, ticket: &str, resumes: bool) -> Option<(Identity, TicketUse)> {
        let (ticket, now) = (ticket.parse::<uuid::Uuid>().ok()?.as_u128(), Instant::now());
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = issued.tickets.get_mut(&ticket)?;
        let is_used = known.openings > 0 && !resumes;
        if is_used || !known.is_valid(now) {
            return None;
        }
        known.openings += 1;
        known.used_at = now;
        known.is_open = true;
        let (identity, opening) = (known.identity, known.openings);
        drop(issued);
        Some((identity, TicketUse { tickets: self.0.clone(), ticket, opening }))
    }
}

impl TicketUse {
    /// Returns whether the ticket had opened a stream before this one.
    pub(super) fn is_resumption(&self) -> bool {
        self.opening > 1
    }

    /// Returns whether the ticket has opened no stream since this one.
    pub fn is_latest(&self) -> bool {
        let issued = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        issued.tickets.get(&self.ticket).is_none_or(|ticket| ticket.openings == self.opening)
    }
}

impl Drop for TicketUse {
    fn drop(&mut self) {
        let mut issued = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticket) = issued.tickets.get_mut(&self.ticket)
            && ticket.openings == self.opening
        {
            ticket.used_at = Instant::now();
            ticket.is_open = false;
        }
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("tickets", &self.tickets.len()).finish_non_exhaustive()
    }
}

impl Issued {
    /// Makes room for one more ticket of the member, without evicting those of other members.
    fn make_room(&mut self, member: MemberId, now: Instant) {
        if let Some(own) = self.by_member.get_mut(&member) {
            own.retain(|ticket| {
                let valid = self.tickets.get(ticket).is_some_and(|known| known.is_valid(now));
                if !valid {
                    self.tickets.remove(ticket);
                }
                valid
            });
            while own.len() >= MEMBER_TICKETS_MAX {
                let closed = own.iter().position(|ticket| self.tickets.get(ticket).is_none_or(|known| !known.is_open));
                if let Some(evicted) = own.remove(closed.unwrap_or(0)) {
                    self.tickets.remove(&evicted);
                }
            }
        }
        let due = self.pruned.is_none_or(|pruned| now.duration_since(pruned) >= PRUNE_EVERY);
        if self.tickets.len() >= TICKETS_MAX && due {
            self.prune(now);
        }
    }

    /// Removes expired tickets.
    fn prune(&mut self, now: Instant) {
        self.pruned = Some(now);
        self.tickets.retain(|_, ticket| ticket.is_valid(now));
        let tickets = &self.tickets;
        self.by_member.retain(|_, own| {
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
            ticket.used_at -= by;
        }
    }

    #[test]
    fn a_ticket_opens_one_stream_and_resumes_it() {
        let tickets = Tickets::default();
        let ticket = tickets.issue(identity(7)).unwrap();
        let (identity_of_first, first) = tickets.redeem(&ticket, false).unwrap();
        assert_eq!((identity_of_first.member, first.is_resumption()), (MemberId(7), false));
        assert!(tickets.redeem(&ticket, false).is_none(), "a second stream");
        let (_, second) = tickets.redeem(&ticket, true).unwrap();
        assert!(second.is_resumption() && second.is_latest() && !first.is_latest());
        drop(first);
        later(&tickets, RESUME_LIFETIME * 2);
        assert!(tickets.redeem(&ticket, true).is_some(), "its stream has been open until now");
        drop(second);
        later(&tickets, RESUME_LIFETIME / 2);
        assert!(tickets.redeem(&ticket, true).is_some());
        later(&tickets, RESUME_LIFETIME + Duration::from_secs(1));
        assert!(tickets.redeem(&ticket, true).is_none(), "not used for too long");
    }

    #[test]
    fn an_unused_ticket_expires() {
        let tickets = Tickets::default();
        let ticket = tickets.issue(identity(7)).unwrap();
        later(&tickets, LIFETIME + Duration::from_secs(1));
        assert!(tickets.redeem(&ticket, true).is_none());
        assert!(tickets.redeem("made-up", true).is_none());
    }

    #[test]
    fn a_member_with_many_tickets_evicts_its_own() {
        let tickets = Tickets::default();
        let others = tickets.issue(identity(1)).unwrap();
        let in_use = tickets.issue(identity(2)).unwrap();
        let stream = tickets.redeem(&in_use, false).unwrap();
        let many: Vec<String> = (0..10_000).map(|_| tickets.issue(identity(2)).unwrap()).collect();
        assert_eq!(tickets.0.lock().unwrap().tickets.len(), MEMBER_TICKETS_MAX + 1);
        assert!(tickets.redeem(&others, false).is_some());
        assert!(tickets.redeem(&many[0], false).is_none() && tickets.redeem(&many[9_999], false).is_some());
        drop(stream);
        assert!(tickets.redeem(&in_use, true).is_some(), "a stream that is open keeps its ticket");
    }

    #[test]
    fn full_tickets_refuse_more_until_some_expire() {
        let tickets = Tickets::default();
        let first = tickets.issue(identity(0)).unwrap();
        for number in 1..TICKETS_MAX as u64 {
            tickets.issue(identity(number)).unwrap();
        }
        assert!(matches!(tickets.issue(identity(u64::MAX)), Err(Error::Busy(_))));
        assert!(tickets.redeem(&first, false).is_some(), "no ticket was evicted");
        later(&tickets, RESUME_LIFETIME * 2);
        tickets.0.lock().unwrap().pruned = None;
        assert!(tickets.issue(identity(u64::MAX)).is_ok());
        assert_eq!(tickets.0.lock().unwrap().by_member.len(), 1);
    }
}
