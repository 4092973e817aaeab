//! The activity store: applies each event once, and commits its position with its rows.
use super::{Backend, Tampering, fixtures::hours_from_now};
use crate::{
    domain::{
        CommentId, Event, EventKind as K, Fact, MemberId, NOTIFICATIONS_MAX, Notification, NotificationKind as N,
        Position, PostId, Timestamp,
    },
    storage::{ActivityStore, DeadLetter, StoreError, Stores},
};
use std::sync::Arc;

conformance! {
    applying_a_batch_twice_changes_nothing,
    a_retracted_notification_does_not_return_with_an_old_batch,
    a_message_key_is_stored_once,
    a_batch_that_fails_leaves_neither_rows_nor_position,
    every_notification_is_retracted_by_its_undoing_event,
    withdrawing_a_mention_in_a_comment_keeps_the_one_in_the_post,
    accepting_a_request_does_not_notify_of_the_follow_even_across_batches,
    the_newest_ten_thousand_notifications_are_kept,
    dead_letters_keep_every_field_and_are_found_when_due,
    a_redriven_event_does_not_notify_of_what_was_undone_since,
    activities_are_pruned_after_a_year_and_with_purged_members,
}

const END: Position = Position(u64::MAX);
const A: MemberId = MemberId(1);
const B: MemberId = MemberId(2);
const C: MemberId = MemberId(3);
const POST: PostId = PostId(10);
const COMMENT: CommentId = CommentId(20);

type Store = Arc<dyn ActivityStore>;

fn event(position: u64, fact: Fact) -> Event {
    let now = Timestamp::now().0 * 1_000_000;
    Event { position: Position(position), at_ns: now + i64::try_from(position).unwrap(), fact }
}

fn like(position: u64, by: MemberId) -> Event {
    event(position, Fact::new(K::PostLiked, by).on_post(POST).to(A))
}

fn between(position: u64, kind: K, member: MemberId, target: MemberId) -> Event {
    event(position, Fact::new(kind, member).to(target))
}

async fn notifications(store: &Store, member: MemberId) -> Vec<Notification> {
    store.notifications(member, Position(0), END, NOTIFICATIONS_MAX).await.unwrap()
}

async fn ids(store: &Store, member: MemberId) -> Vec<u64> {
    notifications(store, member).await.iter().map(|notification| notification.id.0).collect()
}

async fn activities(store: &Store, member: MemberId) -> Vec<Event> {
    store.activities(member, None, END, 1_000).await.unwrap()
}

fn dead_letter(event: Event, next_at: Timestamp) -> DeadLetter {
    DeadLetter {
        event,
        message_key: crate::domain::message_key(&event),
        payload: "{}".to_owned(),
        cause: "because".to_owned(),
        attempts: 3,
        first_at: Timestamp(5),
        last_at: Timestamp(6),
        next_at,
    }
}

async fn store(backend: &Backend) -> (Store, Stores) {
    let stores = backend.stores().await;
    (stores.activity.clone(), stores)
}

async fn applying_a_batch_twice_changes_nothing(backend: &Backend) {
    let (store, _stores) = store(backend).await;
    let batch = [like(1, B), like(2, C), between(3, K::MemberFollowed, B, A)];
    for _ in 0..3 {
        store.apply(&batch).await.unwrap();
        assert_eq!((ids(&store, A).await, store.position().await.unwrap()), (vec![3, 2, 1], Position(3)));
        assert_eq!(activities(&store, B).await, [batch[2], batch[0]]);
    }
    // A batch that overlaps an applied one adds its new events.
    let more = [batch[2], like(4, MemberId(4))];
    store.apply(&more).await.unwrap();
    assert_eq!(ids(&store, A).await, [4, 3, 2, 1]);
}

async fn a_retracted_notification_does_not_return_with_an_old_batch(backend: &Backend) {
    let (store, _stores) = store(backend).await;
    let first = [like(1, B)];
    store.apply(&first).await.unwrap();
    store.apply(&[event(2, Fact::new(K::PostLikeCancelled, B).on_post(POST).to(A))]).await.unwrap();
    store.apply(&first).await.unwrap();
    assert_eq!((ids(&store, A).await, store.position().await.unwrap()), (vec![], Position(2)));
}

async fn a_message_key_is_stored_once(backend: &Backend) {
    let (store, _stores) = store(backend).await;
    let created = Fact::new(K::PostCreated, A).on_post(POST);
    store.apply(&[event(1, created), event(2, created)]).await.unwrap();
    assert_eq!(activities(&store, A).await.len(), 1);
    assert_eq!(store.position().await.unwrap(), Position(2));
}

async fn a_batch_that_fails_leaves_neither_rows_nor_position(backend: &Backend) {
    let (store, _stores) = store(backend).await;
    store.apply(&[like(1, B)]).await.unwrap();
    (backend.tamper)(Tampering::RejectActivity(Position(3))).await;
    let failed = store.apply(&[like(2, C), like(3, MemberId(4)), like(4, MemberId(5))]).await;
    assert!(matches!(failed, Err(StoreError::Rejected { .. })), "{failed:?}");
    assert_eq!((ids(&store, A).await, activities(&store, C).await.len()), (vec![1], 0));
    assert_eq!(store.position().await.unwrap(), Position(1));
    store.apply(&[like(2, C)]).await.unwrap();
    store.add_dead_letter(dead_letter(like(3, MemberId(4)), Timestamp(0))).await.unwrap();
    store.apply(&[like(4, MemberId(5))]).await.unwrap();
    assert_eq!((ids(&store, A).await, store.position().await.unwrap()), (vec![4, 2, 1], Position(4)));
    assert!(matches!(store.redrive(Position(3)).await, Err(StoreError::Rejected { .. })));
    assert_eq!(store.dead_letter_count().await.unwrap(), 1, "a dead letter stays until it has been applied");
    (backend.tamper)(Tampering::AcceptActivities).await;
    assert!(store.redrive(Position(3)).await.unwrap());
    assert!(!store.redrive(Position(3)).await.unwrap());
    assert_eq!(ids(&store, A).await, [4, 3, 2, 1]);
}

async fn every_notification_is_retracted_by_its_undoing_event(backend: &Backend) {
    let on = |kind| Fact::new(kind, B).on_post(POST).on_comment(COMMENT).to(A);
    for (caused_by, undone_by) in [
        (Fact::new(K::PostLiked, B).on_post(POST).to(A), Fact::new(K::PostLikeCancelled, B).on_post(POST).to(A)),
        (Fact::new(K::PostLiked, B).on_post(POST).to(A), Fact::new(K::PostDeleted, A).on_post(POST)),
        (on(K::CommentLiked), on(K::CommentLikeCancelled)),
        (on(K::CommentLiked), Fact::new(K::CommentDeleted, A).on_post(POST).on_comment(COMMENT)),
        (on(K::CommentCreated), Fact::new(K::CommentDeleted, B).on_post(POST).on_comment(COMMENT)),
        (on(K::MemberMentioned), on(K::MentionWithdrawn)),
        (Fact::new(K::MemberMentioned, B).on_post(POST).to(A), Fact::new(K::MentionWithdrawn, B).on_post(POST).to(A)),
        (on(K::MemberMentioned), Fact::new(K::PostDeleted, B).on_post(POST)),
        (Fact::new(K::MemberFollowed, B).to(A), Fact::new(K::MemberUnfollowed, B).to(A)),
        (Fact::new(K::MemberFollowed, B).to(A), Fact::new(K::FollowEnded, B).to(A)),
        (Fact::new(K::FollowRequested, B).to(A), Fact::new(K::FollowRequestWithdrawn, B).to(A)),
        (Fact::new(K::FollowRequested, B).to(A), Fact::new(K::FollowRequestDeclined, A).to(B)),
        (Fact::new(K::FollowRequested, B).to(A), Fact::new(K::FollowRequestAccepted, A).to(B)),
    ] {
        let backend = (backend.another)();
        let (store, _stores) = store(&backend).await;
        // Similar notifications stay: of another actor, of another post, and later ones.
        let other = Fact { member: C, ..caused_by };
        let apart = Fact::new(K::PostLiked, C).on_post(PostId(11)).to(A);
        store.apply(&[event(1, caused_by), event(2, apart), event(3, other)]).await.unwrap();
        assert_eq!(ids(&store, A).await, [3, 2, 1], "{caused_by:?}");
        store.apply(&[event(4, undone_by), event(5, caused_by)]).await.unwrap();
        let kept = ids(&store, A).await;
        assert!(kept.starts_with(&[5]) && kept.ends_with(&[2]) && !kept.contains(&1), "{undone_by:?} {kept:?}");
    }
}

async fn withdrawing_a_mention_in_a_comment_keeps_the_one_in_the_post(backend: &Backend) {
    let (store, _stores) = store(backend).await;
    let named = Fact::new(K::MemberMentioned, B).on_post(POST).to(A);
    let in_comment = named.on_comment(COMMENT);
    store.apply(&[event(1, named), event(2, in_comment)]).await.unwrap();
    let withdrawn = Fact { kind: K::MentionWithdrawn, ..in_comment };
    store.apply(&[event(3, withdrawn)]).await.unwrap();
    assert_eq!((ids(&store, A).await, notifications(&store, A).await[0].kind), (vec![1], N::Mention));
}

async fn accepting_a_request_does_not_notify_of_the_follow_even_across_batches(backend: &Backend) {
    let (store, _stores) = store(backend).await;
    let (accepted, follow) = (between(2, K::FollowRequestAccepted, A, B), between(3, K::FollowBegan, B, A));
    store.apply(&[between(1, K::FollowRequested, B, A), accepted]).await.unwrap();
    store.apply(&[follow, between(4, K::MemberFollowed, C, A)]).await.unwrap();
    assert_eq!((ids(&store, A).await, ids(&store, B).await), (vec![4], vec![2]));
    assert_eq!(notifications(&store, B).await[0].kind, N::FollowAccepted);
    store.apply(&[between(5, K::MemberUnfollowed, B, A)]).await.unwrap();
    assert_eq!(ids(&store, B).await, [] as [u64; 0]);
}

async fn the_newest_ten_thousand_notifications_are_kept(backend: &Backend) {
    let (store, _stores) = store(backend).await;
    let many = NOTIFICATIONS_MAX as u64 + 300;
    let events: Vec<Event> = (1..=many).map(|position| like(position, MemberId(position + 100))).collect();
    for batch in events.chunks(500) {
        store.apply(batch).await.unwrap();
    }
    let kept = store.notifications(A, Position(0), END, usize::MAX >> 1).await.unwrap();
    assert_eq!((kept.len(), kept[0].id.0, kept.last().unwrap().id.0), (NOTIFICATIONS_MAX, many, 301));
    let some = store.notifications(A, Position(400), Position(500), 3).await.unwrap();
    assert_eq!(some.iter().map(|notification| notification.id.0).collect::<Vec<_>>(), [499, 498, 497]);
    let known = store.notifications_by_id(A, &[Position(5), Position(400), Position(many)]).await.unwrap();
    assert_eq!(known.len(), 2);
    assert!(store.notifications_by_id(B, &[Position(400)]).await.unwrap().is_empty());
}

async fn dead_letters_keep_every_field_and_are_found_when_due(backend: &Backend) {
    let (store, _stores) = store(backend).await;
    let (now, later) = (Timestamp(1_000), Timestamp(2_000));
    for (position, next_at) in [(1, later), (2, now), (3, now)] {
        store.add_dead_letter(dead_letter(like(position, B), next_at)).await.unwrap();
    }
    assert_eq!((store.position().await.unwrap(), store.dead_letter_count().await.unwrap()), (Position(3), 3));
    let due: Vec<u64> =
        store.due_dead_letters(now).await.unwrap().iter().map(|dead_letter| dead_letter.event.position.0).collect();
    assert_eq!(due, [2, 3]);
    store.record_failure(Position(2), "again", now, later).await.unwrap();
    let failed = store.dead_letter(Position(2)).await.unwrap().unwrap();
    assert_eq!((failed.attempts, &*failed.cause, failed.first_at, failed.last_at), (4, "again", Timestamp(5), now));
    let before = store.dead_letters(Position(3), 5).await.unwrap();
    assert_eq!(before.iter().map(|dead_letter| dead_letter.event.position.0).collect::<Vec<_>>(), [2, 1]);
    assert!(store.drop_dead_letter(Position(1)).await.unwrap() && !store.drop_dead_letter(Position(1)).await.unwrap());
    assert_eq!(store.dead_letter(Position(1)).await.unwrap(), None);
    // An applied event cannot become a dead letter.
    store.apply(&[like(4, C)]).await.unwrap();
    store.add_dead_letter(dead_letter(like(4, C), now)).await.unwrap();
    assert_eq!(store.dead_letter_count().await.unwrap(), 2);
}

async fn a_redriven_event_does_not_notify_of_what_was_undone_since(backend: &Backend) {
    let (store, _stores) = store(backend).await;
    for (position, by) in [(1, B), (2, C)] {
        store.add_dead_letter(dead_letter(like(position, by), Timestamp(0))).await.unwrap();
    }
    store.add_dead_letter(dead_letter(between(3, K::MemberFollowed, B, A), Timestamp(0))).await.unwrap();
    store.apply(&[event(4, Fact::new(K::PostLikeCancelled, B).on_post(POST).to(A))]).await.unwrap();
    store.apply(&[between(5, K::FollowEnded, B, A)]).await.unwrap();
    for position in 1..=3 {
        assert!(store.redrive(Position(position)).await.unwrap());
    }
    assert_eq!(ids(&store, A).await, [2]);
    assert_eq!(activities(&store, B).await.iter().map(|event| event.position.0).collect::<Vec<_>>(), [4, 3, 1]);
}

async fn activities_are_pruned_after_a_year_and_with_purged_members(backend: &Backend) {
    let (store, _stores) = store(backend).await;
    let at = |position, fact, hours| Event { at_ns: hours_from_now(hours).0 * 1_000_000, ..event(position, fact) };
    let (old, month) = (-366 * 24, -31 * 24);
    store
        .apply(&[
            at(1, Fact::new(K::MemberSignedUp, A), old),
            at(2, Fact::new(K::PostLiked, B).on_post(POST).to(A), month),
            at(3, Fact::new(K::PostLiked, A).on_post(PostId(11)).to(B), month),
            at(4, Fact::new(K::MemberDeactivated, B), month),
            at(5, Fact::new(K::PostLiked, C).on_post(POST).to(A), month),
            at(6, Fact::new(K::MemberDeactivated, C), month),
            at(7, Fact::new(K::MemberRestored, C), month),
        ])
        .await
        .unwrap();
    assert_eq!(store.prune(Timestamp::now()).await.unwrap(), 5);
    assert_eq!((ids(&store, A).await, ids(&store, B).await), (vec![5], vec![]));
    assert_eq!(
        (activities(&store, A).await.len(), activities(&store, B).await.len(), activities(&store, C).await.len()),
        (1, 0, 3)
    );
    assert_eq!(store.prune(Timestamp::now()).await.unwrap(), 0);
}
