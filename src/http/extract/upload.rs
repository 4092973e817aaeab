//! `Upload`: one image, its purpose and its description from `multipart/form-data`, read in chunks with limits on size,
//! time and rate. No extractor: the handler reads the body once it holds an upload permit.
use super::{
    Query,
    body::{discard, is_coded},
};
use crate::{
    domain::{FieldError, IMAGE_BYTES_MAX, ImageDescription, Purpose, Reason, Refusal},
    http::problem::{Malformed, Problem},
};
use axum::{
    body::{Body, HttpBody},
    extract::{
        DefaultBodyLimit, FromRequest, FromRequestParts, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::{StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::Deserialize;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Maximum number of bytes of a request beside its image: the description, boundaries, headers of the parts, the
/// purpose.
const ENVELOPE_BYTES_MAX: usize = ImageDescription::BYTES_MAX + 64 * 1024;
/// More bytes than any purpose has.
const PURPOSE_BYTES_MAX: usize = 64;
/// How much of a refused upload is read and discarded, so that its client sees the response.
const DISCARDED_MAX: usize = 2 * IMAGE_BYTES_MAX;
/// How long discarding may take.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(5);
/// The window over which the rate of an upload is measured. A phone that changes networks pauses for less. A stalled
/// upload holds its permit for at least this long.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// The configured limits of uploads.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct UploadRules {
    /// Slower uploads get a 408.
    pub(in crate::http) body_time_max: Duration,
    /// Least bytes per second, on average over [`RATE_WINDOW`]; a slower upload gets a 408. 0 for no minimum.
    pub(in crate::http) bytes_per_second_min: u64,
    /// Time limit of the whole request with decoding; then 503.
    pub(in crate::http) time_max: Duration,
}

/// An uploaded image.
#[derive(Debug)]
pub(in crate::http) struct Upload {
    pub(in crate::http) purpose: Purpose,
    pub(in crate::http) description: Option<ImageDescription>,
    /// The bytes as sent, not decoded yet.
    pub(in crate::http) image: Bytes,
}

#[derive(Deserialize)]
struct PurposeQuery {
    purpose: Option<String>,
}

/// The known parts of the form.
#[derive(Default)]
struct FormParts {
    image: Option<Bytes>,
    purpose: Option<String>,
    description: Option<String>,
}

impl Upload {
    /// Reads a request. Refuses `ImageEmpty`, `ImageTooLarge`, a missing or unknown purpose, and a description that
    /// breaks its rule.
    pub(in crate::http) async fn read(request: Request, rules: UploadRules) -> Result<Self, Problem> {
        if is_coded(request.headers()) {
            discard_upload(request).await;
            return Err(Problem::coded());
        }
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data") {
            discard_upload(request).await;
            return Err(Problem::not_multipart());
        }
        let announced = request.body().size_hint().lower();
        if announced > (IMAGE_BYTES_MAX + ENVELOPE_BYTES_MAX) as u64 {
            discard_upload(request).await;
            return Err(Refusal::ImageTooLarge.into());
        }
        let (mut head, body) = request.into_parts();
        let arrived = Arc::new(AtomicU64::new(0));
        let body = counted(body, arrived.clone());
        let Query(PurposeQuery { purpose }) = Query::from_request_parts(&mut head, &()).await?;
        let mut request = Request::from_parts(head, body);
        // Bounds the headers of parts and the bytes before the first part if no length is announced.
        DefaultBodyLimit::max(IMAGE_BYTES_MAX + ENVELOPE_BYTES_MAX).apply(&mut request);
        let multipart = Multipart::from_request(request, &()).await;
        let multipart = multipart.map_err(|_| Problem::malformed(Malformed::Body))?;
        let reading = collect(multipart, usize::try_from(announced).unwrap_or(IMAGE_BYTES_MAX));
        let parts = tokio::select! {
            read = tokio::time::timeout(rules.body_time_max, reading) => read.map_err(|_| Problem::slow_body())??,
            () = too_slow(&arrived, rules.bytes_per_second_min) => return Err(Problem::slow_body()),
        };
        let purpose = parts.purpose.or(purpose).ok_or(FieldError { field: "purpose", reason: Reason::Required })?;
        let purpose = Purpose::named(&purpose)?;
        let description = ImageDescription::new(&parts.description.unwrap_or_default())?;
        let image = parts.image.filter(|image| !image.is_empty()).ok_or(Refusal::ImageEmpty)?;
        Ok(Self { purpose, description, image })
    }
}

/// Reads and discards an upload that is refused, so that its client sees the response.
pub(in crate::http) async fn discard_upload(request: Request) {
    // A client that sent `Expect: 100-continue` has not sent the body yet.
    if !request.headers().contains_key(header::EXPECT) {
        let _ = tokio::time::timeout(DISCARD_TIME_MAX, discard(request.into_body(), DISCARDED_MAX)).await;
    }
}

/// The body, with a count of the bytes that have arrived.
fn counted(body: Body, arrived: Arc<AtomicU64>) -> Body {
    Body::new(body.map_frame(move |frame| {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        arrived.fetch_add(bytes as u64, Ordering::Relaxed);
        frame
    }))
}

/// Returns when fewer bytes arrived in a window than the minimum rate demands.
async fn too_slow(arrived: &AtomicU64, bytes_per_second_min: u64) {
    let least = bytes_per_second_min * RATE_WINDOW.as_secs();
    let mut before = 0;
    loop {
        tokio::time::sleep(RATE_WINDOW).await;
        let now = arrived.load(Ordering::Relaxed);
        if now - before < least {
            return;
        }
        before = now;
    }
}

async fn collect(mut multipart: Multipart, announced: usize) -> Result<FormParts, Problem> {
    let mut parts = FormParts::default();
    while let Some(mut field) = multipart.next_field().await.map_err(problem)? {
        match field.name() {
            // Either of two images could be meant.
            Some("image") if parts.image.is_some() => return Err(Problem::malformed(Malformed::Body)),
            Some("image") => {
                let image = bytes(&mut field, IMAGE_BYTES_MAX, announced).await?;
                parts.image = Some(image.ok_or(Refusal::ImageTooLarge)?);
            }
            Some("purpose") => {
                let purpose = bytes(&mut field, PURPOSE_BYTES_MAX, 0).await?.unwrap_or_default();
                parts.purpose = Some(String::from_utf8_lossy(&purpose).into_owned());
            }
            Some("description") if parts.description.is_some() => return Err(Problem::malformed(Malformed::Body)),
            Some("description") => parts.description = Some(description(&mut field).await?),
            // `next_field` skips an unknown part in chunks.
            _ => {}
        }
    }
    Ok(parts)
}

/// The text of a part. Refuses a part that is longer than any description, and bytes that are no UTF-8.
async fn description(field: &mut Field<'_>) -> Result<String, Problem> {
    let reason = Reason::TooLong { max: ImageDescription::MAX };
    let bytes = bytes(field, ImageDescription::BYTES_MAX, 0).await?;
    let bytes = bytes.ok_or(FieldError { field: "description", reason })?;
    String::from_utf8(bytes.into()).map_err(|_| Problem::malformed(Malformed::Body))
}

/// The bytes of a part; none if it has more than `bytes_max`, after the rest of it was skipped.
async fn bytes(field: &mut Field<'_>, bytes_max: usize, expected: usize) -> Result<Option<Bytes>, Problem> {
    let mut bytes = BytesMut::with_capacity(expected.min(bytes_max));
    let mut fits = true;
    while let Some(chunk) = field.chunk().await.map_err(problem)? {
        fits = fits && bytes.len() + chunk.len() <= bytes_max;
        if fits {
            bytes.extend_from_slice(&chunk);
        } else {
            bytes.clear();
        }
    }
    Ok(fits.then(|| bytes.freeze()))
}

fn problem(error: MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::ImageTooLarge.into(),
        _ => Problem::malformed(Malformed::Body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    const RULES: UploadRules = UploadRules {
        body_time_max: Duration::from_secs(60),
        bytes_per_second_min: 1_000,
        time_max: Duration::from_secs(120),
    };

    fn request(uri: &str, kind: &str, body: Body) -> Request {
        Request::post(uri).header(header::CONTENT_TYPE, kind).body(body).unwrap()
    }

    async fn code(uri: &str, body: &str) -> &'static str {
        let request = request(uri, "multipart/form-data; boundary=x", body.to_owned().into());
        Upload::read(request, RULES).await.unwrap_err().code()
    }

    const IMAGE: &str = "--x\r\ncontent-disposition: form-data; name=\"image\"\r\n\r\nabc\r\n";
    const PURPOSE: &str = "--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\npost\r\n";

    #[tokio::test]
    async fn the_parts_may_come_in_any_order_and_the_purpose_in_the_query() {
        let other = "--x\r\ncontent-disposition: form-data; name=\"other\"\r\n\r\n?\r\n";
        let bodies = [
            ("/", format!("{IMAGE}{PURPOSE}--x--\r\n")),
            ("/", format!("{PURPOSE}{other}{IMAGE}--x--\r\n")),
            ("/?purpose=post", format!("{IMAGE}--x--\r\n")),
            ("/?purpose=profile", format!("{IMAGE}{PURPOSE}--x--\r\n")),
        ];
        for (uri, body) in bodies {
            let request = request(uri, "Multipart/Form-Data; boundary=x", body.clone().into());
            let upload = Upload::read(request, RULES).await.unwrap();
            assert_eq!((upload.purpose, upload.image.as_ref()), (Purpose::Post, b"abc".as_slice()), "{body}");
        }
    }

    #[tokio::test]
    async fn missing_and_malformed_parts_are_refused() {
        assert_eq!(code("/", &format!("{IMAGE}--x--\r\n")).await, "VALIDATION_FAILED");
        assert_eq!(code("/?purpose=avatar", &format!("{IMAGE}--x--\r\n")).await, "VALIDATION_FAILED");
        assert_eq!(code("/", &format!("{PURPOSE}--x--\r\n")).await, "IMAGE_EMPTY");
        for broken in [IMAGE.to_owned(), format!("{IMAGE}{IMAGE}--x--\r\n"), "abc".to_owned(), String::new()] {
            assert_eq!(code("/?purpose=post", &broken).await, "MALFORMED_REQUEST", "{broken}");
        }
        let json = request("/", "application/json", "{}".into());
        assert_eq!(Upload::read(json, RULES).await.unwrap_err().status(), 415);
    }

    #[tokio::test]
    async fn endless_parts_and_headers_are_refused() {
        let piece = Bytes::from(vec![b'a'; 1 << 20]);
        let endless = |start: &'static str| {
            let pieces = stream::iter(
                std::iter::once(Bytes::from_static(start.as_bytes())).chain(std::iter::repeat(piece.clone())),
            );
            Body::from_stream(futures::StreamExt::map(pieces, Ok::<_, std::io::Error>))
        };
        for start in [IMAGE.trim_end(), "--x\r\ncontent-disposition: ", "before"] {
            let request = request("/?purpose=post", "multipart/form-data; boundary=x", endless(start));
            let refused = Upload::read(request, RULES).await.unwrap_err();
            assert!(["IMAGE_TOO_LARGE", "MALFORMED_REQUEST"].contains(&refused.code()), "{start}: {}", refused.code());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_upload_gets_a_408() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let request = request("/?purpose=post", "multipart/form-data; boundary=x", never);
        let rules = UploadRules { bytes_per_second_min: 0, ..RULES };
        let started = tokio::time::Instant::now();
        assert_eq!(Upload::read(request, rules).await.unwrap_err().status(), 408);
        assert_eq!(started.elapsed(), RULES.body_time_max);
    }

    /// The form in chunks of `bytes` bytes, one per second.
    fn dripping(bytes: usize) -> Body {
        let padding = "a".repeat(20_000);
        let form = IMAGE.replace("abc", &padding) + PURPOSE + "--x--\r\n";
        let pieces: Vec<Bytes> = form.as_bytes().chunks(bytes).map(Bytes::copy_from_slice).collect();
        Body::from_stream(futures::StreamExt::then(stream::iter(pieces), |piece| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, std::io::Error>(piece)
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_below_the_minimum_rate_gets_a_408() {
        let kind = "multipart/form-data; boundary=x";
        let started = tokio::time::Instant::now();
        let slow = request("/", kind, dripping(900));
        assert_eq!(Upload::read(slow, RULES).await.unwrap_err().status(), 408);
        assert_eq!(started.elapsed(), RATE_WINDOW);
        let slow_enough = request("/", kind, dripping(1_300));
        assert_eq!(Upload::read(slow_enough, RULES).await.unwrap().image.len(), 20_000);
    }
}
