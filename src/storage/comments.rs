//! The store of comments: commands that change them, and reads by id, post, parent and author.
use super::{Committed, StoreResult};
use crate::domain::{
    Comment, CommentId, CommentText, Deadline, MemberId, Outcome, PostAudience, PostFacts, PostId, Receipt, Timestamp,
};
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

/// How a store counts what some members did. The result is the same; the cost is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountBy {
    /// Reads everything that was done and keeps what these members did.
    Acts,
    /// Seeks what each of these members did.
    Members,
}

/// The facts of one comment that decide whether and how a notification of it is shown, without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommentFacts {
    /// The comment.
    pub comment: CommentId,
    /// It has a parent.
    pub is_reply: bool,
}

/// One entry of the list of a member's comments before it is hydrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommentRef {
    /// Orders the list: newer comments have larger ids.
    pub comment: CommentId,
    /// The facts that decide whether the post of the comment is visible to the viewer.
    pub post: PostFacts,
}

/// The facts of a commented post that never change and decide who sees the comments on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommentedPost {
    /// The post.
    pub post: PostId,
    /// Its author.
    pub author: MemberId,
    /// The members whom it is for.
    pub audience: PostAudience,
}

/// Selects and orders the comments of a post's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are described at the variants")]
pub enum CommentRange {
    /// Top-level comments of a post with ids above `after`, oldest first.
    OfPost { post: PostId, after: CommentId },
    /// Direct replies to a comment with ids above `after`, oldest first.
    RepliesTo { parent: CommentId, after: CommentId },
}

/// Stores comments. Their counters and those of their post change in the commit of the row that causes the change.
///
/// A deleted comment, or one of a deactivated author, is a tombstone while a visible reply is below it, and hidden
/// otherwise. Unless a read says otherwise, it excludes comments on deleted posts and on posts of deactivated authors.
#[async_trait]
pub trait CommentStore: Send + Sync + 'static {
    /// Stores a comment with its receipt and its event in one commit. A repeated receipt returns the stored answer.
    /// Refuses `IdempotencyKeyReused`, `PostNotFound`, `ParentNotFound`, `ParentOnAnotherPost`.
    async fn create_comment(&self, comment: Comment, receipt: Option<Receipt>) -> StoreResult<Committed<Outcome>>;
    /// Replaces the text of a comment and returns the comment as stored. An edit without a change emits no event.
    /// Refuses `CommentNotFound`, `CommentUpdateForbidden`, and `PreconditionFailed` if the stored comment no longer
    /// equals `expected`.
    async fn edit_comment(
        &self,
        author: MemberId,
        id: CommentId,
        text: CommentText,
        mentions: Vec<MemberId>,
        expected: Option<Comment>,
        at: Timestamp,
    ) -> StoreResult<Committed<Comment>>;
    /// Removes the text of a comment and marks it as deleted at `at`. Refuses `CommentNotFound`,
    /// `CommentDeleteForbidden`.
    async fn delete_comment(&self, author: MemberId, id: CommentId, at: Timestamp) -> StoreResult<Committed<()>>;

    /// Returns one comment or its tombstone.
    async fn comment_by_id(&self, id: CommentId) -> StoreResult<Option<Comment>>;
    /// Returns the comments and tombstones among `ids`, unordered. At most 1,000 ids.
    async fn comments_by_id(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>>;
    /// Returns the comments among `ids`, unordered. Excludes tombstones and comments on deleted posts; includes
    /// comments on posts of deactivated authors. At most 1,000 ids.
    async fn existing_comments(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>>;
    /// Returns the comments that `existing_comments` would return with ids above `after`, in ascending order.
    async fn comments_from(&self, after: CommentId, limit: usize) -> StoreResult<Vec<Comment>>;
    /// Returns the comments of a member that `existing_comments` would return with ids below `before`, newest first.
    async fn existing_comments_by(
        &self,
        author: MemberId,
        before: CommentId,
        limit: usize,
    ) -> StoreResult<Vec<Comment>>;
    /// Returns the comments of a member with ids below `before`, newest first. Excludes tombstones. Includes comments
    /// on posts that are hidden from the viewer: the caller applies the visibility rule.
    async fn comments_by(
        &self,
        viewer: MemberId,
        author: MemberId,
        before: CommentId,
        limit: usize,
    ) -> StoreResult<Vec<CommentRef>>;
    /// Returns the facts of the posts among `ids`, unordered. Includes deleted posts and posts of deactivated authors.
    /// At most 1,000 ids.
    async fn commented_posts(&self, ids: &[PostId]) -> StoreResult<Vec<CommentedPost>>;
    /// Returns a page of a list, including tombstones. The caller checks the post.
    async fn comments(&self, range: CommentRange, limit: usize) -> StoreResult<Vec<Comment>>;
    /// Returns the first `each` replies to each of these comments, oldest first, including tombstones. The caller
    /// checks the post.
    async fn first_replies(&self, parents: &[CommentId], each: usize) -> StoreResult<Vec<Comment>>;
    /// Returns the facts of the comments among `ids` that are neither deleted nor by a deactivated author, unordered.
    /// Does not check their posts. At most 10,000 ids. Errors: `Late` if a deadline is given and passes first.
    async fn comment_facts(&self, ids: &[CommentId], until: Option<&Deadline>) -> StoreResult<Vec<CommentFacts>>;
    /// Returns the part of each comment's counts that these members, in ascending order, contribute. Excludes comments
    /// to which they contribute nothing. Does not check whether the comments are hidden.
    ///
    /// `Acts` reads every like of the comments and every comment below them; `Members` seeks each pair of comment and
    /// member among the likes, and each pair of post and member among the comments. Errors: `Late` if a deadline is
    /// given and passes first.
    async fn comment_counts_by(
        &self,
        ids: &[CommentId],
        members: &[MemberId],
        how: CountBy,
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<BlockedCounts>>;
}
