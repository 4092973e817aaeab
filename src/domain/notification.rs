//! Notifications: whom an event is told to, and which earlier ones it takes back.
use super::{Comment, CommentId, Event, EventKind, MemberId, Position, PostId, Timestamp};

/// Most notifications that one member keeps; the oldest go first.
pub const NOTIFICATIONS_MAX: usize = 10_000;

/// What somebody did to a member, or to what is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum NotificationKind {
    /// Likes the member's post.
    LikePost = 1,
    /// Likes the member's comment.
    LikeComment = 2,
    /// Commented on the member's post.
    Comment = 3,
    /// Replied to the member's comment.
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

    /// The number under which stores keep it. Never reused.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The kind kept under this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What a member is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// Of the event that caused it: also the order.
    pub id: Position,
    /// Who is told.
    pub to: MemberId,
    /// What.
    pub kind: NotificationKind,
    /// Who did it.
    pub actor: MemberId,
    /// On which post.
    pub post: Option<PostId>,
    /// On or with which comment.
    pub comment: Option<CommentId>,
    /// When.
    pub at: Timestamp,
}

impl Notification {
    /// What an event is told as, and to whom; never one's own acts to oneself.
    ///
    /// An event does not say whether a comment is a reply, so both begin as `Comment`; see [`Notification::shown_as`].
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
        let (actor, post, comment) = (fact.member, fact.post, fact.comment);
        Some(Self { id: event.position, to, kind, actor, post, comment, at: event.at() })
    }

    /// Accepting a request makes a follow right behind it in the log, by the one who was accepted: the member who
    /// accepted is not told of that.
    pub fn follows_acceptance(&self, before: &Self) -> bool {
        self.kind == NotificationKind::Follow
            && before.kind == NotificationKind::FollowAccepted
            && before.id.0.checked_add(1) == Some(self.id.0)
            && (before.to, before.actor) == (self.actor, self.to)
    }

    /// The kind as it is shown: a comment below another one is a reply.
    pub fn shown_as(&self, comment: Option<&Comment>) -> NotificationKind {
        match self.kind {
            NotificationKind::Comment if comment.is_some_and(|comment| comment.parent.is_some()) => {
                NotificationKind::Reply
            }
            kind => kind,
        }
    }
}

/// Which notifications an event takes back, of those that are older than it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retraction {
    /// All about a post.
    Post(PostId),
    /// All about a comment.
    Comment(CommentId),
    /// An actor's like of a post.
    PostLike(PostId, MemberId),
    /// An actor's like of a comment.
    CommentLike(CommentId, MemberId),
    /// That the text of a post or comment names a member.
    Mention(PostId, Option<CommentId>, MemberId),
    /// Of this kind, told to the first, about the second.
    Between(NotificationKind, MemberId, MemberId),
}

impl Retraction {
    /// What an event takes back.
    pub fn of(event: &Event) -> Vec<Self> {
        use EventKind as K;
        use NotificationKind::{Follow, FollowAccepted, FollowRequest};
        let fact = &event.fact;
        let (actor, target) = (fact.member, fact.target);
        match (fact.kind, fact.post, fact.comment, target) {
            (K::PostDeleted, Some(post), ..) => vec![Self::Post(post)],
            (K::CommentDeleted, _, Some(comment), _) => vec![Self::Comment(comment)],
            (K::PostLikeCancelled, Some(post), ..) => vec![Self::PostLike(post, actor)],
            (K::CommentLikeCancelled, _, Some(comment), _) => vec![Self::CommentLike(comment, actor)],
            (K::MentionWithdrawn, Some(post), comment, Some(named)) => vec![Self::Mention(post, comment, named)],
            (K::MemberUnfollowed | K::FollowEnded, .., Some(followee)) => {
                vec![Self::Between(Follow, followee, actor), Self::Between(FollowAccepted, actor, followee)]
            }
            (K::FollowRequestWithdrawn, .., Some(asked)) => vec![Self::Between(FollowRequest, asked, actor)],
            (K::FollowRequestAccepted | K::FollowRequestDeclined, .., Some(requester)) => {
                vec![Self::Between(FollowRequest, actor, requester)]
            }
            _ => Vec::new(),
        }
    }

    /// Whether it takes back this one, should it be older.
    pub fn covers(&self, notification: &Notification) -> bool {
        use NotificationKind as N;
        match *self {
            Self::Post(post) => notification.post == Some(post),
            Self::Comment(comment) => notification.comment == Some(comment),
            Self::PostLike(post, actor) => {
                (notification.kind, notification.post, notification.actor) == (N::LikePost, Some(post), actor)
            }
            Self::CommentLike(comment, actor) => {
                (notification.kind, notification.comment, notification.actor) == (N::LikeComment, Some(comment), actor)
            }
            Self::Mention(post, comment, named) => {
                (notification.kind, notification.post, notification.comment, notification.to)
                    == (N::Mention, Some(post), comment, named)
            }
            Self::Between(kind, to, actor) => {
                (notification.kind, notification.to, notification.actor) == (kind, to, actor)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Fact;
    use EventKind as K;

    const A: MemberId = MemberId(1);
    const B: MemberId = MemberId(2);
    const POST: PostId = PostId(10);
    const COMMENT: CommentId = CommentId(20);

    fn event(position: u64, fact: Fact) -> Event {
        Event { position: Position(position), at_ns: 5_000_000, fact }
    }

    fn on_post(kind: K) -> Event {
        event(3, Fact::new(kind, A).on_post(POST).to(B))
    }

    fn on_comment(kind: K) -> Event {
        event(3, Fact::new(kind, A).on_post(POST).on_comment(COMMENT).to(B))
    }

    fn between(kind: K, member: MemberId, target: MemberId) -> Event {
        event(3, Fact::new(kind, member).to(target))
    }

    /// Whether the second event takes back what the first was told as.
    fn undone(done: &Event, by: &Event) -> bool {
        let notification = Notification::of(done).unwrap();
        Retraction::of(by).iter().any(|retraction| retraction.covers(&notification))
    }

    #[test]
    fn the_member_it_was_done_to_is_told() {
        let notification = Notification::of(&on_comment(K::CommentCreated)).unwrap();
        let (id, at) = (Position(3), Timestamp(5));
        let (kind, post, comment) = (NotificationKind::Comment, Some(POST), Some(COMMENT));
        assert_eq!(notification, Notification { id, to: B, kind, actor: A, post, comment, at });
        let kinds = [K::PostLiked, K::CommentLiked, K::MemberMentioned, K::MemberFollowed, K::FollowRequested];
        assert!(kinds.iter().all(|kind| Notification::of(&on_post(*kind)).is_some()));
    }

    #[test]
    fn nobody_is_told_of_their_own_acts() {
        for kind in [K::PostLiked, K::CommentCreated, K::MemberMentioned] {
            let own = event(3, Fact::new(kind, A).on_post(POST).to(A));
            assert_eq!(Notification::of(&own), None, "{kind:?}");
        }
    }

    #[test]
    fn reads_blocks_and_the_like_are_told_to_nobody() {
        for kind in [K::PostRead, K::MemberBlocked, K::MemberMuted, K::MemberUnfollowed, K::PostUpdated] {
            assert_eq!(Notification::of(&on_post(kind)), None, "{kind:?}");
        }
    }

    #[test]
    fn what_is_taken_back_is_retracted_and_nothing_else() {
        let like = on_post(K::PostLiked);
        assert!(undone(&like, &on_post(K::PostLikeCancelled)));
        assert!(undone(&like, &event(4, Fact::new(K::PostDeleted, B).on_post(POST))));
        assert!(!undone(&like, &event(4, Fact::new(K::PostLikeCancelled, B).on_post(POST).to(A))));
        assert!(!undone(&like, &event(4, Fact::new(K::PostDeleted, B).on_post(PostId(11)))));
        let comment = on_comment(K::CommentCreated);
        assert!(undone(&comment, &on_comment(K::CommentDeleted)));
        assert!(!undone(&comment, &on_comment(K::CommentLikeCancelled)));
        assert!(undone(&on_comment(K::CommentLiked), &on_comment(K::CommentLikeCancelled)));
        assert!(undone(&on_comment(K::MemberMentioned), &on_comment(K::MentionWithdrawn)));
        assert!(!undone(&on_comment(K::MemberMentioned), &on_post(K::MentionWithdrawn)));
    }

    #[test]
    fn a_follow_and_a_request_end_from_either_side() {
        let follow = between(K::MemberFollowed, A, B);
        assert!(undone(&follow, &between(K::MemberUnfollowed, A, B)));
        assert!(undone(&follow, &between(K::FollowEnded, A, B)));
        assert!(!undone(&follow, &between(K::MemberUnfollowed, B, A)));
        let request = between(K::FollowRequested, A, B);
        assert!(undone(&request, &between(K::FollowRequestWithdrawn, A, B)));
        for by_the_asked in [K::FollowRequestAccepted, K::FollowRequestDeclined] {
            assert!(undone(&request, &between(by_the_asked, B, A)));
            assert!(!undone(&request, &between(by_the_asked, A, B)));
        }
        assert!(undone(&between(K::FollowRequestAccepted, B, A), &between(K::MemberUnfollowed, A, B)));
    }

    #[test]
    fn who_accepts_is_not_told_of_the_follow_that_this_makes() {
        let accepted = Notification::of(&between(K::FollowRequestAccepted, B, A)).unwrap();
        assert_eq!((accepted.to, accepted.kind), (A, NotificationKind::FollowAccepted));
        let follow =
            |position, who| Notification::of(&event(position, Fact::new(K::MemberFollowed, who).to(B))).unwrap();
        assert!(follow(4, A).follows_acceptance(&accepted));
        assert!(!follow(5, A).follows_acceptance(&accepted) && !follow(4, MemberId(9)).follows_acceptance(&accepted));
        assert!(!accepted.follows_acceptance(&accepted));
    }

    #[test]
    fn kinds_keep_their_numbers() {
        for kind in NotificationKind::ALL {
            assert_eq!(NotificationKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(NotificationKind::ALL.map(NotificationKind::code), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(NotificationKind::from_code(0), None);
    }
}
