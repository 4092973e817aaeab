//! `PATCH /api/images/{id}`: the description of an image, which its post shows.
use super::{
    etag::IfMatch,
    extract::{Auth, Check, Field, Id, Json, body_with},
    images::byte_tag,
    problem::Problem,
    response,
    views::ImageView,
};
use crate::{
    actors::{Committed, images::Images},
    domain::{Identity, Image, ImageDescription, ImageId, Patch, Variant},
};
use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

/// Maximum number of bytes of a request.
const DESCRIPTION_BODY: usize = body_with(ImageDescription::JSON_BYTES_MAX);

/// A change of an image.
#[derive(Default, Deserialize, ToSchema)]
#[schema(examples(json!({"description": "한강 다리 위의 저녁 하늘"})))]
pub(super) struct DescribeImage {
    /// The content of the image, in words, in one line. Null or a blank text removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1500, required = false)]
    description: Field<String>,
}

/// Changes the description of an image. Only the owner can change it.
///
/// The post that shows the image is updated. The content type may also be `application/merge-patch+json`. The `ETag`
/// of the responses to upload and change names the version for `If-Match`.
#[utoipa::path(
    patch, path = "/api/images/{id}", operation_id = "describeImage", tag = "images",
    request_body = DescribeImage,
    responses(
        (status = 200, description = "The changed image", body = ImageView),
        (status = 403, description = "`IMAGE_FORBIDDEN`"),
        (status = 404, description = "`IMAGE_NOT_FOUND`"),
        (status = 422, description = "`VALIDATION_FAILED`, `TEXT_MALFORMED`"),
    )
)]
pub(super) async fn describe_image(
    State(images): State<Images>,
    Auth(identity): Auth,
    Id(id): Id<ImageId>,
    if_match: IfMatch,
    Json(request): Json<DescribeImage, DESCRIPTION_BODY>,
) -> Result<Committed<Response>, Problem> {
    let mut check = Check::default();
    let description = match check.patch("description", request.description) {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(text) => check.rule(ImageDescription::new(&text)).flatten().map_or(Patch::Clear, Patch::Set),
    };
    let description = check.pass(Some(description))?;
    let expected = expected_image(&images, identity, id, &if_match).await?;
    let description = match description {
        Patch::Keep => images.own_image(identity.member, id).await?.picture.description,
        Patch::Clear => None,
        Patch::Set(text) => Some(text),
    };
    let described = images.describe_image(identity.member, id, description, expected).await?;
    Ok(described.map(|image| response::ok_with_etag(&ImageView::from(&image.picture))))
}

/// The current image, if the request has an `If-Match` that names it; the command applies only to that version. The tag
/// that a GET has names the bytes, which never change.
async fn expected_image(
    images: &Images,
    caller: Identity,
    id: ImageId,
    if_match: &IfMatch,
) -> Result<Option<Image>, Problem> {
    if !if_match.is_given() {
        return Ok(None);
    }
    let image = images.own_image(caller.member, id).await?;
    if if_match.names(&byte_tag(&image, Variant::Original)) {
        return Ok(None);
    }
    if_match.check(&ImageView::from(&image.picture))?;
    Ok(Some(image))
}
