//! Posts: read, edited, deleted.
use super::{Sqlite, failed, images, json_ids, number, signed};
use crate::{
    domain::{
        EventKind, Fact, MemberId, Mention, Position, Post, PostCounts, PostId, PostText, Refusal, Tag, Timestamp,
    },
    storage::{PostRef, StoreResult},
};
use futures::FutureExt;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use std::sync::Arc;

pub(super) fn post(row: &SqliteRow) -> sqlx::Result<Post> {
    let decode = |error: serde_json::Error| sqlx::Error::Decode(error.into());
    Ok(Post {
        id: PostId(number(row.try_get("id")?)),
        author: MemberId(number(row.try_get("author_id")?)),
        title: row.try_get("title")?,
        content: row.try_get("content")?,
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

/// The author of a post that may be seen. Somebody who has left sees none: a request of theirs may be on its way still.
pub(super) async fn author_of(connection: &mut SqliteConnection, by: MemberId, id: PostId) -> StoreResult<MemberId> {
    let select = "SELECT author_id FROM posts p JOIN members m ON m.id = p.author_id \
        WHERE p.id = ? AND p.deleted_at IS NULL AND m.deactivated_at IS NULL \
        AND EXISTS (SELECT 1 FROM members WHERE id = ? AND deactivated_at IS NULL)";
    let row =
        sqlx::query(select).bind(signed(id.0)).bind(signed(by.0)).fetch_optional(connection).await.map_err(failed)?;
    row.map(|row| MemberId(number(row.get(0)))).ok_or(Refusal::PostNotFound.into())
}

/// Refuses `PreconditionFailed` where the post is not as somebody has seen it.
async fn unchanged(connection: &mut SqliteConnection, id: PostId, seen: &Post) -> StoreResult<()> {
    let query = sqlx::query("SELECT * FROM posts WHERE id = ?").bind(signed(id.0));
    let now = post(&query.fetch_one(connection).await.map_err(failed)?).map_err(failed)?;
    if now.has_same_content(seen) { Ok(()) } else { Err(Refusal::PreconditionFailed.into()) }
}

impl Sqlite {
    pub(super) async fn edit(
        &self,
        author: MemberId,
        id: PostId,
        text: PostText,
        (tags, mentions): (Vec<Tag>, Vec<Mention>),
        over: Option<Arc<Post>>,
        at: Timestamp,
    ) -> StoreResult<(Post, Position)> {
        let work = async move |commit: &mut super::commit::Commit| {
            if author_of(&mut commit.connection, author, id).await? != author {
                return Err(Refusal::PostUpdateForbidden.into());
            }
            if let Some(over) = over {
                unchanged(&mut commit.connection, id, &over).await?;
            }
            let was = stored(&mut commit.connection, id).await?;
            let same_images = text.images().is_none_or(|ids| was.images.iter().map(|image| &image.id).eq(ids));
            if text.needs_image() && same_images && was.images.is_empty() {
                return Err(Refusal::PostEmpty.into());
            }
            // An edit that changes nothing is none.
            if same_images && text.title() == was.title.as_deref() && text.content() == was.content {
                return Ok((was, commit.head()));
            }
            let before: Vec<MemberId> = was.mentions.iter().map(|mention| mention.member).collect();
            let images = match text.images().filter(|_| !same_images) {
                Some(ids) => {
                    let pictures = images::change_on_post(&mut commit.connection, author, id, ids, at).await?;
                    Some(serde_json::to_string(&pictures).map_err(failed)?)
                }
                None => None,
            };
            let update = "UPDATE posts SET title = ?, content = ?, tags = ?, mentions = ?, \
                images = coalesce(?, images), edited_at = ? WHERE id = ? RETURNING *";
            let row = sqlx::query(update)
                .bind(text.title())
                .bind(text.content())
                .bind(serde_json::to_string(&tags).map_err(failed)?)
                .bind(serde_json::to_string(&mentions).map_err(failed)?)
                .bind(images)
                .bind(at.0)
                .bind(signed(id.0))
                .fetch_one(&mut commit.connection)
                .await
                .map_err(failed)?;
            retag(&mut commit.connection, id, &tags).await?;
            let about = Fact::new(EventKind::PostUpdated, author).on_post(id);
            let position = commit.emit(about);
            let now: Vec<MemberId> = mentions.iter().map(|mention| mention.member).collect();
            commit.emit_mentions(about, &before, &now);
            Ok((post(&row).map_err(failed)?, position))
        };
        self.writer.write(move |commit| async move { work(commit).await }.boxed()).await
    }

    pub(super) async fn delete(&self, author: MemberId, id: PostId, at: Timestamp) -> StoreResult<Position> {
        self.writer
            .write(move |commit| {
                async move {
                    if author_of(&mut commit.connection, author, id).await? != author {
                        return Err(Refusal::PostDeleteForbidden.into());
                    }
                    let delete = "UPDATE posts SET deleted_at = ? WHERE id = ?";
                    let delete = sqlx::query(delete).bind(at.0).bind(signed(id.0));
                    delete.execute(&mut commit.connection).await.map_err(failed)?;
                    let count = "UPDATE members SET post_count = post_count - 1 WHERE id = ?";
                    let count = sqlx::query(count).bind(signed(author.0));
                    count.execute(&mut commit.connection).await.map_err(failed)?;
                    let about = Fact::new(EventKind::PostDeleted, author).on_post(id);
                    let position = commit.emit(about);
                    let before = mentions_of(&mut commit.connection, id).await?;
                    commit.emit_mentions(about, &before, &[]);
                    Ok(position)
                }
                .boxed()
            })
            .await
    }

    pub(super) async fn posts_by_id(&self, ids: &[PostId]) -> StoreResult<Vec<Post>> {
        let select = "SELECT p.* FROM json_each(?) j JOIN posts p ON p.id = j.value JOIN members m ON m.id = p.author_id \
            WHERE p.deleted_at IS NULL AND m.deactivated_at IS NULL";
        let query = sqlx::query(select).bind(json_ids(ids.iter().map(|id| id.0)));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(post).collect::<sqlx::Result<_>>().map_err(failed)
    }

    /// Each author's posts are sought by index, so the cost grows with authors and page and not with posts.
    pub(super) async fn newest_by(
        &self,
        authors: &[MemberId],
        before: PostId,
        limit: usize,
    ) -> StoreResult<Vec<PostRef>> {
        let select = "SELECT p.id, p.author_id, p.position FROM json_each(?1) a JOIN members m ON m.id = a.value \
            JOIN posts p ON p.id IN (SELECT id FROM posts WHERE author_id = a.value AND deleted_at IS NULL AND id < ?2 \
            ORDER BY id DESC LIMIT ?3) WHERE m.deactivated_at IS NULL ORDER BY p.id DESC LIMIT ?3";
        let authors = json_ids(authors.iter().map(|author| author.0));
        let query = sqlx::query(select).bind(authors).bind(signed(before.0)).bind(signed(limit as u64));
        Ok(places(&query.fetch_all(&self.readers).await.map_err(failed)?))
    }

    pub(super) async fn newest(&self, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>> {
        let select = "SELECT id, author_id, position FROM posts WHERE id < ? AND deleted_at IS NULL \
            ORDER BY id DESC LIMIT ?";
        let query = sqlx::query(select).bind(signed(before.0)).bind(signed(limit as u64));
        Ok(places(&query.fetch_all(&self.readers).await.map_err(failed)?))
    }

    pub(super) async fn tagged(&self, tag: &str, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>> {
        let select = "SELECT p.id, p.author_id, p.position FROM post_tags t JOIN posts p ON p.id = t.post_id \
            JOIN members m ON m.id = p.author_id WHERE t.tag = ? AND t.post_id < ? AND p.deleted_at IS NULL \
            AND m.deactivated_at IS NULL ORDER BY t.post_id DESC LIMIT ?";
        let query = sqlx::query(select).bind(tag).bind(signed(before.0)).bind(signed(limit as u64));
        Ok(places(&query.fetch_all(&self.readers).await.map_err(failed)?))
    }
}

/// A post as it is stored.
async fn stored(connection: &mut SqliteConnection, id: PostId) -> StoreResult<Post> {
    let row = sqlx::query("SELECT * FROM posts WHERE id = ?").bind(signed(id.0)).fetch_one(connection).await;
    post(&row.map_err(failed)?).map_err(failed)
}

/// Whom a post's text names.
async fn mentions_of(connection: &mut SqliteConnection, id: PostId) -> StoreResult<Vec<MemberId>> {
    let select = "SELECT j.value->>'member' FROM posts p, json_each(p.mentions) j WHERE p.id = ?";
    let rows = sqlx::query(select).bind(signed(id.0)).fetch_all(connection).await.map_err(failed)?;
    Ok(rows.iter().map(|row| MemberId(number(row.get(0)))).collect())
}

/// Gives a post's tags to the table that tag feeds are read from.
pub(super) async fn retag(connection: &mut SqliteConnection, id: PostId, tags: &[Tag]) -> StoreResult<()> {
    let clear = sqlx::query("DELETE FROM post_tags WHERE post_id = ?").bind(signed(id.0));
    clear.execute(&mut *connection).await.map_err(failed)?;
    let insert = "INSERT INTO post_tags (tag, post_id) SELECT value->>'tag', ? FROM json_each(?) \
        WHERE true ON CONFLICT DO NOTHING";
    let tags = serde_json::to_string(tags).map_err(failed)?;
    sqlx::query(insert).bind(signed(id.0)).bind(tags).execute(connection).await.map_err(failed)?;
    Ok(())
}

fn places(rows: &[SqliteRow]) -> Vec<PostRef> {
    rows.iter()
        .map(|row| PostRef {
            post: PostId(number(row.get(0))),
            author: MemberId(number(row.get(1))),
            position: Position(number(row.get(2))),
        })
        .collect()
}
