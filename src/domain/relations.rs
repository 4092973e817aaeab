//! Relations between two members: follows, follow requests, blocks and mutes, and the changes of them.
use super::{MemberId, Timestamp, VisibilityFacts};
use std::sync::Arc;

/// Maximum number of members that one member may block. The number of members who block one member is not limited.
pub const BLOCKS_MAX: usize = 10_000;
/// Maximum number of members that one member may mute.
pub const MUTES_MAX: usize = 10_000;

/// A change of the relations between two members. A change that is already in effect does nothing. Each variant names
/// all its refusals. An `id` is the sort key of the new relation in lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are described at the enum and the variants")]
pub enum RelationChange {
    /// Ends the member's follow, or withdraws the request. Does nothing for unknown members.
    Unfollow,
    /// Accepts a request: the requester becomes a follower. Does nothing for a follower. Refuses
    /// `FollowRequestNotFound`.
    Accept { id: u64 },
    /// Declines a request.
    Decline,
    /// Ends the follow of the other member.
    RemoveFollower,
    /// Blocks, and ends follows and requests both ways. Refuses `MemberNotFound`, `BlockLimit`.
    Block { id: u64 },
    /// Ends a block.
    Unblock,
    /// Mutes until `until`, or without end; replaces the end of an earlier mute. Refuses `MemberNotFound`,
    /// `MuteLimit`.
    Mute { id: u64, until: Option<Timestamp> },
    /// Ends a mute.
    Unmute,
}

/// One member's relations to others. Every list is in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relations {
    /// The member whose relations these are.
    pub member: MemberId,
    /// Authors of the member's home feed: every followed member, including deactivated ones, and the member.
    pub home_authors: Arc<[MemberId]>,
    /// Members whom the member blocks or who block the member: the visibility rule treats both alike.
    pub blocked: Vec<MemberId>,
    /// Members whom the member mutes, with the end of the mute; `None` is a mute without end.
    pub muted: Vec<(MemberId, Option<Timestamp>)>,
}

impl Relations {
    /// Returns the facts about an author that follow from the member's relations. Leaves the author's decisions at
    /// their defaults.
    pub fn facts_about(&self, author: MemberId, now: Timestamp) -> VisibilityFacts {
        VisibilityFacts {
            own: author == self.member,
            follows: author != self.member && self.home_authors.binary_search(&author).is_ok(),
            blocked: self.blocked.binary_search(&author).is_ok(),
            muted: self.mutes(author, now),
            ..VisibilityFacts::default()
        }
    }

    /// Returns whether nobody is blocked or muted, so that the relations hide nothing.
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
    fn relations_give_the_facts_about_an_author_and_a_mute_ends_at_its_time() {
        let relations = Relations {
            member: MemberId(1),
            home_authors: [MemberId(1), MemberId(2)].into(),
            blocked: vec![MemberId(3)],
            muted: vec![(MemberId(4), None), (MemberId(5), Some(Timestamp(100)))],
        };
        let muted = |author, now| relations.facts_about(MemberId(author), Timestamp(now)).muted;
        assert!(muted(4, 1_000_000) && muted(5, 99) && !muted(5, 100) && !muted(2, 0));
        let about = |author| relations.facts_about(MemberId(author), Timestamp(0));
        assert!(about(1).own && !about(1).follows && about(2).follows && about(3).blocked);
        assert!(!about(2).blocked && !about(3).follows && !relations.hides_nobody());
    }
}
