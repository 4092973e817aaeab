//! `LikeStore` over the tables `post_likes` and `comment_likes`: a constraint allows one like for each member and post
//! or comment.
use super::{Sqlite, comments, failed, json_ids, members, number, posts, signed, writer::Commit};
use crate::{
    domain::{CommentId, EventKind, Fact, LikeState, MemberCard, MemberId, PostId, Refusal},
    storage::{Committed, LikeStore, Listed, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::Row;

/// The statements of one of the two tables.
struct Statements {
    insert: &'static str,
    delete: &'static str,
    add: &'static str,
    count: &'static str,
}

const POST: Statements = Statements {
    insert: "INSERT INTO post_likes (id, post_id, member_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    delete: "DELETE FROM post_likes WHERE post_id = ? AND member_id = ?",
    add: "UPDATE posts SET like_count = like_count + ? WHERE id = ? RETURNING like_count",
    count: "SELECT like_count FROM posts WHERE id = ?",
};
const COMMENT: Statements = Statements {
    insert: "INSERT INTO comment_likes (id, comment_id, member_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    delete: "DELETE FROM comment_likes WHERE comment_id = ? AND member_id = ?",
    add: "UPDATE comments SET like_count = like_count + ? WHERE id = ? RETURNING like_count",
    count: "SELECT like_count FROM comments WHERE id = ?",
};

const LIKED_POSTS: &str = "SELECT post_id FROM post_likes WHERE member_id = ? AND post_id IN \
    (SELECT value FROM json_each(?))";
const LIKED_COMMENTS: &str = "SELECT comment_id FROM comment_likes WHERE member_id = ? AND comment_id IN \
    (SELECT value FROM json_each(?))";
const RECENT_LIKES: &str = "SELECT post_id FROM post_likes WHERE member_id = ? ORDER BY id DESC LIMIT ?";
const POST_LIKES: &str = "SELECT l.id AS key, m.id, m.handle, m.display_name, m.member_name, m.avatar_id, \
    m.avatar_key FROM post_likes l JOIN members m ON m.id = l.member_id WHERE l.post_id = ? AND l.id < ? \
    AND m.deactivated_at IS NULL ORDER BY l.id DESC LIMIT ?";

/// A like to be set or withdrawn.
struct Like {
    id: u64,
    /// The id of the post or comment.
    subject: u64,
    member: MemberId,
    /// Whether to set it.
    like: bool,
}

impl Like {
    /// Sets or withdraws the like. Returns whether that changed a row, and the count after it.
    async fn store(self, commit: &mut Commit, statements: &Statements) -> StoreResult<(bool, u64)> {
        let change = if self.like {
            sqlx::query(statements.insert).bind(signed(self.id))
        } else {
            sqlx::query(statements.delete)
        };
        let change = change.bind(signed(self.subject)).bind(signed(self.member.0));
        let changed = change.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0;
        let count = if changed {
            sqlx::query(statements.add).bind(if self.like { 1_i64 } else { -1 }).bind(signed(self.subject))
        } else {
            sqlx::query(statements.count).bind(signed(self.subject))
        };
        let row = count.fetch_one(&mut commit.connection).await.map_err(failed)?;
        Ok((changed, number(row.get(0))))
    }
}

async fn like_post(commit: &mut Commit, id: u64, member: MemberId, post: PostId, like: bool) -> StoreResult<LikeState> {
    let author = posts::author_of(&mut commit.connection, member, post).await?;
    let (changed, like_count) = Like { id, subject: post.0, member, like }.store(commit, &POST).await?;
    if changed {
        let kind = if like { EventKind::PostLiked } else { EventKind::PostLikeCancelled };
        commit.emit(Fact::new(kind, member).on_post(post).to(author));
    }
    Ok(LikeState { liked: like, like_count })
}

async fn like_comment(
    commit: &mut Commit,
    id: u64,
    member: MemberId,
    comment: CommentId,
    like: bool,
) -> StoreResult<LikeState> {
    let on = comments::existing_comment(&mut commit.connection, member, comment).await?;
    let on = on.ok_or(Refusal::CommentNotFound)?;
    let (changed, like_count) = Like { id, subject: comment.0, member, like }.store(commit, &COMMENT).await?;
    if changed {
        let kind = if like { EventKind::CommentLiked } else { EventKind::CommentLikeCancelled };
        commit.emit(Fact::new(kind, member).on_post(on.post).on_comment(comment).to(on.author));
    }
    Ok(LikeState { liked: like, like_count })
}

#[async_trait]
impl LikeStore for Sqlite {
    async fn like_post(
        &self,
        id: u64,
        member: MemberId,
        post: PostId,
        like: bool,
    ) -> StoreResult<Committed<LikeState>> {
        self.writer.write(move |commit| like_post(commit, id, member, post, like).boxed()).await
    }

    async fn like_comment(
        &self,
        id: u64,
        member: MemberId,
        comment: CommentId,
        like: bool,
    ) -> StoreResult<Committed<LikeState>> {
        self.writer.write(move |commit| like_comment(commit, id, member, comment, like).boxed()).await
    }

    async fn liked_posts(&self, member: MemberId, ids: &[PostId]) -> StoreResult<Vec<PostId>> {
        let query = sqlx::query(LIKED_POSTS).bind(signed(member.0)).bind(json_ids(ids.iter().map(|id| id.0)));
        let rows = query.fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(|row| PostId(number(row.get(0)))).collect())
    }

    async fn liked_comments(&self, member: MemberId, ids: &[CommentId]) -> StoreResult<Vec<CommentId>> {
        let query = sqlx::query(LIKED_COMMENTS).bind(signed(member.0)).bind(json_ids(ids.iter().map(|id| id.0)));
        let rows = query.fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(|row| CommentId(number(row.get(0)))).collect())
    }

    async fn recent_likes(&self, member: MemberId, limit: usize) -> StoreResult<Vec<PostId>> {
        let query = sqlx::query(RECENT_LIKES).bind(signed(member.0)).bind(signed(limit as u64));
        let rows = query.fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(|row| PostId(number(row.get(0)))).collect())
    }

    async fn post_likes(&self, post: PostId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        let query = sqlx::query(POST_LIKES).bind(signed(post.0)).bind(signed(before)).bind(signed(limit as u64));
        let rows = query.fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(members::listed_card).collect())
    }
}
