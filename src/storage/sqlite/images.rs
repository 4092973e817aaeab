//! The images role: what is known of them, and what they are on.
use super::{Sqlite, commit::Commit, failed, json_ids, number, receipts, signed};
use crate::{
    domain::{
        EventKind, Fact, FieldError, IMAGES_UNUSED_MAX, Image, ImageFile, ImageId, ImageKey, ImageKind, MemberId,
        Outcome, Picture, PostId, Purpose, Reason, Receipt, Refusal, Timestamp,
    },
    storage::{ImageStore, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

/// A key as it is kept; none where it is not one.
pub(super) fn key(bytes: &[u8]) -> Option<ImageKey> {
    bytes.try_into().ok().map(|bytes| ImageKey(u128::from_be_bytes(bytes)))
}

fn image(row: &SqliteRow) -> sqlx::Result<Image> {
    let file =
        |bytes, tag| Ok::<_, sqlx::Error>(ImageFile { bytes: number(row.try_get(bytes)?), tag: row.try_get(tag)? });
    Ok(Image {
        picture: Picture {
            id: ImageId(number(row.try_get("id")?)),
            key: key(row.try_get("key")?).ok_or_else(|| sqlx::Error::Decode("not an image's key".into()))?,
            width: row.try_get("width")?,
            height: row.try_get("height")?,
            kind: if row.try_get("kind")? { ImageKind::Png } else { ImageKind::Jpeg },
        },
        owner: MemberId(number(row.try_get("owner_id")?)),
        purpose: if row.try_get("purpose")? { Purpose::Post } else { Purpose::Profile },
        post: row.try_get::<Option<i64>, _>("post_id")?.map(|id| PostId(number(id))),
        original: file("original_bytes", "original_tag")?,
        thumbnail: file("thumbnail_bytes", "thumbnail_tag")?,
        created_at: Timestamp(row.try_get("created_at")?),
    })
}

async fn find(connection: &mut SqliteConnection, ids: &[ImageId]) -> StoreResult<Vec<Image>> {
    let select = "SELECT i.* FROM json_each(?) j JOIN images i ON i.id = j.value";
    let query = sqlx::query(select).bind(json_ids(ids.iter().map(|id| id.0)));
    let rows = query.fetch_all(connection).await.map_err(failed)?;
    rows.iter().map(image).collect::<sqlx::Result<_>>().map_err(failed)
}

/// The member's own image, made for that.
fn own(found: &[Image], owner: MemberId, id: ImageId, purpose: Purpose, field: &'static str) -> StoreResult<Image> {
    let image = found.iter().find(|image| image.picture.id == id).ok_or(Refusal::ImageNotFound)?;
    if image.owner != owner {
        return Err(Refusal::ImageForbidden.into());
    }
    if image.purpose != purpose {
        return Err(Refusal::from(FieldError { field, reason: Reason::UnknownValue }).into());
    }
    Ok(image.clone())
}

/// Puts images on a post, in that order. Refuses `ImageNotFound`, `ImageForbidden`, `Invalid`; then nothing is changed.
pub(super) async fn put_on_post(
    connection: &mut SqliteConnection,
    owner: MemberId,
    post: PostId,
    ids: &[ImageId],
) -> StoreResult<Vec<Picture>> {
    let found = find(connection, ids).await?;
    let mut pictures = Vec::with_capacity(ids.len());
    for id in ids {
        let image = own(&found, owner, *id, Purpose::Post, "imageIds")?;
        if image.post.is_some_and(|on| on != post) {
            return Err(Refusal::from(FieldError { field: "imageIds", reason: Reason::InUse }).into());
        }
        pictures.push(image.picture);
    }
    let update = "UPDATE images SET post_id = ?, unused_since = NULL WHERE id IN (SELECT value FROM json_each(?))";
    let query = sqlx::query(update).bind(signed(post.0)).bind(json_ids(ids.iter().map(|id| id.0)));
    query.execute(connection).await.map_err(failed)?;
    Ok(pictures)
}

/// Gives a post other images. Those that it had and keeps no more are on nothing from now on.
pub(super) async fn change_on_post(
    connection: &mut SqliteConnection,
    owner: MemberId,
    post: PostId,
    ids: &[ImageId],
    at: Timestamp,
) -> StoreResult<Vec<Picture>> {
    let pictures = put_on_post(connection, owner, post, ids).await?;
    let update = "UPDATE images SET post_id = NULL, unused_since = ? WHERE post_id = ? \
        AND id NOT IN (SELECT value FROM json_each(?))";
    let query = sqlx::query(update).bind(at.0).bind(signed(post.0)).bind(json_ids(ids.iter().map(|id| id.0)));
    query.execute(connection).await.map_err(failed)?;
    Ok(pictures)
}

/// Gives a member another picture, or none. Refuses `ImageNotFound`, `ImageForbidden`, `Invalid`.
pub(super) async fn change_avatar(
    connection: &mut SqliteConnection,
    member: MemberId,
    id: Option<ImageId>,
    at: Timestamp,
) -> StoreResult<()> {
    if let Some(id) = id {
        let found = find(connection, &[id]).await?;
        own(&found, member, id, Purpose::Profile, "avatarId")?;
    }
    let (member, id) = (signed(member.0), id.map(|id| signed(id.0)));
    let release = "UPDATE images SET unused_since = ? WHERE id = (SELECT avatar_id FROM members WHERE id = ?)";
    sqlx::query(release).bind(at.0).bind(member).execute(&mut *connection).await.map_err(failed)?;
    let take = "UPDATE images SET unused_since = NULL WHERE id = ?";
    sqlx::query(take).bind(id).execute(&mut *connection).await.map_err(failed)?;
    let set = "UPDATE members SET avatar_id = ?1, avatar_key = (SELECT key FROM images WHERE id = ?1) WHERE id = ?2";
    sqlx::query(set).bind(id).bind(member).execute(connection).await.map_err(failed)?;
    Ok(())
}

async fn add(commit: &mut Commit, image: Image, receipt: Option<Receipt>) -> StoreResult<Outcome<()>> {
    if let Some(receipt) = &receipt {
        if let Some(answer) = receipts::find(&mut commit.connection, receipt).await? {
            return Ok(Outcome::Repeated(answer));
        }
        receipts::insert(&mut commit.connection, receipt).await?;
    }
    let select = "SELECT (SELECT count(*) FROM images WHERE owner_id = m.id AND unused_since IS NOT NULL) \
        FROM members m WHERE id = ? AND deactivated_at IS NULL";
    let query = sqlx::query(select).bind(signed(image.owner.0));
    let row = query.fetch_optional(&mut commit.connection).await.map_err(failed)?.ok_or(Refusal::MemberNotFound)?;
    if number(row.get(0)) >= IMAGES_UNUSED_MAX as u64 {
        return Err(Refusal::TooManyImages { max: IMAGES_UNUSED_MAX }.into());
    }
    let insert = "INSERT INTO images (id, owner_id, purpose, kind, width, height, original_bytes, original_tag, \
        thumbnail_bytes, thumbnail_tag, created_at, unused_since, key) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12)";
    let query = sqlx::query(insert)
        .bind(signed(image.picture.id.0))
        .bind(signed(image.owner.0))
        .bind(image.purpose == Purpose::Post)
        .bind(image.picture.kind == ImageKind::Png)
        .bind(image.picture.width)
        .bind(image.picture.height)
        .bind(signed(image.original.bytes))
        .bind(image.original.tag)
        .bind(signed(image.thumbnail.bytes))
        .bind(image.thumbnail.tag)
        .bind(image.created_at.0)
        .bind(image.picture.key.0.to_be_bytes().to_vec());
    query.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(Outcome::Done(()))
}

async fn remove(commit: &mut Commit, owner: MemberId, id: ImageId) -> StoreResult<()> {
    let found = find(&mut commit.connection, &[id]).await?.pop().ok_or(Refusal::ImageNotFound)?;
    if found.owner != owner {
        return Err(Refusal::ImageForbidden.into());
    }
    let delete = sqlx::query("DELETE FROM images WHERE id = ?").bind(signed(id.0));
    delete.execute(&mut commit.connection).await.map_err(failed)?;
    if let Some(post) = found.post {
        let rest = "UPDATE posts SET images = (SELECT json_group_array(json(value) ORDER BY key) \
            FROM json_each(posts.images) WHERE value->>'id' <> ?) WHERE id = ? RETURNING deleted_at IS NULL";
        let query = sqlx::query(rest).bind(signed(id.0)).bind(signed(post.0));
        let row = query.fetch_optional(&mut commit.connection).await.map_err(failed)?;
        if row.is_some_and(|row| row.get(0)) {
            commit.emit(Fact::new(EventKind::PostUpdated, owner).on_post(post));
        }
    }
    let clear = "UPDATE members SET avatar_id = NULL, avatar_key = NULL WHERE id = ? AND avatar_id = ?";
    let query = sqlx::query(clear).bind(signed(owner.0)).bind(signed(id.0));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0 {
        commit.emit(Fact::new(EventKind::ProfileChanged, owner));
    }
    Ok(())
}

async fn remove_unused(commit: &mut Commit, before: Timestamp, limit: usize) -> StoreResult<Vec<ImageId>> {
    let delete = "DELETE FROM images WHERE id IN (SELECT id FROM images WHERE unused_since < ? LIMIT ?) RETURNING id";
    let query = sqlx::query(delete).bind(before.0).bind(signed(limit as u64));
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    Ok(rows.iter().map(|row| ImageId(number(row.get(0)))).collect())
}

#[async_trait]
impl ImageStore for Sqlite {
    async fn add(&self, image: Image, receipt: Option<Receipt>) -> StoreResult<Outcome<()>> {
        self.writer.write(move |commit| add(commit, image, receipt).boxed()).await
    }

    async fn remove(&self, owner: MemberId, id: ImageId) -> StoreResult<()> {
        self.writer.write(move |commit| remove(commit, owner, id).boxed()).await
    }

    async fn image(&self, id: ImageId) -> StoreResult<Option<Image>> {
        let select = "SELECT i.* FROM images i JOIN members m ON m.id = i.owner_id AND m.deactivated_at IS NULL \
            LEFT JOIN posts p ON p.id = i.post_id WHERE i.id = ? AND p.deleted_at IS NULL";
        let query = sqlx::query(select).bind(signed(id.0));
        let row = query.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| image(&row)).transpose().map_err(failed)
    }

    async fn images(&self, ids: &[ImageId]) -> StoreResult<Vec<Image>> {
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        find(&mut connection, ids).await
    }

    async fn remove_unused(&self, before: Timestamp, limit: usize) -> StoreResult<Vec<ImageId>> {
        self.writer.write(move |commit| remove_unused(commit, before, limit).boxed()).await
    }
}
