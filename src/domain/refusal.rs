//! What a rule of the product says no to. The caller can do something about each of these.
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
    /// A character that is made of more than `max` code points: a tower of marks.
    Malformed {
        /// The most that is accepted.
        max: usize,
    },
    /// Not one of the known values.
    UnknownValue,
    /// A date that has not been yet.
    NotInThePast,
    /// A name that the service keeps for itself.
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
    /// This cannot be done to oneself.
    Oneself,
    /// Given more than once, where one value is meant.
    Repeated,
    /// On something else already, or named twice.
    InUse,
}

/// One field of a request, and why it was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// As written in the request: `memberName`.
    pub field: &'static str,
    /// Why.
    pub reason: Reason,
}

/// A rule of the product said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One or more fields of the request break their rules.
    #[error("invalid fields")]
    Invalid(Vec<FieldError>),
    /// What is to be changed is no longer as the caller has seen it.
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
    /// As many as may wait for the member have asked already.
    #[error("at most {max} follow requests wait for a member")]
    FollowRequestsFull {
        /// The most that may wait.
        max: usize,
    },
    /// Nobody of that id has asked to follow the caller.
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
    /// Unknown e-mail or wrong password: which of the two is not said.
    #[error("e-mail or password is wrong")]
    LoginFailed,
    /// Too many failures for this account from this address.
    #[error("too many failed logins")]
    LoginLocked {
        /// How long until the pair may try again.
        retry_after: Duration,
    },
    /// A token that is malformed, of another issuer, or signed with an unknown key.
    #[error("the token is not valid")]
    TokenInvalid,
    /// An access token past its time.
    #[error("the token has expired")]
    TokenExpired,
    /// A token of a session that has ended.
    #[error("the token was revoked")]
    TokenRevoked,
    /// Only a new login helps: the refresh token is unknown, expired, revoked or was used twice.
    #[error("log in again")]
    ReloginRequired,
    /// No such session of this member.
    #[error("no such session")]
    SessionNotFound,
    /// The key was used with another request.
    #[error("the idempotency key was used with another request")]
    IdempotencyKeyReused,
    /// Not a cursor of this server, or of another list.
    #[error("the cursor is not valid here")]
    CursorInvalid,
    /// A cursor of this server that points before what it keeps.
    #[error("the cursor is too old")]
    CursorExpired,
    /// No image, or one without a byte.
    #[error("no image was sent")]
    ImageEmpty,
    /// More bytes or pixels than are taken.
    #[error("the image is too large")]
    ImageTooLarge,
    /// Not one of the formats that are taken, whatever its name says.
    #[error("the format of the image is not supported")]
    ImageUnsupported,
    /// Begins as an image and cannot be read to its end.
    #[error("the image cannot be read")]
    ImageCorrupted,
    /// Absent, or deleted.
    #[error("no such image")]
    ImageNotFound,
    /// Only its owner uses and deletes an image.
    #[error("only its owner uses and deletes an image")]
    ImageForbidden,
    /// As many images of the member are on nothing as may be.
    #[error("at most {max} unused images")]
    TooManyImages {
        /// The most that may be on nothing.
        max: usize,
    },
    /// More expensive requests of one member at once than may wait.
    #[error("at most {max} such requests at once")]
    TooManyAtOnce {
        /// The most that work or wait.
        max: usize,
    },
    /// No event of that position is among those that could not be applied.
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
