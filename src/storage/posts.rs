//! The store of posts: commands that change them, and reads by id, author and tag.
use super::{Committed, StoreResult};
use crate::domain::{
    MemberId, Outcome, Position, Post, PostCounts, PostId, PostText, Receipt, Timestamp, markup::ResolvedMarkup,
};
use async_trait::async_trait;
use std::sync::Arc;

/// One entry of a feed before it is hydrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostRef {
    /// Orders the feed: newer posts have larger ids.
    pub post: PostId,
    /// The member who wrote it.
    pub author: MemberId,
    /// The position of the event that created it.
    pub position: Position,
}

/// Stores posts. Their counters change in the commit of the row that causes the change.
///
/// Unless a read says otherwise, it excludes deleted posts and posts of deactivated authors.
#[async_trait]
pub trait PostStore: Send + Sync + 'static {
    /// Stores a post with its tags, its receipt and its event in one commit. A repeated receipt returns the stored
    /// answer. Refuses `IdempotencyKeyReused`, `ImageNotFound`, `ImageForbidden`, and `Invalid` for an image of a
    /// profile or of another post.
    async fn create_post(&self, post: Post, receipt: Option<Receipt>) -> StoreResult<Committed<Outcome>>;
    /// Replaces the text of a post, and its images if the text sets them. Returns the post as stored; an edit without a
    /// change emits no event.
    ///
    /// Refuses `PostNotFound`, `PostUpdateForbidden`, `PostEmpty` if neither text nor image would remain, and
    /// `PreconditionFailed` if the stored post no longer equals `expected`. For images it refuses what `create_post`
    /// refuses.
    async fn edit_post(
        &self,
        author: MemberId,
        id: PostId,
        text: PostText,
        markup: ResolvedMarkup,
        expected: Option<Arc<Post>>,
        at: Timestamp,
    ) -> StoreResult<Committed<Post>>;
    /// Marks a post as deleted at `at`. Refuses `PostNotFound`, `PostDeleteForbidden`.
    async fn delete_post(&self, author: MemberId, id: PostId, at: Timestamp) -> StoreResult<Committed<()>>;

    /// Returns the posts among `ids`, unordered. At most 1,000 ids.
    async fn posts(&self, ids: &[PostId]) -> StoreResult<Vec<Post>>;
    /// Returns the posts with ids above `after`, in ascending order.
    async fn posts_from(&self, after: PostId, limit: usize) -> StoreResult<Vec<Post>>;
    /// Returns the posts of any of these authors with ids below `before`, newest first.
    async fn posts_by(&self, authors: &[MemberId], before: PostId, limit: usize) -> StoreResult<Vec<PostRef>>;
    /// Returns the posts of all authors with ids below `before`, newest first. Includes posts of deactivated authors,
    /// who may be restored: the caller applies the visibility rule.
    async fn newest_posts(&self, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>>;
    /// Returns the posts with this tag (key form) and ids below `before`, newest first.
    async fn tagged_posts(&self, tag: &str, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>>;
    /// Returns the likes and comments that these members contribute to the counts of each post; `views` is 0. Excludes
    /// posts to which they contribute nothing. Does not check whether the posts are hidden.
    async fn counts_by(&self, ids: &[PostId], members: &[MemberId]) -> StoreResult<Vec<(PostId, PostCounts)>>;
}
