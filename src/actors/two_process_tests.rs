//! Tests of two processes over one database, and of the writer's end. The second process is a pair of stores without
//! actors: the first learns of its commits only when it commits something itself.
use super::{Actors, error::Error, feeds::Feed, streams::LiveEvent, supervisor::Supervisor};
use crate::{
    config::Config,
    domain::{
        Identity, MemberId, Position, Post, PostId, Refusal, SessionId, Timestamp,
        cursor::{FeedCursor, ListKind, StreamCursor, encode_list_cursor},
    },
    storage::{NewMember, StoreError, Stores},
};
use std::time::Duration;
use tokio::time::timeout;

const WAIT_MAX: Duration = Duration::from_secs(60);

/// A process with actors, and the stores of another one.
struct Deployment {
    actors: Actors,
    supervisor: Supervisor,
    stores: Stores,
    other: Stores,
    _folder: tempfile::TempDir,
}

async fn start() -> Deployment {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_tests(folder.path());
    let stores = Stores::open(&config).await.unwrap();
    let other = Stores::open_shared(&config).await.unwrap();
    let (actors, supervisor) = Actors::start(stores.clone(), &config).await.unwrap();
    Deployment { actors, supervisor, stores, other, _folder: folder }
}

fn newcomer(number: u64) -> NewMember {
    NewMember::for_tests(number, &format!("member{number}"))
}

async fn sign_up(stores: &Stores, number: u64) -> MemberId {
    stores.members.sign_up(newcomer(number), None).await.unwrap();
    MemberId(number)
}

async fn post(stores: &Stores, id: u64, author: MemberId) -> Position {
    stores.posts.create_post(Post::for_tests(id, author), None).await.unwrap().at
}

fn identity(member: MemberId) -> Identity {
    Identity { member, session: SessionId(1), expires_at: Timestamp(i64::MAX) }
}

/// Awaits a request for a position of the other process. This process reaches it by a commit of its own, which begins
/// after the request.
async fn while_behind<T>(deployment: &Deployment, number: u64, request: impl Future<Output = T>) -> T {
    let both = async { futures::join!(request, sign_up(&deployment.stores, number)) };
    timeout(WAIT_MAX, both).await.expect("an answer").0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_process_waits_and_is_not_refused() {
    let deployment = start().await;
    let Deployment { actors, stores, other, .. } = &deployment;
    let author = sign_up(stores, 1).await;
    let epoch = stores.log.epoch();
    let cursor = |position: Position| StreamCursor { epoch, position };
    let feed_cursor =
        |position| FeedCursor { pinned: cursor(position), before: PostId(u64::MAX) }.encode(ListKind::Author, author.0);
    let event_cursor = |position: Position| encode_list_cursor(ListKind::Events, 0, [u64::from(epoch.0), position.0]);

    let at = post(other, 1_000, author).await;
    let text = feed_cursor(at);
    let page = actors.feeds.page(author, Feed::Author(author), Some(&text), 9);
    // The page has the post that the other process stored before the cursor.
    let page = while_behind(&deployment, 2, page).await.unwrap();
    assert_eq!(page.items.iter().map(|visible| visible.post.id).collect::<Vec<_>>(), [PostId(1_000)]);

    let at = post(other, 1_001, author).await;
    let text = event_cursor(at);
    while_behind(&deployment, 3, actors.activity.events(author, Some(&text), 9)).await.unwrap();

    let at = post(other, 1_002, author).await;
    let text = cursor(at).encode();
    let mut stream = while_behind(&deployment, 4, actors.streams.open(identity(author), Some(&text))).await.unwrap();
    let ready = stream.next().await.unwrap();
    assert!(matches!(ready.event, LiveEvent::Ready), "{:?}", ready.event);
    assert_eq!(ready.id, text);
    post(stores, 1_003, author).await;
    let next = timeout(WAIT_MAX, stream.next()).await.expect("an event").unwrap();
    assert!(matches!(&next.event, LiveEvent::Created(visible) if visible.post.id == PostId(1_003)), "{:?}", next.event);

    let at = post(other, 1_004, author).await;
    let text = cursor(at).encode();
    while_behind(&deployment, 5, actors.search.wait_until_searchable(&text)).await.unwrap();

    // No process has given out this position.
    let beyond = Position(at.0 + 1_000);
    let refused =
        |error: Error, refusal| assert!(matches!(&error, Error::Refused(why) if *why == refusal), "{error:?}");
    let text = feed_cursor(beyond);
    refused(actors.feeds.page(author, Feed::Author(author), Some(&text), 9).await.unwrap_err(), Refusal::CursorInvalid);
    let text = event_cursor(beyond);
    refused(actors.activity.events(author, Some(&text), 9).await.unwrap_err(), Refusal::CursorExpired);
    let text = cursor(beyond).encode();
    refused(actors.search.wait_until_searchable(&text).await.unwrap_err(), Refusal::CursorInvalid);
    let mut stream = actors.streams.open(identity(author), Some(&text)).await.unwrap();
    stream.next().await.unwrap();
    let reset = stream.next().await.unwrap();
    assert!(matches!(reset.event, LiveEvent::Reset { reason: "unknown" }), "{:?}", reset.event);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ahead_of_this_process_skips_what_the_client_has() {
    let deployment = start().await;
    let Deployment { actors, stores, other, .. } = &deployment;
    let author = sign_up(stores, 1).await;
    let first = post(other, 1_000, author).await;
    let at = post(other, 1_001, author).await;
    assert!(first < at);
    let text = StreamCursor { epoch: stores.log.epoch(), position: at }.encode();
    // The wait ends without the events; the stream opens all the same.
    let mut stream = timeout(WAIT_MAX, actors.streams.open(identity(author), Some(&text))).await.unwrap().unwrap();
    assert_eq!(stream.next().await.unwrap().id, text);
    post(stores, 1_002, author).await;
    let next = timeout(WAIT_MAX, stream.next()).await.expect("an event").unwrap();
    assert!(matches!(&next.event, LiveEvent::Created(visible) if visible.post.id == PostId(1_002)), "{:?}", next.event);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_ends_when_the_writer_keeps_panicking() {
    let Deployment { actors, supervisor, stores, .. } = &start().await;
    for number in 1..=5 {
        assert!(stores.housekeeping.panic_in_a_command().await.is_err());
        sign_up(stores, number).await;
    }
    assert!(timeout(Duration::from_millis(50), supervisor.ended()).await.is_err(), "five panics are within the budget");
    assert!(actors.system.is_ready());
    assert!(stores.housekeeping.panic_in_a_command().await.is_err());
    timeout(WAIT_MAX, supervisor.ended()).await.expect("the supervisor gives up");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_ends_with_the_writer() {
    let Deployment { actors, supervisor, stores, .. } = &start().await;
    assert!(actors.system.is_ready());
    stores.housekeeping.end_the_writer();
    timeout(WAIT_MAX, supervisor.ended()).await.expect("the supervisor gives up");
    assert!(!actors.system.is_ready());
    let answer = stores.members.sign_up(newcomer(1), None).await;
    assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
}
