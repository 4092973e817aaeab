//! `EventAudience`: the members whose open streams are offered an event. Each stream decides later what it sends. The
//! audience of a post is another one: `post_audience.rs`.
use super::{EventKind, Fact, MemberId};

/// The members whose streams an event is offered to; the union of the true fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventAudience {
    /// Members who watch the acting member: its followers, and the member.
    pub followers: bool,
    /// The acting member.
    pub actor: bool,
    /// The member it was done to.
    pub target: bool,
    /// Every member.
    pub everybody: bool,
}

impl EventAudience {
    /// Returns the audience of events of this kind.
    pub fn of(kind: EventKind) -> Self {
        use EventKind as K;
        let nobody = Self::default();
        match kind {
            K::PostCreated | K::PostUpdated | K::PostDeleted => Self { followers: true, ..nobody },
            K::MemberDeactivated | K::PostsForFollowers | K::PostsPrivate => Self { followers: true, ..nobody },
            K::PostLiked | K::PostLikeCancelled | K::CommentLiked | K::CommentLikeCancelled => {
                Self { target: true, ..nobody }
            }
            K::CommentCreated | K::CommentDeleted | K::MemberMentioned | K::MentionWithdrawn => {
                Self { target: true, ..nobody }
            }
            K::MemberFollowed | K::FollowRequested | K::FollowRequestWithdrawn => Self { target: true, ..nobody },
            K::MemberUnfollowed | K::FollowEnded | K::MemberBlocked | K::FollowRequestAccepted => {
                Self { actor: true, target: true, ..nobody }
            }
            K::MemberMuted | K::FollowRequestDeclined | K::NotificationsRead => Self { actor: true, ..nobody },
            K::DailyTop3Changed => Self { everybody: true, ..nobody },
            K::PostRead | K::CommentRead | K::CommentUpdated => nobody,
            K::MemberSignedUp | K::MemberLoggedIn | K::MemberLoggedOut | K::ProfileChanged | K::MemberRestored => {
                nobody
            }
            K::MemberUnblocked | K::MemberUnmuted | K::PostsPublic | K::FollowerRemoved => nobody,
            K::FollowBegan | K::PasswordChanged | K::CountersSettled => nobody,
        }
    }

    /// Returns whether the audience of a fact includes this member, who watches these authors (in ascending order).
    pub fn includes(fact: &Fact, member: MemberId, home_authors: &[MemberId]) -> bool {
        let audience = Self::of(fact.kind);
        audience.everybody
            || audience.actor && fact.member == member
            || audience.target && fact.target == Some(member)
            || audience.followers && home_authors.binary_search(&fact.member).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_offered_to_watchers_actor_or_target_by_its_kind() {
        let (me, friend, stranger) = (MemberId(1), MemberId(2), MemberId(3));
        let includes = |fact: Fact| EventAudience::includes(&fact, me, &[me, friend]);
        assert!(includes(Fact::new(EventKind::PostCreated, friend)) && includes(Fact::new(EventKind::PostDeleted, me)));
        assert!(!includes(Fact::new(EventKind::PostCreated, stranger)));
        assert!(includes(Fact::new(EventKind::PostLiked, stranger).to(me)));
        assert!(!includes(Fact::new(EventKind::PostLiked, me).to(stranger)));
        assert!(!includes(Fact::new(EventKind::PostLiked, friend).to(stranger)));
        assert!(includes(Fact::new(EventKind::MemberBlocked, me).to(stranger)));
        assert!(includes(Fact::new(EventKind::MemberBlocked, stranger).to(me)));
        assert!(includes(Fact::new(EventKind::DailyTop3Changed, MemberId(0))));
        assert!(!includes(Fact::new(EventKind::NotificationsRead, friend)));
    }
}
