//! Work on the whole store: pruning, audits, imports.
use super::{Committed, NewMember, StoreResult};
use crate::domain::{MemberId, Position, Post, PostId, Timestamp};
use async_trait::async_trait;

/// A counter that disagrees with the rows that it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Table and column, such as `posts.like_count`, or `post_likes.counted` for the flag of a counted row.
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

/// A kind of rows that are removed when they are old enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prunable {
    /// Events older than [`PruneBounds::events_before`] that every reader has applied.
    Events,
    /// Receipts older than a day.
    Receipts,
    /// Expired sessions.
    Sessions,
    /// Revocations of tokens that have expired.
    Revocations,
    /// Posts that were deleted more than [`PURGE_DAYS`] ago, or whose author was deactivated before that.
    Posts,
    /// Members who were deactivated more than [`PURGE_DAYS`] ago, with their posts.
    Members,
}

impl Prunable {
    /// Every kind, in the order of a round.
    pub const ALL: [Self; 6] =
        [Self::Events, Self::Receipts, Self::Sessions, Self::Revocations, Self::Posts, Self::Members];

    /// Returns the name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Receipts => "receipts",
            Self::Sessions => "sessions",
            Self::Revocations => "revocations",
            Self::Posts => "posts",
            Self::Members => "members",
        }
    }
}

/// The bounds of the rows that are old enough to be removed.
#[derive(Debug, Clone, Copy)]
pub struct PruneBounds {
    /// The time of the round.
    pub now: Timestamp,
    /// Younger events stay.
    pub events_before: Timestamp,
    /// The position of the slowest reader. Later events stay.
    pub readers_at: Position,
}

/// Maintains the whole store.
#[async_trait]
pub trait HousekeepingStore: Send + Sync + 'static {
    /// Removes the rows of one kind that are old enough, in steps short enough not to delay other commands. Returns the
    /// number of removed rows.
    async fn prune_rows(&self, kind: Prunable, bounds: PruneBounds) -> StoreResult<u64>;
    /// Reserves disk space for the next start, if the disk has any.
    fn keep_reserve(&self);
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

/// The number of rows that [`HousekeepingStore::prune`] removed.
#[cfg(test)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pruned {
    pub(crate) events: u64,
    pub(crate) receipts: u64,
    pub(crate) sessions: u64,
    pub(crate) posts: u64,
    pub(crate) members: u64,
}

#[cfg(test)]
impl dyn HousekeepingStore {
    /// Prunes rows of every kind, for tests.
    pub(crate) async fn prune(
        &self,
        now: Timestamp,
        events_before: Timestamp,
        readers_at: Position,
    ) -> StoreResult<Pruned> {
        let bounds = PruneBounds { now, events_before, readers_at };
        let mut pruned = Pruned::default();
        for kind in Prunable::ALL {
            let rows = self.prune_rows(kind, bounds).await?;
            match kind {
                Prunable::Events => pruned.events = rows,
                Prunable::Receipts => pruned.receipts = rows,
                Prunable::Sessions => pruned.sessions = rows,
                Prunable::Revocations => {}
                Prunable::Posts => pruned.posts = rows,
                Prunable::Members => pruned.members = rows,
            }
        }
        Ok(pruned)
    }
}
