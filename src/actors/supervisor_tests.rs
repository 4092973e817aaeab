//! Tests of the supervisor and the mailboxes: actors that fail, full mailboxes, slow actors.
use super::{
    Actors, Committed,
    error::Error,
    feeds::Feed,
    search::PostSearch,
    sessions::Client,
    streams::{LiveEvent, Subscription},
    supervisor::Supervisor,
    system::ActorRow,
};
use crate::{
    config::Config,
    domain::{
        Email, Handle, Identity, MemberId, Outcome, Password, Patch, PostId, PostText, Profile, ProfilePatch,
        SessionId, Slot, Timestamp,
    },
    storage::Stores,
};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use tokio::sync::oneshot;

const WAIT_MAX: Duration = Duration::from_secs(60);
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Deployment {
    actors: Actors,
    supervisor: Supervisor,
    author: MemberId,
    _folder: tempfile::TempDir,
}

async fn start(change: impl FnOnce(&mut Config)) -> Deployment {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(folder.path());
    change(&mut config);
    let (actors, supervisor) = Actors::start(Stores::open(&config).await.unwrap(), &config).await.unwrap();
    let author = sign_up(&actors, "author").await;
    Deployment { actors, supervisor, author, _folder: folder }
}

async fn sign_up(actors: &Actors, handle: &str) -> MemberId {
    let profile = ProfilePatch { member_name: Patch::Set("이름".to_owned()), ..ProfilePatch::default() };
    let email = Email::new(&format!("{handle}@example.com")).unwrap();
    let draft = actors.members.draft_member(email, Handle::new(handle).unwrap(), Profile::new(profile).unwrap());
    let id = draft.member.id;
    let password = Password::new("password", "Passw0rd!").unwrap();
    assert_eq!(actors.members.sign_up(draft, password, None, HOME).await.unwrap().value, Outcome::Done);
    id
}

async fn post(actors: &Actors, author: MemberId) -> Result<Committed<Outcome>, Error> {
    let draft = actors.content.draft_post(author, PostText::new(None, "글").unwrap()).await?;
    actors.content.create_post(draft, None).await
}

/// Returns the row of the author's content slot.
fn content_slot(actors: &Actors, author: MemberId) -> ActorRow {
    let slot = Slot::of(author).index();
    actors.system.rows().into_iter().find(|row| row.name == "content" && row.slot == Some(slot)).unwrap()
}

async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WAIT_MAX, wait).await.expect("the condition is met");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_outlives_its_actor_and_other_slots_work() {
    let Deployment { actors, author, .. } = &start(|_| {}).await;
    let other = loop {
        let other = sign_up(actors, &format!("x{}", uuid::Uuid::new_v4().simple())).await;
        if Slot::of(other) != Slot::of(*author) {
            break other;
        }
    };
    let (now, when) = oneshot::channel();
    let crash = tokio::spawn({
        let (content, author) = (actors.content.clone(), *author);
        async move { content.crash(author, when).await }
    });
    until(|| content_slot(actors, *author).queued == 1).await;
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let (actors, author) = (actors.clone(), *author);
            tokio::spawn(async move { post(&actors, author).await })
        })
        .collect();
    until(|| content_slot(actors, *author).queued == 6).await;
    // Another slot works while this one is about to fail.
    assert!(post(actors, other).await.is_ok());
    now.send(()).unwrap();
    assert!(matches!(crash.await.unwrap(), Err(Error::Restarting("content"))));
    for answer in waiting {
        assert!(matches!(answer.await.unwrap(), Err(Error::Restarting("content"))));
    }
    until(|| content_slot(actors, *author).restarts == 1).await;
    assert!(post(actors, *author).await.is_ok(), "the same handle reaches the next incarnation");
    until(|| content_slot(actors, *author).queued == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_ends_when_core_actors_keep_failing() {
    let Deployment { actors, supervisor, author, .. } = &start(|_| {}).await;
    for failure in 1..=6 {
        let (now, when) = oneshot::channel();
        now.send(()).unwrap();
        let _ = actors.content.crash(*author, when).await;
        if failure < 6 {
            until(|| content_slot(actors, *author).restarts == failure).await;
        }
    }
    tokio::time::timeout(WAIT_MAX, supervisor.ended()).await.expect("the supervisor gives up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_answers_at_once() {
    let Deployment { actors, author, .. } = &start(|config| config.actors.queue_max = 3).await;
    let (_never, when) = oneshot::channel();
    let crash = tokio::spawn({
        let (content, author) = (actors.content.clone(), *author);
        async move { content.crash(author, when).await }
    });
    until(|| content_slot(actors, *author).queued == 1).await;
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let (actors, author) = (actors.clone(), *author);
            tokio::spawn(async move { post(&actors, author).await })
        })
        .collect();
    until(|| content_slot(actors, *author).queued == 3).await;
    assert!(matches!(post(actors, *author).await, Err(Error::Busy("content"))));
    crash.abort();
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_command_is_not_carried_out() {
    let Deployment { actors, author, .. } = &start(|config| config.actors.answer_timeout_ms = 200).await;
    let (now, when) = oneshot::channel();
    let crash = tokio::spawn({
        let (content, author) = (actors.content.clone(), *author);
        async move { content.crash(author, when).await }
    });
    until(|| content_slot(actors, *author).queued == 1).await;
    assert!(matches!(post(actors, *author).await, Err(Error::Late("content"))));
    now.send(()).unwrap();
    let _ = crash.await.unwrap();
    until(|| content_slot(actors, *author).restarts == 1).await;
    assert_eq!(actors.members.member(*author).await.unwrap().counts.posts, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_failed_is_rebuilt_from_the_database() {
    let Deployment { actors, author, .. } = &start(|_| {}).await;
    for _ in 0..3 {
        post(actors, *author).await.unwrap();
    }
    let before = actors.feeds.page(*author, Feed::Home, None, 10).await.unwrap();
    assert_eq!(before.items.len(), 3);
    assert!(matches!(actors.projection.crash().await, Err(Error::Restarting("timeline"))));
    post(actors, *author).await.unwrap();
    let after = actors.feeds.page(*author, Feed::Home, None, 10).await.unwrap();
    assert_eq!(after.items.len(), 4, "the next incarnation reads the next post");
    let rest = actors.feeds.page(*author, Feed::Home, before.next.as_deref(), 10).await.unwrap();
    assert!(rest.items.len() >= 3);
}

fn identity(member: MemberId) -> Identity {
    Identity { member, session: SessionId(1), expires_at: Timestamp(i64::MAX) }
}

async fn created(stream: &mut Subscription) -> PostId {
    match tokio::time::timeout(WAIT_MAX, stream.next()).await.unwrap().unwrap().event {
        LiveEvent::Created(visible) => visible.post.id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_of_a_stream_never_passes_the_last_returned_item() {
    let Deployment { actors, author, .. } = &start(|_| {}).await;
    let page = actors.feeds.page(*author, Feed::Home, None, 10).await.unwrap();
    for _ in 0..5 {
        post(actors, *author).await.unwrap();
    }
    let mut stream = actors.streams.open(identity(*author), Some(&page.stream)).await.unwrap();
    for _ in 0..6 {
        let returned = tokio::time::timeout(WAIT_MAX, stream.next()).await.unwrap().unwrap().id;
        assert_eq!(stream.cursor(), returned);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_a_failed_projection_and_resumes_without_a_gap() {
    let Deployment { actors, author, .. } = &start(|_| {}).await;
    let mut stream = actors.streams.open(identity(*author), None).await.unwrap();
    let last = stream.next().await.unwrap().id;
    let _ = actors.projection.crash().await;
    post(actors, *author).await.unwrap();
    assert!(tokio::time::timeout(WAIT_MAX, stream.next()).await.unwrap().is_none(), "the stream ends");
    let mut stream = actors.streams.open(identity(*author), Some(&last)).await.unwrap();
    assert_eq!(stream.next().await.unwrap().id, last);
    let page = actors.feeds.page(*author, Feed::Home, None, 10).await.unwrap();
    assert_eq!(created(&mut stream).await, page.items[0].post.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_restored_after_a_rebuild_has_every_post_again() {
    let Deployment { actors, author, .. } = &start(|_| {}).await;
    post(actors, *author).await.unwrap();
    let client = || Client { device: String::new(), address: HOME };
    let (tokens, _) = actors.sessions.log_in("author@example.com", "Passw0rd!", client()).await.unwrap().value;
    let here = actors.sessions.verify(&tokens.access).unwrap().identity;
    actors.sessions.deactivate(here, "Passw0rd!", HOME).await.unwrap();
    let _ = actors.projection.crash().await;
    actors.sessions.log_in("author@example.com", "Passw0rd!", client()).await.unwrap();
    let mine = actors.feeds.page(*author, Feed::Mine, None, 10).await.unwrap();
    assert_eq!(mine.items.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_search_continues_from_its_last_commit() {
    // With rare commits, the actor fails between two of them.
    let Deployment { actors, author, .. } = &start(|config| config.search.commit_interval_ms = 60_000).await;
    let found = async || {
        let wanted = PostSearch { text: "글".to_owned(), ..PostSearch::default() };
        actors.search.posts(*author, wanted, None, 100).await.unwrap().items.len()
    };
    let token = |at| actors.visibility.write_token(at);
    let first = token(post(actors, *author).await.unwrap().at);
    assert!(actors.search.wait_until_searchable(&first).await.unwrap());
    for round in 1..=3 {
        for _ in 0..5 {
            post(actors, *author).await.unwrap();
        }
        assert!(matches!(actors.search.crash().await, Err(Error::Restarting("search"))));
        let last = token(post(actors, *author).await.unwrap().at);
        let caught_up = async { while !actors.search.wait_until_searchable(&last).await.unwrap() {} };
        tokio::time::timeout(WAIT_MAX, caught_up).await.expect("the index catches up");
        assert_eq!(found().await, 1 + round * 6, "every post is found once");
    }
}
