//! How answers are put together: JSON, 201 with `Location`, repeats, `ETag`, and the conditions that name one.
use crate::domain::{Answer, Outcome, Refusal};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use serde::Serialize;
use std::{convert::Infallible, fmt::Write};

/// Enough for most single resources.
const TYPICAL_BYTES: usize = 1024;

/// 200 with a view.
pub(super) fn ok(view: &impl Serialize) -> Response {
    json(StatusCode::OK, written(view))
}

/// 200 with what a resource is now, and the tag that a GET of it has.
pub(super) fn changed(view: &impl Serialize) -> Response {
    let body = written(view);
    let tag = tag(&body);
    let mut response = json(StatusCode::OK, body);
    set_tag(response.headers_mut(), &tag);
    response
}

/// 204, and the tag that a GET has from now on.
pub(super) fn changed_unseen(view: &impl Serialize) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    set_tag(response.headers_mut(), &tag(&written(view)));
    response
}

/// 202 with a view: it will be, or somebody has to decide.
pub(super) fn accepted(view: &impl Serialize) -> Response {
    json(StatusCode::ACCEPTED, written(view))
}

/// 200 with JSON that has been written.
pub(super) fn ok_written(body: Vec<u8>) -> Response {
    json(StatusCode::OK, body)
}

/// 200 with credentials: not to be kept by anything on the way.
pub(super) fn secret(view: &impl Serialize) -> Response {
    let mut response = ok(view);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// 201, before it is known whether the request is a repeat.
pub(super) fn created(location: String, view: &impl Serialize) -> Answer {
    let body = String::from_utf8(written(view)).unwrap_or_default();
    Answer { status: StatusCode::CREATED.as_u16(), location, body }
}

/// The answer that was prepared, or the one that the same request got before.
pub(super) fn settled(prepared: Answer, outcome: Outcome<()>) -> Response {
    let answer = match outcome {
        Outcome::Done(()) => prepared,
        Outcome::Repeated(answer) => answer,
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::CREATED);
    let mut response = json(status, answer.body.into_bytes());
    if let Ok(location) = HeaderValue::from_str(&answer.location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The same for what a GET at its location shows in the same words, under the tag that the GET has.
pub(super) fn settled_tagged(prepared: Answer, outcome: Outcome<()>) -> Response {
    let tag = match &outcome {
        Outcome::Done(()) => tag(prepared.body.as_bytes()),
        Outcome::Repeated(answer) => tag(answer.body.as_bytes()),
    };
    let mut response = settled(prepared, outcome);
    set_tag(response.headers_mut(), &tag);
    response
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Views are texts, numbers and lists of them, which always have a JSON form.
fn written(view: &impl Serialize) -> Vec<u8> {
    let mut body = Vec::with_capacity(TYPICAL_BYTES);
    match serde_json::to_writer(&mut body, view) {
        Ok(()) => body,
        Err(_) => b"null".to_vec(),
    }
}

/// What the client has of a resource already.
pub(super) struct IfNoneMatch(Vec<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect()))
    }
}

/// The versions that the client means to change. Compared as weakly as `If-None-Match`: a tag stands for what an answer
/// says, and compression is no other version (docs/adr/0021).
pub(super) struct IfMatch(Vec<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get_all(header::IF_MATCH).iter().cloned().collect()))
    }
}

impl IfMatch {
    /// Whether there is a condition at all.
    pub(super) fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Refuses `PreconditionFailed` where the resource is none of those versions.
    pub(super) fn check(&self, now: &impl Serialize) -> Result<(), Refusal> {
        let tag = tag(&written(now));
        let meant = self.0.iter().any(|header| matches(header, &tag));
        if meant || self.0.is_empty() { Ok(()) } else { Err(Refusal::PreconditionFailed) }
    }
}

impl IfNoneMatch {
    /// Whether the client has what that tag stands for.
    pub(super) fn knows(&self, tag: &str) -> bool {
        self.0.iter().any(|header| matches(header, tag))
    }

    /// 200 with a view and its tag, or 304 where the client has exactly that.
    pub(super) fn answer(&self, view: &impl Serialize) -> Response {
        let body = written(view);
        let tag = tag(&body);
        self.tagged(&tag, body)
    }

    /// The same with JSON that has been written, under the tag of other bytes: those that say what matters of it.
    pub(super) fn answer_written(&self, body: Vec<u8>, version: &[u8]) -> Response {
        self.tagged(&tag(version), body)
    }

    fn tagged(&self, tag: &str, body: Vec<u8>) -> Response {
        let mut response = if self.knows(tag) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            json(StatusCode::OK, body)
        };
        set_tag(response.headers_mut(), tag);
        response
    }
}

/// What one member sees is no answer for another, and changes without notice.
fn set_tag(headers: &mut HeaderMap, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    // One browser may be used by two members.
    headers.insert(header::VARY, HeaderValue::from_static("authorization, accept-encoding"));
}

/// Weak: compression changes the bytes but not what they say.
pub(super) fn tag(body: &[u8]) -> String {
    let hash = digest(&SHA256, body);
    let mut tag = String::from("W/\"");
    for byte in &hash.as_ref()[..12] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// By the weak comparison of RFC 9110: `W/` makes no difference.
fn matches(header: &HeaderValue, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(header) = header.to_str() else { return false };
    header.trim() == "*" || header.split(',').any(|candidate| opaque(candidate) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_stands_for_the_bytes() {
        assert_eq!(tag(b"{}"), tag(b"{}"));
        assert_ne!(tag(b"{}"), tag(b"{ }"));
        assert!(tag(b"").starts_with("W/\"") && tag(b"").ends_with('"'));
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let has = |header: &str, tag: &str| matches(&HeaderValue::from_str(header).unwrap(), tag);
        for known in ["W/\"a1\"", "\"a1\"", "\"b2\", W/\"a1\"", "*", " \"a1\" ,"] {
            assert!(has(known, "W/\"a1\""), "{known}");
        }
        for other in ["", "\"b2\"", "a1", "W/\"a\""] {
            assert!(!has(other, "W/\"a1\""), "{other}");
        }
    }

    #[test]
    fn a_condition_names_the_version_that_is_there() {
        let given = |headers: &[&'static str]| IfMatch(headers.iter().copied().map(HeaderValue::from_static).collect());
        let now = tag(b"7");
        assert!(given(&[]).check(&7).is_ok() && given(&["*"]).check(&7).is_ok());
        assert!(IfMatch(vec![HeaderValue::from_str(&now).unwrap()]).check(&7).is_ok());
        assert_eq!(IfMatch(vec![HeaderValue::from_str(&now).unwrap()]).check(&8), Err(Refusal::PreconditionFailed));
        assert_eq!(given(&["\"a\"", "\"b\""]).check(&7), Err(Refusal::PreconditionFailed));
    }

    #[test]
    fn a_repeat_gets_the_first_answer() {
        let first = created("/api/posts/1".into(), &[1]);
        let second = created("/api/posts/2".into(), &[2]);
        let response = settled(second, Outcome::Repeated(first));
        assert_eq!(response.headers()[header::LOCATION], "/api/posts/1");
        assert_eq!(response.status(), 201);
    }
}
