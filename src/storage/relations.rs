//! The store of relations: follows, follow requests, blocks and mutes.
use super::{Committed, CountBy, Listed, StoreResult};
use crate::domain::{Deadline, MemberCard, MemberId, Relation, RelationChange, Relations, Timestamp};
use async_trait::async_trait;

/// The outcome of a `follow` command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// The follow was stored.
    Now,
    /// The follow existed before.
    Already,
    /// The followee approves followers; the request was stored now or before.
    Requested,
}

/// Stores the relations between two members. The counters of both change in the commit of the row.
///
/// Every list is ordered by the `id` of its rows, newest first, and continues below the key `before`. It excludes
/// deactivated members.
#[async_trait]
pub trait RelationStore: Send + Sync + 'static {
    /// Stores a follow, or a follow request if the followee approves followers. Refuses `MemberNotFound`, also if the
    /// followee blocks the follower; `FollowBlocked` if the follower blocks the followee; `FollowLimit`,
    /// `FollowRequestsFull`. `id` is the sort key of the follow or request.
    async fn follow(&self, id: u64, follower: MemberId, followee: MemberId) -> StoreResult<Committed<Followed>>;
    /// Stores a change together with every relation that it ends, in one commit. Returns whether anything
    /// changed. Refuses `MemberNotFound`, `FollowRequestNotFound`, `BlockLimit`, `MuteLimit`.
    async fn change_relation(
        &self,
        change: RelationChange,
        member: MemberId,
        other: MemberId,
    ) -> StoreResult<Committed<bool>>;

    /// Returns a page of the members who follow the member.
    async fn followers(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// Returns a page of the members whom the member follows.
    async fn followings(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// Returns a page of the members whose follow request to the member is pending.
    async fn follow_requests(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// Returns a page of the members whom the member blocks.
    async fn blocks(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// Returns a page of the members whom the member mutes at `now`.
    async fn mutes(
        &self,
        id: MemberId,
        now: Timestamp,
        before: u64,
        limit: usize,
    ) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// Returns the relation between the viewer and each of `others`, in their order.
    async fn relations(&self, viewer: MemberId, others: &[MemberId], now: Timestamp) -> StoreResult<Vec<Relation>>;
    /// Returns how many of `members`, in ascending order, the two counters of the member count: its followers, and those
    /// it follows. `Acts` reads every follow of the member and is for a member with few. Errors: `Late` if a deadline is
    /// given and passes first.
    async fn follow_counts_by(
        &self,
        id: MemberId,
        members: &[MemberId],
        how: CountBy,
        until: Option<&Deadline>,
    ) -> StoreResult<[u64; 2]>;
    /// Returns the members whom the member follows, blocks and mutes, and those who block the member. Includes
    /// deactivated members and mutes that have ended.
    async fn relations_of(&self, id: MemberId) -> StoreResult<Relations>;
}
