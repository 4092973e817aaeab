//! Notifications: the rule that says which event notifies whom, and which event retracts which notifications.
//!
//! An event notifies its target, unless the target is its acting member: `Notification::of`. A later event retracts
//! notifications that are older than it: `Retraction::of`.
//!
//! | event | notification of its target | retracted by |
//! |---|---|---|
//! | `PostLiked` | `LikePost` | `PostLikeCancelled`, `PostDeleted` |
//! | `CommentLiked` | `LikeComment` | `CommentLikeCancelled`, `CommentDeleted`, `PostDeleted` |
//! | `CommentCreated` | `Comment`, shown as `Reply` below another comment | `CommentDeleted`, `PostDeleted` |
//! | `MemberMentioned` | `Mention` | `MentionWithdrawn`, `CommentDeleted`, `PostDeleted` |
//! | `MemberFollowed` | `Follow` | `MemberUnfollowed`, `FollowEnded` |
//! | `FollowRequested` | `FollowRequest` | `FollowRequestWithdrawn`, `..Accepted`, `..Declined` |
//! | `FollowRequestAccepted` | `FollowAccepted` | `MemberUnfollowed`, `FollowEnded` |
//!
//! `FollowBegan` notifies nobody: the followee began that follow by accepting, and `FollowRequestAccepted` tells the
//! follower. `MemberBlocked`, `MemberMuted` and `MemberDeactivated` retract nothing. The visibility rule hides the
//! actor's notifications whenever they are read, so that they are visible again when the block, the mute or the
//! deactivation ends.
#[cfg(test)]
mod tests;

use super::{CommentId, Event, EventKind, MemberId, Position, PostId, Timestamp};

/// Maximum number of notifications that one member keeps; the oldest are deleted first.
pub const NOTIFICATIONS_MAX: usize = 10_000;

/// The act of another member, as its target is notified of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum NotificationKind {
    /// Likes the member's post.
    LikePost = 1,
    /// Likes the member's comment.
    LikeComment = 2,
    /// Commented on the member's post.
    Comment = 3,
    /// Replied to the member's comment. Never stored: see [`Notification::shown_as`].
    Reply = 4,
    /// Named the member in a post or comment.
    Mention = 5,
    /// Follows the member.
    Follow = 6,
    /// Asks to follow the member.
    FollowRequest = 7,
    /// Has accepted the member as a follower.
    FollowAccepted = 8,
}

impl NotificationKind {
    const ALL: [Self; 8] = [
        Self::LikePost,
        Self::LikeComment,
        Self::Comment,
        Self::Reply,
        Self::Mention,
        Self::Follow,
        Self::FollowRequest,
        Self::FollowAccepted,
    ];

    /// Returns the number under which stores keep the kind. Never reused.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the kind that stores keep under this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// One notification of one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// Position of the event that caused it; also the order of notifications.
    pub id: Position,
    /// The notified member.
    pub to: MemberId,
    /// The act.
    pub kind: NotificationKind,
    /// The member who caused it.
    pub actor: MemberId,
    /// The post it is about.
    pub post: Option<PostId>,
    /// The comment it is about, or that names the notified member.
    pub comment: Option<CommentId>,
    /// Time of the event.
    pub at: Timestamp,
}

impl Notification {
    /// Returns the notification that an event makes, by the table of this module. A member's own act makes none.
    ///
    /// An event does not say whether a comment is a reply, so both are stored as `Comment`; see
    /// [`Notification::shown_as`].
    pub fn of(event: &Event) -> Option<Self> {
        use EventKind as K;
        let fact = &event.fact;
        let kind = match fact.kind {
            K::PostLiked => NotificationKind::LikePost,
            K::CommentLiked => NotificationKind::LikeComment,
            K::CommentCreated => NotificationKind::Comment,
            K::MemberMentioned => NotificationKind::Mention,
            K::MemberFollowed => NotificationKind::Follow,
            K::FollowRequested => NotificationKind::FollowRequest,
            K::FollowRequestAccepted => NotificationKind::FollowAccepted,
            _ => return None,
        };
        let to = fact.target.filter(|target| *target != fact.member)?;
        Some(Self {
            id: event.position,
            to,
            kind,
            actor: fact.member,
            post: fact.post,
            comment: fact.comment,
            at: event.at(),
        })
    }

    /// Returns the kind that clients see: a comment with a parent is a `Reply`. `is_reply` is whether the comment has
    /// one.
    pub fn shown_as(&self, is_reply: bool) -> NotificationKind {
        match self.kind {
            NotificationKind::Comment if is_reply => NotificationKind::Reply,
            kind => kind,
        }
    }
}

/// A set of notifications that an event retracts. Contains only notifications that are older than the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the fields say it")]
pub enum Retraction {
    /// All notifications about a post.
    AboutPost(PostId),
    /// All notifications about a comment.
    AboutComment(CommentId),
    /// The `LikePost` of one actor and post.
    PostLike { post: PostId, actor: MemberId },
    /// The `LikeComment` of one actor and comment.
    CommentLike { comment: CommentId, actor: MemberId },
    /// The `Mention` of one member in the text of a comment, or of the post itself.
    Mention { post: PostId, comment: Option<CommentId>, to: MemberId },
    /// The notifications of one kind to one member about one actor. The kinds are `Follow`, `FollowRequest` and
    /// `FollowAccepted`.
    Between { kind: NotificationKind, to: MemberId, actor: MemberId },
}

impl Retraction {
    /// Returns what an event retracts, by the table of this module.
    pub fn of(event: &Event) -> Vec<Self> {
        use EventKind as K;
        use NotificationKind::{Follow, FollowAccepted, FollowRequest};
        let fact = &event.fact;
        let (actor, target) = (fact.member, fact.target);
        match (fact.kind, fact.post, fact.comment, target) {
            (K::PostDeleted, Some(post), ..) => vec![Self::AboutPost(post)],
            (K::CommentDeleted, _, Some(comment), _) => vec![Self::AboutComment(comment)],
            (K::PostLikeCancelled, Some(post), ..) => vec![Self::PostLike { post, actor }],
            (K::CommentLikeCancelled, _, Some(comment), _) => vec![Self::CommentLike { comment, actor }],
            (K::MentionWithdrawn, Some(post), comment, Some(to)) => vec![Self::Mention { post, comment, to }],
            (K::MemberUnfollowed | K::FollowEnded, .., Some(followee)) => vec![
                Self::Between { kind: Follow, to: followee, actor },
                Self::Between { kind: FollowAccepted, to: actor, actor: followee },
            ],
            (K::FollowRequestWithdrawn, .., Some(asked)) => {
                vec![Self::Between { kind: FollowRequest, to: asked, actor }]
            }
            (K::FollowRequestAccepted | K::FollowRequestDeclined, .., Some(requester)) => {
                vec![Self::Between { kind: FollowRequest, to: actor, actor: requester }]
            }
            _ => Vec::new(),
        }
    }

    /// Returns whether a notification belongs to the set. The caller compares their positions.
    pub fn covers(&self, notification: &Notification) -> bool {
        use NotificationKind as N;
        match *self {
            Self::AboutPost(post) => notification.post == Some(post),
            Self::AboutComment(comment) => notification.comment == Some(comment),
            Self::PostLike { post, actor } => {
                (notification.kind, notification.post, notification.actor) == (N::LikePost, Some(post), actor)
            }
            Self::CommentLike { comment, actor } => {
                (notification.kind, notification.comment, notification.actor) == (N::LikeComment, Some(comment), actor)
            }
            Self::Mention { post, comment, to } => {
                (notification.kind, notification.post, notification.comment, notification.to)
                    == (N::Mention, Some(post), comment, to)
            }
            Self::Between { kind, to, actor } => {
                (notification.kind, notification.to, notification.actor) == (kind, to, actor)
            }
        }
    }
}
