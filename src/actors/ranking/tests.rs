//! Time that goes on, an actor that fails, and what the log hears of a day.
use super::{Shared, actor::State, clock::read, tables::Spans};
use crate::{
    actors::{Actors, Error, health::Part, timeline::Feed},
    config::Config,
    domain::{
        CommentText, Email, Event, EventKind, HOUR_MS, Handle, MemberId, Outcome, Password, Patch, Position, PostId,
        PostText, Privacy, Profile, ProfilePatch, RankedBy, Timestamp, Window,
    },
    storage::Stores,
};
use jiff::tz::TimeZone;
use std::{sync::Arc, time::Duration};

const PATIENCE: Duration = Duration::from_secs(60);

struct Deployment {
    actors: Actors,
    stores: Stores,
    author: MemberId,
    fan: MemberId,
    /// Older one first.
    posts: [PostId; 2],
    _folder: tempfile::TempDir,
}

async fn sign_up(actors: &Actors, handle: &str) -> MemberId {
    let profile = ProfilePatch { member_name: Patch::Set("이름".to_owned()), ..ProfilePatch::default() };
    let email = Email::new(&format!("{handle}@example.com")).unwrap();
    let newcomer = actors.members.newcomer(email, Handle::new(handle).unwrap(), Profile::new(profile).unwrap());
    let id = newcomer.member.id;
    let password = Password::new("password", "Passw0rd!").unwrap();
    assert_eq!(
        actors.members.sign_up(newcomer, password, None, [127, 0, 0, 1].into()).await.unwrap(),
        Outcome::Done(())
    );
    id
}

/// Two members and two posts.
async fn start() -> Deployment {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_tests(folder.path());
    let stores = Stores::open(&config).await.unwrap();
    let (actors, _) = Actors::start(stores.clone(), &config).await.unwrap();
    let (author, fan) = (sign_up(&actors, "author").await, sign_up(&actors, "fan").await);
    for _ in 0..2 {
        let draft = actors.content.draft_post(author, PostText::new(None, "글").unwrap()).await.unwrap();
        actors.content.publish(draft, None).await.unwrap();
    }
    let mine = actors.timeline.feed(author, Feed::Mine, None, 10).await.unwrap().items;
    let posts = [mine[1].post.id, mine[0].post.id];
    Deployment { actors, stores, author, fan, posts, _folder: folder }
}

async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it comes to pass")
}

fn leader(shared: &Shared, window: Window) -> PostId {
    shared.generations.newest(RankedBy::Popularity, window).unwrap().posts[0]
}

async fn best(shared: &Shared, at: Timestamp) -> Vec<(PostId, u64)> {
    shared.days.best(None, at).await.unwrap().posts.iter().map(|scored| (scored.post, scored.score)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn likes_leave_the_windows_that_move_on_and_come_back_with_a_clock_that_is_set_back() {
    let Deployment { actors, stores, fan, posts: [older, newer], .. } = &start().await;
    let seoul = TimeZone::get("Asia/Seoul").unwrap();
    let now = Timestamp::now();
    let shared = Arc::new(Shared::new(stores, seoul.clone(), Position(0), Part::new("ranking")));
    let mut state = State::new(shared.clone());
    assert!(state.round(now).await.unwrap(), "there are no tables yet");
    state.take(read(&shared, Spans::at(now, &seoul).unwrap()).await.unwrap(), shared.life());
    assert!(!state.round(now).await.unwrap());
    assert_eq!(leader(&shared, Window::Day), *newer);

    actors.content.like_post(*fan, *older, true).await.unwrap();
    // Nobody told this one of the like, but time goes on and what happened today is looked at again.
    let hours = |hours: i64| Timestamp(now.0 + hours * HOUR_MS);
    state.round(hours(-24)).await.unwrap();
    state.round(now).await.unwrap();
    assert_eq!(best(&shared, now).await, [(*older, 2)]);
    for (at, in_day, in_week) in [(0, true, true), (25, false, true), (169, false, false), (2, true, true)] {
        state.round(hours(at)).await.unwrap();
        let leads = |window| leader(&shared, window) == *older;
        assert_eq!([leads(Window::Day), leads(Window::Week), leads(Window::All)], [in_day, in_week, true], "{at} h");
    }
    state.round(hours(25)).await.unwrap();
    assert_eq!(best(&shared, hours(25)).await, [], "a new day begins with nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_without_change_makes_nothing() {
    let Deployment { stores, .. } = &start().await;
    let now = Timestamp::now();
    let shared = Arc::new(Shared::new(stores, TimeZone::UTC, Position(0), Part::new("ranking")));
    let (_earlier, life) = (State::new(shared.clone()), shared.life());
    let mut state = State::new(shared.clone());
    let tables = async || read(&shared, Spans::at(now, &TimeZone::UTC).unwrap()).await.unwrap();
    state.take(tables().await, life);
    assert!(state.round(now).await.unwrap(), "what changed since is known to the earlier life alone");
    state.take(tables().await, shared.life());
    state.round(now).await.unwrap();
    let number = |shared: &Shared| shared.generations.newest(RankedBy::Comments, Window::All).unwrap().number;
    let first = number(&shared);
    for _ in 0..3 {
        state.round(now).await.unwrap();
    }
    assert_eq!(number(&shared), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ranking_that_failed_is_counted_again() {
    let Deployment { actors, author, posts: [older, newer], .. } = &start().await;
    let ranked = (RankedBy::Comments, Window::All);
    let page = async |cursor: Option<&str>| actors.ranking.page(*author, ranked, cursor, 1).await.unwrap();
    let first = until(async || Some(page(None).await).filter(|page| page.next.is_some())).await;
    assert_eq!(first.items[0].post.id, *newer);
    assert!(matches!(actors.ranking.crash().await, Err(Error::Restarting("ranking"))));
    let text = CommentText::new("댓글").unwrap();
    let draft = actors.content.draft_comment(*author, *older, None, text).await.unwrap();
    actors.content.comment(draft, None).await.unwrap();
    // Pages of before go on once it is up again, and the next life ranks what happened since.
    let page = async |cursor: Option<&str>| match actors.ranking.page(*author, ranked, cursor, 1).await {
        Err(Error::Down("ranking")) => None,
        answer => Some(answer.unwrap()),
    };
    let second = until(async || page(first.next.as_deref()).await).await;
    assert_eq!(second.items[0].post.id, *older);
    until(async || page(None).await.filter(|page| page.items[0].post.id == *older)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_hears_of_a_day_that_shows_others_and_of_nothing_else() {
    let Deployment { actors, stores, author, fan, posts, .. } = &start().await;
    let said = async || -> Vec<Event> {
        let log = stores.log.read(Position(0), usize::MAX).await.unwrap();
        log.into_iter().filter(|event| event.fact.kind == EventKind::DailyTop3Changed).collect()
    };
    let told = async |times: usize| until(async || Some(said().await).filter(|said| said.len() == times)).await;
    actors.content.like_post(*fan, posts[0], true).await.unwrap();
    let first = told(1).await;
    let date = stores.ranking.top3_changed_at(first[0].position).await.unwrap().unwrap();
    let shown = async || stores.ranking.kept_day(date).await.unwrap().unwrap().shown;
    assert_eq!(shown().await, posts[..1]);
    // The same posts with another score are no news, others are; and so are those that not everybody may see any more.
    let text = CommentText::new("댓글").unwrap();
    let draft = actors.content.draft_comment(*fan, posts[0], None, text).await.unwrap();
    actors.content.comment(draft, None).await.unwrap();
    until(async || Some(actors.ranking.top3(*fan, None).await.unwrap()).filter(|top| top.items[0].0 == 5)).await;
    assert_eq!(said().await, first);
    actors.content.like_post(*fan, posts[1], true).await.unwrap();
    told(2).await;
    assert_eq!(shown().await, posts[..]);
    let patch = ProfilePatch { privacy: Some(Privacy::Private), ..ProfilePatch::default() };
    actors.members.change_profile(*author, patch, None).await.unwrap();
    told(3).await;
    assert_eq!(shown().await, []);
}
