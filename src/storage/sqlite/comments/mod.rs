//! `CommentStore` over the table `comments`: three levels, and hidden comments above visible ones are tombstones.
mod commands;
mod counts;

use super::{Sqlite, decoded, failed, json_ids, number, signed};
use crate::{
    domain::{Comment, CommentId, CommentText, Deadline, MemberId, Outcome, Position, PostId, Receipt, Timestamp},
    storage::{BlockedCounts, CommentFacts, CommentRange, CommentStore, CountBy, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

const BY_ID: &str = "SELECT c.* FROM comments c JOIN posts p ON p.id = c.post_id JOIN members m ON m.id = p.author_id \
    WHERE c.id = ? AND p.deleted_at IS NULL AND m.deactivated_at IS NULL \
    AND (c.deleted_at IS NULL AND c.author_deactivated = 0 OR c.below_count > 0)";
const BY_IDS: &str = "SELECT c.* FROM json_each(?) j JOIN comments c ON c.id = j.value \
    JOIN posts p ON p.id = c.post_id JOIN members m ON m.id = p.author_id \
    WHERE p.deleted_at IS NULL AND m.deactivated_at IS NULL \
    AND (c.deleted_at IS NULL AND c.author_deactivated = 0 OR c.below_count > 0)";
const EXISTING: &str = "SELECT c.* FROM json_each(?) j JOIN comments c ON c.id = j.value \
    JOIN posts p ON p.id = c.post_id WHERE p.deleted_at IS NULL AND c.deleted_at IS NULL AND c.author_deactivated = 0";
const FROM: &str = "SELECT c.* FROM comments c JOIN posts p ON p.id = c.post_id WHERE p.deleted_at IS NULL \
    AND c.deleted_at IS NULL AND c.author_deactivated = 0 AND c.id > ? ORDER BY c.id LIMIT ?";
const OF_POST: &str = "SELECT * FROM comments WHERE post_id = ? AND parent_id IS NULL AND id > ? \
    AND (deleted_at IS NULL AND author_deactivated = 0 OR below_count > 0) ORDER BY id LIMIT ?";
const REPLIES_TO: &str = "SELECT * FROM comments WHERE parent_id = ? AND id > ? \
    AND (deleted_at IS NULL AND author_deactivated = 0 OR below_count > 0) ORDER BY id LIMIT ?";
const OF_MEMBER: &str = "SELECT c.* FROM comments c JOIN posts p ON p.id = c.post_id \
    JOIN members m ON m.id = p.author_id WHERE c.author_id = ? AND c.id < ? AND c.deleted_at IS NULL \
    AND c.author_deactivated = 0 AND p.deleted_at IS NULL AND m.deactivated_at IS NULL ORDER BY c.id DESC LIMIT ?";
const FIRST_REPLIES: &str = "SELECT c.* FROM json_each(?) j JOIN comments c ON c.id IN (SELECT id FROM comments \
    WHERE parent_id = j.value AND (deleted_at IS NULL AND author_deactivated = 0 OR below_count > 0) \
    ORDER BY id LIMIT ?) ORDER BY c.id";
const FACTS: &str = "SELECT c.id, c.parent_id IS NOT NULL FROM json_each(?) j JOIN comments c ON c.id = j.value \
    WHERE c.deleted_at IS NULL AND c.author_deactivated = 0";

/// Decodes a row of `comments`.
fn comment(row: &SqliteRow) -> sqlx::Result<Comment> {
    let deleted = row.try_get::<Option<i64>, _>("deleted_at")?.is_some() || row.try_get("author_deactivated")?;
    Ok(Comment {
        id: CommentId(number(row.try_get("id")?)),
        post: PostId(number(row.try_get("post_id")?)),
        parent: row.try_get::<Option<i64>, _>("parent_id")?.map(|id| CommentId(number(id))),
        depth: row.try_get("depth")?,
        author: MemberId(number(row.try_get("author_id")?)),
        content: if deleted { String::new() } else { row.try_get("content")? },
        like_count: number(row.try_get("like_count")?),
        reply_count: number(row.try_get("reply_count")?),
        below_count: number(row.try_get("below_count")?),
        mentions: decode_mentions(row.try_get("mentions")?)?,
        deleted,
        created_at: Timestamp(row.try_get("created_at")?),
        edited_at: row.try_get::<Option<i64>, _>("edited_at")?.map(Timestamp),
    })
}

/// Decodes the column `comments.mentions`.
fn decode_mentions(json: &str) -> sqlx::Result<Vec<MemberId>> {
    serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A comment that is neither deleted nor by a deactivated author, on a post that is not hidden.
pub(crate) struct ExistingComment {
    pub(crate) post: PostId,
    pub(crate) author: MemberId,
    /// The author of the parent or post, who was notified of the comment.
    notified: MemberId,
    mentions: Vec<MemberId>,
    depth: u8,
}

/// Returns a comment for a command of the member `by`; `None` if it is hidden or that member is deactivated.
pub(crate) async fn existing_comment(
    connection: &mut SqliteConnection,
    by: MemberId,
    id: CommentId,
) -> StoreResult<Option<ExistingComment>> {
    let select = "SELECT c.post_id, c.author_id, c.depth, coalesce((SELECT author_id FROM comments \
        WHERE id = c.parent_id), p.author_id), c.mentions FROM comments c JOIN posts p ON p.id = c.post_id \
        JOIN members m ON m.id = p.author_id WHERE c.id = ? AND c.deleted_at IS NULL AND c.author_deactivated = 0 \
        AND p.deleted_at IS NULL AND m.deactivated_at IS NULL \
        AND EXISTS (SELECT 1 FROM members WHERE id = ? AND deactivated_at IS NULL)";
    let query = sqlx::query(select).bind(signed(id.0)).bind(signed(by.0));
    let Some(row) = query.fetch_optional(connection).await.map_err(failed)? else { return Ok(None) };
    Ok(Some(ExistingComment {
        post: PostId(number(row.get(0))),
        author: MemberId(number(row.get(1))),
        depth: row.get(2),
        notified: MemberId(number(row.get(3))),
        mentions: decode_mentions(row.get(4)).map_err(failed)?,
    }))
}

#[async_trait]
impl CommentStore for Sqlite {
    async fn create_comment(&self, comment: Comment, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>> {
        self.writer.write(move |commit| commands::create_comment(commit, comment, receipt).boxed()).await
    }

    async fn edit_comment(
        &self,
        author: MemberId,
        id: CommentId,
        text: CommentText,
        mentions: Vec<MemberId>,
        expected: Option<Comment>,
        at: Timestamp,
    ) -> StoreResult<Comment> {
        let edit = commands::Edit { author, id, text, mentions, expected, at };
        self.writer.write(move |commit| commands::edit_comment(commit, edit).boxed()).await
    }

    async fn delete_comment(&self, author: MemberId, id: CommentId, at: Timestamp) -> StoreResult<()> {
        self.writer.write(move |commit| commands::delete_comment(commit, author, id, at).boxed()).await
    }

    async fn comment_by_id(&self, id: CommentId) -> StoreResult<Option<Comment>> {
        let query = sqlx::query(BY_ID).bind(signed(id.0));
        let row = query.fetch_optional(&self.read_pool).await.map_err(failed)?;
        row.map(|row| comment(&row)).transpose().map_err(failed)
    }

    async fn comments_by_id(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>> {
        let query = sqlx::query(BY_IDS).bind(json_ids(ids.iter().map(|id| id.0)));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn existing_comments(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>> {
        let query = sqlx::query(EXISTING).bind(json_ids(ids.iter().map(|id| id.0)));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn comments_from(&self, after: CommentId, limit: usize) -> StoreResult<Vec<Comment>> {
        let query = sqlx::query(FROM).bind(signed(after.0)).bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn comments(&self, range: CommentRange, limit: usize) -> StoreResult<Vec<Comment>> {
        let (select, subject, key) = match range {
            CommentRange::OfPost { post, after } => (OF_POST, post.0, after),
            CommentRange::RepliesTo { parent, after } => (REPLIES_TO, parent.0, after),
            CommentRange::OfMember { member, before } => (OF_MEMBER, member.0, before),
        };
        let query = sqlx::query(select).bind(signed(subject)).bind(signed(key.0)).bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn first_replies(&self, parents: &[CommentId], each: usize) -> StoreResult<Vec<Comment>> {
        let query = sqlx::query(FIRST_REPLIES).bind(json_ids(parents.iter().map(|id| id.0))).bind(signed(each as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn comment_facts(&self, ids: &[CommentId], until: Option<&Deadline>) -> StoreResult<Vec<CommentFacts>> {
        let query = sqlx::query(FACTS).bind(json_ids(ids.iter().map(|id| id.0)));
        let facts = |row: &SqliteRow| CommentFacts { comment: CommentId(number(row.get(0))), is_reply: row.get(1) };
        Ok(self.fetch_rows(query, until).await?.iter().map(facts).collect())
    }

    async fn comment_counts_by(
        &self,
        ids: &[CommentId],
        members: &[MemberId],
        how: CountBy,
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<BlockedCounts>> {
        match how {
            CountBy::Acts => counts::by_acts(self, ids, members, until).await,
            CountBy::Members => counts::by_members(self, ids, members, until).await,
        }
    }
}
