//! What some members did, apart from what everybody did: for viewers who block or are blocked.
use super::{Sqlite, failed, json_ids, number};
use crate::{
    domain::{CommentId, MemberId, PostCounts, PostId},
    storage::{CountedBelow, StoreResult},
};
use sqlx::Row;

/// Likes and visible comments of active members, by post. A post and a member are sought by index.
const OF_POSTS: &str = "SELECT p.value, \
    (SELECT count(*) FROM json_each(?2) a CROSS JOIN post_likes l ON l.post_id = p.value AND l.member_id = a.value \
    JOIN members m ON m.id = a.value AND m.deactivated_at IS NULL) AS likes, \
    (SELECT count(*) FROM json_each(?2) a CROSS JOIN comments c ON c.post_id = p.value AND c.author_id = a.value \
    AND c.deleted_at IS NULL AND c.author_deactivated = 0) AS comments \
    FROM json_each(?1) p WHERE likes > 0 OR comments > 0";
/// The same of comments, with direct replies.
const OF_COMMENTS: &str = "SELECT p.value, \
    (SELECT count(*) FROM json_each(?2) a CROSS JOIN comment_likes l ON l.comment_id = p.value \
    AND l.member_id = a.value JOIN members m ON m.id = a.value AND m.deactivated_at IS NULL) AS likes, \
    (SELECT count(*) FROM comments c WHERE c.parent_id = p.value AND c.deleted_at IS NULL AND c.author_deactivated = 0 \
    AND c.author_id IN (SELECT value FROM json_each(?2))) AS replies, \
    (SELECT count(*) FROM comments c JOIN comments d ON d.parent_id = c.id WHERE c.parent_id = p.value \
    AND d.deleted_at IS NULL AND d.author_deactivated = 0 AND d.author_id IN (SELECT value FROM json_each(?2))) AS deeper \
    FROM json_each(?1) p WHERE likes > 0 OR replies > 0 OR deeper > 0";

impl Sqlite {
    pub(super) async fn posts_counted(
        &self,
        ids: &[PostId],
        members: &[MemberId],
    ) -> StoreResult<Vec<(PostId, PostCounts)>> {
        let rows = sqlx::query(OF_POSTS)
            .bind(json_ids(ids.iter().map(|id| id.0)))
            .bind(json_ids(members.iter().map(|id| id.0)))
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
        let counts = |row: &sqlx::sqlite::SqliteRow| PostCounts {
            views: 0,
            likes: number(row.get(1)),
            comments: number(row.get(2)),
        };
        Ok(rows.iter().map(|row| (PostId(number(row.get(0))), counts(row))).collect())
    }

    pub(super) async fn comments_counted(
        &self,
        ids: &[CommentId],
        members: &[MemberId],
    ) -> StoreResult<Vec<CountedBelow>> {
        let rows = sqlx::query(OF_COMMENTS)
            .bind(json_ids(ids.iter().map(|id| id.0)))
            .bind(json_ids(members.iter().map(|id| id.0)))
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
        let counted = |row: &sqlx::sqlite::SqliteRow| CountedBelow {
            comment: CommentId(number(row.get(0))),
            likes: number(row.get(1)),
            replies: number(row.get(2)),
            below: number(row.get(2)) + number(row.get(3)),
        };
        Ok(rows.iter().map(counted).collect())
    }
}
