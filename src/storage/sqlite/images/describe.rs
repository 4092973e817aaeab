//! The command `describe_image`: the description of an image, in its row and in the list of images of its post.
use super::find_own;
use crate::{
    domain::{EventKind, Fact, Image, ImageDescription, ImageId, MemberId, Refusal},
    storage::{
        StoreResult,
        sqlite::{failed, posts::audience, signed, writer::Commit},
    },
};
use sqlx::Row;

const UPDATE: &str = "UPDATE images SET description = ? WHERE id = ?";
const UPDATE_ON_POST: &str = "UPDATE posts SET images = (SELECT json_group_array(json(CASE \
    WHEN value->>'id' <> ?1 THEN value WHEN ?2 IS NULL THEN json_remove(value, '$.description') \
    ELSE json_set(value, '$.description', ?2) END) ORDER BY key) FROM json_each(posts.images)) \
    WHERE id = ?3 RETURNING deleted_at IS NULL, audience";

/// The change, and the image that its caller has seen.
#[derive(Clone)]
pub(super) struct Described {
    pub(super) owner: MemberId,
    pub(super) id: ImageId,
    pub(super) description: Option<ImageDescription>,
    pub(super) expected: Option<Image>,
}

pub(super) async fn describe_image(commit: &mut Commit, described: Described) -> StoreResult<Image> {
    let Described { owner, id, description, expected } = described;
    let mut image = find_own(&mut commit.connection, owner, id).await?;
    if expected.is_some_and(|expected| expected.picture.description != image.picture.description) {
        return Err(Refusal::PreconditionFailed.into());
    }
    if image.picture.description == description {
        return Ok(image);
    }
    let text = description.as_ref().map(ImageDescription::as_str);
    let query = sqlx::query(UPDATE).bind(text).bind(signed(id.0));
    query.execute(&mut commit.connection).await.map_err(failed)?;
    if let Some(post) = image.post {
        let query = sqlx::query(UPDATE_ON_POST).bind(signed(id.0)).bind(text).bind(signed(post.0));
        let row = query.fetch_optional(&mut commit.connection).await.map_err(failed)?;
        if let Some(row) = row.filter(|row| row.get(0)) {
            let audience = audience(row.get(1)).map_err(failed)?;
            commit.emit(Fact::new(EventKind::PostUpdated, owner).about_post(post, audience));
        }
    }
    image.picture.description = description;
    Ok(image)
}
