//! JSON bodies: checks their content type, and limits their size and the time they take to arrive.
use super::body_permits::BodyPermit;
use crate::http::problem::{Malformed, Problem};
use axum::{
    body::{Body, HttpBody},
    extract::{FromRef, FromRequest, Request},
    http::{Extensions, HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How much of a body that is too large is read and discarded: a client that is still sending when the connection
/// closes never sees the response.
const DISCARDED_MAX: usize = 4 << 20;
/// How long discarding may take.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(2);
/// Discarding ends when the client has sent nothing for this long.
const DISCARD_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Maximum number of bytes of a body without long texts.
pub(in crate::http) const BODY_BYTES: usize = 64 * 1024;
/// Bytes of a body beside its texts: names of fields, ids, white space.
const ENVELOPE_BYTES: usize = 4 * 1024;

/// Maximum number of bytes of a body whose texts have at most `text_bytes`. Body limits follow from the limits of
/// texts, never the other way round.
pub(in crate::http) const fn body_with(text_bytes: usize) -> usize {
    let bytes = text_bytes + ENVELOPE_BYTES;
    if bytes > BODY_BYTES { bytes } else { BODY_BYTES }
}

/// The configured limits of bodies.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct BodyRules {
    /// Larger bodies get a 413, even if their route would accept more.
    pub(in crate::http) bytes_max: usize,
    /// Slower bodies get a 408.
    pub(in crate::http) time_max: Duration,
}

/// A JSON body of at most `BYTES_MAX` bytes.
pub(in crate::http) struct Json<T, const BYTES_MAX: usize = BODY_BYTES>(pub(in crate::http) T);

impl<T, S, const BYTES_MAX: usize> FromRequest<S> for Json<T, BYTES_MAX>
where
    T: DeserializeOwned,
    S: Send + Sync,
    BodyRules: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = read_json(request, BodyRules::from_ref(state), BYTES_MAX).await?;
        parse(&bytes).map(Self)
    }
}

/// An optional JSON body.
pub(in crate::http) struct OptionalJson<T>(pub(in crate::http) Option<T>);

impl<T, S> FromRequest<S> for OptionalJson<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
    BodyRules: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self(None));
        }
        Json::<T>::from_request(request, state).await.map(|Json(body)| Self(Some(body)))
    }
}

/// Reads the bytes of a body whose content type is JSON.
pub(super) async fn read_json(request: Request, rules: BodyRules, bytes_max: usize) -> Result<Bytes, Problem> {
    let bytes_max = bytes_max.min(rules.bytes_max);
    if is_coded(request.headers()) {
        return Err(Problem::coded());
    }
    if !is_json(request.headers()) {
        return Err(Problem::not_json());
    }
    // A client that sent `Expect: 100-continue` has not sent the body yet: there is nothing to discard.
    let already_sending = !request.headers().contains_key(header::EXPECT);
    let (head, mut body) = request.into_parts();
    let announced = body.size_hint().lower();
    if announced <= bytes_max as u64 {
        match tokio::time::timeout(rules.time_max, collect(&mut body, bytes_max, &head.extensions)).await {
            Ok(Ok(Some(bytes))) => return Ok(bytes),
            Ok(Ok(None)) => {}
            Ok(Err(problem)) => return Err(problem),
            Err(_) => return Err(Problem::slow_body()),
        }
    } else if !already_sending {
        return Err(Problem::too_large());
    }
    let _ = tokio::time::timeout(DISCARD_TIME_MAX, discard(body, DISCARDED_MAX)).await;
    Err(Problem::too_large())
}

/// Parses a JSON object. Refuses a list, which serde would read as an object's members in order.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let object = bytes.trim_ascii_start().starts_with(b"{");
    let bytes = if object { bytes } else { b"" };
    serde_json::from_slice(bytes).map_err(|_| Problem::malformed(Malformed::Body))
}

/// Reads the whole body; none if it is larger than `bytes_max`. A body above [`BODY_BYTES`] needs a permit.
async fn collect(body: &mut Body, bytes_max: usize, extensions: &Extensions) -> Result<Option<Bytes>, Problem> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut permit = BodyPermit::acquire(announced, extensions)?;
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Problem::malformed(Malformed::Body))?.into_data() else { continue };
        let length = first.len() + rest.len() + data.len();
        if length > bytes_max {
            return Ok(None);
        }
        if permit.is_none() {
            permit = BodyPermit::acquire(length, extensions)?;
        }
        // Nearly every body arrives in one frame, which is not copied.
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(Some(first));
    }
    Ok(Some([first, rest.freeze()].concat().into()))
}

/// Reads and discards up to `bytes_max` bytes.
pub(super) async fn discard(mut body: Body, bytes_max: usize) {
    let mut discarded = 0;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(DISCARD_PAUSE_MAX, body.frame()).await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > bytes_max {
            break;
        }
    }
}

/// Whether a body has a content coding, such as gzip. Codings are refused, since the size of a compressed body does not
/// bound its decoded size.
pub(super) fn is_coded(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let plain = |coding: &str| coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity");
    codings.into_iter().any(|value| !value.to_str().is_ok_and(|text| text.split(',').all(plain)))
}

/// Whether the content type is `application/json` or `application/*+json`, in UTF-8 if it has a charset.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
    let essence = essence.trim().to_ascii_lowercase();
    let json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    let charset = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    json && charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    const RULES: BodyRules = BodyRules { bytes_max: 10, time_max: Duration::from_secs(1) };

    fn request(content_type: &str, body: Body) -> Request {
        Request::builder().header(header::CONTENT_TYPE, content_type).body(body).unwrap()
    }

    fn pieces(pieces: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece))))
    }

    #[tokio::test]
    async fn only_json_content_types_are_read() {
        for json in ["application/json", "Application/JSON; charset=UTF-8", "application/merge-patch+json"] {
            assert_eq!(read_json(request(json, "{}".into()), RULES, 100).await.unwrap(), "{}", "{json}");
        }
        for other in ["text/plain", "application/json; charset=euc-kr", "multipart/form-data", "json", ""] {
            let refused = read_json(request(other, "{}".into()), RULES, 100).await.unwrap_err();
            assert_eq!(refused.status(), 415, "{other}");
        }
    }

    #[tokio::test]
    async fn content_codings_are_refused() {
        for (coding, status) in [("gzip", 415), ("identity, br", 415), ("x", 415), ("identity", 200), ("", 200)] {
            let mut request = request("application/json", "{}".into());
            request.headers_mut().insert(header::CONTENT_ENCODING, coding.parse().unwrap());
            let read = read_json(request, RULES, RULES.bytes_max)
                .await
                .map_or_else(|problem| problem.status().as_u16(), |_| 200);
            assert_eq!(read, status, "{coding}");
        }
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let body = pieces(&["[1,", "2,3,", "45]"]);
        assert_eq!(read_json(request("application/json", body), RULES, 100).await.unwrap(), "[1,2,3,45]");
        let refused = read_json(request("application/json", "[1,2,3]".into()), RULES, 6).await.unwrap_err();
        assert_eq!(refused.status(), 413, "the limit of the route");
        for large in [pieces(&["[1,2", ",3,4,5,6]"]), Body::from("[1,2,3,4,5]")] {
            let refused = read_json(request("application/json", large), RULES, 100).await.unwrap_err();
            assert_eq!(refused.status(), 413);
        }
    }

    #[test]
    fn only_an_object_is_parsed() {
        assert!(parse::<serde_json::Value>(b" {}").is_ok());
        for other in ["", " ", "[]", "null", "\"x\"", "{", "{} {}", "{\"a\":1,}", "\u{feff}{}"] {
            assert_eq!(
                parse::<serde_json::Value>(other.as_bytes()).unwrap_err().code(),
                "MALFORMED_REQUEST",
                "{other}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_gets_a_408() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let refused = read_json(request("application/json", never), RULES, 100).await.unwrap_err();
        assert_eq!(refused.status(), 408);
    }
}
