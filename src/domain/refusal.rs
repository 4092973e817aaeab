//! [`Refusal`]: a rule of the product refuses a request. The caller can act on each of them.
use std::time::Duration;

/// The reason why a field of a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Missing or empty.
    Required,
    /// Fewer characters than `min`.
    TooShort {
        /// The least that is accepted.
        min: usize,
    },
    /// More characters than `max`.
    TooLong {
        /// The most that is accepted.
        max: usize,
    },
    /// Does not match the format of the field.
    InvalidFormat,
    /// Contains control characters or marks that reorder text.
    InvalidCharacters,
    /// Contains a character of more than `max` code points (stacked combining marks).
    Malformed {
        /// The most that is accepted.
        max: usize,
    },
    /// Not one of the known values.
    UnknownValue,
    /// A date that is too late: today or later as a birth date, a day that has not begun elsewhere. Also a birth date
    /// before 1900.
    NotInThePast,
    /// A name that is reserved for the service.
    Reserved,
    /// Outside the accepted range.
    OutOfRange {
        /// The least that is accepted.
        min: u64,
        /// The most that is accepted.
        max: u64,
    },
    /// The current password does not match.
    WrongPassword,
    /// The caller names themself, and the command needs another member.
    Oneself,
    /// Given more than once; the field takes one value.
    Repeated,
    /// Already used elsewhere, or given twice.
    InUse,
}

/// A refused field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Its name in the request, such as `memberName`.
    pub field: &'static str,
    /// Why it was refused.
    pub reason: Reason,
}

/// A rule of the product refuses the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One or more fields of the request break their rules.
    #[error("some fields are invalid")]
    Invalid(Vec<FieldError>),
    /// The resource has changed since the version that the caller names in `If-Match`.
    #[error("the resource has changed since the version in If-Match")]
    PreconditionFailed,
    /// The email address already has an account.
    #[error("an account with this email address already exists")]
    EmailTaken,
    /// Another member has the handle.
    #[error("handle is already taken")]
    HandleTaken,
    /// Absent, or hidden from the caller.
    #[error("member not found")]
    MemberNotFound,
    /// More ids than one request may name.
    #[error("at most {max} ids can be requested at once")]
    TooManyIds {
        /// The most that one request may name.
        max: usize,
    },
    /// The caller tries to follow themself.
    #[error("a member cannot follow themself")]
    FollowSelf,
    /// The caller already follows `max` members.
    #[error("a member can follow at most {max} members")]
    FollowLimit {
        /// The most that a member may follow.
        max: usize,
    },
    /// The caller has blocked the member to follow.
    #[error("the member to follow is blocked by the caller")]
    FollowBlocked,
    /// The member to follow already has `max` pending follow requests.
    #[error("a member can have at most {max} pending follow requests")]
    FollowRequestsFull {
        /// The most that may be pending.
        max: usize,
    },
    /// The member has no pending request to follow the caller.
    #[error("follow request not found")]
    FollowRequestNotFound,
    /// The caller already blocks `max` members.
    #[error("a member can block at most {max} members")]
    BlockLimit {
        /// The most that a member may block.
        max: usize,
    },
    /// The caller already mutes `max` members.
    #[error("a member can mute at most {max} members")]
    MuteLimit {
        /// The most that a member may mute.
        max: usize,
    },
    /// Absent, deleted, or hidden from the caller.
    #[error("post not found")]
    PostNotFound,
    /// The caller is not the author of the post.
    #[error("only the author can edit a post")]
    PostUpdateForbidden,
    /// The caller is not the author of the post.
    #[error("only the author can delete a post")]
    PostDeleteForbidden,
    /// The post has neither text nor an image.
    #[error("a post must have text or an image")]
    PostEmpty,
    /// An edit names another audience than that of the post.
    #[error("the audience of a post cannot be changed")]
    AudienceFixed,
    /// More characters than a post may have.
    #[error("a post can have at most {max} characters")]
    PostTooLong {
        /// The most that a post may have.
        max: usize,
    },
    /// More characters than a title may have.
    #[error("a title can have at most {max} characters")]
    TitleTooLong {
        /// The most that a title may have.
        max: usize,
    },
    /// Absent, deleted, or hidden from the caller.
    #[error("comment not found")]
    CommentNotFound,
    /// The parent comment is absent or deleted.
    #[error("parent comment not found")]
    ParentNotFound,
    /// The parent comment belongs to another post.
    #[error("the parent comment belongs to another post")]
    ParentOnAnotherPost,
    /// The parent comment is already on the deepest level.
    #[error("comments can be at most {max} levels deep")]
    TooDeep {
        /// The number of levels.
        max: u8,
    },
    /// The caller is not the author of the comment.
    #[error("only the author can edit a comment")]
    CommentUpdateForbidden,
    /// The caller is not the author of the comment.
    #[error("only the author can delete a comment")]
    CommentDeleteForbidden,
    /// The comment has no text.
    #[error("a comment must have text")]
    CommentEmpty,
    /// More characters than a comment may have.
    #[error("a comment can have at most {max} characters")]
    CommentTooLong {
        /// The most that a comment may have.
        max: usize,
    },
    /// Unknown email or wrong password; the answer does not tell which.
    #[error("incorrect email or password")]
    LoginFailed,
    /// Too many failed logins for this account from this address.
    #[error("too many failed login attempts")]
    LoginLocked {
        /// Time until this address may try this account again.
        retry_after: Duration,
    },
    /// The token is malformed, of another issuer, or signed with an unknown key.
    #[error("the token is invalid")]
    TokenInvalid,
    /// The access token has expired.
    #[error("the token has expired")]
    TokenExpired,
    /// The session of the token has ended.
    #[error("the token was revoked")]
    TokenRevoked,
    /// The refresh token is unknown, expired, revoked or was used twice; the client must log in again.
    #[error("a new login is required")]
    ReloginRequired,
    /// The caller has no session with that id.
    #[error("session not found")]
    SessionNotFound,
    /// The idempotency key was used with a different request.
    #[error("the idempotency key was used with a different request")]
    IdempotencyKeyReused,
    /// Not a cursor of this server, or one of another list.
    #[error("the cursor is invalid")]
    CursorInvalid,
    /// The cursor points before the oldest data that is still kept.
    #[error("the cursor has expired")]
    CursorExpired,
    /// The upload has no image, or an empty one.
    #[error("an image is required")]
    ImageEmpty,
    /// More bytes, pixels or pixels per side than an image may have.
    #[error("the image is too large")]
    ImageTooLarge,
    /// The content is in none of the supported formats; the file name does not matter.
    #[error("the image format is not supported")]
    ImageUnsupported,
    /// The content begins as an image but cannot be decoded to its end.
    #[error("the image is corrupted")]
    ImageCorrupted,
    /// Absent, or deleted.
    #[error("image not found")]
    ImageNotFound,
    /// The caller does not own the image.
    #[error("only the owner can use or delete an image")]
    ImageForbidden,
    /// The caller already has `max` images that no post and no profile uses.
    #[error("a member can have at most {max} unused images")]
    TooManyImages {
        /// The most unused images that a member may have.
        max: usize,
    },
    /// The member already has `max` requests in the lane of this expensive work.
    #[error("a member can have at most {max} requests of this kind in progress")]
    TooManyAtOnce {
        /// The most that may run or wait.
        max: usize,
    },
    /// No dead letter has that position.
    #[error("dead letter not found")]
    DeadLetterNotFound,
    /// The member already has `max` open streams.
    #[error("a member can have at most {max} open streams")]
    TooManyStreams {
        /// The most that a member may have open.
        max: usize,
    },
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

impl From<Vec<FieldError>> for Refusal {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}
