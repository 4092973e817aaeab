//! Two stores over one database: positions, times and readers of the log, and commands on the same posts and comments.
//!
//! Of two commands at once either may be first, so both outcomes are right. The tests assert what holds in each case.
use super::{
    Backend, draft,
    fixtures::{comment, events, like, member, members, no_drift, post, post_counts, remark},
    id,
};
use crate::{
    domain::{Event, EventKind as K, Position, PostId, PostText, Timestamp, markup::ResolvedMarkup},
    storage::{Reach, StoreError, StoreResult, Stores, View},
};
use futures::{
    future::{join, join_all},
    join,
};
use std::time::Duration;

conformance! {
    positions_are_dense_and_times_grow_over_both_stores,
    a_store_reaches_what_the_other_has_committed,
    a_reader_of_one_store_gets_the_events_of_both,
    a_deleted_post_gets_no_like_and_no_comment,
    a_deleted_comment_gets_no_reply,
    a_like_from_two_devices_counts_once,
    a_view_counted_by_both_stores_counts_once,
    an_edit_and_a_deletion_of_a_post_leave_it_deleted,
}

/// How often two commands meet. Each of the four orders of commands and stores is tried equally often.
pub(super) const ROUNDS: usize = 16;
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Runs two commands at once; the second is submitted first in every other round.
pub(super) async fn race<A, B>(round: usize, one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    if round.is_multiple_of(2) {
        join(one, other).await
    } else {
        let (other, one) = join(other, one).await;
        (one, other)
    }
}

/// Returns the two stores, in the other order in every other pair of rounds.
pub(super) fn swapped(round: usize, [one, other]: &[Stores; 2]) -> (&Stores, &Stores) {
    if round % 4 < 2 { (one, other) } else { (other, one) }
}

/// Returns whether a command was accepted. Panics if it was neither accepted nor refused.
pub(super) fn accepted<T>(answer: &StoreResult<T>) -> bool {
    match answer {
        Ok(_) => true,
        Err(StoreError::Refused(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

/// Returns the log once the store has all of it. Asserts that its positions have no holes and that times grow.
pub(super) async fn whole_log(stores: &Stores) -> Vec<Event> {
    let newest = stores.log.newest().await.unwrap();
    assert_eq!(stores.log.reach(newest, WAIT_MAX).await.unwrap(), Reach::Reached);
    let log = events(stores).await;
    assert!(log.iter().map(|event| event.position.0).eq(1..=newest.0), "{log:?}");
    assert!(log.windows(2).all(|pair| pair[0].at_ns < pair[1].at_ns), "{log:?}");
    log
}

/// Returns the position of the first event that `wanted` accepts.
pub(super) fn position_of(log: &[Event], wanted: impl Fn(&Event) -> bool) -> Option<Position> {
    log.iter().find(|event| wanted(event)).map(|event| event.position)
}

async fn positions_are_dense_and_times_grow_over_both_stores(backend: &Backend) {
    let both = backend.two_stores().await;
    let author = member(&both[0]).await;
    let drafts: Vec<_> = (0..200).map(|_| draft(author, "글")).collect();
    let ids: Vec<PostId> = drafts.iter().map(|draft| draft.id).collect();
    let created = join_all(drafts.into_iter().enumerate().map(|(number, draft)| {
        let stores = &both[number % 2];
        async move {
            stores.posts.create_post(draft, None).await.unwrap();
            // One after the other within a store, so that the commits of both interleave.
            member(stores).await
        }
    }));
    assert_eq!(created.await.len(), 200);
    let log = whole_log(&both[0]).await;
    assert_eq!(log.len(), 1 + 200 + 200);
    assert_eq!(whole_log(&both[1]).await, log);
    let refs = both[0].posts.newest_posts(PostId(u64::MAX), 500).await.unwrap();
    for post in ids {
        let event = position_of(&log, |event| event.fact.post == Some(post));
        assert_eq!(refs.iter().find(|entry| entry.post == post).map(|entry| entry.position), event);
    }
    no_drift(&both[0]).await;
}

async fn a_store_reaches_what_the_other_has_committed(backend: &Backend) {
    let [one, other] = backend.two_stores().await;
    let author = member(&one).await;
    for _ in 0..ROUNDS {
        post(&other, author).await;
        let newest = other.log.newest().await.unwrap();
        assert_eq!(*other.log.head().borrow(), newest);
        assert_eq!(one.log.newest().await.unwrap(), newest);
        assert_eq!(one.log.reach(newest, WAIT_MAX).await.unwrap(), Reach::Reached);
        assert_eq!(*one.log.head().borrow(), newest);
        assert_eq!(one.log.read(Position(newest.0 - 1), 9).await.unwrap()[0].position, newest);
        // Refused at once, without the wait.
        let beyond = tokio::time::timeout(WAIT_MAX / 2, one.log.reach(Position(newest.0 + 1), WAIT_MAX)).await;
        assert_eq!(beyond.unwrap().unwrap(), Reach::Beyond);
    }
}

async fn a_reader_of_one_store_gets_the_events_of_both(backend: &Backend) {
    let [one, other] = &backend.two_stores().await;
    let reading = async {
        let mut head = one.log.head();
        let mut read = Vec::new();
        while read.len() < 80 {
            let at = Position(read.len() as u64);
            let batch = one.log.read(at, 7).await.unwrap();
            read.extend(batch.iter().map(|event| event.position.0));
            assert!(read.last().is_none_or(|last| *last <= head.borrow().0), "a reader is ahead of the head");
            if *head.borrow_and_update() <= Position(read.len() as u64) && read.len() < 80 {
                tokio::time::timeout(WAIT_MAX, head.changed()).await.expect("the log grows").unwrap();
            }
        }
        read
    };
    let writing = |stores| async move {
        for _ in 0..40 {
            member(stores).await;
        }
    };
    let (read, (), ()) = join!(reading, writing(one), writing(other));
    assert!(read.iter().copied().eq(1..=80), "{read:?}");
}

async fn a_deleted_post_gets_no_like_and_no_comment(backend: &Backend) {
    let both = backend.two_stores().await;
    let [author, fan] = members(&both[0]).await;
    let mut posts = Vec::new();
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let on = post(one, author).await;
        posts.push(on);
        let engaged = async {
            let liked = one.likes.like_post(id(), fan, on, true).await;
            let commented = one.comments.create_comment(remark(fan, on, None), None).await;
            (liked, commented)
        };
        let ((liked, commented), deleted) =
            race(round, engaged, other.posts.delete_post(author, on, Timestamp::now())).await;
        deleted.unwrap();
        assert!(accepted(&liked) || !accepted(&commented), "the post was deleted before the like");
        assert_eq!(post_counts(one, on).await, None);
    }
    let log = whole_log(&both[0]).await;
    for on in posts {
        let last = log.iter().rfind(|event| event.fact.post == Some(on)).unwrap();
        assert_eq!(last.fact.kind, K::PostDeleted, "an event about a deleted post");
    }
    no_drift(&both[0]).await;
}

async fn a_deleted_comment_gets_no_reply(backend: &Backend) {
    let both = backend.two_stores().await;
    let [author, fan] = members(&both[0]).await;
    let on = post(&both[0], author).await;
    let mut replies = Vec::new();
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let parent = comment(one, author, on).await;
        let stored = one.comments.comment_by_id(parent).await.unwrap().unwrap();
        let reply = remark(fan, on, Some(&stored));
        let reply_id = reply.id;
        let liked = async {
            let replied = one.comments.create_comment(reply, None).await;
            (replied, one.likes.like_comment(id(), fan, parent, true).await)
        };
        let deleted = other.comments.delete_comment(author, parent, Timestamp::now());
        let ((replied, liked), deleted) = race(round, liked, deleted).await;
        deleted.unwrap();
        assert!(accepted(&replied) || !accepted(&liked), "the comment was deleted before the reply");
        replies.push((parent, accepted(&replied).then_some(reply_id)));
    }
    let log = whole_log(&both[0]).await;
    for (parent, reply) in replies {
        let deleted =
            position_of(&log, |event| event.fact.kind == K::CommentDeleted && event.fact.comment == Some(parent));
        let replied = position_of(&log, |event| reply.is_some() && event.fact.comment == reply);
        assert!(replied < deleted, "{replied:?} is no reply, or before {deleted:?}");
    }
    no_drift(&both[0]).await;
}

async fn a_like_from_two_devices_counts_once(backend: &Backend) {
    let both = backend.two_stores().await;
    let [author, fan] = members(&both[0]).await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let on = post(one, author).await;
        let (first, second) =
            race(round, one.likes.like_post(id(), fan, on, true), other.likes.like_post(id(), fan, on, true)).await;
        assert!(accepted(&first) && accepted(&second));
        assert_eq!(post_counts(one, on).await, Some([0, 1, 0]));
        let (kept, withdrawn) =
            race(round, one.likes.like_post(id(), fan, on, true), other.likes.like_post(id(), fan, on, false)).await;
        assert!(accepted(&kept) && accepted(&withdrawn));
        let liked = one.likes.liked_posts(fan, &[on]).await.unwrap().len() as u64;
        assert_eq!(post_counts(one, on).await, Some([0, liked, 0]));
    }
    whole_log(&both[1]).await;
    no_drift(&both[0]).await;
}

async fn a_view_counted_by_both_stores_counts_once(backend: &Backend) {
    let both = backend.two_stores().await;
    let [author, fan] = members(&both[0]).await;
    let on = post(&both[0], author).await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let hour = i64::try_from(round).unwrap();
        let views = || vec![View { post: on, viewer: fan, hour }];
        let (first, second) = race(round, one.views.count_views(views()), other.views.count_views(views())).await;
        assert!(accepted(&first) && accepted(&second));
    }
    assert_eq!(post_counts(&both[0], on).await, Some([ROUNDS as u64, 0, 0]));
    let log = whole_log(&both[0]).await;
    assert_eq!(log.iter().filter(|event| event.fact.kind == K::PostRead).count(), ROUNDS);
    no_drift(&both[0]).await;
}

async fn an_edit_and_a_deletion_of_a_post_leave_it_deleted(backend: &Backend) {
    let both = backend.two_stores().await;
    let author = member(&both[0]).await;
    let mut posts = Vec::new();
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let on = post(one, author).await;
        like(one, author, on).await;
        posts.push(on);
        let text = PostText::new(None, "고친 글").unwrap();
        let edit = one.posts.edit_post(author, on, text, ResolvedMarkup::default(), None, Timestamp::now());
        let (edited, deleted) = race(round, edit, other.posts.delete_post(author, on, Timestamp::now())).await;
        accepted(&edited);
        deleted.unwrap();
        assert_eq!(post_counts(one, on).await, None);
    }
    let log = whole_log(&both[0]).await;
    for on in posts {
        let last = log.iter().rfind(|event| event.fact.post == Some(on)).unwrap();
        assert_eq!(last.fact.kind, K::PostDeleted);
    }
    no_drift(&both[0]).await;
}
