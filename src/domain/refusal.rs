//! Refusals: the errors of the domain's rules. The caller can correct each of them.
use std::time::Duration;

/// Why one field of a request was refused.
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
    /// Does not have the form that the field asks for.
    InvalidFormat,
    /// Control characters or marks that reorder text.
    InvalidCharacters,
    /// A character of more than `max` code points: a stack of combining marks.
    Malformed {
        /// The most that is accepted.
        max: usize,
    },
    /// Not one of the known values.
    UnknownValue,
    /// A date that is not in the past.
    NotInThePast,
    /// A name that is reserved for the service.
    Reserved,
    /// Outside the numbers accepted.
    OutOfRange {
        /// The least that is accepted.
        min: u64,
        /// The most that is accepted.
        max: u64,
    },
    /// The current password does not match.
    WrongPassword,
    /// The target is the caller.
    Oneself,
    /// Given more than once, although it takes one value.
    Repeated,
    /// In use already, or given twice.
    InUse,
}

/// One field of a request, and why it was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Its name in the request: `memberName`.
    pub field: &'static str,
    /// Why it was refused.
    pub reason: Reason,
}

/// A rule of the domain refused the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One or more fields of the request break their rules.
    #[error("invalid fields")]
    Invalid(Vec<FieldError>),
    /// The resource has changed since the version that the caller names in `If-Match`.
    #[error("changed since it was seen")]
    PreconditionFailed,
    /// The e-mail address has an account.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The handle belongs to somebody.
    #[error("the handle is taken")]
    HandleTaken,
    /// Absent, or hidden from the caller.
    #[error("no such member")]
    MemberNotFound,
    /// More ids than one query may ask for.
    #[error("more than {max} ids")]
    TooManyIds {
        /// The most that one query may ask for.
        max: usize,
    },
    /// Nobody follows themself.
    #[error("nobody follows themself")]
    FollowSelf,
    /// The member follows as many as a member may.
    #[error("at most {max} followings")]
    FollowLimit {
        /// The most that a member may follow.
        max: usize,
    },
    /// The caller blocks the member to follow.
    #[error("the member to follow is blocked")]
    FollowBlocked,
    /// The member has as many undecided follow requests as a member may have.
    #[error("at most {max} follow requests wait for a member")]
    FollowRequestsFull {
        /// The most that may wait.
        max: usize,
    },
    /// No member of that id has requested to follow the caller.
    #[error("no such follow request")]
    FollowRequestNotFound,
    /// The member blocks as many as a member may.
    #[error("at most {max} blocks")]
    BlockLimit {
        /// The most that a member may block.
        max: usize,
    },
    /// The member mutes as many as a member may.
    #[error("at most {max} mutes")]
    MuteLimit {
        /// The most that a member may mute.
        max: usize,
    },
    /// Absent, deleted, or hidden from the caller.
    #[error("no such post")]
    PostNotFound,
    /// Only the author edits a post.
    #[error("only the author edits a post")]
    PostUpdateForbidden,
    /// Only the author deletes a post.
    #[error("only the author deletes a post")]
    PostDeleteForbidden,
    /// A post needs some text, or an image.
    #[error("a post needs some text or an image")]
    PostEmpty,
    /// More characters than a post may have.
    #[error("a post holds at most {max} characters")]
    PostTooLong {
        /// The most that a post may have.
        max: usize,
    },
    /// More characters than a title may have.
    #[error("a title holds at most {max} characters")]
    TitleTooLong {
        /// The most that a title may have.
        max: usize,
    },
    /// Absent, deleted, or hidden from the caller.
    #[error("no such comment")]
    CommentNotFound,
    /// The comment to reply to is absent or deleted.
    #[error("no such parent comment")]
    ParentNotFound,
    /// The comment to reply to is on another post.
    #[error("the parent comment is on another post")]
    ParentOnAnotherPost,
    /// A reply to a comment that is as deep as comments go.
    #[error("comments go {max} levels deep")]
    TooDeep {
        /// The number of levels.
        max: u8,
    },
    /// Only the author edits a comment.
    #[error("only the author edits a comment")]
    CommentUpdateForbidden,
    /// Only the author deletes a comment.
    #[error("only the author deletes a comment")]
    CommentDeleteForbidden,
    /// A comment needs some text.
    #[error("a comment needs some text")]
    CommentEmpty,
    /// More characters than a comment may have.
    #[error("a comment holds at most {max} characters")]
    CommentTooLong {
        /// The most that a comment may have.
        max: usize,
    },
    /// Unknown e-mail or wrong password; does not say which.
    #[error("e-mail or password is wrong")]
    LoginFailed,
    /// Too many failures for this account from this address.
    #[error("too many failed logins")]
    LoginLocked {
        /// Time until this account may log in from this address again.
        retry_after: Duration,
    },
    /// A token that is malformed, of another issuer, or signed with an unknown key.
    #[error("the token is not valid")]
    TokenInvalid,
    /// An access token past its time.
    #[error("the token has expired")]
    TokenExpired,
    /// An access token of a session that has ended.
    #[error("the token was revoked")]
    TokenRevoked,
    /// The refresh token is unknown, expired, revoked or was used twice; a new login is required.
    #[error("log in again")]
    ReloginRequired,
    /// No such session of this member.
    #[error("no such session")]
    SessionNotFound,
    /// The key was used with another request.
    #[error("the idempotency key was used with another request")]
    IdempotencyKeyReused,
    /// The text is no cursor of this server, or a cursor of another list.
    #[error("the cursor is not valid here")]
    CursorInvalid,
    /// The cursor points to events or rankings that are no longer kept.
    #[error("the cursor is too old")]
    CursorExpired,
    /// The upload has no image, or an empty one.
    #[error("no image was sent")]
    ImageEmpty,
    /// The image has more bytes or pixels than an upload may have.
    #[error("the image is too large")]
    ImageTooLarge,
    /// The image has none of the supported formats, whatever its file name says.
    #[error("the format of the image is not supported")]
    ImageUnsupported,
    /// The data begins as an image but cannot be decoded to its end.
    #[error("the image cannot be read")]
    ImageCorrupted,
    /// Absent, or deleted.
    #[error("no such image")]
    ImageNotFound,
    /// Only its owner uses and deletes an image.
    #[error("only its owner uses and deletes an image")]
    ImageForbidden,
    /// The member has as many unused images as a member may have.
    #[error("at most {max} unused images")]
    TooManyImages {
        /// The most unused images of a member.
        max: usize,
    },
    /// One member has more expensive requests running and waiting than a lane admits.
    #[error("at most {max} such requests at once")]
    TooManyAtOnce {
        /// The most that run or wait.
        max: usize,
    },
    /// No dead letter has that position.
    #[error("no such dead letter")]
    DeadLetterNotFound,
    /// More open streams than a member may have.
    #[error("at most {max} open streams")]
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
