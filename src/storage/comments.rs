//! The store of comments: commands that change them, and reads by id, post, parent and author.
use super::StoreResult;
use crate::domain::{Comment, CommentId, CommentText, MemberId, Outcome, Position, PostId, Receipt, Timestamp};
use async_trait::async_trait;

/// The part of one comment's counts that some members contribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockedCounts {
    /// The comment that is counted.
    pub comment: CommentId,
    /// Likes by these members.
    pub likes: u64,
    /// Visible direct replies by these members.
    pub replies: u64,
    /// Visible comments by these members on any level below.
    pub below: u64,
}

/// Selects and orders the comments of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentOrder {
    /// Top-level comments of a post with ids above the given one, oldest first.
    OfPost(PostId, CommentId),
    /// Direct replies to a comment with ids above the given one, oldest first.
    RepliesTo(CommentId, CommentId),
    /// Comments of a member with ids below the given one, newest first. Excludes tombstones and comments on hidden
    /// posts.
    OfMember(MemberId, CommentId),
}

/// Stores comments. Their counters and those of their post change in the commit of the row that causes the change.
///
/// A deleted comment, or one of a deactivated author, is a tombstone while a visible reply is below it, and hidden
/// otherwise. Unless a read says otherwise, it excludes comments on deleted posts and on posts of deactivated authors.
#[async_trait]
pub trait CommentStore: Send + Sync + 'static {
    /// Stores a comment with its receipt and its event in one commit. A repeated receipt returns the stored answer.
    /// Refuses `IdempotencyKeyReused`, `PostNotFound`, `ParentNotFound`, `ParentOnAnotherPost`.
    async fn create_comment(&self, comment: Comment, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>>;
    /// Replaces the text of a comment and returns the comment as stored. An edit without a change emits no event.
    /// Refuses `CommentNotFound`, `CommentUpdateForbidden`, and `PreconditionFailed` where the stored comment no longer
    /// equals `over`.
    async fn edit_comment(
        &self,
        author: MemberId,
        id: CommentId,
        text: CommentText,
        mentions: Vec<MemberId>,
        over: Option<Comment>,
        at: Timestamp,
    ) -> StoreResult<Comment>;
    /// Removes the text of a comment and marks it as deleted at `at`. Refuses `CommentNotFound`,
    /// `CommentDeleteForbidden`.
    async fn delete_comment(&self, author: MemberId, id: CommentId, at: Timestamp) -> StoreResult<()>;

    /// Returns one comment or its tombstone.
    async fn comment_by_id(&self, id: CommentId) -> StoreResult<Option<Comment>>;
    /// Returns the comments and tombstones among `ids`, unordered. At most 1,000 ids.
    async fn comments_by_id(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>>;
    /// Returns the comments among `ids`, unordered. Excludes tombstones and comments on deleted posts; includes
    /// comments on posts of deactivated authors. At most 1,000 ids.
    async fn existing_comments(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>>;
    /// Returns the comments that `existing_comments` would return with ids above `after`, in ascending order.
    async fn comments_from(&self, after: CommentId, limit: usize) -> StoreResult<Vec<Comment>>;
    /// Returns a page of a list, tombstones included.
    async fn comments(&self, order: CommentOrder, limit: usize) -> StoreResult<Vec<Comment>>;
    /// Returns the first `each` replies to each of these comments, oldest first, tombstones included.
    async fn first_replies(&self, parents: &[CommentId], each: usize) -> StoreResult<Vec<Comment>>;
    /// Returns what these members contribute to the counts of each comment. Excludes comments to which they contribute
    /// nothing.
    async fn comment_counts_by(&self, ids: &[CommentId], members: &[MemberId]) -> StoreResult<Vec<BlockedCounts>>;
}
