//! Constructors of the problems that arise in the HTTP layer. `table.rs` has the problems of the layers below.
use super::{BadCredentials, FIELD_NAME_MAX, Problem, RETRY_AFTER, messages, messages::Words, table};
use crate::domain::{Reason, Refusal};
use axum::http::{StatusCode, header};
use std::time::Duration;

impl Problem {
    /// The request is malformed.
    pub(in crate::http) fn malformed(part: Malformed) -> Self {
        Self::fixed(StatusCode::BAD_REQUEST, table::MALFORMED_REQUEST, part.words())
    }

    /// The request has no bearer token, and the route requires one.
    pub(in crate::http) fn token_missing() -> Self {
        Self::fixed(StatusCode::UNAUTHORIZED, "BEARER_TOKEN_MISSING", &messages::TOKEN_MISSING)
    }

    /// The `Authorization` header carries no bearer token, or several.
    pub(in crate::http) fn authorization_malformed() -> Self {
        let mut problem = Self::fixed(StatusCode::UNAUTHORIZED, "INVALID_TOKEN", &messages::AUTHORIZATION);
        problem.0.credentials = Some(BadCredentials::InvalidRequest);
        problem
    }

    /// The listener does not serve the host of the request.
    pub(in crate::http) fn misdirected() -> Self {
        Self::of_status(StatusCode::MISDIRECTED_REQUEST)
    }

    /// A page of another origin sent the request.
    pub(in crate::http) fn foreign_origin() -> Self {
        Self::fixed(StatusCode::FORBIDDEN, "ORIGIN_FORBIDDEN", &messages::ORIGIN)
    }

    /// The body has a content coding, which the server does not decode.
    pub(in crate::http) fn coded() -> Self {
        let (code, _) = table::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let mut problem = Self::fixed(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, &messages::CODED);
        problem.0.hint = Some((header::ACCEPT_ENCODING, "identity"));
        problem
    }

    /// The content type of the body is not JSON.
    pub(in crate::http) fn not_json() -> Self {
        Self::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    }

    /// The content type of the body is not a form with an image.
    pub(in crate::http) fn not_multipart() -> Self {
        let (code, _) = table::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        Self::fixed(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, &messages::NOT_MULTIPART)
    }

    /// The body has more bytes than the route accepts.
    pub(in crate::http) fn too_large() -> Self {
        Self::of_status(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// The body did not arrive in time.
    pub(in crate::http) fn slow_body() -> Self {
        Self::of_status(StatusCode::REQUEST_TIMEOUT)
    }

    /// The header did not arrive in time.
    pub(in crate::http) fn slow_header() -> Self {
        let (code, _) = table::of_status(StatusCode::REQUEST_TIMEOUT);
        Self::fixed(StatusCode::REQUEST_TIMEOUT, code, &messages::SLOW_HEADER)
    }

    /// The caller has sent more requests than a limit allows.
    pub(in crate::http) fn too_many(retry_after: Duration) -> Self {
        let mut problem = Self::of_status(StatusCode::TOO_MANY_REQUESTS);
        problem.0.retry_after = Some(retry_after);
        problem
    }

    /// The request was not answered within the time limit, or the server is not ready.
    pub(in crate::http) fn unavailable() -> Self {
        Self::of_status(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// A bug of the server. Only the log has the cause.
    pub(in crate::http) fn internal() -> Self {
        Self::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The general problem of a status.
    pub(in crate::http) fn of_status(status: StatusCode) -> Self {
        let (code, words) = table::of_status(status);
        let mut problem = Self::fixed(status, code, words);
        problem.0.retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        problem
    }

    /// The request has unknown or repeated fields, which are named as the client wrote them. Names are cut to
    /// [`FIELD_NAME_MAX`] characters.
    pub(in crate::http) fn fields_named_by_client(fields: Vec<(String, Reason)>) -> Self {
        let mut problem = Self::from(Refusal::Invalid(Vec::new()));
        let shortened = |name: String| name.chars().take(FIELD_NAME_MAX).collect::<String>();
        problem.0.errors = fields.into_iter().map(|(name, reason)| (shortened(name).into(), reason)).collect();
        problem
    }
}

/// The part of a request that is malformed.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::Error;

    #[test]
    fn a_failure_is_an_internal_error_and_a_delay_may_be_retried() {
        let answer = |error: Error| {
            let problem = Problem::from(error);
            (problem.0.status.as_u16(), problem.0.retry_after.is_some())
        };
        assert_eq!(answer(Error::Failed("hasher")), (500, false));
        assert_eq!(answer(Error::Late("hasher")), (503, true));
    }
}
