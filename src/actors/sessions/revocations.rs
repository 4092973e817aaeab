//! `Revocations`: the sessions whose tokens are revoked, in memory. Each request checks its token here, without a read
//! from the store.
use crate::{
    domain::{MemberId, SessionId, Timestamp},
    storage::{NotBefore, StoredRevocations},
};
use rustc_hash::FxHashMap;
use std::sync::{PoisonError, RwLock};

/// Ended sessions, and members whose older sessions have all ended, until the last of their tokens expires. About 20
/// bytes for each session that ended within the lifetime of a token.
#[derive(Default)]
pub(super) struct Revocations(RwLock<Revoked>);

#[derive(Default)]
struct Revoked {
    sessions: FxHashMap<SessionId, Timestamp>,
    members: FxHashMap<MemberId, NotBefore>,
}

impl Revocations {
    /// Returns whether the tokens of the session are revoked.
    pub(super) fn contains(&self, member: MemberId, session: SessionId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(member, session)
    }

    /// Revokes the tokens of ended sessions; the last of the tokens expires at `tokens_until`.
    pub(super) fn add(&self, ended: &[SessionId], tokens_until: Timestamp) {
        let ended = ended.iter().map(|session| (*session, tokens_until));
        self.0.write().unwrap_or_else(PoisonError::into_inner).sessions.extend(ended);
    }

    /// Revokes the tokens of the member's older sessions. Of two calls the one with the later `before` counts: a
    /// member's commits are in order, and a read from the store can be older than the last of them.
    pub(super) fn add_member(&self, member: MemberId, not_before: NotBefore) {
        let mut revoked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = revoked.members.entry(member).or_insert(not_before);
        if known.before <= not_before.before {
            *known = not_before;
        }
        drop(revoked);
    }

    /// Revokes the tokens that are revoked in the store.
    pub(super) fn add_stored(&self, stored: StoredRevocations) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).sessions.extend(stored.sessions);
        for (member, not_before) in stored.members {
            self.add_member(member, not_before);
        }
    }

    /// Removes the entries whose tokens have all expired.
    pub(super) fn prune(&self, now: Timestamp) {
        let mut revoked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        revoked.sessions.retain(|_, until| *until > now);
        revoked.members.retain(|_, not_before| not_before.tokens_until > now);
    }
}

impl Revoked {
    fn contains(&self, member: MemberId, session: SessionId) -> bool {
        let is_older = |not_before: &NotBefore| session < not_before.before && not_before.keep != Some(session);
        self.sessions.contains_key(&session) || self.members.get(&member).is_some_and(is_older)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_before(before: u64, keep: Option<u64>) -> NotBefore {
        NotBefore { before: SessionId(before), keep: keep.map(SessionId), tokens_until: Timestamp(1_000) }
    }

    #[test]
    fn older_sessions_are_revoked_except_the_kept_one() {
        let revocations = Revocations::default();
        let revoked = |member, session| revocations.contains(MemberId(member), SessionId(session));
        revocations.add_member(MemberId(1), not_before(100, Some(50)));
        assert_eq!(
            [revoked(1, 49), revoked(1, 50), revoked(1, 99), revoked(1, 100), revoked(2, 49)].map(u8::from),
            [1, 0, 1, 0, 0]
        );
        revocations.add_member(MemberId(1), not_before(90, Some(49)));
        assert!(revoked(1, 49), "an older call has no effect");
        revocations.add(&[SessionId(50)], Timestamp(1_000));
        assert!(revoked(1, 50));
        revocations.add_member(MemberId(1), not_before(200, None));
        assert!(revoked(1, 100) && revoked(1, 199) && !revoked(1, 200));
        revocations.prune(Timestamp(999));
        assert!(revoked(1, 50));
        revocations.prune(Timestamp(1_000));
        assert!(!revoked(1, 50));
    }
}
