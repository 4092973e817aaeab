//! Keeps posts, comments, likes and views.
use super::{Listed, StoreResult};
use crate::domain::{
    Comment, CommentId, CommentText, LikeState, MemberCard, MemberId, Mention, Outcome, Position, Post, PostCounts,
    PostId, PostText, Receipt, Tag, Timestamp,
};
use async_trait::async_trait;
use std::sync::Arc;

/// Somebody looked at a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct View {
    /// What.
    pub post: PostId,
    /// Who.
    pub viewer: MemberId,
    /// In which hour since 1970 (UTC).
    pub hour: i64,
}

/// A post's place in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostRef {
    /// The order: newer posts have larger ids.
    pub post: PostId,
    /// Who wrote it.
    pub author: MemberId,
    /// Of the event that created it.
    pub position: Position,
}

/// What some members did to one comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedBelow {
    /// Which comment.
    pub comment: CommentId,
    /// Likes by them.
    pub likes: u64,
    /// Direct replies by them that are visible.
    pub replies: u64,
    /// Visible comments by them anywhere below.
    pub below: u64,
}

/// Which comments to list, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentOrder {
    /// Top-level comments of a post after that one, oldest first.
    OfPost(PostId, CommentId),
    /// Direct replies of a comment after that one, oldest first.
    RepliesTo(CommentId, CommentId),
    /// Comments of a member before that one, newest first; no tombstones, none on posts that are gone.
    OfMember(MemberId, CommentId),
}

/// Posts, comments, likes, views. Counters change in the commit of the row that causes them.
///
/// Reads leave out what is deleted and what members who have left wrote; a comment of either kind that has visible
/// replies is listed as a tombstone.
#[async_trait]
pub trait ContentStore: Send + Sync + 'static {
    /// Stores the post, its tags and the fact, in one commit.
    async fn publish(&self, post: Post, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>>;
    /// Where `over` says what is to be changed, refuses `PreconditionFailed` if it has been changed since. Refuses
    /// `PostNotFound`, `PostUpdateForbidden`, and `PostEmpty` where neither text nor image would be left. Returns the post
    /// as it is now. Without a change there is no event, and the position is that of the last one.
    async fn edit_post(
        &self,
        author: MemberId,
        id: PostId,
        text: PostText,
        found: (Vec<Tag>, Vec<Mention>),
        over: Option<Arc<Post>>,
        at: Timestamp,
    ) -> StoreResult<(Post, Position)>;
    /// Refuses `PostNotFound`, `PostDeleteForbidden`.
    async fn delete_post(&self, author: MemberId, id: PostId, at: Timestamp) -> StoreResult<Position>;
    /// Sets or withdraws a like; `id` orders the list of likers. Refuses `PostNotFound`.
    async fn like_post(&self, id: u64, member: MemberId, post: PostId, like: bool) -> StoreResult<LikeState>;
    /// Counts those views that were not counted in their hour, but never an author's own. At most 512.
    async fn count_views(&self, views: Vec<View>) -> StoreResult<()>;

    /// Stores the comment and the fact, in one commit. Refuses `PostNotFound`, `ParentNotFound`,
    /// `ParentOnAnotherPost`.
    async fn comment(&self, comment: Comment, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>>;
    /// Where `over` says what is to be changed, refuses `PreconditionFailed` if it has been changed since. Refuses
    /// `CommentNotFound`, `CommentUpdateForbidden`. Returns the comment as it is now. Without a change there is no event.
    async fn edit_comment(
        &self,
        author: MemberId,
        id: CommentId,
        text: CommentText,
        mentions: Vec<MemberId>,
        over: Option<Comment>,
        at: Timestamp,
    ) -> StoreResult<Comment>;
    /// Refuses `CommentNotFound`, `CommentDeleteForbidden`.
    async fn delete_comment(&self, author: MemberId, id: CommentId, at: Timestamp) -> StoreResult<()>;
    /// Sets or withdraws a like. Refuses `CommentNotFound`.
    async fn like_comment(&self, id: u64, member: MemberId, comment: CommentId, like: bool) -> StoreResult<LikeState>;

    /// Those of these posts that may be seen, in no order. At most 1,000 ids.
    async fn posts(&self, ids: &[PostId]) -> StoreResult<Vec<Post>>;
    /// Which of these posts the member likes. At most 1,000 ids.
    async fn liked_posts(&self, member: MemberId, ids: &[PostId]) -> StoreResult<Vec<PostId>>;
    /// The member's newest likes, newest first, as post ids.
    async fn recent_likes(&self, member: MemberId, limit: usize) -> StoreResult<Vec<PostId>>;
    /// Who likes the post: newest like first, before that place.
    async fn post_likes(&self, post: PostId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>>;
    /// What of the counts of these posts is by these members; posts that have nothing by them are left out.
    async fn counted_of(&self, ids: &[PostId], members: &[MemberId]) -> StoreResult<Vec<(PostId, PostCounts)>>;
    /// What of the counts of these comments is by these members; comments that have nothing by them are left out.
    async fn counted_below(&self, ids: &[CommentId], members: &[MemberId]) -> StoreResult<Vec<CountedBelow>>;
    /// One comment, tombstones included.
    async fn comment_by_id(&self, id: CommentId) -> StoreResult<Option<Comment>>;
    /// Those of these comments that may be seen, tombstones included, in no order. At most 1,000 ids.
    async fn comments_by_id(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>>;
    /// Those of these comments that are there, without tombstones and those on deleted posts, but with those on posts
    /// by somebody who has left, in no order. At most 1,000 ids.
    async fn living_comments(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>>;
    /// Everything that `living_comments` would answer after that one, in the order of ids.
    async fn comments_from(&self, after: CommentId, limit: usize) -> StoreResult<Vec<Comment>>;
    /// Everything that `posts` would answer after that one, in the order of ids.
    async fn posts_from(&self, after: PostId, limit: usize) -> StoreResult<Vec<Post>>;
    /// A page of comments.
    async fn comments(&self, order: CommentOrder, limit: usize) -> StoreResult<Vec<Comment>>;
    /// The first `each` replies of each of these comments, oldest first.
    async fn first_replies(&self, parents: &[CommentId], each: usize) -> StoreResult<Vec<Comment>>;
    /// Which of these comments the member likes.
    async fn liked_comments(&self, member: MemberId, ids: &[CommentId]) -> StoreResult<Vec<CommentId>>;

    /// The newest posts before that one by any of these authors, newest first.
    async fn posts_by(&self, authors: &[MemberId], before: PostId, limit: usize) -> StoreResult<Vec<PostRef>>;
    /// The newest posts before that one by anybody, newest first; those of members who have left too, because they may
    /// come back: whoever shows them asks `is_member_visible`.
    async fn newest_posts(&self, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>>;
    /// The newest posts with that tag (key form) before that one, newest first.
    async fn tagged_posts(&self, tag: &str, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>>;
}
