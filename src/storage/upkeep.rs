//! What is done to the whole store: pruning, audits, imports.
use super::{NewMember, StoreResult};
use crate::domain::{MemberId, Position, Post, PostId, Timestamp};
use async_trait::async_trait;

/// A counter that is not what its rows say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Such as `posts.like_count`.
    pub counter: &'static str,
    /// Rows whose counter is off.
    pub rows: u64,
}

/// One follow of an import.
#[derive(Debug, Clone, Copy)]
pub struct ImportedFollow {
    /// Orders the lists.
    pub id: u64,
    /// Who follows.
    pub follower: MemberId,
    /// Who is followed.
    pub followee: MemberId,
}

/// One like of an import.
#[derive(Debug, Clone, Copy)]
pub struct ImportedLike {
    /// Orders the list of likers, and says when.
    pub id: u64,
    /// Which post; there already, or in the same batch.
    pub post: PostId,
    /// Who wrote it.
    pub author: MemberId,
    /// Who likes it. A like that is there already is left out.
    pub member: MemberId,
}

/// A batch of what to store at once.
#[derive(Debug, Default)]
pub struct Import {
    /// New members.
    pub members: Vec<NewMember>,
    /// Follows between members that are there already or come in the same batch.
    pub follows: Vec<ImportedFollow>,
    /// Posts by members that are there already or come in the same batch; their counts must be 0.
    pub posts: Vec<Post>,
    /// Likes of posts by members who are here.
    pub likes: Vec<ImportedLike>,
}

/// What a round of pruning removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Pruned {
    pub events: u64,
    pub receipts: u64,
    pub sessions: u64,
    pub posts: u64,
    pub members: u64,
}

/// Work on the whole store.
#[async_trait]
pub trait UpkeepStore: Send + Sync + 'static {
    /// Removes, in steps small enough not to hold up writers: events older than `events_before` that are not after
    /// `readers_at` (the position of the slowest reader), receipts older than a day, sessions and revocations that
    /// have run out, posts and members that went more than `PURGE_DAYS` ago.
    async fn prune(&self, now: Timestamp, events_before: Timestamp, readers_at: Position) -> StoreResult<Pruned>;
    /// Recomputes every counter and says which are off; none is the only good answer.
    async fn audit(&self) -> StoreResult<Vec<Drift>>;
    /// Stores a batch with its events and counters in one commit.
    async fn import(&self, batch: Import) -> StoreResult<()>;
}

/// How long what was deleted can still be brought back.
pub const PURGE_DAYS: u64 = 30;
