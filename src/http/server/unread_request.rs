//! The answers to a request whose header cannot be read: problems with `Connection: close`, in English, because the
//! languages that the client accepts are in the header that was not read.
use super::connection_state::Header;
use crate::http::{
    edge::log_unread_request,
    problem::{Language, Problem},
};
use axum::http::StatusCode;
use bytes::Bytes;
use uuid::Uuid;

/// The `instance` of these problems: the path is not known.
const UNKNOWN_PATH: &str = "/";

/// Returns the answer in place of one that hyper wrote by itself; none if `bytes` are something else.
///
/// hyper reports a request line that fills its whole buffer as 431; if the end of that line has not arrived, it is a
/// 414.
pub(super) fn in_place_of(bytes: &[u8], header: Header) -> Option<Bytes> {
    let status = match hyper_status(bytes)? {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if !header.has_request_line() => StatusCode::URI_TOO_LONG,
        status => status,
    };
    Some(answer(&Problem::of_status(status), header))
}

/// Returns the answer to a header that has begun and does not end.
pub(super) fn timeout(header: Header) -> Bytes {
    answer(&Problem::slow_header(), header)
}

/// Returns the status of a bodiless error with no header but `Connection`, `Content-Length` and `Date`. Responses of the
/// service have more.
fn hyper_status(bytes: &[u8]) -> Option<StatusCode> {
    let head = std::str::from_utf8(bytes).ok()?.strip_prefix("HTTP/1.")?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok().filter(StatusCode::is_client_error)?;
    let mut is_empty = false;
    for line in lines {
        match line.split_once(": ")? {
            ("content-length", "0") => is_empty = true,
            ("connection", "close") | ("date", _) => {}
            _ => return None,
        }
    }
    is_empty.then_some(status)
}

fn answer(problem: &Problem, header: Header) -> Bytes {
    let (status, id) = (problem.status(), Uuid::from_u128(rand::random()).simple().to_string());
    log_unread_request(&id, status, problem.code());
    let mut body = problem.render(Language::English, UNKNOWN_PATH, &id);
    let now = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&jiff::Timestamp::now());
    let mut answer = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-language: {}\r\n\
        content-length: {}\r\ncache-control: private, no-store\r\nx-content-type-options: nosniff\r\n\
        x-request-id: {id}\r\ndate: {}\r\n\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or_default(),
        Language::English.tag(),
        body.len(),
        now.unwrap_or_default(),
    )
    .into_bytes();
    if !header.is_of_head_request() {
        answer.append(&mut body);
    }
    answer.into()
}
