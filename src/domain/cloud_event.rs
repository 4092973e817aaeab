//! Events as other programs read them: the JSON format of CloudEvents 1.0.
use super::{CommentId, Event, EventKind, MemberId, PostId, Timestamp, message_key};
use serde::Serialize;

/// The version of the specification that every event names.
pub const SPEC_VERSION: &str = "1.0";
/// The `source` of a server that is not configured with its public address.
pub const SOURCE_DEFAULT: &str = "/dailyfeed";

/// An event in CloudEvents format. `data` only ever gains optional fields; an incompatible form gets another `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CloudEvent {
    /// The message key: unique within `source`.
    pub id: String,
    /// The server: its public address, or [`SOURCE_DEFAULT`].
    pub source: String,
    /// Always [`SPEC_VERSION`].
    pub specversion: &'static str,
    /// See [`event_type`]: `dailyfeed.post.created`.
    pub r#type: &'static str,
    /// The post, comment or member that the event is about, such as `posts/7`.
    pub subject: String,
    /// Time of the commit.
    pub time: Timestamp,
    /// Always JSON.
    pub datacontenttype: &'static str,
    /// Id of the acting member, so that a partitioned broker keeps the events of one member in order.
    pub partitionkey: String,
    /// The ids of the fact.
    pub data: CloudEventData,
}

/// The ids of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudEventData {
    /// The acting member.
    pub member_id: MemberId,
    /// The post it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_id: Option<PostId>,
    /// The comment it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment_id: Option<CommentId>,
    /// The member it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_member_id: Option<MemberId>,
}

impl CloudEvent {
    /// Makes the CloudEvent of an event. `source` is a URI reference that names the server.
    pub fn of(event: &Event, source: &str) -> Self {
        let fact = &event.fact;
        let subject = match (fact.comment, fact.post) {
            (Some(comment), _) => format!("comments/{comment}"),
            (None, Some(post)) => format!("posts/{post}"),
            (None, None) => format!("members/{}", fact.target.unwrap_or(fact.member)),
        };
        Self {
            id: message_key(event),
            source: source.to_owned(),
            specversion: SPEC_VERSION,
            r#type: event_type(fact.kind),
            subject,
            time: event.at(),
            datacontenttype: "application/json",
            partitionkey: fact.member.to_string(),
            data: CloudEventData {
                member_id: fact.member,
                post_id: fact.post,
                comment_id: fact.comment,
                target_member_id: fact.target,
            },
        }
    }
}

/// Returns whether events of a kind are public. Reads, logins, blocks, mutes and follow requests never are.
pub fn is_public(kind: EventKind) -> bool {
    use EventKind as K;
    matches!(
        kind,
        K::PostCreated
            | K::PostUpdated
            | K::PostDeleted
            | K::PostLiked
            | K::PostLikeCancelled
            | K::CommentCreated
            | K::CommentUpdated
            | K::CommentDeleted
            | K::CommentLiked
            | K::CommentLikeCancelled
            | K::MemberFollowed
            | K::FollowBegan
            | K::MemberUnfollowed
            | K::MemberSignedUp
            | K::ProfileChanged
    )
}

/// Returns the `type` of a kind. It never changes, like the number of the kind.
pub fn event_type(kind: EventKind) -> &'static str {
    use EventKind as K;
    match kind {
        K::PostCreated => "dailyfeed.post.created",
        K::PostUpdated => "dailyfeed.post.updated",
        K::PostDeleted => "dailyfeed.post.deleted",
        K::PostRead => "dailyfeed.post.read",
        K::PostLiked => "dailyfeed.post.liked",
        K::PostLikeCancelled => "dailyfeed.post.unliked",
        K::CommentLiked => "dailyfeed.comment.liked",
        K::CommentLikeCancelled => "dailyfeed.comment.unliked",
        K::CommentCreated => "dailyfeed.comment.created",
        K::CommentUpdated => "dailyfeed.comment.updated",
        K::CommentDeleted => "dailyfeed.comment.deleted",
        K::CommentRead => "dailyfeed.comment.read",
        K::MemberFollowed => "dailyfeed.member.followed",
        K::MemberUnfollowed => "dailyfeed.member.unfollowed",
        K::MemberSignedUp => "dailyfeed.member.signedup",
        K::MemberLoggedIn => "dailyfeed.member.loggedin",
        K::MemberLoggedOut => "dailyfeed.member.loggedout",
        K::ProfileChanged => "dailyfeed.member.updated",
        K::MemberDeactivated => "dailyfeed.member.deactivated",
        K::MemberRestored => "dailyfeed.member.restored",
        K::MemberMentioned => "dailyfeed.member.mentioned",
        K::MemberBlocked => "dailyfeed.member.blocked",
        K::MemberUnblocked => "dailyfeed.member.unblocked",
        K::MemberMuted => "dailyfeed.member.muted",
        K::MemberUnmuted => "dailyfeed.member.unmuted",
        K::PostsPublic => "dailyfeed.member.posts.public",
        K::PostsForFollowers => "dailyfeed.member.posts.followers",
        K::PostsPrivate => "dailyfeed.member.posts.private",
        K::FollowRequested => "dailyfeed.member.follow.requested",
        K::FollowRequestWithdrawn => "dailyfeed.member.follow.withdrawn",
        K::FollowRequestAccepted => "dailyfeed.member.follow.accepted",
        K::FollowRequestDeclined => "dailyfeed.member.follow.declined",
        K::FollowerRemoved => "dailyfeed.member.follower.removed",
        K::FollowEnded => "dailyfeed.member.follow.ended",
        K::FollowBegan => "dailyfeed.member.follow.began",
        K::PasswordChanged => "dailyfeed.member.password.changed",
        K::CountersSettled => "dailyfeed.member.counters.settled",
        K::MentionWithdrawn => "dailyfeed.member.unmentioned",
        K::NotificationsRead => "dailyfeed.notifications.read",
        K::DailyTop3Changed => "dailyfeed.top3.changed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Fact, Position};

    #[test]
    fn an_event_is_serialised_as_documented() {
        let fact = Fact::new(EventKind::CommentCreated, MemberId(11));
        let fact = fact.on_post(PostId(5)).on_comment(CommentId(6)).to(MemberId(22));
        let event = Event { position: Position(1), at_ns: 1_735_689_600_123_000_000, fact };
        let expected = concat!(
            r#"{"id":"member_activity:kafka_event:COMMENT_CREATE###6###11","source":"/dailyfeed","#,
            r#""specversion":"1.0","type":"dailyfeed.comment.created","subject":"comments/6","#,
            r#""time":"2025-01-01T00:00:00.123Z","datacontenttype":"application/json","partitionkey":"11","#,
            r#""data":{"memberId":11,"postId":5,"commentId":6,"targetMemberId":22}}"#
        );
        assert_eq!(serde_json::to_string(&CloudEvent::of(&event, SOURCE_DEFAULT)).unwrap(), expected);
        let follow = Event { fact: Fact::new(EventKind::MemberFollowed, MemberId(11)).to(MemberId(22)), ..event };
        assert_eq!(CloudEvent::of(&follow, "/x").subject, "members/22");
    }

    #[test]
    fn every_kind_has_a_type_of_its_own() {
        let kinds = (1..=EventKind::COUNT).filter_map(EventKind::from_code);
        let types: std::collections::BTreeSet<_> = kinds.map(event_type).collect();
        assert_eq!(types.len(), usize::from(EventKind::COUNT));
        assert!(types.iter().all(|name| name.starts_with("dailyfeed.")));
    }

    #[test]
    fn reads_logins_blocks_mutes_and_requests_are_not_public() {
        use EventKind as K;
        for kind in [K::PostRead, K::CommentRead, K::MemberLoggedIn, K::MemberBlocked, K::MemberMuted, K::FollowEnded] {
            assert!(!is_public(kind), "{kind:?}");
        }
        for kind in [K::FollowRequested, K::FollowRequestAccepted, K::NotificationsRead, K::MemberMentioned] {
            assert!(!is_public(kind), "{kind:?}");
        }
        assert!(is_public(K::PostCreated) && is_public(K::MemberFollowed));
    }
}
