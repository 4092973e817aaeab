//! The store of likes on posts and comments.
use super::{Committed, Listed, StoreResult};
use crate::domain::{CommentId, LikeState, MemberCard, MemberId, PostId};
use async_trait::async_trait;

/// Stores likes, at most one for each member and post or comment. `like_count` changes in the commit of the like.
#[async_trait]
pub trait LikeStore: Send + Sync + 'static {
    /// Sets (`like`) or withdraws a like of a post and returns the state after it. `id` is the sort key in the list of
    /// likers. A command without a change emits no event. Refuses `PostNotFound`.
    async fn like_post(&self, id: u64, member: MemberId, post: PostId, like: bool)
    -> StoreResult<Committed<LikeState>>;
    /// Sets (`like`) or withdraws a like of a comment and returns the state after it. `id` is the id of the like. A
    /// command without a change emits no event. Refuses `CommentNotFound`.
    async fn like_comment(
        &self,
        id: u64,
        member: MemberId,
        comment: CommentId,
        like: bool,
    ) -> StoreResult<Committed<LikeState>>;

    /// Returns the posts among `ids` that the member likes, unordered. At most 1,000 ids.
    async fn liked_posts(&self, member: MemberId, ids: &[PostId]) -> StoreResult<Vec<PostId>>;
    /// Returns the comments among `ids` that the member likes, unordered. At most 1,000 ids.
    async fn liked_comments(&self, member: MemberId, ids: &[CommentId]) -> StoreResult<Vec<CommentId>>;
    /// Returns the posts of the member's newest likes, newest like first, including hidden posts.
    async fn recent_likes(&self, member: MemberId, limit: usize) -> StoreResult<Vec<PostId>>;
    /// Returns the members who like the post with keys below `before`, newest like first. Excludes deactivated members.
    async fn post_likes(&self, post: PostId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>>;
}
