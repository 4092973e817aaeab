//! [`Problem`]: every error that a client can see (RFC 9457). `table.rs` maps refusals to status and code, `kinds.rs`
//! has the problems of HTTP itself, `messages.rs` and `field_messages.rs` have the texts in both languages.
mod field_messages;
mod kinds;
mod language;
mod messages;
mod table;

pub(super) use kinds::Malformed;
pub(super) use language::Language;

use crate::{
    actors::Error,
    domain::{FieldError, Reason, Refusal},
    http::contract::{FieldCode, ProblemCode},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use messages::Words;
use serde::Serialize;
use std::{borrow::Cow, sync::Arc, time::Duration};
use utoipa::ToSchema;

/// Default of `Retry-After`: long enough for a full mailbox to drain.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Maximum characters of a field's name that the client chose.
const FIELD_NAME_MAX: usize = 50;

/// The reason why a request failed. Boxed, so that a `Result` with a problem stays small.
///
/// Its response has a status and headers, but no body: the outermost layer (`edge`) writes the body, as it knows the
/// language, the path and the trace id.
#[derive(Debug, Clone)]
pub(super) struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    detail: Detail,
    errors: Vec<(Cow<'static, str>, Reason)>,
    retry_after: Option<Duration>,
    /// Whether the client must log in again.
    relogin: bool,
    /// The error of the token; `None` if the request has no token.
    credentials: Option<BadCredentials>,
    /// A header that names what the server would accept.
    hint: Option<(HeaderName, &'static str)>,
    /// The cause, only for the log.
    cause: Option<Arc<Error>>,
    /// A note for the log if there is no cause.
    note: Option<String>,
}

#[derive(Debug, Clone)]
enum Detail {
    Fixed(&'static Words),
    Refused(Refusal),
}

/// The errors of RFC 6750 for a request without a valid token.
#[derive(Debug, Clone, Copy)]
enum BadCredentials {
    InvalidRequest,
    InvalidToken,
}

/// The members of `application/problem+json`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem, examples(json!({
    "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "some fields are invalid",
    "code": "VALIDATION_FAILED", "instance": "/api/authentication/signup",
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    "errors": [{"field": "memberName", "code": "TOO_SHORT", "detail": "must have at least 2 characters"}],
})))]
pub(super) struct ProblemView<'a> {
    /// Always `about:blank`: `code` says which problem it is.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A text for people, in Korean or English by `Accept-Language`.
    detail: Cow<'static, str>,
    /// A stable code for programs.
    #[schema(value_type = ProblemCode)]
    code: &'static str,
    /// The path of the request.
    instance: &'a str,
    /// Identifies the request in the server's log. The same as `X-Request-Id`.
    trace_id: &'a str,
    /// The refused fields, if any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<WrongFieldView<'a>>,
}

/// A refused field of a request.
#[derive(Serialize, ToSchema)]
#[schema(as = WrongField)]
struct WrongFieldView<'a> {
    /// The name of the field in the request.
    field: &'a str,
    /// A stable code for programs.
    #[schema(value_type = FieldCode)]
    code: &'static str,
    /// A text for people.
    detail: Cow<'static, str>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: Detail) -> Self {
        Self(Box::new(Inner {
            status,
            code,
            detail,
            errors: Vec::new(),
            retry_after: None,
            relogin: false,
            credentials: None,
            hint: None,
            cause: None,
            note: None,
        }))
    }

    fn fixed(status: StatusCode, code: &'static str, words: &'static Words) -> Self {
        Self::new(status, code, Detail::Fixed(words))
    }

    /// Adds a note for the log, for problems without an error of the actors.
    pub(super) fn noting(mut self, note: String) -> Self {
        self.0.note = Some(note);
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(super) fn code(&self) -> &'static str {
        self.0.code
    }

    /// Returns the error of the actors, which is not for the client.
    pub(super) fn cause(&self) -> Option<&Error> {
        self.0.cause.as_deref()
    }

    /// Returns the note for the log.
    pub(super) fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Renders the body for one request.
    pub(super) fn render(&self, language: Language, path: &str, trace_id: &str) -> Vec<u8> {
        let errors = self.0.errors.iter().map(|(field, reason)| WrongFieldView {
            field,
            code: table::reason(reason),
            detail: field_messages::reason(field, reason, language),
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
            let challenge = match self.0.credentials {
                None => r#"Bearer realm="dailyfeed""#,
                Some(BadCredentials::InvalidRequest) => r#"Bearer realm="dailyfeed", error="invalid_request""#,
                Some(BadCredentials::InvalidToken) => r#"Bearer realm="dailyfeed", error="invalid_token""#,
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some((name, value)) = &self.0.hint {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if self.0.relogin {
            headers.insert("x-relogin-required", HeaderValue::from_static("true"));
        }
        if let Some(after) = self.0.retry_after {
            // Rounded up, so that a client that waits exactly this long is admitted.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
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
        let invalid = matches!(refusal, Refusal::TokenInvalid | Refusal::TokenExpired | Refusal::TokenRevoked);
        let mut problem = Self::new(status, code, Detail::Refused(refusal));
        problem.0.errors = errors;
        problem.0.retry_after = retry_after;
        problem.0.relogin = relogin;
        problem.0.credentials = invalid.then_some(BadCredentials::InvalidToken);
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
            Error::Failed(_) => {
                let mut problem = Self::internal();
                problem.0.cause = Some(Arc::new(error));
                return problem;
            }
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
