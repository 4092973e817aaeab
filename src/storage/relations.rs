//! Keeps who follows, blocks and mutes whom, and who has asked to follow.
use super::{Listed, StoreResult};
use crate::domain::{MemberCard, MemberId, Position, Privacy, Relation, RelationChange, Relations, Timestamp};
use async_trait::async_trait;

/// What became of the wish to follow somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// It is so now.
    Now(Position),
    /// It was so already.
    Already,
    /// The member approves followers, and has been asked: now, or before.
    Requested,
}

/// Follows, follow requests, blocks, mutes. Every list leaves out members who have left.
///
/// Both members' counters change in the commit of the row. `id` orders the lists.
#[async_trait]
pub trait RelationStore: Send + Sync + 'static {
    /// Refuses `MemberNotFound` (also where the followee blocks the follower), `FollowBlocked` (the other way),
    /// `FollowLimit`, `FollowRequestsFull`.
    async fn follow(&self, id: u64, follower: MemberId, followee: MemberId) -> StoreResult<Followed>;
    /// Carries out a change with everything that it ends, in one commit; `None` where it is so already.
    async fn change_relation(
        &self,
        change: RelationChange,
        member: MemberId,
        other: MemberId,
    ) -> StoreResult<Option<Position>>;

    /// Newest follow first, before that place.
    async fn followers(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// Newest follow first, before that place.
    async fn followings(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// Who has asked to follow the member; newest request first, before that place.
    async fn follow_requests(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// Whom the member blocks; newest block first, before that place.
    async fn blocks(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// Whom the member mutes at `now`; newest mute first, before that place.
    async fn mutes(
        &self,
        id: MemberId,
        now: Timestamp,
        before: u64,
        limit: usize,
    ) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// How the viewer and each of these stand, in the order asked.
    async fn relations(&self, viewer: MemberId, others: &[MemberId], now: Timestamp) -> StoreResult<Vec<Relation>>;
    /// How many of these members, those here alone, follow the member, and how many of them the member follows.
    async fn counted_among(&self, id: MemberId, members: &[MemberId]) -> StoreResult<[u64; 2]>;
    /// Whom the member follows, blocks and mutes, and who blocks the member; members who have left included.
    async fn relations_of(&self, id: MemberId) -> StoreResult<Relations>;
    /// Everybody whose posts are not for everybody.
    async fn non_public_authors(&self) -> StoreResult<Vec<(MemberId, Privacy)>>;
}
