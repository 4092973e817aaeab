//! `ImageStore` over the table `images`. `attach.rs` has the part that commands of posts and profiles call,
//! `describe.rs` the command on the description.
mod attach;
mod describe;

pub(crate) use attach::{attach_to_post, change_avatar, replace_on_post};

use super::{
    Sqlite, decoded, failed, json_ids, number, posts, signed,
    writer::{Commit, receipts},
};
use crate::{
    domain::{
        EventKind, Fact, IMAGES_UNUSED_MAX, Image, ImageDescription, ImageFile, ImageId, ImageKey, ImageKind, MemberId,
        Outcome, Picture, PostId, Purpose, Receipt, Refusal, Timestamp,
    },
    storage::{Committed, ImageStore, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

const INSERT: &str = "INSERT INTO images (id, owner_id, purpose, kind, width, height, original_bytes, original_tag, \
    thumbnail_bytes, thumbnail_tag, created_at, unused_since, key, description) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13)";
const REMOVE_FROM_POST: &str = "UPDATE posts SET images = (SELECT json_group_array(json(value) ORDER BY key) \
    FROM json_each(posts.images) WHERE value->>'id' <> ?) WHERE id = ? RETURNING deleted_at IS NULL, audience";
const REMOVE_FROM_PROFILE: &str =
    "UPDATE members SET avatar_id = NULL, avatar_key = NULL WHERE id = ? AND avatar_id = ?";
const DELETE_UNUSED: &str =
    "DELETE FROM images WHERE id IN (SELECT id FROM images WHERE unused_since < ? LIMIT ?) RETURNING id";
const UNUSED_COUNT: &str = "SELECT (SELECT count(*) FROM images WHERE owner_id = m.id AND unused_since IS NOT NULL) \
    FROM members m WHERE id = ? AND deactivated_at IS NULL";
const VISIBLE: &str = "SELECT i.* FROM images i JOIN members m ON m.id = i.owner_id AND m.deactivated_at IS NULL \
    LEFT JOIN posts p ON p.id = i.post_id WHERE i.id = ? AND p.deleted_at IS NULL";

/// Decodes a stored key; `None` if the length is wrong.
pub(crate) fn key(bytes: &[u8]) -> Option<ImageKey> {
    bytes.try_into().ok().map(|bytes| ImageKey(u128::from_be_bytes(bytes)))
}

/// Decodes a row of `images`.
fn image(row: &SqliteRow) -> sqlx::Result<Image> {
    let file =
        |bytes, tag| Ok::<_, sqlx::Error>(ImageFile { bytes: number(row.try_get(bytes)?), tag: row.try_get(tag)? });
    Ok(Image {
        picture: Picture {
            id: ImageId(number(row.try_get("id")?)),
            key: key(row.try_get("key")?).ok_or_else(|| sqlx::Error::Decode("an image key has 16 bytes".into()))?,
            width: row.try_get("width")?,
            height: row.try_get("height")?,
            kind: if row.try_get("kind")? { ImageKind::Png } else { ImageKind::Jpeg },
            description: row.try_get::<Option<String>, _>("description")?.map(ImageDescription::stored),
        },
        owner: MemberId(number(row.try_get("owner_id")?)),
        purpose: if row.try_get("purpose")? { Purpose::Post } else { Purpose::Profile },
        post: row.try_get::<Option<i64>, _>("post_id")?.map(|id| PostId(number(id))),
        original: file("original_bytes", "original_tag")?,
        thumbnail: file("thumbnail_bytes", "thumbnail_tag")?,
        created_at: Timestamp(row.try_get("created_at")?),
    })
}

/// Returns an image of an owner. Refuses `ImageNotFound`, `ImageForbidden`.
async fn find_own(connection: &mut SqliteConnection, owner: MemberId, id: ImageId) -> StoreResult<Image> {
    let image = find(connection, &[id]).await?.pop().ok_or(Refusal::ImageNotFound)?;
    if image.owner == owner { Ok(image) } else { Err(Refusal::ImageForbidden.into()) }
}

/// Returns the stored images among `ids`.
async fn find(connection: &mut SqliteConnection, ids: &[ImageId]) -> StoreResult<Vec<Image>> {
    let select = "SELECT i.* FROM json_each(?) j JOIN images i ON i.id = j.value";
    let query = sqlx::query(select).bind(json_ids(ids.iter().map(|id| id.0)));
    decoded(&query.fetch_all(connection).await.map_err(failed)?, image)
}

async fn create_image(commit: &mut Commit, image: Image, receipt: Option<Receipt>) -> StoreResult<Outcome> {
    if let Some(answer) = receipts::find_or_insert(&mut commit.connection, receipt.as_ref()).await? {
        return Ok(Outcome::Repeated(answer));
    }
    let query = sqlx::query(UNUSED_COUNT).bind(signed(image.owner.0));
    let row = query.fetch_optional(&mut commit.connection).await.map_err(failed)?.ok_or(Refusal::MemberNotFound)?;
    if number(row.get(0)) >= IMAGES_UNUSED_MAX as u64 {
        return Err(Refusal::TooManyImages { max: IMAGES_UNUSED_MAX }.into());
    }
    let query = sqlx::query(INSERT)
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
        .bind(image.picture.key.0.to_be_bytes().to_vec())
        .bind(image.picture.description.as_ref().map(ImageDescription::as_str));
    query.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(Outcome::Done)
}

async fn delete_image(commit: &mut Commit, owner: MemberId, id: ImageId) -> StoreResult<()> {
    let found = find_own(&mut commit.connection, owner, id).await?;
    let delete = sqlx::query("DELETE FROM images WHERE id = ?").bind(signed(id.0));
    delete.execute(&mut commit.connection).await.map_err(failed)?;
    if let Some(post) = found.post {
        let query = sqlx::query(REMOVE_FROM_POST).bind(signed(id.0)).bind(signed(post.0));
        let row = query.fetch_optional(&mut commit.connection).await.map_err(failed)?;
        if let Some(row) = row.filter(|row| row.get(0)) {
            let audience = posts::audience(row.get(1)).map_err(failed)?;
            commit.emit(Fact::new(EventKind::PostUpdated, owner).about_post(post, audience));
        }
    }
    let query = sqlx::query(REMOVE_FROM_PROFILE).bind(signed(owner.0)).bind(signed(id.0));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0 {
        commit.emit(Fact::new(EventKind::ProfileChanged, owner));
    }
    Ok(())
}

async fn delete_unused_images(commit: &mut Commit, before: Timestamp, limit: usize) -> StoreResult<Vec<ImageId>> {
    let query = sqlx::query(DELETE_UNUSED).bind(before.0).bind(signed(limit as u64));
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    Ok(rows.iter().map(|row| ImageId(number(row.get(0)))).collect())
}

#[async_trait]
impl ImageStore for Sqlite {
    async fn create_image(&self, image: Image, receipt: Option<Receipt>) -> StoreResult<Committed<Outcome>> {
        self.writer.write(move |commit| create_image(commit, image.clone(), receipt.clone()).boxed()).await
    }

    async fn describe_image(
        &self,
        owner: MemberId,
        id: ImageId,
        description: Option<ImageDescription>,
        expected: Option<Image>,
    ) -> StoreResult<Committed<Image>> {
        let described = describe::Described { owner, id, description, expected };
        self.writer.write(move |commit| describe::describe_image(commit, described.clone()).boxed()).await
    }

    async fn delete_image(&self, owner: MemberId, id: ImageId) -> StoreResult<Committed<()>> {
        self.writer.write(move |commit| delete_image(commit, owner, id).boxed()).await
    }

    async fn image(&self, id: ImageId) -> StoreResult<Option<Image>> {
        let query = sqlx::query(VISIBLE).bind(signed(id.0));
        let row = query.fetch_optional(&self.read_pool).await.map_err(failed)?;
        row.map(|row| image(&row)).transpose().map_err(failed)
    }

    async fn images(&self, ids: &[ImageId]) -> StoreResult<Vec<Image>> {
        let mut connection = self.read_pool.acquire().await.map_err(failed)?;
        find(&mut connection, ids).await
    }

    async fn delete_unused_images(&self, before: Timestamp, limit: usize) -> StoreResult<Committed<Vec<ImageId>>> {
        self.writer.write(move |commit| delete_unused_images(commit, before, limit).boxed()).await
    }
}
