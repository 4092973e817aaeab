//! Events: facts that were committed, in the past tense, and never change; and their positions in the log.
use super::{CommentId, MemberId, PostAudience, PostId, Timestamp};

/// The number of an event in the log. Positions grow with every commit; a reader remembers the last one it applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

/// Identifies one continuous history of the log. A restore from a backup, or a new database, begins another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(pub u32);

macro_rules! kinds {
    ($($code:literal $kind:ident $name:literal),* $(,)?) => {
        /// The kind of an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum EventKind { $($kind = $code),* }

        impl EventKind {
            /// Returns the name in activity lists and message keys.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// Returns the number under which stores keep the kind. Never reused.
            pub fn code(self) -> u8 {
                self as u8
            }

            /// Number of kinds.
            pub const COUNT: u8 = [$($code),*].len() as u8;

            /// Returns the kind that stores keep under this number.
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
    // Reserved: no command emits it.
    12 CommentRead "COMMENT_READ",
    13 MemberFollowed "MEMBER_FOLLOW",
    14 MemberUnfollowed "MEMBER_UNFOLLOW",
    15 MemberSignedUp "MEMBER_SIGNUP",
    16 MemberLoggedIn "MEMBER_LOGIN",
    17 MemberLoggedOut "MEMBER_LOGOUT",
    18 ProfileChanged "MEMBER_PROFILE_UPDATE",
    19 MemberDeactivated "MEMBER_DEACTIVATE",
    20 MemberRestored "MEMBER_RESTORE",
    // In addition to the event of the post or comment, once for each member that its text names.
    21 MemberMentioned "MEMBER_MENTION",
    22 MemberBlocked "MEMBER_BLOCK",
    23 MemberUnblocked "MEMBER_UNBLOCK",
    24 MemberMuted "MEMBER_MUTE",
    25 MemberUnmuted "MEMBER_UNMUTE",
    // The member's privacy changed. Three kinds, because a fact has no field for a value.
    26 PostsPublic "MEMBER_PRIVACY_PUBLIC",
    27 PostsForFollowers "MEMBER_PRIVACY_FOLLOWERS",
    28 PostsPrivate "MEMBER_PRIVACY_PRIVATE",
    29 FollowRequested "MEMBER_FOLLOW_REQUEST",
    30 FollowRequestWithdrawn "MEMBER_FOLLOW_REQUEST_CANCEL",
    // By the member who accepts. `FollowBegan` is the follow, by the requester.
    31 FollowRequestAccepted "MEMBER_FOLLOW_REQUEST_ACCEPT",
    32 FollowRequestDeclined "MEMBER_FOLLOW_REQUEST_DECLINE",
    33 FollowerRemoved "MEMBER_FOLLOWER_REMOVE",
    // A follow ended, and not by its follower: the followee removed the follower, or one of the two blocked the other.
    34 FollowEnded "MEMBER_FOLLOW_END",
    // An edit removed a mention from a text.
    35 MentionWithdrawn "MEMBER_MENTION_CANCEL",
    // The member's marker moved forward; the member's other devices update their unread counts.
    36 NotificationsRead "NOTIFICATIONS_READ",
    // By no member (id 0): the three best posts of a day, or their order, changed.
    37 DailyTop3Changed "DAILY_TOP3_CHANGE",
    // A follow began, and not by its follower: the followee accepted the request. `FollowRequestAccepted` notifies.
    38 FollowBegan "MEMBER_FOLLOW_BEGIN",
    // The member's password changed, and every other session of the member ended.
    39 PasswordChanged "MEMBER_PASSWORD_CHANGE",
    // After a deactivation or a restore: every counter counts the member as it should again.
    40 CountersSettled "MEMBER_COUNTERS_SETTLE",
}

impl EventKind {
    /// Returns whether the commit of an event of this kind revokes tokens.
    pub fn revokes_tokens(self) -> bool {
        matches!(self, Self::MemberLoggedOut | Self::PasswordChanged)
    }
}

/// An event before the log assigns its position: the kind, and the ids that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// The kind of the event.
    pub kind: EventKind,
    /// The acting member.
    pub member: MemberId,
    /// The post it was done to.
    pub post: Option<PostId>,
    /// The comment it was done to.
    pub comment: Option<CommentId>,
    /// The member it was done to, such as the followed one or the author of the liked post.
    pub target: Option<MemberId>,
    /// The audience of the post, in the events about a post itself: created, updated, deleted, and the mentions in it.
    /// `Public` in any other event.
    pub audience: PostAudience,
}

impl Fact {
    /// Makes a fact of a kind and the acting member; the builder methods add the rest.
    pub fn new(kind: EventKind, member: MemberId) -> Self {
        Self { kind, member, post: None, comment: None, target: None, audience: PostAudience::Public }
    }

    /// Adds the post it was done to.
    pub fn on_post(self, post: PostId) -> Self {
        Self { post: Some(post), ..self }
    }

    /// Adds the post that it is about itself, with its audience.
    pub fn about_post(self, post: PostId, audience: PostAudience) -> Self {
        Self { post: Some(post), audience, ..self }
    }

    /// Adds the comment it was done to.
    pub fn on_comment(self, comment: CommentId) -> Self {
        Self { comment: Some(comment), ..self }
    }

    /// Adds the member it was done to.
    pub fn to(self, target: MemberId) -> Self {
        Self { target: Some(target), ..self }
    }
}

/// A committed fact, with its position in the log and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Its number in the log.
    pub position: Position,
    /// Time of the commit in nanoseconds since 1970. Grows within one log, so message keys with it are unique.
    pub at_ns: i64,
    /// The fact: kind, members, post and comment.
    pub fact: Fact,
}

impl Event {
    /// Returns the time of the commit.
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
