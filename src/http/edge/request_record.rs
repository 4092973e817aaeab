//! The record of one request: kept from its arrival until its response is ready, then measured and logged.
use super::{failure_log::FailedRequest, request_metrics};
use crate::http::problem::{Language, Problem};
use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, Method, Uri, header},
    response::Response,
};
use std::time::Instant;
use tracing::Span;
use uuid::{Uuid, fmt::Simple};

/// Longest `X-Request-Id` that is accepted from a client, in bytes.
const REQUEST_ID_MAX: usize = 128;
/// `Cache-Control` of a response that sets none: nearly every response is only for its caller.
const PRIVATE: &str = "private, no-store";

/// The parts of a request that its response, its metrics and its log line need.
pub(super) struct RequestRecord {
    started: Instant,
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
    /// Identifies the request for the client (`X-Request-Id`, `traceId`) and in the log (`request_id`): the client's
    /// own id, else the trace id of `traceparent`, else a random one.
    id: HeaderValue,
    language: Option<HeaderValue>,
}

impl RequestRecord {
    pub(super) fn new(request: &Request) -> Self {
        let headers = request.headers();
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            id: client_id(headers).unwrap_or_else(|| hex_id(trace_id(headers).unwrap_or_else(rand::random))),
            language: headers.get(header::ACCEPT_LANGUAGE).cloned(),
        }
    }

    fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    fn path(&self) -> &str {
        self.uri.path()
    }

    /// The route as a template: `/api/posts/{id}`.
    fn template(&self) -> Option<&str> {
        self.route.as_ref().map(MatchedPath::as_str)
    }

    /// The span of the log lines that are written while the request is handled. Free unless `debug` is logged.
    pub(super) fn span(&self) -> Span {
        tracing::debug_span!("request", id = self.id())
    }

    /// Completes the response: writes the body of a problem, sets the request id, records metrics and logs.
    pub(super) fn finish(self, mut response: Response) -> Response {
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            self.write_problem(&mut response);
        }
        let took = self.started.elapsed();
        request_metrics::record(&self.method, self.template(), status, took);
        tracing::debug!(
            request_id = self.id(),
            method = %self.method,
            path = self.path(),
            status = status.as_u16(),
            took_us = took.as_micros(),
            "request answered"
        );
        let headers = response.headers_mut();
        headers.entry(header::CACHE_CONTROL).or_insert_with(|| HeaderValue::from_static(PRIVATE));
        headers.insert("x-request-id", self.id);
        response
    }

    /// Writes the problem into a response that has only a status yet, and logs it.
    fn write_problem(&self, response: &mut Response) {
        let problem = response.extensions_mut().remove::<Problem>();
        let problem = problem.unwrap_or_else(|| Problem::of_status(response.status()));
        let route = self.template().unwrap_or(request_metrics::UNMATCHED);
        FailedRequest { id: self.id(), method: &self.method, route, status: response.status() }.log(&problem);
        let language = Language::of(self.language.as_ref());
        let body = problem.render(language, self.path(), self.id());
        *response.body_mut() = Body::from(body);
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    }
}

/// `X-Request-Id`, if it is safe in a header and in a log line.
fn client_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get("x-request-id")?;
    let fits = (1..=REQUEST_ID_MAX).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    fits.then(|| id.clone())
}

/// The id in 32 hex digits, as in `traceparent`.
fn hex_id(id: u128) -> HeaderValue {
    let mut text = [0; Simple::LENGTH];
    let text = Uuid::from_u128(id).simple().encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}

/// The trace id of a W3C `traceparent`: `version-trace-parent-flags`.
fn trace_id(headers: &HeaderMap) -> Option<u128> {
    let mut parts = headers.get("traceparent")?.to_str().ok()?.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    let whole = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && version != "ff";
    let trace = u128::from_str_radix(trace, 16).ok()?;
    (whole && trace != 0).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(header::HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())])
    }

    #[test]
    fn a_valid_request_id_of_the_client_is_kept() {
        assert_eq!(client_id(&headers("x-request-id", b"abc-1")).unwrap(), "abc-1");
        for bad in [b"".as_slice(), b"a b", &[b'x'; 129], "아이디".as_bytes()] {
            assert!(client_id(&headers("x-request-id", bad)).is_none());
        }
        assert_eq!(hex_id(7), "00000000000000000000000000000007");
    }

    #[test]
    fn a_valid_trace_id_is_kept() {
        let trace = |text: &str| trace_id(&headers("traceparent", text.as_bytes())).map(|id| format!("{id:032x}"));
        let given = trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(given.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for bad in ["", "00-0-0-0", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-xyz"] {
            assert_eq!(trace(bad), None, "{bad}");
        }
    }
}
