//! The codes of problems and of rejected fields, for the OpenAPI document. The table of problems assigns them.

/// A code of a problem.
pub(super) struct Code {
    pub(super) name: &'static str,
    /// The status of its responses.
    pub(super) status: u16,
    /// An example of its `detail`.
    pub(super) detail: &'static str,
}

macro_rules! codes {
    ($($status:literal $name:literal $detail:literal),* $(,)?) => {
        /// Every code of a problem, in the order of statuses.
        pub(super) const CODES: &[Code] = &[$(Code { name: $name, status: $status, detail: $detail }),*];
    };
}

codes! {
    400 "MALFORMED_REQUEST" "the request body does not have the expected form",
    400 "CURSOR_INVALID" "the cursor is invalid",
    400 "CURSOR_EXPIRED" "the cursor has expired; start without one",

    401 "BEARER_TOKEN_MISSING" "a bearer token is required",
    401 "INVALID_TOKEN" "the token is invalid",
    401 "TOKEN_EXPIRED" "the token has expired; refresh it",
    401 "TOKEN_REVOKED" "the session has ended; log in again",
    401 "LOGIN_FAILED" "incorrect email or password",
    401 "RELOGIN_REQUIRED" "log in again to continue",

    403 "FOLLOW_BLOCKED" "you have blocked this member; unblock them to follow",
    403 "POST_UPDATE_FORBIDDEN" "only the author can edit this post",
    403 "POST_DELETE_FORBIDDEN" "only the author can delete this post",
    403 "COMMENT_MODIFICATION_FORBIDDEN" "only the author can edit this comment",
    403 "COMMENT_DELETION_FORBIDDEN" "only the author can delete this comment",
    403 "ORIGIN_FORBIDDEN" "cross-origin requests are not allowed",
    403 "IMAGE_FORBIDDEN" "only the owner can use or delete this image",

    404 "NOT_FOUND" "the requested path does not exist",
    404 "MEMBER_NOT_FOUND" "member not found",
    404 "FOLLOW_REQUEST_NOT_FOUND" "follow request not found",
    404 "POST_NOT_FOUND" "post not found",
    404 "COMMENT_NOT_FOUND" "comment not found",
    404 "PARENT_COMMENT_NOT_FOUND" "parent comment not found",
    404 "SESSION_NOT_FOUND" "session not found",
    404 "IMAGE_NOT_FOUND" "image not found",
    404 "DEAD_LETTER_NOT_FOUND" "dead letter not found",

    405 "METHOD_NOT_ALLOWED" "this path does not support the method",
    408 "REQUEST_TIMEOUT" "the request body did not arrive in time",
    409 "MEMBER_ALREADY_EXISTS" "an account with this email address already exists",
    409 "MEMBER_HANDLE_ALREADY_EXISTS" "this handle is already taken",
    // Reserved: the server does not send it yet, because the second of two requests waits for the first.
    409 "IDEMPOTENCY_IN_PROGRESS" "the first request with this Idempotency-Key is still in progress",
    412 "PRECONDITION_FAILED" "the resource has changed since the version in If-Match; fetch it again",
    413 "PAYLOAD_TOO_LARGE" "the request body is too large",
    413 "IMAGE_TOO_LARGE" "an image can have at most 10 MiB, 40 megapixels and 32,768 pixels per side",
    414 "URI_TOO_LONG" "the address of the request is too long",
    415 "UNSUPPORTED_MEDIA_TYPE" "Content-Type must be application/json",
    415 "IMAGE_UNSUPPORTED" "the image must be a JPEG, PNG, WebP, GIF or BMP",
    421 "MISDIRECTED" "this server does not serve the requested host",

    422 "VALIDATION_FAILED" "some fields are invalid",
    422 "TEXT_MALFORMED" "some fields are invalid",
    422 "MEMBER_IDS_LIMIT_EXCEEDS" "at most 100 ids can be requested at once",
    422 "FOLLOW_SELF" "you cannot follow yourself",
    422 "FOLLOW_LIMIT_EXCEEDS" "you can follow at most 1,000 members",
    422 "BLOCK_LIMIT_EXCEEDS" "you can block at most 10,000 members",
    422 "MUTE_LIMIT_EXCEEDS" "you can mute at most 10,000 members",
    422 "POST_CONTENT_EMPTY" "a post must have text or an image",
    422 "AUDIENCE_FIXED" "the audience of a post cannot be changed",
    422 "POST_CONTENT_TOO_LONG" "a post can have at most 5,000 characters",
    422 "POST_TITLE_TOO_LONG" "a title can have at most 100 characters",
    422 "PARENT_COMMENT_POST_MISMATCH" "the parent comment belongs to another post",
    422 "COMMENT_DEPTH_LIMIT_EXCEEDS" "comments can be at most 3 levels deep",
    422 "COMMENT_CONTENT_EMPTY" "a comment must have text",
    422 "COMMENT_CONTENT_TOO_LONG" "a comment can have at most 1,000 characters",
    422 "IMAGE_EMPTY" "an image is required",
    422 "IMAGE_CORRUPTED" "the image is corrupted",
    422 "IDEMPOTENCY_KEY_REUSED" "this Idempotency-Key was already used with a different request",

    429 "TOO_MANY_REQUESTS" "too many requests; try again later",
    429 "LOGIN_LOCKED" "too many failed login attempts; try again in 15 min",
    431 "HEADERS_TOO_LARGE" "the request header is too large",

    500 "INTERNAL" "something went wrong on our end",
    503 "BUSY" "the server is busy; try again in a moment",
    503 "UNAVAILABLE" "temporarily unavailable; try again in a moment",
}

/// Every code of a rejected field.
pub(super) const FIELD_CODES: &[&str] = &[
    "REQUIRED",
    "REPEATED",
    "TOO_SHORT",
    "TOO_LONG",
    "INVALID_FORMAT",
    "INVALID_CHARACTERS",
    "TEXT_MALFORMED",
    "UNKNOWN_VALUE",
    "NOT_IN_THE_PAST",
    "RESERVED",
    "OUT_OF_RANGE",
    "WRONG_PASSWORD",
    "ONESELF",
    "IN_USE",
];

/// Finds a code by its name.
pub(super) fn named(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name)
}

/// The codes that a description names in backticks.
pub(super) fn in_text(text: &str) -> impl Iterator<Item = &'static Code> {
    text.split('`').skip(1).step_by(2).filter_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const TABLE: &str = include_str!("../problem/table.rs");

    /// The quoted texts that have the form of a code.
    fn quoted(text: &str) -> impl Iterator<Item = &str> {
        let code = |text: &&str| text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        text.lines().flat_map(|line| line.split('"').skip(1).step_by(2)).filter(code)
    }

    #[test]
    fn the_document_has_every_code_of_the_table() {
        let problems: BTreeSet<&str> = CODES.iter().map(|code| code.name).collect();
        let fields: BTreeSet<&str> = FIELD_CODES.iter().copied().collect();
        assert_eq!((problems.len(), fields.len()), (CODES.len(), FIELD_CODES.len()), "twice");
        let known = &problems | &fields;
        for source in [TABLE, include_str!("../problem/kinds.rs"), include_str!("../problem/mod.rs")] {
            let missing: Vec<&str> = quoted(source).filter(|name| !known.contains(name)).collect();
            assert!(missing.is_empty(), "add these codes to http/contract/codes.rs: {missing:?}");
        }
    }

    #[test]
    fn a_code_has_the_status_of_the_table() {
        let statuses = [
            ("UNPROCESSABLE_ENTITY", 422),
            ("CONFLICT", 409),
            ("NOT_FOUND", 404),
            ("FORBIDDEN", 403),
            ("UNAUTHORIZED", 401),
            ("BAD_REQUEST", 400),
            ("PAYLOAD_TOO_LARGE", 413),
            ("UNSUPPORTED_MEDIA_TYPE", 415),
        ];
        let mut seen = 0;
        for rest in TABLE.split("(S::").skip(1) {
            let Some((status, rest)) = rest.split_once(", \"") else { continue };
            let Some((_, status)) = statuses.iter().find(|(name, _)| *name == status) else { continue };
            let name = rest.split('"').next().unwrap_or_default();
            assert_eq!(named(name).map(|code| code.status), Some(*status), "{name}");
            seen += 1;
        }
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn the_detail_of_a_code_is_a_text_of_the_server() {
        let texts = include_str!("../problem/messages.rs").replace("{max}", "N").replace("{minutes}", "N");
        for code in CODES.iter().filter(|code| code.name != "IDEMPOTENCY_IN_PROGRESS") {
            let written = texts.contains(&format!("\"{}\"", code.detail));
            let is_number = |c: char| c.is_ascii_digit() || c == ',';
            let words = code.detail.split(' ').map(|word| if word.chars().all(is_number) { "N" } else { word });
            let formatted = words.collect::<Vec<_>>().join(" ");
            assert!(written || texts.contains(&format!("\"{formatted}\"")), "{}: {}", code.name, code.detail);
        }
    }

    #[test]
    fn codes_are_found_in_descriptions() {
        let names: Vec<&str> = in_text("`BUSY`, `UNAVAILABLE`: not `PUBLIC`, nor BUSY").map(|code| code.name).collect();
        assert_eq!(names, ["BUSY", "UNAVAILABLE"]);
    }
}
