//! Attaches images to posts and profiles, and detaches them, in the commits of the posts and profiles.
use super::find;
use crate::{
    domain::{FieldError, Image, ImageId, MemberId, Picture, PostId, Purpose, Reason, Refusal, Timestamp},
    storage::{
        StoreResult,
        sqlite::{failed, json_ids, signed},
    },
};
use sqlx::SqliteConnection;

/// Returns one of the found images, if the owner can use it for this purpose. Refuses `ImageNotFound`,
/// `ImageForbidden`, and `Invalid` for the other purpose.
fn usable(found: &[Image], owner: MemberId, id: ImageId, purpose: Purpose, field: &'static str) -> StoreResult<Image> {
    let image = found.iter().find(|image| image.picture.id == id).ok_or(Refusal::ImageNotFound)?;
    if image.owner != owner {
        return Err(Refusal::ImageForbidden.into());
    }
    if image.purpose != purpose {
        return Err(Refusal::from(FieldError { field, reason: Reason::UnknownValue }).into());
    }
    Ok(image.clone())
}

/// Attaches images to a post, in that order. Refuses `ImageNotFound`, `ImageForbidden`, and `Invalid` for an image of a
/// profile or another post; a refusal changes nothing.
pub(crate) async fn attach_to_post(
    connection: &mut SqliteConnection,
    owner: MemberId,
    post: PostId,
    ids: &[ImageId],
) -> StoreResult<Vec<Picture>> {
    let found = find(connection, ids).await?;
    let mut pictures = Vec::with_capacity(ids.len());
    for id in ids {
        let image = usable(&found, owner, *id, Purpose::Post, "imageIds")?;
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

/// Replaces the images of a post. The others become unused at `at`. Refuses the same as `attach_to_post`.
pub(crate) async fn replace_on_post(
    connection: &mut SqliteConnection,
    owner: MemberId,
    post: PostId,
    ids: &[ImageId],
    at: Timestamp,
) -> StoreResult<Vec<Picture>> {
    let pictures = attach_to_post(connection, owner, post, ids).await?;
    let update = "UPDATE images SET post_id = NULL, unused_since = ? WHERE post_id = ? \
        AND id NOT IN (SELECT value FROM json_each(?))";
    let query = sqlx::query(update).bind(at.0).bind(signed(post.0)).bind(json_ids(ids.iter().map(|id| id.0)));
    query.execute(connection).await.map_err(failed)?;
    Ok(pictures)
}

/// Replaces or removes the avatar of a member. The old one becomes unused at `at`. Refuses `ImageNotFound`,
/// `ImageForbidden`, `Invalid`.
pub(crate) async fn change_avatar(
    connection: &mut SqliteConnection,
    member: MemberId,
    id: Option<ImageId>,
    at: Timestamp,
) -> StoreResult<()> {
    if let Some(id) = id {
        let found = find(connection, &[id]).await?;
        usable(&found, member, id, Purpose::Profile, "avatarId")?;
    }
    let member = signed(member.0);
    let id = id.map(|id| signed(id.0));
    let detach = "UPDATE images SET unused_since = ? WHERE id = (SELECT avatar_id FROM members WHERE id = ?)";
    sqlx::query(detach).bind(at.0).bind(member).execute(&mut *connection).await.map_err(failed)?;
    let attach = "UPDATE images SET unused_since = NULL WHERE id = ?";
    sqlx::query(attach).bind(id).execute(&mut *connection).await.map_err(failed)?;
    let set = "UPDATE members SET avatar_id = ?1, avatar_key = (SELECT key FROM images WHERE id = ?1) WHERE id = ?2";
    sqlx::query(set).bind(id).bind(member).execute(connection).await.map_err(failed)?;
    Ok(())
}
