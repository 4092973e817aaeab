//! The store of posts: commands that change them, and reads by id, author and tag.
use super::{Committed, StoreResult};
use crate::domain::{
    Deadline, MemberId, Outcome, Position, Post, PostAudience, PostCounts, PostFacts, PostId, PostText, Receipt,
    Timestamp, markup::ResolvedMarkup,
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
    /// The members whom it is for.
    pub audience: PostAudience,
}

/// The active members who like one post or have a visible comment on it. Each list is in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostParticipants {
    /// The members who like the post.
    pub likers: Vec<MemberId>,
    /// The author of each comment; a member occurs once for each comment.
    pub commenters: Vec<MemberId>,
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
    /// Refuses `PostNotFound`, `PostUpdateForbidden`, `PostEmpty` if neither text nor image would remain,
    /// `AudienceFixed` for another audience than the stored one, and `PreconditionFailed` if the stored post no longer
    /// equals `expected`. For images it refuses what `create_post` refuses.
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
    /// Returns the posts of any of these authors with ids below `before`, newest first. Reads up to `limit` posts of each
    /// author. Errors: `Late` if a deadline is given and passes first.
    async fn posts_by(
        &self,
        authors: &[MemberId],
        before: PostId,
        limit: usize,
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<PostRef>>;
    /// Returns the posts of all authors with ids below `before`, newest first. Includes posts of deactivated authors,
    /// who may be restored: the caller applies the visibility rule.
    async fn newest_posts(&self, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>>;
    /// Returns the posts with this tag (key form) and ids below `before`, newest first.
    async fn tagged_posts(&self, tag: &str, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>>;
    /// Returns the members whom the texts of these posts mention, each with the post, unordered. Includes posts that were
    /// deleted and not purged yet. At most 10,000 ids.
    async fn mentions_in(&self, ids: &[PostId]) -> StoreResult<Vec<(PostId, MemberId)>>;
    /// Returns the facts that decide whether the posts among `ids` are visible to the viewer, without their texts,
    /// unordered. At most 10,000 ids. Errors: `Late` if a deadline is given
    /// and passes first.
    async fn post_facts(
        &self,
        viewer: MemberId,
        ids: &[PostId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostFacts)>>;
    /// Returns the participants of each post that has any, unordered. Reads every like and comment of the posts. Does
    /// not check whether the posts are hidden. Errors: `Late` if a deadline is given and passes first.
    async fn participants(
        &self,
        ids: &[PostId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostParticipants)>>;
    /// Returns the likes and comments that these members contribute to the counts of each post; `views` is 0. Excludes
    /// posts to which they contribute nothing. Seeks each pair of post and member. Does not check whether the posts are
    /// hidden. Errors: `Late` if a deadline is given and passes first.
    async fn counts_by(
        &self,
        ids: &[PostId],
        members: &[MemberId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostCounts)>>;
}
