//! The table of statuses and codes: of each refusal, of each reason of a field, and of a plain status.
use super::messages::{self, Words};
use crate::domain::{FieldError, Reason, Refusal};
use axum::http::StatusCode;

pub(super) const MALFORMED_REQUEST: &str = "MALFORMED_REQUEST";
const TEXT_MALFORMED: &str = "TEXT_MALFORMED";
const TOO_MANY_REQUESTS: &str = "TOO_MANY_REQUESTS";

/// Returns the status and the code of a refusal.
pub(super) fn refusal(refusal: &Refusal) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match refusal {
        Refusal::Invalid(errors) if is_malformed(errors) => (S::UNPROCESSABLE_ENTITY, TEXT_MALFORMED),
        Refusal::Invalid(_) => (S::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED"),

        Refusal::EmailTaken => (S::CONFLICT, "MEMBER_ALREADY_EXISTS"),
        Refusal::HandleTaken => (S::CONFLICT, "MEMBER_HANDLE_ALREADY_EXISTS"),
        Refusal::MemberNotFound => (S::NOT_FOUND, "MEMBER_NOT_FOUND"),
        Refusal::TooManyIds { .. } => (S::UNPROCESSABLE_ENTITY, "MEMBER_IDS_LIMIT_EXCEEDS"),
        Refusal::FollowSelf => (S::UNPROCESSABLE_ENTITY, "FOLLOW_SELF"),
        Refusal::FollowLimit { .. } => (S::UNPROCESSABLE_ENTITY, "FOLLOW_LIMIT_EXCEEDS"),
        Refusal::FollowRequestsFull { .. } => (S::UNPROCESSABLE_ENTITY, "FOLLOW_LIMIT_EXCEEDS"),
        Refusal::FollowBlocked => (S::FORBIDDEN, "FOLLOW_BLOCKED"),
        Refusal::FollowRequestNotFound => (S::NOT_FOUND, "FOLLOW_REQUEST_NOT_FOUND"),
        Refusal::BlockLimit { .. } => (S::UNPROCESSABLE_ENTITY, "BLOCK_LIMIT_EXCEEDS"),
        Refusal::MuteLimit { .. } => (S::UNPROCESSABLE_ENTITY, "MUTE_LIMIT_EXCEEDS"),

        Refusal::PostNotFound => (S::NOT_FOUND, "POST_NOT_FOUND"),
        Refusal::PostUpdateForbidden => (S::FORBIDDEN, "POST_UPDATE_FORBIDDEN"),
        Refusal::PostDeleteForbidden => (S::FORBIDDEN, "POST_DELETE_FORBIDDEN"),
        Refusal::PostEmpty => (S::UNPROCESSABLE_ENTITY, "POST_CONTENT_EMPTY"),
        Refusal::AudienceFixed => (S::UNPROCESSABLE_ENTITY, "AUDIENCE_FIXED"),
        Refusal::PostTooLong { .. } => (S::UNPROCESSABLE_ENTITY, "POST_CONTENT_TOO_LONG"),
        Refusal::TitleTooLong { .. } => (S::UNPROCESSABLE_ENTITY, "POST_TITLE_TOO_LONG"),

        Refusal::CommentNotFound => (S::NOT_FOUND, "COMMENT_NOT_FOUND"),
        Refusal::ParentNotFound => (S::NOT_FOUND, "PARENT_COMMENT_NOT_FOUND"),
        Refusal::ParentOnAnotherPost => (S::UNPROCESSABLE_ENTITY, "PARENT_COMMENT_POST_MISMATCH"),
        Refusal::TooDeep { .. } => (S::UNPROCESSABLE_ENTITY, "COMMENT_DEPTH_LIMIT_EXCEEDS"),
        Refusal::CommentUpdateForbidden => (S::FORBIDDEN, "COMMENT_MODIFICATION_FORBIDDEN"),
        Refusal::CommentDeleteForbidden => (S::FORBIDDEN, "COMMENT_DELETION_FORBIDDEN"),
        Refusal::CommentEmpty => (S::UNPROCESSABLE_ENTITY, "COMMENT_CONTENT_EMPTY"),
        Refusal::CommentTooLong { .. } => (S::UNPROCESSABLE_ENTITY, "COMMENT_CONTENT_TOO_LONG"),

        Refusal::LoginFailed => (S::UNAUTHORIZED, "LOGIN_FAILED"),
        Refusal::LoginLocked { .. } => (S::TOO_MANY_REQUESTS, "LOGIN_LOCKED"),
        Refusal::TokenInvalid => (S::UNAUTHORIZED, "INVALID_TOKEN"),
        Refusal::TokenExpired => (S::UNAUTHORIZED, "TOKEN_EXPIRED"),
        Refusal::TokenRevoked => (S::UNAUTHORIZED, "TOKEN_REVOKED"),
        Refusal::ReloginRequired => (S::UNAUTHORIZED, "RELOGIN_REQUIRED"),
        Refusal::SessionNotFound => (S::NOT_FOUND, "SESSION_NOT_FOUND"),

        Refusal::ImageEmpty => (S::UNPROCESSABLE_ENTITY, "IMAGE_EMPTY"),
        Refusal::ImageTooLarge => (S::PAYLOAD_TOO_LARGE, "IMAGE_TOO_LARGE"),
        Refusal::ImageUnsupported => (S::UNSUPPORTED_MEDIA_TYPE, "IMAGE_UNSUPPORTED"),
        Refusal::ImageCorrupted => (S::UNPROCESSABLE_ENTITY, "IMAGE_CORRUPTED"),
        Refusal::ImageNotFound => (S::NOT_FOUND, "IMAGE_NOT_FOUND"),
        Refusal::ImageForbidden => (S::FORBIDDEN, "IMAGE_FORBIDDEN"),
        Refusal::TooManyImages { .. } => (S::TOO_MANY_REQUESTS, TOO_MANY_REQUESTS),

        Refusal::DeadLetterNotFound => (S::NOT_FOUND, "DEAD_LETTER_NOT_FOUND"),
        Refusal::IdempotencyKeyReused => (S::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
        Refusal::PreconditionFailed => (S::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
        Refusal::CursorInvalid => (S::BAD_REQUEST, "CURSOR_INVALID"),
        Refusal::CursorExpired => (S::BAD_REQUEST, "CURSOR_EXPIRED"),
        Refusal::TooManyAtOnce { .. } => (S::TOO_MANY_REQUESTS, TOO_MANY_REQUESTS),
        Refusal::TooManyStreams { .. } => (S::TOO_MANY_REQUESTS, TOO_MANY_REQUESTS),
    }
}

/// Returns whether every error is [`Reason::Malformed`].
fn is_malformed(errors: &[FieldError]) -> bool {
    !errors.is_empty() && errors.iter().all(|error| matches!(error.reason, Reason::Malformed { .. }))
}

/// Returns the fields of a refusal: those that it names, or the one that its code implies.
pub(super) fn fields(refusal: &Refusal) -> Vec<FieldError> {
    let (field, reason) = match refusal {
        Refusal::Invalid(errors) => return errors.clone(),
        Refusal::PostEmpty | Refusal::CommentEmpty => ("content", Reason::Required),
        Refusal::PostTooLong { max } | Refusal::CommentTooLong { max } => ("content", Reason::TooLong { max: *max }),
        Refusal::TitleTooLong { max } => ("title", Reason::TooLong { max: *max }),
        Refusal::TooManyIds { max } => ("ids", Reason::TooLong { max: *max }),
        _ => return Vec::new(),
    };
    vec![FieldError { field, reason }]
}

/// Returns the code of a field's reason.
pub(super) fn reason(reason: &Reason) -> &'static str {
    match reason {
        Reason::Required => "REQUIRED",
        Reason::TooShort { .. } => "TOO_SHORT",
        Reason::TooLong { .. } => "TOO_LONG",
        Reason::InvalidFormat => "INVALID_FORMAT",
        Reason::Malformed { .. } => TEXT_MALFORMED,
        Reason::InvalidCharacters => "INVALID_CHARACTERS",
        Reason::UnknownValue => "UNKNOWN_VALUE",
        Reason::NotInThePast => "NOT_IN_THE_PAST",
        Reason::Reserved => "RESERVED",
        Reason::OutOfRange { .. } => "OUT_OF_RANGE",
        Reason::WrongPassword => "WRONG_PASSWORD",
        Reason::Repeated => "REPEATED",
        Reason::Oneself => "ONESELF",
        Reason::InUse => "IN_USE",
    }
}

/// Returns the code and the text of a plain status: unknown paths and methods, limits, bugs.
pub(super) fn of_status(status: StatusCode) -> (&'static str, &'static Words) {
    match status {
        StatusCode::NOT_FOUND => ("NOT_FOUND", &messages::NOT_FOUND),
        StatusCode::METHOD_NOT_ALLOWED => ("METHOD_NOT_ALLOWED", &messages::METHOD_NOT_ALLOWED),
        StatusCode::REQUEST_TIMEOUT => ("REQUEST_TIMEOUT", &messages::SLOW_BODY),
        StatusCode::PAYLOAD_TOO_LARGE => ("PAYLOAD_TOO_LARGE", &messages::TOO_LARGE),
        StatusCode::URI_TOO_LONG => ("URI_TOO_LONG", &messages::URI_TOO_LONG),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("UNSUPPORTED_MEDIA_TYPE", &messages::NOT_JSON),
        StatusCode::MISDIRECTED_REQUEST => ("MISDIRECTED", &messages::MISDIRECTED),
        StatusCode::TOO_MANY_REQUESTS => (TOO_MANY_REQUESTS, &messages::TOO_MANY),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ("HEADERS_TOO_LARGE", &messages::HEADERS_TOO_LARGE),
        StatusCode::SERVICE_UNAVAILABLE => ("UNAVAILABLE", &messages::UNAVAILABLE),
        status if status.is_client_error() => (MALFORMED_REQUEST, &messages::MALFORMED),
        _ => ("INTERNAL", &messages::INTERNAL),
    }
}
