//! The codes of problems and of refused fields, as the document lists them. The table of problems is what says them.

/// A code of a problem.
pub(super) struct Code {
    pub(super) name: &'static str,
    /// The status that it comes with.
    pub(super) status: u16,
    /// An example of what is said with it.
    pub(super) detail: &'static str,
}

macro_rules! codes {
    ($($status:literal $name:literal $detail:literal),* $(,)?) => {
        /// Every code of a problem, by status.
        pub(super) const CODES: &[Code] = &[$(Code { name: $name, status: $status, detail: $detail }),*];
    };
}

codes! {
    400 "MALFORMED_REQUEST" "the body is not JSON of the expected form",
    400 "CURSOR_INVALID" "the cursor is not valid here",
    400 "CURSOR_EXPIRED" "the cursor is too old",

    401 "BEARER_TOKEN_MISSING" "a bearer token is needed",
    401 "INVALID_TOKEN" "the token is not valid",
    401 "TOKEN_EXPIRED" "the token has expired",
    401 "TOKEN_REVOKED" "the session has ended, log in again",
    401 "LOGIN_FAILED" "e-mail or password is wrong",
    401 "RELOGIN_REQUIRED" "log in again",

    403 "FOLLOW_BLOCKED" "you block this member",
    403 "POST_UPDATE_FORBIDDEN" "only the author edits a post",
    403 "POST_DELETE_FORBIDDEN" "only the author deletes a post",
    403 "COMMENT_MODIFICATION_FORBIDDEN" "only the author edits a comment",
    403 "COMMENT_DELETION_FORBIDDEN" "only the author deletes a comment",
    403 "ORIGIN_FORBIDDEN" "pages from elsewhere may not ask",
    403 "IMAGE_FORBIDDEN" "only its owner uses and deletes an image",

    404 "NOT_FOUND" "there is nothing here",
    404 "MEMBER_NOT_FOUND" "no such member",
    404 "FOLLOW_REQUEST_NOT_FOUND" "no such follow request",
    404 "POST_NOT_FOUND" "no such post",
    404 "COMMENT_NOT_FOUND" "no such comment",
    404 "PARENT_COMMENT_NOT_FOUND" "the comment to reply to is gone",
    404 "SESSION_NOT_FOUND" "no such session",
    404 "IMAGE_NOT_FOUND" "no such image",
    404 "DEAD_LETTER_NOT_FOUND" "no such dead letter",

    405 "METHOD_NOT_ALLOWED" "the method is not allowed here",
    408 "REQUEST_TIMEOUT" "the body took too long to arrive",
    409 "MEMBER_ALREADY_EXISTS" "the e-mail address has an account already",
    409 "MEMBER_HANDLE_ALREADY_EXISTS" "the handle is taken",
    // Promised; today the second of two requests waits for the first.
    409 "IDEMPOTENCY_IN_PROGRESS" "the first request with this key is still under way",
    412 "PRECONDITION_FAILED" "it has changed since you read it",
    413 "PAYLOAD_TOO_LARGE" "the body is too large",
    413 "IMAGE_TOO_LARGE" "at most 10 MiB and 40 megapixels",
    415 "UNSUPPORTED_MEDIA_TYPE" "the content type must be application/json",
    415 "IMAGE_UNSUPPORTED" "not a JPEG, PNG, WebP, GIF or BMP",
    421 "MISDIRECTED" "this server does not answer for that host",

    422 "VALIDATION_FAILED" "some fields are not valid",
    422 "TEXT_MALFORMED" "more marks on a character than any script has",
    422 "MEMBER_IDS_LIMIT_EXCEEDS" "at most 100 ids",
    422 "FOLLOW_SELF" "nobody follows themself",
    422 "FOLLOW_LIMIT_EXCEEDS" "at most 1000 followings",
    422 "BLOCK_LIMIT_EXCEEDS" "at most 1000 blocks",
    422 "MUTE_LIMIT_EXCEEDS" "at most 1000 mutes",
    422 "POST_CONTENT_EMPTY" "a post needs some text",
    422 "POST_CONTENT_TOO_LONG" "a post holds at most 5000 characters",
    422 "POST_TITLE_TOO_LONG" "a title holds at most 100 characters",
    422 "PARENT_COMMENT_POST_MISMATCH" "the comment to reply to is on another post",
    422 "COMMENT_DEPTH_LIMIT_EXCEEDS" "comments go 3 levels deep",
    422 "COMMENT_CONTENT_EMPTY" "a comment needs some text",
    422 "COMMENT_CONTENT_TOO_LONG" "a comment holds at most 1000 characters",
    422 "IMAGE_EMPTY" "no image was sent",
    422 "IMAGE_CORRUPTED" "the image cannot be read",
    422 "IDEMPOTENCY_KEY_REUSED" "the key was used for another request",

    429 "TOO_MANY_REQUESTS" "too many requests, slow down",
    429 "LOGIN_LOCKED" "too many failed logins, try again later",

    500 "INTERNAL" "something went wrong on our side",
    503 "BUSY" "the server is busy, try again in a moment",
    503 "UNAVAILABLE" "temporarily unavailable, try again in a moment",
}

/// Every code of a refused field.
pub(super) const OF_FIELDS: &[&str] = &[
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

/// The code of that name.
pub(super) fn named(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name)
}

/// The codes that a description names between backticks.
pub(super) fn in_text(text: &str) -> impl Iterator<Item = &'static Code> {
    text.split('`').skip(1).step_by(2).filter_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const TABLE: &str = include_str!("../problem/table.rs");

    /// The texts in quotes that are written as codes are.
    fn quoted(text: &str) -> impl Iterator<Item = &str> {
        let code = |text: &&str| text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        text.lines().flat_map(|line| line.split('"').skip(1).step_by(2)).filter(code)
    }

    #[test]
    fn the_document_has_every_code_that_is_said() {
        let problems: BTreeSet<&str> = CODES.iter().map(|code| code.name).collect();
        let fields: BTreeSet<&str> = OF_FIELDS.iter().copied().collect();
        assert_eq!((problems.len(), fields.len()), (CODES.len(), OF_FIELDS.len()), "twice");
        let known = &problems | &fields;
        for source in [TABLE, include_str!("../problem/kinds.rs"), include_str!("../problem/mod.rs")] {
            let missing: Vec<&str> = quoted(source).filter(|name| !known.contains(name)).collect();
            assert!(missing.is_empty(), "say in http/contract/codes.rs what these stand for: {missing:?}");
        }
    }

    #[test]
    fn a_code_has_the_status_that_it_is_said_with() {
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
    fn codes_are_found_in_descriptions() {
        let names: Vec<&str> = in_text("`BUSY`, `UNAVAILABLE`: not `PUBLIC`, nor BUSY").map(|code| code.name).collect();
        assert_eq!(names, ["BUSY", "UNAVAILABLE"]);
    }
}
