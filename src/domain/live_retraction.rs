//! Live retractions: the notifications that an event retracts from one member's open streams, because it retracts them
//! or hides their actor.
use super::{Event, EventKind, MemberId, Notification, Retraction};

/// The notifications older than an event that the event retracts from the streams of one member.
///
/// A store deletes only what [`Retraction::of`] names. A hidden notification stays stored: an unblock, an unmute or a
/// restore shows it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveRetraction {
    /// This actor becomes hidden from the member: every notification of the actor's acts.
    Hidden(MemberId),
    /// The causes were undone.
    Undone(Vec<Retraction>),
}

impl LiveRetraction {
    /// Returns what `event` retracts from the streams of `member`; `None` if nothing.
    pub fn of(event: &Event, member: MemberId) -> Option<Self> {
        use EventKind as K;
        let fact = &event.fact;
        match fact.kind {
            K::MemberBlocked | K::MemberMuted if fact.member == member => fact.target.map(Self::Hidden),
            K::MemberBlocked | K::MemberDeactivated => Some(Self::Hidden(fact.member)),
            // The only notifications about somebody else's post are mentions, and `MentionWithdrawn` retracts those.
            K::PostDeleted if fact.member != member => None,
            _ => {
                let undone = Retraction::of(event);
                if undone.is_empty() { None } else { Some(Self::Undone(undone)) }
            }
        }
    }

    /// Returns whether it concerns this notification. The caller compares their positions.
    pub fn covers(&self, notification: &Notification) -> bool {
        match self {
            Self::Hidden(actor) => notification.actor == *actor,
            Self::Undone(undone) => undone.iter().any(|retraction| retraction.covers(notification)),
        }
    }

    /// Returns whether it retracts every notification that it covers. Otherwise it retracts only the newest: a member
    /// can like and unlike a post many times, and only the newest like stands.
    pub fn retracts_all(&self) -> bool {
        match self {
            Self::Hidden(_) => true,
            Self::Undone(undone) => undone
                .iter()
                .any(|retraction| matches!(retraction, Retraction::AboutPost(_) | Retraction::AboutComment(_))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Fact, Position, PostId};
    use EventKind as K;

    const ME: MemberId = MemberId(1);
    const OTHER: MemberId = MemberId(2);
    const POST: PostId = PostId(10);

    fn event(position: u64, fact: Fact) -> Event {
        Event { position: Position(position), at_ns: 0, fact }
    }

    fn like() -> Notification {
        Notification::of(&event(3, Fact::new(K::PostLiked, OTHER).on_post(POST).to(ME))).unwrap()
    }

    #[test]
    fn a_block_from_either_side_hides_the_other_member() {
        let blocks = event(4, Fact::new(K::MemberBlocked, ME).to(OTHER));
        let blocked = event(4, Fact::new(K::MemberBlocked, OTHER).to(ME));
        let deactivated = event(4, Fact::new(K::MemberDeactivated, OTHER));
        for event in [blocks, blocked, deactivated] {
            let retraction = LiveRetraction::of(&event, ME).unwrap();
            assert_eq!(retraction, LiveRetraction::Hidden(OTHER));
            assert!(retraction.covers(&like()) && retraction.retracts_all());
        }
    }

    #[test]
    fn a_mute_hides_nobody_from_the_muted_member() {
        let muted = event(4, Fact::new(K::MemberMuted, OTHER).to(ME));
        assert_eq!(LiveRetraction::of(&muted, ME), None);
        assert_eq!(LiveRetraction::of(&muted, OTHER), Some(LiveRetraction::Hidden(ME)));
    }

    #[test]
    fn a_cancelled_like_withdraws_the_newest_like_and_a_deleted_post_all() {
        let cancelled = event(4, Fact::new(K::PostLikeCancelled, OTHER).on_post(POST).to(ME));
        let cancelled = LiveRetraction::of(&cancelled, ME).unwrap();
        assert!(cancelled.covers(&like()) && !cancelled.retracts_all());
        let deleted = event(4, Fact::new(K::PostDeleted, ME).on_post(POST));
        let deleted_by_me = LiveRetraction::of(&deleted, ME).unwrap();
        assert!(deleted_by_me.covers(&like()) && deleted_by_me.retracts_all());
        assert_eq!(LiveRetraction::of(&deleted, OTHER), None);
    }
}
