//! Events: things that have happened. Past tense, and never changed afterwards.
use super::{CommentId, MemberId, PostId, Timestamp};

/// A place in the event log. Positions grow by commit; a reader remembers the last one it handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

/// Names one life of the event log. A log that was lost or restored is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(pub u32);

macro_rules! kinds {
    ($($code:literal $kind:ident $name:literal),* $(,)?) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum EventKind { $($kind = $code),* }

        impl EventKind {
            /// The name in activity logs and message keys.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// The number under which stores keep it. Never reused.
            pub fn code(self) -> u8 {
                self as u8
            }

            /// How many there are.
            pub const COUNT: u8 = [$($code),*].len() as u8;

            /// The kind kept under this number.
            pub fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$kind),)* _ => None }
            }
        }
    };
}

kinds! {
    1 PostCreated "POST_CREATE",
    2 PostUpdated "POST_UPDATE",
    3 PostDeleted "POST_DELETE",
    4 PostRead "POST_READ",
    5 PostLiked "LIKE_POST",
    6 PostLikeCancelled "LIKE_POST_CANCEL",
    7 CommentLiked "LIKE_COMMENT",
    8 CommentLikeCancelled "LIKE_COMMENT_CANCEL",
    9 CommentCreated "COMMENT_CREATE",
    10 CommentUpdated "COMMENT_UPDATE",
    11 CommentDeleted "COMMENT_DELETE",
    12 CommentRead "COMMENT_READ",
    13 MemberFollowed "MEMBER_FOLLOW",
    14 MemberUnfollowed "MEMBER_UNFOLLOW",
    15 MemberSignedUp "MEMBER_SIGNUP",
    16 MemberLoggedIn "MEMBER_LOGIN",
    17 MemberLoggedOut "MEMBER_LOGOUT",
    18 ProfileChanged "MEMBER_PROFILE_UPDATE",
    19 MemberDeactivated "MEMBER_DEACTIVATE",
    20 MemberRestored "MEMBER_RESTORE",
    // Beside the post's or comment's own event, once for each member that its text names.
    21 MemberMentioned "MEMBER_MENTION",
    22 MemberBlocked "MEMBER_BLOCK",
    23 MemberUnblocked "MEMBER_UNBLOCK",
    24 MemberMuted "MEMBER_MUTE",
    25 MemberUnmuted "MEMBER_UNMUTE",
    // Three kinds, because an event carries no value: who may see a member's posts from here on.
    26 PostsPublic "MEMBER_PRIVACY_PUBLIC",
    27 PostsForFollowers "MEMBER_PRIVACY_FOLLOWERS",
    28 PostsPrivate "MEMBER_PRIVACY_PRIVATE",
    29 FollowRequested "MEMBER_FOLLOW_REQUEST",
    30 FollowRequestWithdrawn "MEMBER_FOLLOW_REQUEST_CANCEL",
    // By the member who was asked; the follow has an event of its own.
    31 FollowRequestAccepted "MEMBER_FOLLOW_REQUEST_ACCEPT",
    32 FollowRequestDeclined "MEMBER_FOLLOW_REQUEST_DECLINE",
    33 FollowerRemoved "MEMBER_FOLLOWER_REMOVE",
    // A follow that its follower did not end: the followee removed the follower, or one of the two blocked the other.
    34 FollowEnded "MEMBER_FOLLOW_END",
    // A mention that a later text does not have any more.
    35 MentionWithdrawn "MEMBER_MENTION_CANCEL",
    // The member's marker moved on, so that the member's other devices hear of it.
    36 NotificationsRead "NOTIFICATIONS_READ",
    // By nobody (member 0): the three best posts of a day are others, or in another order.
    37 DailyTop3Changed "DAILY_TOP3_CHANGE",
}

/// Something that happened, before the log has given it a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// What.
    pub kind: EventKind,
    /// Who did it.
    pub member: MemberId,
    /// The post it was done to.
    pub post: Option<PostId>,
    /// The comment it was done to.
    pub comment: Option<CommentId>,
    /// The member it was done to: followed, or author of what was liked or answered.
    pub target: Option<MemberId>,
}

impl Fact {
    /// A fact about a member alone; the rest is added.
    pub fn new(kind: EventKind, member: MemberId) -> Self {
        Self { kind, member, post: None, comment: None, target: None }
    }

    /// With the post it was done to.
    pub fn on_post(self, post: PostId) -> Self {
        Self { post: Some(post), ..self }
    }

    /// With the comment it was done to.
    pub fn on_comment(self, comment: CommentId) -> Self {
        Self { comment: Some(comment), ..self }
    }

    /// With the member it was done to.
    pub fn to(self, target: MemberId) -> Self {
        Self { target: Some(target), ..self }
    }
}

/// A fact with its place in the log and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Where in the log.
    pub position: Position,
    /// Nanoseconds since 1970 of the commit. Grows within one log, so keys made of it are unique.
    pub at_ns: i64,
    /// What happened.
    pub fact: Fact,
}

impl Event {
    /// When it was committed.
    pub fn at(&self) -> Timestamp {
        Timestamp(self.at_ns / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_keeps_its_number_and_name() {
        let mut names = Vec::new();
        for code in 1..=EventKind::COUNT {
            let kind = EventKind::from_code(code).unwrap();
            assert_eq!(kind.code(), code);
            names.push(kind.name());
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), usize::from(EventKind::COUNT));
        assert_eq!(EventKind::from_code(0), None);
    }
}
