//! Successful responses: JSON, 201 with `Location` or the stored response of a repeat, 204, and their `ETag`s.
use super::etag::{self, set_etag};
use crate::{
    actors::Committed,
    domain::{Answer, Outcome},
};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

/// Capacity that most single resources fit in.
const TYPICAL_BYTES: usize = 1024;

/// 200 with a view.
pub(super) fn ok(view: &impl Serialize) -> Response {
    json(StatusCode::OK, to_json(view))
}

/// 200 with JSON that is written already.
pub(super) fn ok_json(body: Vec<u8>) -> Response {
    json(StatusCode::OK, body)
}

/// 200 with the view of a changed resource, under the tag that a GET of it has.
pub(super) fn ok_with_etag(view: &impl Serialize) -> Response {
    let body = to_json(view);
    let tag = etag::of(&body);
    let mut response = json(StatusCode::OK, body);
    set_etag(response.headers_mut(), &tag);
    response
}

/// 200 with credentials, which no cache may store.
pub(super) fn ok_no_store(view: &impl Serialize) -> Response {
    let mut response = ok(view);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// 202 with a view: the change is pending.
pub(super) fn accepted(view: &impl Serialize) -> Response {
    json(StatusCode::ACCEPTED, to_json(view))
}

/// 204 for a write without a view.
pub(super) fn no_content<T>(written: Committed<T>) -> Committed<StatusCode> {
    written.map(|_| StatusCode::NO_CONTENT)
}

/// 204 under the tag that a GET of the changed resource has, of which `view` is the view.
pub(super) fn no_content_with_etag(view: &impl Serialize) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    set_etag(response.headers_mut(), &etag::of(&to_json(view)));
    response
}

/// The 201 of a command that has not been committed yet; it is stored with the command if the request has an
/// `Idempotency-Key`.
pub(super) fn created(location: String, view: &impl Serialize) -> Answer {
    let body = String::from_utf8(to_json(view)).unwrap_or_default();
    Answer { status: StatusCode::CREATED.as_u16(), location, body }
}

/// The prepared response of a command that was committed, or the stored one of a request that is a repeat.
pub(super) fn created_or_repeated(prepared: Answer, outcome: Outcome) -> Response {
    let answer = match outcome {
        Outcome::Done => prepared,
        Outcome::Repeated(answer) => answer,
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::CREATED);
    let mut response = json(status, answer.body.into_bytes());
    if let Ok(location) = HeaderValue::from_str(&answer.location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The same for a resource whose GET has the same body, under the tag of that GET.
pub(super) fn created_or_repeated_with_etag(prepared: Answer, outcome: Outcome) -> Response {
    let tag = match &outcome {
        Outcome::Done => etag::of(prepared.body.as_bytes()),
        Outcome::Repeated(answer) => etag::of(answer.body.as_bytes()),
    };
    let mut response = created_or_repeated(prepared, outcome);
    set_etag(response.headers_mut(), &tag);
    response
}

pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A view as JSON. Views are texts, numbers and lists, so serialization does not fail.
pub(super) fn to_json(view: &impl Serialize) -> Vec<u8> {
    let mut body = Vec::with_capacity(TYPICAL_BYTES);
    match serde_json::to_writer(&mut body, view) {
        Ok(()) => body,
        Err(_) => b"null".to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_gets_the_first_response() {
        let first = created("/api/posts/1".into(), &[1]);
        let second = created("/api/posts/2".into(), &[2]);
        let response = created_or_repeated(second, Outcome::Repeated(first));
        assert_eq!(response.headers()[header::LOCATION], "/api/posts/1");
        assert_eq!(response.status(), 201);
    }
}
