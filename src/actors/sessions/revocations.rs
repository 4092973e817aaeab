//! Which tokens are void, in memory: every request asks, so the answer asks nobody.
use crate::{
    domain::{MemberId, SessionId, Timestamp},
    storage::NotBefore,
};
use rustc_hash::FxHashMap;
use std::sync::{PoisonError, RwLock};

/// Ended sessions, and members whose older tokens are void, until the last of those tokens has run out: as many as were
/// ended within the life of a token, some 20 bytes each.
#[derive(Default)]
pub(super) struct Revocations(RwLock<Void>);

#[derive(Default)]
struct Void {
    sessions: FxHashMap<SessionId, Timestamp>,
    members: FxHashMap<MemberId, NotBefore>,
}

impl Revocations {
    /// Whether the tokens of this session are void.
    pub(super) fn cover(&self, member: MemberId, session: SessionId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).cover(member, session)
    }

    /// These sessions have ended.
    pub(super) fn add(&self, ended: &[SessionId], tokens_until: Timestamp) {
        let ended = ended.iter().map(|session| (*session, tokens_until));
        self.0.write().unwrap_or_else(PoisonError::into_inner).sessions.extend(ended);
    }

    /// What the member had before is void. The later of two counts: a member's commits are in order, and what is read
    /// from the store may be a step behind.
    pub(super) fn add_member(&self, member: MemberId, not_before: NotBefore) {
        let mut void = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = void.members.entry(member).or_insert(not_before);
        if known.before <= not_before.before {
            *known = not_before;
        }
        drop(void);
    }

    /// Forgets what is void without being remembered.
    pub(super) fn sweep(&self, now: Timestamp) {
        let mut void = self.0.write().unwrap_or_else(PoisonError::into_inner);
        void.sessions.retain(|_, until| *until > now);
        void.members.retain(|_, not_before| not_before.tokens_until > now);
    }
}

impl Void {
    fn cover(&self, member: MemberId, session: SessionId) -> bool {
        let older = |not_before: &NotBefore| session < not_before.before && not_before.keep != Some(session);
        self.sessions.contains_key(&session) || self.members.get(&member).is_some_and(older)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_before(before: u64, keep: Option<u64>) -> NotBefore {
        NotBefore { before: SessionId(before), keep: keep.map(SessionId), tokens_until: Timestamp(1_000) }
    }

    #[test]
    fn what_is_older_is_void_but_for_the_one_that_is_kept() {
        let void = Revocations::default();
        let covers = |member, session| void.cover(MemberId(member), SessionId(session));
        void.add_member(MemberId(1), not_before(100, Some(50)));
        assert_eq!(
            [covers(1, 49), covers(1, 50), covers(1, 99), covers(1, 100), covers(2, 49)].map(u8::from),
            [1, 0, 1, 0, 0]
        );
        void.add_member(MemberId(1), not_before(90, Some(49)));
        assert!(covers(1, 49), "an older word does not count");
        void.add(&[SessionId(50)], Timestamp(1_000));
        assert!(covers(1, 50));
        void.add_member(MemberId(1), not_before(200, None));
        assert!(covers(1, 100) && covers(1, 199) && !covers(1, 200));
        void.sweep(Timestamp(999));
        assert!(covers(1, 50));
        void.sweep(Timestamp(1_000));
        assert!(!covers(1, 50));
    }
}
