//! Work on the whole store: pruning, audits, imports.
use super::{Committed, NewMember, StoreResult};
use crate::domain::{MemberId, Position, Post, PostId, Timestamp};
use async_trait::async_trait;

/// A counter that disagrees with the rows that it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Table and column, such as `posts.like_count`.
    pub counter: &'static str,
    /// Rows with a wrong counter.
    pub rows: u64,
}

/// One follow of an import.
#[derive(Debug, Clone, Copy)]
pub struct ImportedFollow {
    /// The sort key of the follow in both lists.
    pub id: u64,
    /// The member who follows.
    pub follower: MemberId,
    /// The member who is followed.
    pub followee: MemberId,
}

/// One like of an import.
#[derive(Debug, Clone, Copy)]
pub struct ImportedLike {
    /// The sort key in the list of likers; contains the time of the like.
    pub id: u64,
    /// A stored post, or one of the same batch.
    pub post: PostId,
    /// The author of the post.
    pub author: MemberId,
    /// The member who likes it. An existing like is skipped.
    pub member: MemberId,
}

/// A batch of rows to store in one commit.
#[derive(Debug, Default)]
pub struct Import {
    /// New members.
    pub members: Vec<NewMember>,
    /// Follows between stored members or members of the same batch.
    pub follows: Vec<ImportedFollow>,
    /// Posts of stored members or members of the same batch, with all counts 0.
    pub posts: Vec<Post>,
    /// Likes by active members.
    pub likes: Vec<ImportedLike>,
}

/// The number of rows that one run of pruning removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Pruned {
    pub events: u64,
    pub receipts: u64,
    pub sessions: u64,
    pub posts: u64,
    pub members: u64,
}

/// Maintains the whole store.
#[async_trait]
pub trait HousekeepingStore: Send + Sync + 'static {
    /// Removes, in steps short enough not to delay other commands: events older than `events_before` up to `readers_at`
    /// (the position of the slowest reader), receipts older than a day, expired sessions and revocations, and posts and
    /// members that were deleted or deactivated more than `PURGE_DAYS` ago.
    async fn prune(&self, now: Timestamp, events_before: Timestamp, readers_at: Position) -> StoreResult<Pruned>;
    /// Recomputes every counter and returns the counters that drifted; any drift is a bug.
    async fn audit(&self) -> StoreResult<Vec<Drift>>;
    /// Stores a batch with its events and counters in one commit.
    async fn import(&self, batch: Import) -> StoreResult<Committed<()>>;
    /// Returns the largest stored id, also of ended sessions that are revoked. The id generator starts above it.
    async fn largest_id(&self) -> StoreResult<u64>;
    /// Has a command panic in the writer.
    #[cfg(test)]
    async fn panic_in_a_command(&self) -> StoreResult<()>;
    /// Ends the writer, as a panic outside its commands would.
    #[cfg(test)]
    fn end_the_writer(&self);
}

/// Days after which deleted posts and deactivated members are purged.
pub const PURGE_DAYS: u64 = 30;
