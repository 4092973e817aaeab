//! `ETag`, `If-Match` and `If-None-Match`: the version of a resource, and conditions on it (RFC 9110).
use super::response::{json, to_json};
use crate::domain::Refusal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use serde::Serialize;
use std::{convert::Infallible, fmt::Write};

/// The versions of a resource that the client has.
pub(super) struct IfNoneMatch(Vec<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect()))
    }
}

impl IfNoneMatch {
    /// Whether the client has the version of that tag.
    pub(super) fn contains(&self, tag: &str) -> bool {
        self.0.iter().any(|header| matches(header, tag))
    }

    /// 200 with a view and its tag, or 304 if the client has that version.
    pub(super) fn respond(&self, view: &impl Serialize) -> Response {
        let body = to_json(view);
        let tag = of(&body);
        self.respond_under(&tag, body)
    }

    /// The same with JSON that is written already, under the tag of `version`: the part of the body that names its
    /// version.
    pub(super) fn respond_json(&self, body: Vec<u8>, version: &[u8]) -> Response {
        self.respond_under(&of(version), body)
    }

    fn respond_under(&self, tag: &str, body: Vec<u8>) -> Response {
        let mut response = if self.contains(tag) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            json(StatusCode::OK, body)
        };
        set_etag(response.headers_mut(), tag);
        response
    }
}

/// The versions that the client means to change. Compared weakly, as `If-None-Match` is: a tag names the content of a
/// body, and a compressed body is no other version (docs/adr/0021).
pub(super) struct IfMatch(Vec<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get_all(header::IF_MATCH).iter().cloned().collect()))
    }
}

impl IfMatch {
    /// Whether the request has the condition.
    pub(super) fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether the condition names the version of that tag, or any.
    pub(super) fn names(&self, tag: &str) -> bool {
        self.0.iter().any(|header| matches(header, tag))
    }

    /// Refuses `PreconditionFailed` if the request has the condition and `current` is none of its versions.
    pub(super) fn check(&self, current: &impl Serialize) -> Result<(), Refusal> {
        let tag = of(&to_json(current));
        let matched = self.0.is_empty() || self.names(&tag);
        if matched { Ok(()) } else { Err(Refusal::PreconditionFailed) }
    }
}

/// Sets the tag, and the caching headers of a body that is only for its caller and can change at any time.
pub(super) fn set_etag(headers: &mut HeaderMap, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    // Two members can use one browser.
    headers.insert(header::VARY, HeaderValue::from_static("authorization, accept-encoding"));
}

/// The tag of a body. Weak, because compression changes the bytes but not the content.
pub(super) fn of(body: &[u8]) -> String {
    let hash = digest(&SHA256, body);
    let mut tag = String::from("W/\"");
    for byte in &hash.as_ref()[..12] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// The weak comparison of RFC 9110: ignores `W/`.
fn matches(header: &HeaderValue, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(header) = header.to_str() else { return false };
    header.trim() == "*" || header.split(',').any(|candidate| opaque(candidate) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_depends_only_on_the_bytes() {
        assert_eq!(of(b"{}"), of(b"{}"));
        assert_ne!(of(b"{}"), of(b"{ }"));
        assert!(of(b"").starts_with("W/\"") && of(b"").ends_with('"'));
    }

    #[test]
    fn a_version_that_the_client_has_matches() {
        let has = |header: &str, tag: &str| matches(&HeaderValue::from_str(header).unwrap(), tag);
        for known in ["W/\"a1\"", "\"a1\"", "\"b2\", W/\"a1\"", "*", " \"a1\" ,"] {
            assert!(has(known, "W/\"a1\""), "{known}");
        }
        for other in ["", "\"b2\"", "a1", "W/\"a\""] {
            assert!(!has(other, "W/\"a1\""), "{other}");
        }
    }

    #[test]
    fn if_match_accepts_only_the_current_version() {
        let given = |headers: &[&'static str]| IfMatch(headers.iter().copied().map(HeaderValue::from_static).collect());
        let current = of(b"7");
        assert!(given(&[]).check(&7).is_ok() && given(&["*"]).check(&7).is_ok());
        assert!(IfMatch(vec![HeaderValue::from_str(&current).unwrap()]).check(&7).is_ok());
        assert_eq!(IfMatch(vec![HeaderValue::from_str(&current).unwrap()]).check(&8), Err(Refusal::PreconditionFailed));
        assert_eq!(given(&["\"a\"", "\"b\""]).check(&7), Err(Refusal::PreconditionFailed));
    }
}
