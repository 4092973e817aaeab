//! `/api/images`: sending, showing, deleting.
use super::{
    answer::{self, IfNoneMatch},
    contract::{ImageBytes, ImagePurpose, ImageVariant},
    extract::{Auth, Caller, Id, Key, NoIdentity, Query, Upload, UploadRules, discard_upload},
    problem::Problem,
    views::ImageView,
};
use crate::{
    actors::images::Images,
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

/// An address never gets other bytes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// By id alone it is an answer to the owner, which no shared cache may keep.
const OF_OWNER: &str = "private, no-cache";
/// Opened by itself, an image loads and runs nothing.
const POLICY: &str = "default-src 'none'";

/// One image in a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read part by part")]
pub(super) struct SendImage {
    /// JPEG, PNG, WebP, GIF or BMP by its first bytes; at most 10 MiB and 40 megapixels.
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
    purpose: ImagePurpose,
}

/// Sends an image. It is made anew: turned upright, fitted, and without anything but its pixels.
///
/// `purpose` may stand in the query as well, where the form does not say it.
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
#[expect(clippy::significant_drop_tightening, reason = "a permit, not a lock: held until the work ends")]
pub(super) async fn send(
    State(images): State<Images>,
    State(rules): State<UploadRules>,
    Auth(identity): Auth,
    request: Request,
) -> Result<Response, Problem> {
    let key = Key::of(&request)?;
    let permit = match images.acquire_upload(identity.member) {
        Ok(permit) => permit,
        Err(busy) => {
            discard_upload(request).await;
            return Err(busy.into());
        }
    };
    let Upload { purpose, image } = Upload::read(request, rules).await?;
    let sent = key.is_some().then(|| fingerprint(purpose, &image));
    let draft = images.draft_image(&permit, identity.member, purpose, image).await?;
    // Written before the commit, which keeps it for a repeat.
    let picture = &draft.image.picture;
    let answer = answer::created(format!("/api/images/{}", picture.id), &ImageView::from(picture));
    let receipt =
        key.zip(sent).map(|(key, sent)| key.receipt_of(format!("member:{}", identity.member), &answer, &sent));
    let outcome = images.create_image(draft, receipt).await?;
    Ok(answer::settled(answer, outcome))
}

/// What makes two uploads the same: their purpose and their bytes, however the form wraps them.
fn fingerprint(purpose: Purpose, image: &[u8]) -> Vec<u8> {
    [purpose.name().as_bytes(), digest(&SHA256, image).as_ref()].concat()
}

/// Which variant.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// `original` by default.
    #[param(value_type = Option<ImageVariant>)]
    variant: Option<String>,
    /// As in `url` and `thumbnailUrl`. May be left out by the image's owner, with a token.
    key: Option<String>,
}

/// An image, for whoever has its `url` or `thumbnailUrl`: browsers show images without a token. By id alone its owner
/// gets it, with a token, and nobody else. Serves ranges.
#[utoipa::path(
    get, path = "/api/images/{id}", operation_id = "showImage", tag = "images", security((), ("bearer" = [])),
    params(Which),
    responses(
        (status = 200, description = "The bytes", body = inline(ImageBytes), content_type = "image/*"),
        (status = 206, description = "The part that was asked for", body = inline(ImageBytes), content_type = "image/*"),
        (status = 304, description = "As known"),
        (status = 404, description = "`IMAGE_NOT_FOUND`; also without the key, or with another"),
        (status = 416, description = "No such part"),
        (status = 422, description = "`VALIDATION_FAILED`"),
    )
)]
pub(super) async fn show(
    State(images): State<Images>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<ImageId>,
    Query(Which { variant, key }): Query<Which>,
    known: IfNoneMatch,
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
    let cached = if key.is_some() { IMMUTABLE } else { OF_OWNER };
    let file = image.file(variant);
    let tag = format!("\"{}\"", file.tag);
    if known.knows(&tag) {
        return Ok(described(StatusCode::NOT_MODIFIED, Body::empty(), &tag, cached));
    }
    let (status, range) = match part(&headers, &tag, file.bytes) {
        Part::Whole => (StatusCode::OK, 0..file.bytes),
        Part::Some(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::None => return Ok(no_such_part(file.bytes)),
    };
    let body = match method {
        // Not worth opening a file for.
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(images.read(id, variant, range.clone()).await?),
    };
    let mut response = described(status, body, &tag, cached);
    write_headers(response.headers_mut(), &image, status, &range, file.bytes);
    Ok(response)
}

/// What is said of an image with or without its bytes.
fn described(status: StatusCode, body: Body, tag: &str, cached: &'static str) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
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

fn no_such_part(whole: u64) -> Response {
    let mut response = Problem::of_status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
    if let Ok(part) = HeaderValue::from_str(&format!("bytes */{whole}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, part);
    }
    response
}

/// What a request asks for of the bytes.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Some(Range<u64>),
    None,
}

/// One range (RFC 9110). Several at once, or what is no range, ask for the whole; so does a range of other bytes.
fn part(headers: &HeaderMap, tag: &str, whole: u64) -> Part {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let same = text(header::IF_RANGE).is_none_or(|known| known == tag);
    let range = text(header::RANGE).filter(|_| same).and_then(|range| range.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.trim().split_once('-')) else { return Part::Whole };
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (first, last) = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(whole)),
        (Some(first), None) if last.is_empty() => (first, whole),
        (None, Some(0)) if first.is_empty() => return Part::None,
        (None, Some(count)) if first.is_empty() => (whole.saturating_sub(count), whole),
        _ => return Part::Whole,
    };
    if first < last { Part::Some(first..last) } else { Part::None }
}

/// Deletes an image, and takes it off the post or the profile that it is on. Only its owner may.
#[utoipa::path(
    delete, path = "/api/images/{id}", operation_id = "deleteImage", tag = "images",
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "`IMAGE_FORBIDDEN`"),
        (status = 404, description = "`IMAGE_NOT_FOUND`"),
    )
)]
pub(super) async fn delete(
    State(images): State<Images>,
    Auth(identity): Auth,
    Id(id): Id<ImageId>,
) -> Result<StatusCode, Problem> {
    images.delete_image(identity.member, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str) -> Part {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        part(&headers, "\"a\"", 100)
    }

    #[test]
    fn a_range_is_cut_to_what_is_there() {
        assert_eq!(part(&HeaderMap::new(), "\"a\"", 100), Part::Whole);
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=10-19", 10..20),
            ("bytes=90-", 90..100),
            ("bytes=90-500", 90..100),
            ("bytes=-10", 90..100),
            ("bytes=-500", 0..100),
        ] {
            assert_eq!(asked(range), Part::Some(expected), "{range}");
        }
        for beyond in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(asked(beyond), Part::None, "{beyond}");
        }
        for other in ["bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes=", "bytes=-", "bytes=+1-2", "bytes=a-b"] {
            assert_eq!(asked(other), Part::Whole, "{other}");
        }
    }

    #[test]
    fn a_range_of_other_bytes_is_the_whole() {
        let mut headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=0-1"))]);
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"b\""));
        assert_eq!(part(&headers, "\"a\"", 100), Part::Whole);
        assert_eq!(part(&headers, "\"b\"", 100), Part::Some(0..2));
    }
}
