//! `PostStore` over the tables `posts` and `post_tags`: the reads. The commands are in `create.rs` and `edit.rs`, the
//! statements that count what some members did in `participants.rs`.
mod create;
mod edit;
mod participants;

pub(crate) use create::{CreatedPost, NewPost, PlacedPost, create_posts, insert, mentioned};
pub(crate) use edit::set_tags;

use super::{
    Sqlite, decoded, failed, json_ids, number, signed,
    writer::{BatchedPost, Job},
};
use crate::{
    domain::{
        Deadline, MemberId, Outcome, Position, Post, PostAudience, PostCounts, PostFacts, PostId, PostText, Receipt,
        Refusal, Timestamp, markup::ResolvedMarkup,
    },
    storage::{Committed, PostParticipants, PostRef, PostStore, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};
use std::sync::{Arc, LazyLock};
use tokio::sync::oneshot;

const BY_IDS: &str = "SELECT p.* FROM json_each(?) j JOIN posts p ON p.id = j.value JOIN members m ON m.id = p.author_id \
    WHERE p.deleted_at IS NULL AND m.deactivated_at IS NULL";
const FROM: &str = "SELECT p.* FROM posts p JOIN members m ON m.id = p.author_id WHERE p.id > ? \
    AND p.deleted_at IS NULL AND m.deactivated_at IS NULL ORDER BY p.id LIMIT ?";
/// Seeks the posts of each author by index: the cost grows with the authors and the page, not with the posts.
const BY_AUTHORS: &str = "SELECT p.id, p.author_id, p.position, p.audience FROM json_each(?1) a JOIN members m ON m.id = a.value \
    JOIN posts p ON p.id IN (SELECT id FROM posts WHERE author_id = a.value AND deleted_at IS NULL AND id < ?2 \
    ORDER BY id DESC LIMIT ?3) WHERE m.deactivated_at IS NULL ORDER BY p.id DESC LIMIT ?3";
const NEWEST: &str = "SELECT id, author_id, position, audience FROM posts WHERE id < ? AND deleted_at IS NULL \
    ORDER BY id DESC LIMIT ?";
const TAGGED: &str = "SELECT p.id, p.author_id, p.position, p.audience FROM post_tags t JOIN posts p ON p.id = t.post_id \
    JOIN members m ON m.id = p.author_id WHERE t.tag = ? AND t.post_id < ? AND p.deleted_at IS NULL \
    AND m.deactivated_at IS NULL ORDER BY t.post_id DESC LIMIT ?";
const MENTIONS_IN: &str = "SELECT p.id, m.value->>'member' FROM json_each(?) j JOIN posts p ON p.id = j.value, \
    json_each(p.mentions) m";
/// The columns of `PostFacts`, for post `p` and the viewer `?2`; `post_facts` decodes them. Every statement whose rows
/// are decided by the visibility rule selects this text. Mentions are read only of a post for the mentioned.
pub(crate) const POST_FACTS: &str = "p.author_id, p.audience, p.audience = 2 AND EXISTS \
    (SELECT 1 FROM json_each(p.mentions) t WHERE t.value->>'member' = ?2)";
static FACTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT p.id, {POST_FACTS} FROM json_each(?1) j JOIN posts p ON p.id = j.value \
        JOIN members m ON m.id = p.author_id WHERE p.deleted_at IS NULL AND m.deactivated_at IS NULL"
    )
});

/// Decodes a row of `posts`.
fn post(row: &SqliteRow) -> sqlx::Result<Post> {
    let decode = |error: serde_json::Error| sqlx::Error::Decode(error.into());
    Ok(Post {
        id: PostId(number(row.try_get("id")?)),
        author: MemberId(number(row.try_get("author_id")?)),
        title: row.try_get("title")?,
        content: row.try_get("content")?,
        audience: audience(row.try_get("audience")?)?,
        tags: serde_json::from_str(row.try_get("tags")?).map_err(decode)?,
        mentions: serde_json::from_str(row.try_get("mentions")?).map_err(decode)?,
        images: serde_json::from_str(row.try_get("images")?).map_err(decode)?,
        counts: PostCounts {
            views: number(row.try_get("view_count")?),
            likes: number(row.try_get("like_count")?),
            comments: number(row.try_get("comment_count")?),
        },
        created_at: Timestamp(row.try_get("created_at")?),
        edited_at: row.try_get::<Option<i64>, _>("edited_at")?.map(Timestamp),
    })
}

/// Decodes the columns `posts.audience` and `events.audience`. An unknown one is an error: shown to nobody.
pub(crate) fn audience(code: u8) -> sqlx::Result<PostAudience> {
    PostAudience::from_code(code).ok_or_else(|| sqlx::Error::Decode(format!("unknown audience {code}").into()))
}

/// Decodes the columns [`POST_FACTS`], which follow the first column.
pub(crate) fn post_facts(row: &SqliteRow) -> sqlx::Result<PostFacts> {
    Ok(PostFacts {
        author: MemberId(number(row.try_get(1)?)),
        audience: audience(row.try_get(2)?)?,
        mentions_viewer: row.try_get(3)?,
    })
}

fn post_ref(row: &SqliteRow) -> sqlx::Result<PostRef> {
    Ok(PostRef {
        post: PostId(number(row.try_get(0)?)),
        author: MemberId(number(row.try_get(1)?)),
        position: Position(number(row.try_get(2)?)),
        audience: audience(row.try_get(3)?)?,
    })
}

/// Returns the author of a post for a command of the member `by`. Refuses `PostNotFound`, also if that member was
/// deactivated after the request was sent.
pub(crate) async fn author_of(connection: &mut SqliteConnection, by: MemberId, id: PostId) -> StoreResult<MemberId> {
    let select = "SELECT author_id FROM posts p JOIN members m ON m.id = p.author_id \
        WHERE p.id = ? AND p.deleted_at IS NULL AND m.deactivated_at IS NULL \
        AND EXISTS (SELECT 1 FROM members WHERE id = ? AND deactivated_at IS NULL)";
    let query = sqlx::query(select).bind(signed(id.0)).bind(signed(by.0));
    let row = query.fetch_optional(connection).await.map_err(failed)?;
    row.map(|row| MemberId(number(row.get(0)))).ok_or(Refusal::PostNotFound.into())
}

#[async_trait]
impl PostStore for Sqlite {
    async fn create_post(&self, post: Post, receipt: Option<Receipt>) -> StoreResult<Committed<Outcome>> {
        let (reply, answer) = oneshot::channel();
        self.writer.submit(Job::CreatePost(Box::new(BatchedPost::new(post, receipt, reply))))?;
        answer.await.unwrap_or_else(|error| Err(failed(error)))
    }

    async fn edit_post(
        &self,
        author: MemberId,
        id: PostId,
        text: PostText,
        markup: ResolvedMarkup,
        expected: Option<Arc<Post>>,
        at: Timestamp,
    ) -> StoreResult<Committed<Post>> {
        let edit = edit::Edit { author, id, text, markup, expected, at };
        self.writer.write(move |commit| edit::edit_post(commit, edit.clone()).boxed()).await
    }

    async fn delete_post(&self, author: MemberId, id: PostId, at: Timestamp) -> StoreResult<Committed<()>> {
        self.writer.write(move |commit| edit::delete_post(commit, author, id, at).boxed()).await
    }

    async fn posts(&self, ids: &[PostId]) -> StoreResult<Vec<Post>> {
        let query = sqlx::query(BY_IDS).bind(json_ids(ids.iter().map(|id| id.0)));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, post)
    }

    async fn posts_from(&self, after: PostId, limit: usize) -> StoreResult<Vec<Post>> {
        let query = sqlx::query(FROM).bind(signed(after.0)).bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, post)
    }

    async fn posts_by(
        &self,
        authors: &[MemberId],
        before: PostId,
        limit: usize,
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<PostRef>> {
        let authors = json_ids(authors.iter().map(|author| author.0));
        let query = sqlx::query(BY_AUTHORS).bind(authors).bind(signed(before.0)).bind(signed(limit as u64));
        decoded(&self.fetch_rows(query, until).await?, post_ref)
    }

    async fn newest_posts(&self, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>> {
        let query = sqlx::query(NEWEST).bind(signed(before.0)).bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, post_ref)
    }

    async fn tagged_posts(&self, tag: &str, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>> {
        let query = sqlx::query(TAGGED).bind(tag).bind(signed(before.0)).bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, post_ref)
    }

    async fn mentions_in(&self, ids: &[PostId]) -> StoreResult<Vec<(PostId, MemberId)>> {
        let query = sqlx::query(MENTIONS_IN).bind(json_ids(ids.iter().map(|id| id.0)));
        let rows = query.fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(|row| (PostId(number(row.get(0))), MemberId(number(row.get(1))))).collect())
    }

    async fn post_facts(
        &self,
        viewer: MemberId,
        ids: &[PostId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostFacts)>> {
        let query = sqlx::query(AssertSqlSafe(FACTS.as_str()));
        let query = query.bind(json_ids(ids.iter().map(|id| id.0))).bind(signed(viewer.0));
        decoded(&self.fetch_rows(query, until).await?, |row| Ok((PostId(number(row.try_get(0)?)), post_facts(row)?)))
    }

    async fn participants(
        &self,
        ids: &[PostId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostParticipants)>> {
        participants::participants(self, ids, until).await
    }

    async fn counts_by(
        &self,
        ids: &[PostId],
        members: &[MemberId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostCounts)>> {
        participants::counts_by(self, ids, members, until).await
    }
}
