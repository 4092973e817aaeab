//! `multipart/form-data` with one image: read piece by piece, never more of it than is taken.
use super::{
    Query,
    body::{discard, is_coded},
};
use crate::{
    domain::{FieldError, IMAGE_BYTES_MAX, Purpose, Reason, Refusal},
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

/// Bytes of a request beside its image: boundaries, headers of the parts, the purpose.
const ENVELOPE_BYTES_MAX: usize = 64 * 1024;
/// More than any purpose has.
const PURPOSE_BYTES_MAX: usize = 64;
/// How much of an upload that is not taken is read and thrown away, so that its sender sees why.
const DISCARDED_MAX: usize = 2 * IMAGE_BYTES_MAX;
/// How long that may take.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(5);
/// How long an upload may stand still before its rate is judged: a phone that passes from one network to another is
/// back sooner. An upload keeps a place from others for at least as long.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// What an upload may cost.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct UploadRules {
    /// Slower ones get a 408.
    pub(in crate::http) body_time_max: Duration,
    /// Bytes that must come in each second, on average of [`RATE_WINDOW`]; fewer get a 408. 0: as slow as they like.
    pub(in crate::http) bytes_per_second_min: u64,
    /// With what is made of it; then 503.
    pub(in crate::http) time_max: Duration,
}

/// An image on its way in.
#[derive(Debug)]
pub(in crate::http) struct Upload {
    pub(in crate::http) purpose: Purpose,
    /// As sent, and not looked at yet.
    pub(in crate::http) image: Bytes,
}

#[derive(Deserialize)]
struct InQuery {
    purpose: Option<String>,
}

/// The parts that are known, as they came.
#[derive(Default)]
struct Parts {
    image: Option<Bytes>,
    purpose: Option<String>,
}

impl Upload {
    /// Reads a request. Refuses `ImageEmpty`, `ImageTooLarge`, and a purpose that is missing or unknown.
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
        let Query(InQuery { purpose }) = Query::from_request_parts(&mut head, &()).await?;
        let mut request = Request::from_parts(head, body);
        // What a part's headers or the space before the first part may grow to, where no length is announced.
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
        let image = parts.image.filter(|image| !image.is_empty()).ok_or(Refusal::ImageEmpty)?;
        Ok(Self { purpose, image })
    }
}

/// Reads what is not wanted, so that whoever sends it hears the answer.
pub(in crate::http) async fn discard_upload(request: Request) {
    // A client that waits to be asked for the body has not sent anything.
    if !request.headers().contains_key(header::EXPECT) {
        let _ = tokio::time::timeout(DISCARD_TIME_MAX, discard(request.into_body(), DISCARDED_MAX)).await;
    }
}

/// The same body, whose bytes are counted as they come.
fn counted(body: Body, arrived: Arc<AtomicU64>) -> Body {
    Body::new(body.map_frame(move |frame| {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        arrived.fetch_add(bytes as u64, Ordering::Relaxed);
        frame
    }))
}

/// Returns when fewer bytes have come than must.
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

async fn collect(mut multipart: Multipart, announced: usize) -> Result<Parts, Problem> {
    let mut parts = Parts::default();
    while let Some(mut field) = multipart.next_field().await.map_err(problem)? {
        match field.name() {
            // Two of them: which one is meant?
            Some("image") if parts.image.is_some() => return Err(Problem::malformed(Malformed::Body)),
            Some("image") => {
                let image = bytes(&mut field, IMAGE_BYTES_MAX, announced).await?;
                parts.image = Some(image.ok_or(Refusal::ImageTooLarge)?);
            }
            Some("purpose") => {
                let purpose = bytes(&mut field, PURPOSE_BYTES_MAX, 0).await?.unwrap_or_default();
                parts.purpose = Some(String::from_utf8_lossy(&purpose).into_owned());
            }
            // What is not known is read over, piece by piece.
            _ => {}
        }
    }
    Ok(parts)
}

/// The bytes of a part; none where there are more than that, after as many more have been read over as may be.
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
    async fn what_is_missing_or_broken_is_said() {
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
    async fn nothing_that_grows_without_end_is_kept() {
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
    async fn an_upload_may_not_take_for_ever() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let request = request("/?purpose=post", "multipart/form-data; boundary=x", never);
        let rules = UploadRules { bytes_per_second_min: 0, ..RULES };
        let begun = tokio::time::Instant::now();
        assert_eq!(Upload::read(request, rules).await.unwrap_err().status(), 408);
        assert_eq!(begun.elapsed(), RULES.body_time_max);
    }

    /// The form in pieces of that many bytes, one a second.
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
    async fn an_upload_has_a_least_rate() {
        let kind = "multipart/form-data; boundary=x";
        let begun = tokio::time::Instant::now();
        let slow = request("/", kind, dripping(900));
        assert_eq!(Upload::read(slow, RULES).await.unwrap_err().status(), 408);
        assert_eq!(begun.elapsed(), RATE_WINDOW);
        let slow_enough = request("/", kind, dripping(1_300));
        assert_eq!(Upload::read(slow_enough, RULES).await.unwrap().image.len(), 20_000);
    }
}
