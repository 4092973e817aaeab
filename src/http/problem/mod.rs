//! Every error that a client can see (RFC 9457). The table is in `table.rs`, the words are in `messages.rs`.
mod language;
mod messages;
mod table;

pub(super) use language::Language;

use crate::{
    actors::Error,
    domain::{FieldError, Reason, Refusal},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use messages::Words;
use serde::Serialize;
use std::{borrow::Cow, sync::Arc, time::Duration};
use utoipa::ToSchema;

/// How soon to try again when nothing better is known: long enough for a full mailbox to drain.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Longest name of an unknown field that is repeated to the client, in characters.
const FIELD_NAME_MAX: usize = 50;

/// Why a request was not answered as asked. Boxed: a result that holds one stays small.
///
/// As a response it has a status and headers, but no body: the outermost layer (`edge`) knows the language, the path
/// and the trace, and writes it.
#[derive(Debug, Clone)]
pub(super) struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    detail: Detail,
    errors: Vec<(Cow<'static, str>, Reason)>,
    retry_after: Option<Duration>,
    /// Only a new login helps.
    relogin: bool,
    /// For the log alone.
    cause: Option<Arc<Error>>,
}

#[derive(Debug, Clone)]
enum Detail {
    Fixed(&'static Words),
    Refused(Refusal),
}

/// The members of `application/problem+json`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem, examples(json!({
    "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "some fields are not valid",
    "code": "VALIDATION_FAILED", "instance": "/api/authentication/signup",
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    "errors": [{"field": "memberName", "code": "TOO_SHORT", "detail": "at least 2 characters"}],
})))]
pub(super) struct ProblemView<'a> {
    /// Always `about:blank`: `code` says which problem it is.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// For people, in Korean or English by `Accept-Language`.
    detail: Cow<'static, str>,
    /// For programs. Stable.
    code: &'static str,
    /// The path that was asked for.
    instance: &'a str,
    /// Finds the request in the server's log.
    trace_id: &'a str,
    /// The fields that were refused, where fields were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<WrongFieldView<'a>>,
}

/// One refused field of a request.
#[derive(Serialize, ToSchema)]
#[schema(as = WrongField)]
struct WrongFieldView<'a> {
    /// As written in the request.
    field: &'a str,
    /// For programs. Stable.
    code: &'static str,
    /// For people.
    detail: Cow<'static, str>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: Detail) -> Self {
        let (errors, retry_after, relogin, cause) = (Vec::new(), None, false, None);
        Self(Box::new(Inner { status, code, detail, errors, retry_after, relogin, cause }))
    }

    fn fixed(status: StatusCode, code: &'static str, words: &'static Words) -> Self {
        Self::new(status, code, Detail::Fixed(words))
    }

    /// The request cannot be understood.
    pub(super) fn malformed(what: Malformed) -> Self {
        Self::fixed(StatusCode::BAD_REQUEST, table::MALFORMED_REQUEST, what.words())
    }

    /// No bearer token where one is needed.
    pub(super) fn token_missing() -> Self {
        Self::fixed(StatusCode::UNAUTHORIZED, "BEARER_TOKEN_MISSING", &messages::TOKEN_MISSING)
    }

    /// A body that is not JSON.
    pub(super) fn not_json() -> Self {
        Self::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    }

    /// A body that is not a form with an image.
    pub(super) fn not_multipart() -> Self {
        let (code, _) = table::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        Self::fixed(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, &messages::NOT_MULTIPART)
    }

    /// A body of more bytes than the server takes.
    pub(super) fn too_large() -> Self {
        Self::of_status(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// A body that took too long to arrive.
    pub(super) fn slow_body() -> Self {
        Self::of_status(StatusCode::REQUEST_TIMEOUT)
    }

    /// More requests than the limit lets through.
    pub(super) fn too_many(retry_after: Duration) -> Self {
        let mut problem = Self::of_status(StatusCode::TOO_MANY_REQUESTS);
        problem.0.retry_after = Some(retry_after);
        problem
    }

    /// No answer within the time limit, or not ready to answer at all.
    pub(super) fn unavailable() -> Self {
        Self::of_status(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// A fault of the server. Its cause is for the log.
    pub(super) fn internal() -> Self {
        Self::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What there is to say about a status alone.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let (code, words) = table::of_status(status);
        let mut problem = Self::fixed(status, code, words);
        problem.0.retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        problem
    }

    /// Fields whose names only the client knows.
    pub(super) fn unknown_fields(fields: Vec<(String, Reason)>) -> Self {
        let mut problem = Self::from(Refusal::Invalid(Vec::new()));
        let shortened = |name: String| name.chars().take(FIELD_NAME_MAX).collect::<String>();
        problem.0.errors = fields.into_iter().map(|(name, reason)| (shortened(name).into(), reason)).collect();
        problem
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(super) fn code(&self) -> &'static str {
        self.0.code
    }

    /// What the actors said, where it is not for the client.
    pub(super) fn cause(&self) -> Option<&Error> {
        self.0.cause.as_deref()
    }

    /// The body, for one request.
    pub(super) fn render(&self, language: Language, path: &str, trace_id: &str) -> Vec<u8> {
        let errors = self.0.errors.iter().map(|(field, reason)| WrongFieldView {
            field,
            code: table::reason(reason),
            detail: messages::reason(field, reason, language),
        });
        let view = ProblemView {
            r#type: "about:blank",
            title: self.0.status.canonical_reason().unwrap_or_default(),
            status: self.0.status.as_u16(),
            detail: match &self.0.detail {
                Detail::Fixed(words) => words.in_language(language).into(),
                Detail::Refused(refusal) => messages::refusal(refusal, language),
            },
            code: self.0.code,
            instance: path,
            trace_id,
            errors: errors.collect(),
        };
        serde_json::to_vec(&view).unwrap_or_default()
    }

    fn write_headers(&self, headers: &mut HeaderMap) {
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.0.relogin {
            headers.insert("x-relogin-required", HeaderValue::from_static("true"));
        }
        if let Some(after) = self.0.retry_after {
            // Rounded up: a client that waits exactly so long is let in.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
    }
}

/// In what way a request cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    Body,
    Path,
    Query,
    IdempotencyKey,
}

impl Malformed {
    fn words(self) -> &'static Words {
        match self {
            Self::Body => &messages::BODY,
            Self::Path => &messages::PATH,
            Self::Query => &messages::QUERY,
            Self::IdempotencyKey => &messages::IDEMPOTENCY_KEY,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = table::refusal(&refusal);
        let errors = table::fields(&refusal).into_iter().map(|error| (error.field.into(), error.reason)).collect();
        let retry_after = match refusal {
            Refusal::LoginLocked { retry_after } => Some(retry_after),
            Refusal::TooManyStreams { .. } | Refusal::TooManyImages { .. } | Refusal::TooManyAtOnce { .. } => {
                Some(RETRY_AFTER)
            }
            _ => None,
        };
        let relogin = matches!(refusal, Refusal::ReloginRequired | Refusal::TokenRevoked);
        let mut problem = Self::new(status, code, Detail::Refused(refusal));
        problem.0.errors = errors;
        problem.0.retry_after = retry_after;
        problem.0.relogin = relogin;
        problem
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let mut problem = match error {
            Error::Refused(refusal) => return refusal.into(),
            Error::Busy(_) => Self::fixed(StatusCode::SERVICE_UNAVAILABLE, "BUSY", &messages::BUSY),
            _ => Self::unavailable(),
        };
        problem.0.retry_after = Some(RETRY_AFTER);
        problem.0.cause = Some(Arc::new(error));
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.status;
        self.write_headers(response.headers_mut());
        response.extensions_mut().insert(self);
        response
    }
}
