//! What one member has decided about others, and others about the member: whom to follow, block, mute.
use super::{MemberId, VisibilityFacts, Timestamp};
use std::sync::Arc;

/// Most members that one member may block, and as many may block one before it is looked at.
pub const BLOCKS_MAX: usize = 10_000;
/// Most members that one member may mute.
pub const MUTES_MAX: usize = 10_000;

/// A change between two members that leaves nothing to be refused but what its doc says. Ids order lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationChange {
    /// Also withdraws a request. Nothing where it is so already, also for unknown members.
    Unfollow,
    /// Makes who has asked a follower; nothing for one who is. Refuses `FollowRequestNotFound`.
    Accept(u64),
    /// Removes a request; nothing where there is none.
    Decline,
    /// Ends the other's follow; nothing where there is none.
    RemoveFollower,
    /// Ends follows and requests both ways; nothing where it is so already. Refuses `MemberNotFound`, `BlockLimit`.
    Block(u64),
    /// Nothing where there is no block.
    Unblock,
    /// Until then, or for good; replaces the end of an earlier mute. Refuses `MemberNotFound`, `MuteLimit`.
    Mute(u64, Option<Timestamp>),
    /// Nothing where there is no mute.
    Unmute,
}

/// One member's relations to others. Every list is in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relations {
    /// Whose relations these are.
    pub member: MemberId,
    /// Whose posts the home feed is made of: everybody that the member follows, those who have left included, and
    /// the member.
    pub watched: Arc<[MemberId]>,
    /// Whom the member blocks, and who blocks the member: it comes to the same for everything that is shown.
    pub blocked: Vec<MemberId>,
    /// Whom the member mutes, and until when; for good where no end is given.
    pub muted: Vec<(MemberId, Option<Timestamp>)>,
}

impl Relations {
    /// How the member and an author stand, as far as the member's relations say.
    pub fn to(&self, author: MemberId, now: Timestamp) -> VisibilityFacts {
        VisibilityFacts {
            own: author == self.member,
            follows: author != self.member && self.watched.binary_search(&author).is_ok(),
            blocked: self.blocked.binary_search(&author).is_ok(),
            muted: self.mutes(author, now),
            ..VisibilityFacts::default()
        }
    }

    /// Whether nobody is blocked or muted, so that nothing needs to be left out on their account.
    pub fn hides_nobody(&self) -> bool {
        self.blocked.is_empty() && self.muted.is_empty()
    }

    fn mutes(&self, author: MemberId, now: Timestamp) -> bool {
        let at = self.muted.binary_search_by_key(&author, |(muted, _)| *muted);
        at.is_ok_and(|at| self.muted[at].1.is_none_or(|until| now < until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mute_ends_when_its_time_is_over() {
        let relations = Relations {
            member: MemberId(1),
            watched: [MemberId(1), MemberId(2)].into(),
            blocked: vec![MemberId(3)],
            muted: vec![(MemberId(4), None), (MemberId(5), Some(Timestamp(100)))],
        };
        let muted = |author, now| relations.to(MemberId(author), Timestamp(now)).muted;
        assert!(muted(4, 1_000_000) && muted(5, 99) && !muted(5, 100) && !muted(2, 0));
        let to = |author| relations.to(MemberId(author), Timestamp(0));
        assert!(to(1).own && !to(1).follows && to(2).follows && to(3).blocked);
        assert!(!to(2).blocked && !to(3).follows && !relations.hides_nobody());
    }
}
