//! Reads for those who go through everything: members, posts and comments in the order of their ids.
use super::{Sqlite, comments, failed, json_ids, members_read, posts, signed};
use crate::{
    domain::{Comment, CommentId, Member, MemberId, Post, PostId},
    storage::StoreResult,
};

/// A comment that is there, on a post that is. Its post's author may have left: they may come back.
const LIVING_COMMENT: &str = "JOIN posts p ON p.id = c.post_id WHERE p.deleted_at IS NULL AND c.deleted_at IS NULL \
    AND c.author_deactivated = 0";

impl Sqlite {
    pub(super) async fn members_by_id(&self, ids: &[MemberId]) -> StoreResult<Vec<Member>> {
        let select = "SELECT m.* FROM json_each(?) j JOIN members m ON m.id = j.value WHERE deactivated_at IS NULL";
        let query = sqlx::query(select).bind(json_ids(ids.iter().map(|id| id.0)));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(members_read::member).collect::<sqlx::Result<_>>().map_err(failed)
    }

    pub(super) async fn members_from(&self, after: MemberId, limit: usize) -> StoreResult<Vec<Member>> {
        let select = "SELECT * FROM members WHERE id > ? AND deactivated_at IS NULL ORDER BY id LIMIT ?";
        let query = sqlx::query(select).bind(signed(after.0)).bind(signed(limit as u64));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(members_read::member).collect::<sqlx::Result<_>>().map_err(failed)
    }

    pub(super) async fn posts_from(&self, after: PostId, limit: usize) -> StoreResult<Vec<Post>> {
        let select = "SELECT p.* FROM posts p JOIN members m ON m.id = p.author_id WHERE p.id > ? \
            AND p.deleted_at IS NULL AND m.deactivated_at IS NULL ORDER BY p.id LIMIT ?";
        let query = sqlx::query(select).bind(signed(after.0)).bind(signed(limit as u64));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(posts::post).collect::<sqlx::Result<_>>().map_err(failed)
    }

    pub(super) async fn living_comments(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>> {
        let select = format!("SELECT c.* FROM json_each(?) j JOIN comments c ON c.id = j.value {LIVING_COMMENT}");
        let query = sqlx::query(sqlx::AssertSqlSafe(select)).bind(json_ids(ids.iter().map(|id| id.0)));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(comments::comment).collect::<sqlx::Result<_>>().map_err(failed)
    }

    pub(super) async fn comments_from(&self, after: CommentId, limit: usize) -> StoreResult<Vec<Comment>> {
        let select = format!("SELECT c.* FROM comments c {LIVING_COMMENT} AND c.id > ? ORDER BY c.id LIMIT ?");
        let query = sqlx::query(sqlx::AssertSqlSafe(select)).bind(signed(after.0)).bind(signed(limit as u64));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(comments::comment).collect::<sqlx::Result<_>>().map_err(failed)
    }
}
