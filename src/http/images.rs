//! `/api/images`: upload, show and delete images.
use super::{
    contract::{ImageBytes, ImagePurpose, ImageVariant},
    etag::IfNoneMatch,
    extract::{Auth, Caller, Id, IdempotencyKey, NoIdentity, Query, Upload, UploadRules, discard_upload},
    problem::Problem,
    response,
    views::ImageView,
};
use crate::{
    actors::{Committed, images::Images},
    domain::{Image, ImageId, Purpose, Variant},
};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::Body,
    extract::{Extension, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::ops::Range;
use utoipa::{IntoParams, ToSchema};

/// The bytes of a URL with a key never change.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// A URL without a key is only for the owner, so no shared cache may store it.
const OF_OWNER: &str = "private, no-cache";
/// An image that is opened as a page loads and runs nothing.
const POLICY: &str = "default-src 'none'";

/// A form with one image.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read part by part")]
pub(super) struct SendImage {
    /// JPEG, PNG, WebP, GIF or BMP, detected by content; at most 10 MiB, 40 megapixels and 32,768 pixels per side.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    purpose: ImagePurpose,
}

/// Uploads an image.
///
/// The server re-encodes the image: rotated upright, resized, and without metadata. `purpose` may also be a query
/// parameter if the form does not contain it.
#[utoipa::path(
    post, path = "/api/images", operation_id = "sendImage", tag = "images",
    request_body(content = SendImage, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The image", body = ImageView, headers(("Location" = String))),
        (status = 413, description = "`IMAGE_TOO_LARGE`"),
        (status = 415, description = "`IMAGE_UNSUPPORTED`, `UNSUPPORTED_MEDIA_TYPE`"),
        (status = 422, description = "`IMAGE_EMPTY`, `IMAGE_CORRUPTED`, `VALIDATION_FAILED`, `IDEMPOTENCY_KEY_REUSED`"),
    )
)]
#[expect(clippy::significant_drop_tightening, reason = "a permit, not a lock: held until the upload is done")]
pub(super) async fn create_image(
    State(images): State<Images>,
    State(rules): State<UploadRules>,
    Auth(identity): Auth,
    request: Request,
) -> Result<Committed<Response>, Problem> {
    let key = IdempotencyKey::of(&request)?;
    let permit = match images.acquire_upload(identity.member) {
        Ok(permit) => permit,
        Err(busy) => {
            discard_upload(request).await;
            return Err(busy.into());
        }
    };
    let Upload { purpose, image } = Upload::read(request, rules).await?;
    let fingerprint = key.is_some().then(|| fingerprint(purpose, &image));
    let draft = images.draft_image(&permit, identity.member, purpose, image).await?;
    // Prepared before the commit, which stores it with the idempotency key.
    let picture = &draft.image.picture;
    let answer = response::created(format!("/api/images/{}", picture.id), &ImageView::from(picture));
    let receipt = key
        .zip(fingerprint)
        .map(|(key, fingerprint)| key.receipt_with_body(format!("member:{}", identity.member), &answer, &fingerprint));
    let created = images.create_image(draft, receipt).await?;
    Ok(created.map(|outcome| response::created_or_repeated(answer, outcome)))
}

/// The fingerprint of an upload: its purpose and its image, but not the boundaries of its form.
fn fingerprint(purpose: Purpose, image: &[u8]) -> Vec<u8> {
    [purpose.name().as_bytes(), digest(&SHA256, image).as_ref()].concat()
}

/// The variant of an image, and its key.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ImageQuery {
    /// The variant; `original` by default.
    #[param(value_type = Option<ImageVariant>)]
    variant: Option<String>,
    /// The key, as in `url` and `thumbnailUrl`. The owner may omit it with a bearer token.
    key: Option<String>,
}

/// Returns an image.
///
/// Any client that has the `url` or `thumbnailUrl` of the image can fetch it without a bearer token, as browsers do.
/// Without the key only the owner can fetch it, with a bearer token. Supports range requests.
#[utoipa::path(
    get, path = "/api/images/{id}", operation_id = "showImage", tag = "images", security((), ("bearer" = [])),
    params(ImageQuery),
    responses(
        (status = 200, description = "The image", body = inline(ImageBytes), content_type = "image/*"),
        (status = 206, description = "The requested range", body = inline(ImageBytes), content_type = "image/*"),
        (status = 304, description = "The client's version is current"),
        (status = 404, description = "`IMAGE_NOT_FOUND`; also if the key is missing or wrong"),
        (status = 416, description = "`MALFORMED_REQUEST`: the range is beyond the end of the image"),
        (status = 422, description = "`VALIDATION_FAILED`"),
    )
)]
pub(super) async fn show_image(
    State(images): State<Images>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<ImageId>,
    Query(ImageQuery { variant, key }): Query<ImageQuery>,
    if_none_match: IfNoneMatch,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let variant = variant.map_or(Ok(Variant::Original), |name| Variant::named(&name))?;
    let viewer = match (&key, caller.identity) {
        (None, Ok(identity)) => Some(identity.member),
        (None, Err(NoIdentity::Refused(refusal))) => return Err(refusal.into()),
        _ => None,
    };
    let image = images.image(id, key.as_deref(), viewer).await?;
    let cache_control = if key.is_some() { IMMUTABLE } else { OF_OWNER };
    let file = image.file(variant);
    let tag = format!("\"{}\"", file.tag);
    if if_none_match.contains(&tag) {
        return Ok(with_caching(StatusCode::NOT_MODIFIED, Body::empty(), &tag, cache_control));
    }
    let (status, range) = match requested_range(&headers, &tag, file.bytes) {
        ByteRange::Whole => (StatusCode::OK, 0..file.bytes),
        ByteRange::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        ByteRange::Unsatisfiable => return Ok(range_not_satisfiable(file.bytes)),
    };
    let body = match method {
        // A HEAD does not open the file.
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(images.read(id, variant, range.clone()).await?),
    };
    let mut response = with_caching(status, body, &tag, cache_control);
    write_headers(response.headers_mut(), &image, status, &range, file.bytes);
    Ok(response)
}

/// A response with the caching headers of an image.
fn with_caching(status: StatusCode, body: Body, tag: &str, cache_control: &'static str) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn write_headers(headers: &mut HeaderMap, image: &Image, status: StatusCode, range: &Range<u64>, whole: u64) {
    let fixed = [
        (header::CONTENT_TYPE, image.picture.kind.media_type()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CONTENT_DISPOSITION, "inline"),
        (header::ACCEPT_RANGES, "bytes"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    let part = format!("bytes {}-{}/{whole}", range.start, range.end.saturating_sub(1));
    if let Some(part) = HeaderValue::from_str(&part).ok().filter(|_| status == StatusCode::PARTIAL_CONTENT) {
        headers.insert(header::CONTENT_RANGE, part);
    }
}

fn range_not_satisfiable(whole: u64) -> Response {
    let mut response = Problem::of_status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
    if let Ok(part) = HeaderValue::from_str(&format!("bytes */{whole}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, part);
    }
    response
}

/// The bytes that a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum ByteRange {
    Whole,
    Part(Range<u64>),
    /// The range is beyond the end.
    Unsatisfiable,
}

/// Parses a single range (RFC 9110). Several ranges, an invalid one, or one of another version (`If-Range`) select the
/// whole image.
fn requested_range(headers: &HeaderMap, tag: &str, whole: u64) -> ByteRange {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let same_version = text(header::IF_RANGE).is_none_or(|known| known == tag);
    let range = text(header::RANGE).filter(|_| same_version).and_then(|range| range.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.trim().split_once('-')) else { return ByteRange::Whole };
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (first, last) = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(whole)),
        (Some(first), None) if last.is_empty() => (first, whole),
        (None, Some(0)) if first.is_empty() => return ByteRange::Unsatisfiable,
        (None, Some(count)) if first.is_empty() => (whole.saturating_sub(count), whole),
        _ => return ByteRange::Whole,
    };
    if first < last { ByteRange::Part(first..last) } else { ByteRange::Unsatisfiable }
}

/// Deletes an image, and removes it from its post or profile. Only the owner can delete it.
#[utoipa::path(
    delete, path = "/api/images/{id}", operation_id = "deleteImage", tag = "images",
    responses(
        (status = 204, description = "The image was deleted"),
        (status = 403, description = "`IMAGE_FORBIDDEN`"),
        (status = 404, description = "`IMAGE_NOT_FOUND`"),
    )
)]
pub(super) async fn delete_image(
    State(images): State<Images>,
    Auth(identity): Auth,
    Id(id): Id<ImageId>,
) -> Result<Committed<StatusCode>, Problem> {
    Ok(response::no_content(images.delete_image(identity.member, id).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range_of(range: &str) -> ByteRange {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        requested_range(&headers, "\"a\"", 100)
    }

    #[test]
    fn a_range_is_cut_to_the_size_of_the_image() {
        assert_eq!(requested_range(&HeaderMap::new(), "\"a\"", 100), ByteRange::Whole);
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=10-19", 10..20),
            ("bytes=90-", 90..100),
            ("bytes=90-500", 90..100),
            ("bytes=-10", 90..100),
            ("bytes=-500", 0..100),
        ] {
            assert_eq!(range_of(range), ByteRange::Part(expected), "{range}");
        }
        for beyond in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(range_of(beyond), ByteRange::Unsatisfiable, "{beyond}");
        }
        for other in ["bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes=", "bytes=-", "bytes=+1-2", "bytes=a-b"] {
            assert_eq!(range_of(other), ByteRange::Whole, "{other}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_the_whole() {
        let mut headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=0-1"))]);
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"b\""));
        assert_eq!(requested_range(&headers, "\"a\"", 100), ByteRange::Whole);
        assert_eq!(requested_range(&headers, "\"b\"", 100), ByteRange::Part(0..2));
    }
}
