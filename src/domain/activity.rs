//! Activities: the events of a member's own log, and the message key that identifies each one.
use super::{Event, EventKind, Timestamp};

/// Prefix of every message key.
const PREFIX: &str = "member_activity:kafka_event:";

/// Returns whether events of this kind are activities of their member. The others are consequences of another event,
/// events of no member, and read markers.
pub fn is_activity(kind: EventKind) -> bool {
    use EventKind as K;
    !matches!(
        kind,
        K::MemberMentioned
            | K::MentionWithdrawn
            | K::FollowEnded
            | K::NotificationsRead
            | K::DailyTop3Changed
            | K::CountersSettled
    )
}

/// Returns the kind of activity with that name.
pub fn activity_kind(name: &str) -> Option<EventKind> {
    let kinds = (1..=EventKind::COUNT).filter_map(EventKind::from_code);
    kinds.filter(|kind| is_activity(*kind)).find(|kind| kind.name() == name)
}

/// Returns the message key of an event: a store keeps one row per key, however often the event is delivered.
///
/// The subject in the key is the event's comment, else its post, else its target, else the acting member. A
/// creation happens once per subject, so its key has no time. All other keys end with the time of the commit, in UTC
/// with nanoseconds: a like, its cancellation and a second like are three activities.
pub fn message_key(event: &Event) -> String {
    let fact = &event.fact;
    let target = fact.target.unwrap_or(fact.member).0;
    let subject = fact.comment.map(|id| id.0).or(fact.post.map(|id| id.0)).unwrap_or(target);
    let key = format!("{PREFIX}{}###{subject}###{}", fact.kind.name(), fact.member);
    match fact.kind {
        EventKind::PostCreated | EventKind::CommentCreated => key,
        _ => format!("{key}###{}", with_nanoseconds(event.at_ns)),
    }
}

/// Formats nanoseconds since 1970 as `yyyy-MM-dd HH:mm:ss.SSSSSSSSS` in UTC.
fn with_nanoseconds(at_ns: i64) -> String {
    let text = Timestamp(at_ns.div_euclid(1_000_000)).to_string();
    let (date, time) = (text.get(..10).unwrap_or_default(), text.get(11..19).unwrap_or_default());
    format!("{date} {time}.{:09}", at_ns.rem_euclid(1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CommentId, Fact, MemberId, Position, PostId};

    fn key(fact: Fact) -> String {
        message_key(&Event { position: Position(7), at_ns: 1_735_689_600_123_456_789, fact })
    }

    #[test]
    fn message_keys_have_the_documented_form() {
        use EventKind as K;
        let (me, other) = (MemberId(11), MemberId(22));
        let fact = |kind| Fact::new(kind, me);
        let time = "2025-01-01 00:00:00.123456789";
        for (done, expected) in [
            (fact(K::PostCreated).on_post(PostId(5)), "POST_CREATE###5###11".to_owned()),
            (
                fact(K::CommentCreated).on_post(PostId(5)).on_comment(CommentId(6)).to(other),
                "COMMENT_CREATE###6###11".to_owned(),
            ),
            (fact(K::PostUpdated).on_post(PostId(5)), format!("POST_UPDATE###5###11###{time}")),
            (fact(K::PostRead).on_post(PostId(5)), format!("POST_READ###5###11###{time}")),
            (fact(K::PostLiked).on_post(PostId(5)).to(other), format!("LIKE_POST###5###11###{time}")),
            (
                fact(K::CommentLikeCancelled).on_post(PostId(5)).on_comment(CommentId(6)).to(other),
                format!("LIKE_COMMENT_CANCEL###6###11###{time}"),
            ),
            (fact(K::MemberFollowed).to(other), format!("MEMBER_FOLLOW###22###11###{time}")),
            (fact(K::MemberSignedUp), format!("MEMBER_SIGNUP###11###11###{time}")),
        ] {
            assert_eq!(key(done), format!("member_activity:kafka_event:{expected}"));
        }
    }

    #[test]
    fn times_before_1970_and_short_fractions_are_formatted_in_full() {
        assert_eq!(with_nanoseconds(0), "1970-01-01 00:00:00.000000000");
        assert_eq!(with_nanoseconds(-1), "1969-12-31 23:59:59.999999999");
        assert_eq!(with_nanoseconds(1_000_000_001), "1970-01-01 00:00:01.000000001");
    }

    #[test]
    fn two_likes_of_one_post_at_different_times_have_different_keys() {
        let like = Fact::new(EventKind::PostLiked, MemberId(1)).on_post(PostId(2));
        let key = |at_ns| message_key(&Event { position: Position(1), at_ns, fact: like });
        assert_eq!(key(5), key(5));
        assert_ne!(key(5), key(6));
    }

    #[test]
    fn bookkeeping_events_are_no_activities() {
        let kinds = (1..=EventKind::COUNT).filter_map(EventKind::from_code);
        let excluded: Vec<&str> = kinds.filter(|kind| !is_activity(*kind)).map(EventKind::name).collect();
        let expected = [
            "MEMBER_MENTION",
            "MEMBER_FOLLOW_END",
            "MEMBER_MENTION_CANCEL",
            "NOTIFICATIONS_READ",
            "DAILY_TOP3_CHANGE",
            "MEMBER_COUNTERS_SETTLE",
        ];
        assert_eq!(excluded, expected);
    }
}
