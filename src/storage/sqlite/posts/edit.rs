//! The commands on stored posts: `edit_post` and `delete_post`.
use super::{audience, author_of, mentioned, post};
use crate::{
    domain::{EventKind, Fact, MemberId, Post, PostId, PostText, Refusal, Tag, Timestamp, markup::ResolvedMarkup},
    storage::{
        StoreResult,
        sqlite::{failed, images, number, signed, writer::Commit},
    },
};
use sqlx::{Row, SqliteConnection};
use std::sync::Arc;

const UPDATE: &str = "UPDATE posts SET title = ?, content = ?, tags = ?, mentions = ?, \
    images = coalesce(?, images), edited_at = ? WHERE id = ? RETURNING *";

/// The arguments of `edit_post`.
#[derive(Clone)]
pub(super) struct Edit {
    pub(super) author: MemberId,
    pub(super) id: PostId,
    pub(super) text: PostText,
    pub(super) markup: ResolvedMarkup,
    /// The version that the client read.
    pub(super) expected: Option<Arc<Post>>,
    pub(super) at: Timestamp,
}

pub(super) async fn edit_post(commit: &mut Commit, edit: Edit) -> StoreResult<Post> {
    let Edit { author, id, text, markup, expected, at } = edit;
    if author_of(&mut commit.connection, author, id).await? != author {
        return Err(Refusal::PostUpdateForbidden.into());
    }
    let before = stored(&mut commit.connection, id).await?;
    if expected.is_some_and(|expected| !before.has_same_content(&expected)) {
        return Err(Refusal::PreconditionFailed.into());
    }
    if text.audience().is_some_and(|audience| audience != before.audience) {
        return Err(Refusal::AudienceFixed.into());
    }
    let same_images = text.images().is_none_or(|ids| before.images.iter().map(|image| &image.id).eq(ids));
    if text.needs_image() && same_images && before.images.is_empty() {
        return Err(Refusal::PostEmpty.into());
    }
    if same_images && text.title() == before.title.as_deref() && text.content() == before.content {
        return Ok(before);
    }
    let images = match text.images() {
        Some(ids) if !same_images => {
            let pictures = images::replace_on_post(&mut commit.connection, author, id, ids, at).await?;
            Some(serde_json::to_string(&pictures).map_err(failed)?)
        }
        _ => None,
    };
    let row = sqlx::query(UPDATE)
        .bind(text.title())
        .bind(text.content())
        .bind(serde_json::to_string(&markup.tags).map_err(failed)?)
        .bind(serde_json::to_string(&markup.mentions).map_err(failed)?)
        .bind(images)
        .bind(at.0)
        .bind(signed(id.0))
        .fetch_one(&mut commit.connection)
        .await
        .map_err(failed)?;
    set_tags(&mut commit.connection, id, &markup.tags).await?;
    let fact = Fact::new(EventKind::PostUpdated, author).about_post(id, before.audience);
    commit.emit(fact);
    commit.emit_mentions(fact, &mentioned(&before.mentions), &mentioned(&markup.mentions));
    post(&row).map_err(failed)
}

pub(super) async fn delete_post(commit: &mut Commit, author: MemberId, id: PostId, at: Timestamp) -> StoreResult<()> {
    if author_of(&mut commit.connection, author, id).await? != author {
        return Err(Refusal::PostDeleteForbidden.into());
    }
    let delete = sqlx::query("UPDATE posts SET deleted_at = ? WHERE id = ? RETURNING audience");
    let row = delete.bind(at.0).bind(signed(id.0)).fetch_one(&mut commit.connection).await.map_err(failed)?;
    let audience = audience(row.get(0)).map_err(failed)?;
    let count = sqlx::query("UPDATE members SET post_count = post_count - 1 WHERE id = ?").bind(signed(author.0));
    count.execute(&mut commit.connection).await.map_err(failed)?;
    let fact = Fact::new(EventKind::PostDeleted, author).about_post(id, audience);
    commit.emit(fact);
    let mentioned = mentions_of(&mut commit.connection, id).await?;
    commit.emit_mentions(fact, &mentioned, &[]);
    Ok(())
}

/// Returns a stored post.
async fn stored(connection: &mut SqliteConnection, id: PostId) -> StoreResult<Post> {
    let row = sqlx::query("SELECT * FROM posts WHERE id = ?").bind(signed(id.0)).fetch_one(connection).await;
    post(&row.map_err(failed)?).map_err(failed)
}

/// Returns the members whom a post mentions, without decoding the post.
async fn mentions_of(connection: &mut SqliteConnection, id: PostId) -> StoreResult<Vec<MemberId>> {
    let select = "SELECT j.value->>'member' FROM posts p, json_each(p.mentions) j WHERE p.id = ?";
    let rows = sqlx::query(select).bind(signed(id.0)).fetch_all(connection).await.map_err(failed)?;
    Ok(rows.iter().map(|row| MemberId(number(row.get(0)))).collect())
}

/// Replaces the rows of a post in `post_tags`, which tag feeds read.
pub(crate) async fn set_tags(connection: &mut SqliteConnection, id: PostId, tags: &[Tag]) -> StoreResult<()> {
    let clear = sqlx::query("DELETE FROM post_tags WHERE post_id = ?").bind(signed(id.0));
    clear.execute(&mut *connection).await.map_err(failed)?;
    let insert = "INSERT INTO post_tags (tag, post_id) SELECT value->>'tag', ? FROM json_each(?) \
        WHERE true ON CONFLICT DO NOTHING";
    let tags = serde_json::to_string(tags).map_err(failed)?;
    sqlx::query(insert).bind(signed(id.0)).bind(tags).execute(connection).await.map_err(failed)?;
    Ok(())
}
