//! The problems that HTTP itself has, beside those that the layers below refuse with.
use super::{BadCredentials, FIELD_NAME_MAX, Problem, RETRY_AFTER, messages, messages::Words, table};
use crate::domain::{Reason, Refusal};
use axum::http::{StatusCode, header};
use std::time::Duration;

impl Problem {
    /// The request cannot be understood.
    pub(in crate::http) fn malformed(what: Malformed) -> Self {
        Self::fixed(StatusCode::BAD_REQUEST, table::MALFORMED_REQUEST, what.words())
    }

    /// No bearer token where one is needed.
    pub(in crate::http) fn token_missing() -> Self {
        Self::fixed(StatusCode::UNAUTHORIZED, "BEARER_TOKEN_MISSING", &messages::TOKEN_MISSING)
    }

    /// An `Authorization` header that should carry a bearer token, and carries none or several.
    pub(in crate::http) fn authorization_malformed() -> Self {
        let mut problem = Self::fixed(StatusCode::UNAUTHORIZED, "INVALID_TOKEN", &messages::AUTHORIZATION);
        problem.0.credentials = Some(BadCredentials::InvalidRequest);
        problem
    }

    /// A host that this listener does not answer to.
    pub(in crate::http) fn misdirected() -> Self {
        Self::of_status(StatusCode::MISDIRECTED_REQUEST)
    }

    /// A browser asks for a page from elsewhere.
    pub(in crate::http) fn foreign_origin() -> Self {
        Self::fixed(StatusCode::FORBIDDEN, "ORIGIN_FORBIDDEN", &messages::ORIGIN)
    }

    /// A body in a coding that is not undone.
    pub(in crate::http) fn coded() -> Self {
        let (code, _) = table::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let mut problem = Self::fixed(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, &messages::CODED);
        problem.0.hint = Some((header::ACCEPT_ENCODING, "identity"));
        problem
    }

    /// A body that is not JSON.
    pub(in crate::http) fn not_json() -> Self {
        Self::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    }

    /// A body that is not a form with an image.
    pub(in crate::http) fn not_multipart() -> Self {
        let (code, _) = table::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        Self::fixed(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, &messages::NOT_MULTIPART)
    }

    /// A body of more bytes than the server takes.
    pub(in crate::http) fn too_large() -> Self {
        Self::of_status(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// A body that took too long to arrive.
    pub(in crate::http) fn slow_body() -> Self {
        Self::of_status(StatusCode::REQUEST_TIMEOUT)
    }

    /// More requests than the limit lets through.
    pub(in crate::http) fn too_many(retry_after: Duration) -> Self {
        let mut problem = Self::of_status(StatusCode::TOO_MANY_REQUESTS);
        problem.0.retry_after = Some(retry_after);
        problem
    }

    /// No answer within the time limit, or not ready to answer at all.
    pub(in crate::http) fn unavailable() -> Self {
        Self::of_status(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// A fault of the server. Its cause is for the log.
    pub(in crate::http) fn internal() -> Self {
        Self::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What there is to say about a status alone.
    pub(in crate::http) fn of_status(status: StatusCode) -> Self {
        let (code, words) = table::of_status(status);
        let mut problem = Self::fixed(status, code, words);
        problem.0.retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        problem
    }

    /// Fields whose names only the client knows.
    pub(in crate::http) fn unknown_fields(fields: Vec<(String, Reason)>) -> Self {
        let mut problem = Self::from(Refusal::Invalid(Vec::new()));
        let shortened = |name: String| name.chars().take(FIELD_NAME_MAX).collect::<String>();
        problem.0.errors = fields.into_iter().map(|(name, reason)| (shortened(name).into(), reason)).collect();
        problem
    }
}

/// In what way a request cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Malformed {
    Body,
    Host,
    Path,
    Query,
    IdempotencyKey,
}

impl Malformed {
    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::Body => &messages::BODY,
            Self::Host => &messages::HOST,
            Self::Path => &messages::PATH,
            Self::Query => &messages::QUERY,
            Self::IdempotencyKey => &messages::IDEMPOTENCY_KEY,
        }
    }
}
