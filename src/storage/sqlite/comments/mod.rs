//! `CommentStore` over the table `comments`: three levels, and hidden comments above visible ones are tombstones.
mod commands;
mod counts;
mod statements;

use super::{
    Sqlite, decoded, failed, json_ids, number,
    posts::{audience, post_facts},
    signed,
};
use crate::{
    domain::{Comment, CommentId, CommentText, Deadline, MemberId, Outcome, PostId, Receipt, Timestamp},
    storage::{
        BlockedCounts, CommentFacts, CommentRange, CommentRef, CommentStore, CommentedPost, Committed, CountBy,
        StoreResult,
    },
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};
use statements::{
    BY_ID, BY_IDS, COMMENTED_POSTS, EXISTING, EXISTING_BY, FACTS, FIRST_REPLIES, FOR_COMMAND, FROM, OF_MEMBER, OF_POST,
    REPLIES_TO,
};

/// Decodes the columns that `statements` select.
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
        reply_count: number(row.try_get("visible_replies")?),
        below_count: number(row.try_get("visible_below")?),
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
    let query = sqlx::query(AssertSqlSafe(FOR_COMMAND.as_str())).bind(signed(id.0)).bind(signed(by.0));
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
    async fn create_comment(&self, comment: Comment, receipt: Option<Receipt>) -> StoreResult<Committed<Outcome>> {
        self.writer
            .write(move |commit| commands::create_comment(commit, comment.clone(), receipt.clone()).boxed())
            .await
    }

    async fn edit_comment(
        &self,
        author: MemberId,
        id: CommentId,
        text: CommentText,
        mentions: Vec<MemberId>,
        expected: Option<Comment>,
        at: Timestamp,
    ) -> StoreResult<Committed<Comment>> {
        let edit = commands::Edit { author, id, text, mentions, expected, at };
        self.writer.write(move |commit| commands::edit_comment(commit, edit.clone()).boxed()).await
    }

    async fn delete_comment(&self, author: MemberId, id: CommentId, at: Timestamp) -> StoreResult<Committed<()>> {
        self.writer.write(move |commit| commands::delete_comment(commit, author, id, at).boxed()).await
    }

    async fn comment_by_id(&self, id: CommentId) -> StoreResult<Option<Comment>> {
        let query = sqlx::query(AssertSqlSafe(BY_ID.as_str())).bind(signed(id.0));
        let row = query.fetch_optional(&self.read_pool).await.map_err(failed)?;
        row.map(|row| comment(&row)).transpose().map_err(failed)
    }

    async fn comments_by_id(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>> {
        let query = sqlx::query(AssertSqlSafe(BY_IDS.as_str())).bind(json_ids(ids.iter().map(|id| id.0)));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn existing_comments(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>> {
        let query = sqlx::query(AssertSqlSafe(EXISTING.as_str())).bind(json_ids(ids.iter().map(|id| id.0)));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn comments_from(&self, after: CommentId, limit: usize) -> StoreResult<Vec<Comment>> {
        let query = sqlx::query(AssertSqlSafe(FROM.as_str())).bind(signed(after.0)).bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn existing_comments_by(
        &self,
        author: MemberId,
        before: CommentId,
        limit: usize,
    ) -> StoreResult<Vec<Comment>> {
        let query = sqlx::query(AssertSqlSafe(EXISTING_BY.as_str()))
            .bind(signed(author.0))
            .bind(signed(before.0))
            .bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn comments_by(
        &self,
        viewer: MemberId,
        author: MemberId,
        before: CommentId,
        limit: usize,
    ) -> StoreResult<Vec<CommentRef>> {
        let query = sqlx::query(AssertSqlSafe(OF_MEMBER.as_str()))
            .bind(signed(author.0))
            .bind(signed(viewer.0))
            .bind(signed(before.0))
            .bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, |row| {
            Ok(CommentRef { comment: CommentId(number(row.try_get(0)?)), post: post_facts(row)? })
        })
    }

    async fn commented_posts(&self, ids: &[PostId]) -> StoreResult<Vec<CommentedPost>> {
        let query = sqlx::query(COMMENTED_POSTS).bind(json_ids(ids.iter().map(|id| id.0)));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, |row| {
            Ok(CommentedPost {
                post: PostId(number(row.try_get(0)?)),
                author: MemberId(number(row.try_get(1)?)),
                audience: audience(row.try_get(2)?)?,
            })
        })
    }

    async fn comments(&self, range: CommentRange, limit: usize) -> StoreResult<Vec<Comment>> {
        let (select, subject, key) = match range {
            CommentRange::OfPost { post, after } => (&OF_POST, post.0, after),
            CommentRange::RepliesTo { parent, after } => (&REPLIES_TO, parent.0, after),
        };
        let query = sqlx::query(AssertSqlSafe(select.as_str()))
            .bind(signed(subject))
            .bind(signed(key.0))
            .bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn first_replies(&self, parents: &[CommentId], each: usize) -> StoreResult<Vec<Comment>> {
        let query = sqlx::query(AssertSqlSafe(FIRST_REPLIES.as_str()))
            .bind(json_ids(parents.iter().map(|id| id.0)))
            .bind(signed(each as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, comment)
    }

    async fn comment_facts(&self, ids: &[CommentId], until: Option<&Deadline>) -> StoreResult<Vec<CommentFacts>> {
        let query = sqlx::query(AssertSqlSafe(FACTS.as_str())).bind(json_ids(ids.iter().map(|id| id.0)));
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
