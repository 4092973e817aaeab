//! Tests of the rule: which event notifies whom, and which event retracts which notifications.
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

/// Returns whether the event `by` retracts the notification of `event`.
fn retracted(event: &Event, by: &Event) -> bool {
    let notification = Notification::of(event).unwrap();
    Retraction::of(by).iter().any(|retraction| retraction.covers(&notification))
}

#[test]
fn an_event_notifies_its_target() {
    let notification = Notification::of(&on_comment(K::CommentCreated)).unwrap();
    let (id, at) = (Position(3), Timestamp(5));
    let (kind, post, comment) = (NotificationKind::Comment, Some(POST), Some(COMMENT));
    assert_eq!(notification, Notification { id, to: B, kind, actor: A, post, comment, at });
    let kinds = [K::PostLiked, K::CommentLiked, K::MemberMentioned, K::MemberFollowed, K::FollowRequested];
    assert!(kinds.iter().all(|kind| Notification::of(&on_post(*kind)).is_some()));
}

#[test]
fn a_members_own_act_does_not_notify() {
    for kind in [K::PostLiked, K::CommentCreated, K::MemberMentioned] {
        let own = event(3, Fact::new(kind, A).on_post(POST).to(A));
        assert_eq!(Notification::of(&own), None, "{kind:?}");
    }
}

#[test]
fn reads_blocks_mutes_unfollows_and_edits_do_not_notify() {
    for kind in [K::PostRead, K::MemberBlocked, K::MemberMuted, K::MemberUnfollowed, K::PostUpdated] {
        assert_eq!(Notification::of(&on_post(kind)), None, "{kind:?}");
    }
}

#[test]
fn an_undone_act_retracts_its_own_notification_alone() {
    let like = on_post(K::PostLiked);
    assert!(retracted(&like, &on_post(K::PostLikeCancelled)));
    assert!(retracted(&like, &event(4, Fact::new(K::PostDeleted, B).on_post(POST))));
    assert!(!retracted(&like, &event(4, Fact::new(K::PostLikeCancelled, B).on_post(POST).to(A))));
    assert!(!retracted(&like, &event(4, Fact::new(K::PostDeleted, B).on_post(PostId(11)))));
    let comment = on_comment(K::CommentCreated);
    assert!(retracted(&comment, &on_comment(K::CommentDeleted)));
    assert!(!retracted(&comment, &on_comment(K::CommentLikeCancelled)));
    assert!(retracted(&on_comment(K::CommentLiked), &on_comment(K::CommentLikeCancelled)));
    assert!(retracted(&on_comment(K::MemberMentioned), &on_comment(K::MentionWithdrawn)));
    assert!(!retracted(&on_comment(K::MemberMentioned), &on_post(K::MentionWithdrawn)));
}

#[test]
fn follows_and_requests_are_retracted_by_either_member() {
    let follow = between(K::MemberFollowed, A, B);
    assert!(retracted(&follow, &between(K::MemberUnfollowed, A, B)));
    assert!(retracted(&follow, &between(K::FollowEnded, A, B)));
    assert!(!retracted(&follow, &between(K::MemberUnfollowed, B, A)));
    let request = between(K::FollowRequested, A, B);
    assert!(retracted(&request, &between(K::FollowRequestWithdrawn, A, B)));
    for by_target in [K::FollowRequestAccepted, K::FollowRequestDeclined] {
        assert!(retracted(&request, &between(by_target, B, A)));
        assert!(!retracted(&request, &between(by_target, A, B)));
    }
    assert!(retracted(&between(K::FollowRequestAccepted, B, A), &between(K::MemberUnfollowed, A, B)));
}

#[test]
fn an_acceptance_notifies_the_requester_and_its_follow_nobody() {
    let accepted = Notification::of(&between(K::FollowRequestAccepted, B, A)).unwrap();
    assert_eq!((accepted.to, accepted.kind), (A, NotificationKind::FollowAccepted));
    assert_eq!(Notification::of(&between(K::FollowBegan, A, B)), None);
}

#[test]
fn kinds_keep_their_numbers() {
    for kind in NotificationKind::ALL {
        assert_eq!(NotificationKind::from_code(kind.code()), Some(kind));
    }
    assert_eq!(NotificationKind::ALL.map(NotificationKind::code), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(NotificationKind::from_code(0), None);
}
