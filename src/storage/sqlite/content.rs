//! The content role: each verb at its place in the files beside this one.
use super::{
    Sqlite,
    publish::{self, Publication},
    writer::Job,
};
use crate::{
    domain::{
        Comment, CommentId, CommentText, LikeState, MemberCard, MemberId, Mention, Outcome, Position, Post, PostCounts,
        PostId, PostText, Receipt, Tag, Timestamp,
    },
    storage::{CommentOrder, ContentStore, CountedBelow, Listed, PostRef, StoreResult, View},
};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::oneshot;

const LIKED_POSTS: &str = "SELECT post_id FROM post_likes WHERE member_id = ? AND post_id IN \
    (SELECT value FROM json_each(?))";
const LIKED_COMMENTS: &str = "SELECT comment_id FROM comment_likes WHERE member_id = ? AND comment_id IN \
    (SELECT value FROM json_each(?))";
/// The second parameter is a list so that one function serves all three.
const RECENT_LIKES: &str = "SELECT post_id FROM post_likes WHERE member_id = ? ORDER BY id DESC \
    LIMIT (SELECT value FROM json_each(?))";

#[async_trait]
impl ContentStore for Sqlite {
    async fn publish(&self, post: Post, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>> {
        let (reply, answer) = oneshot::channel();
        self.writer.submit(Job::Publish(Box::new(Publication { post, receipt, reply })))?;
        answer.await.unwrap_or_else(|gone| Err(publish::gone(gone)))
    }

    async fn edit_post(
        &self,
        author: MemberId,
        id: PostId,
        text: PostText,
        found: (Vec<Tag>, Vec<Mention>),
        over: Option<Arc<Post>>,
        at: Timestamp,
    ) -> StoreResult<(Post, Position)> {
        self.edit(author, id, text, found, over, at).await
    }

    async fn delete_post(&self, author: MemberId, id: PostId, at: Timestamp) -> StoreResult<Position> {
        self.delete(author, id, at).await
    }

    async fn like_post(&self, id: u64, member: MemberId, post: PostId, like: bool) -> StoreResult<LikeState> {
        self.set_post_like(id, member, post, like).await
    }

    async fn count_views(&self, views: Vec<View>) -> StoreResult<()> {
        self.count(views).await
    }

    async fn comment(&self, comment: Comment, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>> {
        self.add_comment(comment, receipt).await
    }

    async fn edit_comment(
        &self,
        author: MemberId,
        id: CommentId,
        text: CommentText,
        mentions: Vec<MemberId>,
        over: Option<Comment>,
        at: Timestamp,
    ) -> StoreResult<Comment> {
        self.change_comment(author, id, text, mentions, over, at).await
    }

    async fn counted_of(&self, ids: &[PostId], members: &[MemberId]) -> StoreResult<Vec<(PostId, PostCounts)>> {
        self.posts_counted(ids, members).await
    }

    async fn counted_below(&self, ids: &[CommentId], members: &[MemberId]) -> StoreResult<Vec<CountedBelow>> {
        self.comments_counted(ids, members).await
    }

    async fn delete_comment(&self, author: MemberId, id: CommentId, at: Timestamp) -> StoreResult<()> {
        self.remove_comment(author, id, at).await
    }

    async fn like_comment(&self, id: u64, member: MemberId, comment: CommentId, like: bool) -> StoreResult<LikeState> {
        self.set_comment_like(id, member, comment, like).await
    }

    async fn posts(&self, ids: &[PostId]) -> StoreResult<Vec<Post>> {
        self.posts_by_id(ids).await
    }

    async fn liked_posts(&self, member: MemberId, ids: &[PostId]) -> StoreResult<Vec<PostId>> {
        let liked = self.liked(LIKED_POSTS, member, ids.iter().map(|id| id.0)).await?;
        Ok(liked.into_iter().map(PostId).collect())
    }

    async fn recent_likes(&self, member: MemberId, limit: usize) -> StoreResult<Vec<PostId>> {
        let liked = self.liked(RECENT_LIKES, member, std::iter::once(limit as u64)).await?;
        Ok(liked.into_iter().map(PostId).collect())
    }

    async fn post_likes(&self, post: PostId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.likers(post, before, limit).await
    }

    async fn comment_by_id(&self, id: CommentId) -> StoreResult<Option<Comment>> {
        self.one_comment(id).await
    }

    async fn comments_by_id(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>> {
        self.several_comments(ids).await
    }

    async fn living_comments(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>> {
        self.living_comments(ids).await
    }

    async fn comments_from(&self, after: CommentId, limit: usize) -> StoreResult<Vec<Comment>> {
        self.comments_from(after, limit).await
    }

    async fn posts_from(&self, after: PostId, limit: usize) -> StoreResult<Vec<Post>> {
        self.posts_from(after, limit).await
    }

    async fn comments(&self, order: CommentOrder, limit: usize) -> StoreResult<Vec<Comment>> {
        self.page_of_comments(order, limit).await
    }

    async fn first_replies(&self, parents: &[CommentId], each: usize) -> StoreResult<Vec<Comment>> {
        self.replies_below(parents, each).await
    }

    async fn liked_comments(&self, member: MemberId, ids: &[CommentId]) -> StoreResult<Vec<CommentId>> {
        let liked = self.liked(LIKED_COMMENTS, member, ids.iter().map(|id| id.0)).await?;
        Ok(liked.into_iter().map(CommentId).collect())
    }

    async fn posts_by(&self, authors: &[MemberId], before: PostId, limit: usize) -> StoreResult<Vec<PostRef>> {
        self.newest_by(authors, before, limit).await
    }

    async fn newest_posts(&self, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>> {
        self.newest(before, limit).await
    }

    async fn tagged_posts(&self, tag: &str, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>> {
        self.tagged(tag, before, limit).await
    }
}
