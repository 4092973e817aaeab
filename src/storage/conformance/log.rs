//! The event log: commit order, no holes, no events of refused commands.
use super::{
    Backend, draft,
    fixtures::{self, hours_from_now},
    id, member, post,
};
use crate::{
    domain::{EventKind, Fact, MemberId, Position, PostId, Timestamp},
    storage::{StoreError, Stores},
};
use futures::future::join_all;

conformance! {
    a_refusal_leaves_no_event_and_no_hole,
    posts_of_one_commit_keep_their_positions,
    positions_continue_after_a_restart,
    pruning_keeps_events_that_a_reader_has_not_read,
    a_purge_after_a_month_leaves_no_drift,
    events_are_in_commit_order,
    a_failed_command_leaves_no_hole,
    every_position_up_to_the_head_can_be_read,
    a_log_pruned_to_its_end_continues_after_a_restart,
}

const END: Position = Position(u64::MAX);

async fn a_refusal_leaves_no_event_and_no_hole(backend: &Backend) {
    let stores = backend.stores().await;
    let (a, b) = (member(&stores, "aaa").await, member(&stores, "bbb").await);
    let on = post(&stores, a, "글").await;
    assert!(stores.posts.delete_post(b, on, Timestamp::now()).await.is_err());
    assert!(stores.likes.like_post(id(), b, PostId(1), true).await.is_err());
    stores.likes.like_post(id(), b, on, true).await.unwrap();
    let events = stores.log.read(Position(0), 100).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.fact.kind).collect();
    use EventKind::{MemberSignedUp as S, PostCreated as P, PostLiked as L};
    assert_eq!(kinds, [S, S, P, L]);
    assert_eq!(events.iter().map(|event| event.position.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(events.windows(2).all(|pair| pair[0].at_ns < pair[1].at_ns));
    assert_eq!(events[3].fact.target, Some(a));
    assert_eq!(*stores.log.head().borrow(), Position(4));
}

async fn posts_of_one_commit_keep_their_positions(backend: &Backend) {
    let stores = backend.stores().await;
    let author = member(&stores, "author").await;
    let drafts: Vec<_> = (0..200).map(|number| draft(author, &format!("글 {number}"))).collect();
    let ids: Vec<_> = drafts.iter().map(|draft| draft.id).collect();
    join_all(drafts.into_iter().map(|draft| stores.posts.create_post(draft, None))).await;
    let events = stores.log.read(Position(1), 500).await.unwrap();
    assert_eq!(events.iter().map(|event| event.fact.post.unwrap()).collect::<Vec<_>>(), ids);
    let refs = stores.posts.newest_posts(PostId(u64::MAX), 500).await.unwrap();
    for event in &events {
        let entry = refs.iter().find(|entry| Some(entry.post) == event.fact.post).unwrap();
        assert_eq!((entry.position, entry.author), (event.position, author));
    }
    let of_author = stores.log.stream_events(author, &[author], Position(100), END, 50).await.unwrap();
    assert_eq!(of_author, events[99..149]);
    assert!(stores.log.stream_events(MemberId(1), &[MemberId(1)], Position(0), END, 50).await.unwrap().is_empty());
}

async fn positions_continue_after_a_restart(backend: &Backend) {
    let stores = backend.stores().await;
    let author = member(&stores, "author").await;
    post(&stores, author, "글").await;
    let (epoch, before) = (stores.log.epoch(), stores.log.read(Position(0), 10).await.unwrap());
    let again = backend.reopen(stores).await;
    assert_eq!(again.log.epoch(), epoch);
    assert_eq!(again.log.read(Position(0), 10).await.unwrap(), before, "from the disk");
    post(&again, author, "다음").await;
    let events = again.log.read(Position(0), 10).await.unwrap();
    assert_eq!(events.last().unwrap().position, Position(before.len() as u64 + 1));
}

async fn pruning_keeps_events_that_a_reader_has_not_read(backend: &Backend) {
    let stores = backend.stores().await;
    let author = member(&stores, "author").await;
    for _ in 0..9 {
        post(&stores, author, "글").await;
    }
    let later = Timestamp(Timestamp::now().0 + 60_000);
    let pruned = stores.housekeeping.prune(Timestamp::now(), later, Position(4)).await.unwrap();
    assert_eq!((pruned.events, stores.log.pruned_to().await.unwrap()), (4, Position(4)));
    let pruned = stores.housekeeping.prune(Timestamp::now(), Timestamp(0), END).await.unwrap();
    assert_eq!(pruned.events, 0, "young events stay");
}

async fn a_purge_after_a_month_leaves_no_drift(backend: &Backend) {
    let stores = backend.stores().await;
    let (leaver, other) = (member(&stores, "leaver").await, member(&stores, "other").await);
    let on = post(&stores, other, "글").await;
    let deleted = post(&stores, other, "지운 글").await;
    stores.relations.follow(id(), leaver, other).await.unwrap();
    stores.likes.like_post(id(), leaver, on, true).await.unwrap();
    let long_ago = Timestamp(0);
    stores.posts.delete_post(other, deleted, long_ago).await.unwrap();
    stores.members.deactivate(leaver, long_ago).await.unwrap();
    let pruned = stores.housekeeping.prune(Timestamp::now(), long_ago, END).await.unwrap();
    assert_eq!((pruned.posts, pruned.members), (1, 1));
    assert_eq!(stores.housekeeping.audit().await.unwrap(), []);
    assert!(!stores.members.handle_taken("leaver").await.unwrap());
}

/// Asserts that positions start at 1 without holes and that times grow. Returns the log.
async fn assert_whole(stores: &Stores) -> Vec<(Position, Fact)> {
    let log = fixtures::events(stores).await;
    assert!(log.iter().map(|event| event.position.0).eq(1..=log.len() as u64), "{log:?}");
    assert!(log.windows(2).all(|pair| pair[0].at_ns < pair[1].at_ns));
    assert_eq!(*stores.log.head().borrow(), Position(log.len() as u64));
    log.iter().map(|event| (event.position, event.fact)).collect()
}

async fn events_are_in_commit_order(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, fan] = fixtures::members(stores).await;
    let written = join_all((0..100).map(|number| async move {
        let post = draft(author, "글");
        let fact = Fact::new(EventKind::PostCreated, author).on_post(post.id);
        let position = stores.posts.create_post(post.clone(), None).await.unwrap().at;
        // A command is answered once durable, so a later command has a later position.
        let later = if number % 2 == 0 {
            stores.posts.delete_post(author, post.id, post.created_at).await.unwrap().at
        } else {
            stores.likes.like_post(id(), fan, post.id, true).await.unwrap().at
        };
        assert!(position < later);
        (position, fact)
    }))
    .await;
    let log = assert_whole(stores).await;
    assert!(written.iter().all(|event| log.contains(event)));
    assert_eq!(log.len(), 2 + 200);
}

async fn a_failed_command_leaves_no_hole(backend: &Backend) {
    let stores = &backend.stores().await;
    let author = fixtures::member(stores).await;
    let post = draft(author, "글");
    stores.posts.create_post(post.clone(), None).await.unwrap();
    let failed = stores.posts.create_post(post, None).await;
    assert!(matches!(failed, Err(StoreError::Unavailable { .. })), "an id was used twice: {failed:?}");
    stores.posts.create_post(draft(author, "글"), None).await.unwrap();
    assert_eq!(assert_whole(stores).await.len(), 3);
}

async fn every_position_up_to_the_head_can_be_read(backend: &Backend) {
    let stores = &backend.stores().await;
    let mut head = stores.log.head();
    let reading = async {
        let mut at = Position(0);
        while at < Position(50) {
            head.changed().await.unwrap();
            let promised = *head.borrow_and_update();
            let read = stores.log.read(at, usize::MAX).await.unwrap();
            assert_eq!(read.first().unwrap().position, Position(at.0 + 1));
            at = read.last().unwrap().position;
            assert!(at >= promised);
        }
    };
    futures::join!(reading, join_all((0..50).map(|_| fixtures::member(stores))));
    assert_eq!(stores.log.read(Position(10), 3).await.unwrap().len(), 3);
    assert_eq!(stores.log.read(Position(50), 3).await.unwrap(), []);
}

async fn a_log_pruned_to_its_end_continues_after_a_restart(backend: &Backend) {
    let stores = backend.stores().await;
    let _: [MemberId; 3] = fixtures::members(&stores).await;
    let pruned = stores.housekeeping.prune(Timestamp::now(), hours_from_now(1), END).await.unwrap();
    assert_eq!(pruned.events, 3);
    let again = backend.reopen(stores).await;
    assert_eq!(*again.log.head().borrow(), Position(3));
    assert_eq!(again.log.pruned_to().await.unwrap(), Position(3));
    fixtures::member(&again).await;
    let events = again.log.read(Position(3), 10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [Position(4)]);
}
