//! Tests of the ranking: periods that move with time, an actor that fails, and the events about the best of a day.
use super::{RankedFeed, Rebuilt, Shared, actor::State, clock::read_tables, generations::Place, tables::Spans};
use crate::{
    actors::{
        Actors,
        error::Error,
        feeds::Feed,
        for_tests::{TestServer, until},
        health::Part,
        lease::for_tests::{Answer, TestLeases},
    },
    config::Config,
    domain::{
        CalendarDay, CommentText, Email, Event, EventKind, HOUR_MS, Handle, MemberId, Outcome, Password, Patch,
        Position, PostId, PostText, Privacy, Profile, ProfilePatch, RankedBy, RankingPeriod, Timestamp,
    },
    storage::{Stores, View, Work},
};
use jiff::tz::TimeZone;
use std::sync::Arc;

struct Deployment {
    actors: Actors,
    stores: Stores,
    author: MemberId,
    fan: MemberId,
    /// The older one first.
    posts: [PostId; 2],
    _folder: tempfile::TempDir,
}

async fn sign_up(actors: &Actors, handle: &str) -> MemberId {
    let profile = ProfilePatch { member_name: Patch::Set("이름".to_owned()), ..ProfilePatch::default() };
    let email = Email::new(&format!("{handle}@example.com")).unwrap();
    let newcomer = actors.members.draft_member(email, Handle::new(handle).unwrap(), Profile::new(profile).unwrap());
    let id = newcomer.member.id;
    let password = Password::new("password", "Passw0rd!").unwrap();
    assert_eq!(
        actors.members.sign_up(newcomer, password, None, [127, 0, 0, 1].into()).await.unwrap().value,
        Outcome::Done
    );
    id
}

/// Starts a server with two members and two posts.
async fn start() -> Deployment {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_tests(folder.path());
    let stores = Stores::open(&config).await.unwrap();
    let (actors, _) = Actors::start(stores.clone(), &config).await.unwrap();
    let (author, fan) = (sign_up(&actors, "author").await, sign_up(&actors, "fan").await);
    for _ in 0..2 {
        let draft = actors.content.draft_post(author, PostText::new(None, "글").unwrap()).await.unwrap();
        actors.content.create_post(draft, None).await.unwrap();
    }
    let mine = actors.feeds.page(author, Feed::Mine, None, 10).await.unwrap().items;
    let posts = [mine[1].post.id, mine[0].post.id];
    Deployment { actors, stores, author, fan, posts, _folder: folder }
}

fn leader(shared: &Shared, period: RankingPeriod) -> PostId {
    shared.generations.newest(RankedBy::Popularity, period).unwrap().posts()[0]
}

async fn best(shared: &Shared, at: Timestamp) -> Vec<(PostId, u64)> {
    shared.days.best(None, at).await.unwrap().posts.iter().map(|scored| (scored.post, scored.score)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn likes_leave_moving_periods_and_return_when_the_clock_is_set_back() {
    let Deployment { actors, stores, fan, posts: [older, newer], .. } = &start().await;
    let seoul = TimeZone::get("Asia/Seoul").unwrap();
    let now = Timestamp::now();
    let shared = Arc::new(Shared::new(stores, seoul.clone(), Position(0), Part::new("ranking")));
    let mut state = State::new(shared.clone());
    assert_eq!(state.rebuild(now).await.unwrap(), Rebuilt::TablesMissing);
    let tables = read_tables(&shared, Spans::at(now, &seoul).unwrap()).await.unwrap();
    state.set_tables(tables, shared.incarnation());
    assert_eq!(state.rebuild(now).await.unwrap(), Rebuilt::Done);
    assert_eq!(leader(&shared, RankingPeriod::Day), *newer);

    actors.content.like_post(*fan, *older, true).await.unwrap();
    // This state was sent no event of the like, but a moved period makes it count today's posts again.
    let hours = |hours: i64| Timestamp(now.0 + hours * HOUR_MS);
    state.rebuild(hours(-24)).await.unwrap();
    state.rebuild(now).await.unwrap();
    assert_eq!(best(&shared, now).await, [(*older, 2)]);
    for (at, in_day, in_week) in [(0, true, true), (25, false, true), (169, false, false), (2, true, true)] {
        state.rebuild(hours(at)).await.unwrap();
        let leads = |period| leader(&shared, period) == *older;
        assert_eq!(
            [leads(RankingPeriod::Day), leads(RankingPeriod::Week), leads(RankingPeriod::All)],
            [in_day, in_week, true],
            "{at} h"
        );
    }
    state.rebuild(hours(25)).await.unwrap();
    assert_eq!(best(&shared, hours(25)).await, [], "a new day begins without posts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_without_changes_adds_no_generation() {
    let Deployment { stores, .. } = &start().await;
    let now = Timestamp::now();
    let shared = Arc::new(Shared::new(stores, TimeZone::UTC, Position(0), Part::new("ranking")));
    let _earlier = State::new(shared.clone());
    let earlier = shared.incarnation();
    let mut state = State::new(shared.clone());
    let tables = async || read_tables(&shared, Spans::at(now, &TimeZone::UTC).unwrap()).await.unwrap();
    state.set_tables(tables().await, earlier);
    let rebuilt = state.rebuild(now).await.unwrap();
    assert_eq!(rebuilt, Rebuilt::TablesMissing, "only the earlier incarnation marked the changes since");
    state.set_tables(tables().await, shared.incarnation());
    state.rebuild(now).await.unwrap();
    let number = |shared: &Shared| shared.generations.newest(RankedBy::Comments, RankingPeriod::All).unwrap().number;
    let first = number(&shared);
    for _ in 0..3 {
        state.rebuild(now).await.unwrap();
    }
    assert_eq!(number(&shared), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_ranking_counts_again_and_its_cursors_stay_valid() {
    let Deployment { actors, author, posts: [older, newer], .. } = &start().await;
    let ranked = RankedFeed { by: RankedBy::Comments, period: RankingPeriod::All };
    let page = async |cursor: Option<&str>| actors.ranking.page(*author, ranked, cursor, 1).await.unwrap();
    let first = until(async || Some(page(None).await).filter(|page| page.next.is_some())).await;
    assert_eq!(first.items[0].post.id, *newer);
    assert!(matches!(actors.ranking.crash().await, Err(Error::Restarting("ranking"))));
    let text = CommentText::new("댓글").unwrap();
    let draft = actors.content.draft_comment(*author, *older, None, text).await.unwrap();
    actors.content.create_comment(draft, None).await.unwrap();
    // Cursors of earlier pages are valid after the restart, and the next incarnation ranks what happened since.
    let page = async |cursor: Option<&str>| match actors.ranking.page(*author, ranked, cursor, 1).await {
        Err(Error::Down("ranking")) => None,
        answer => Some(answer.unwrap()),
    };
    let second = until(async || page(first.next.as_deref()).await).await;
    assert_eq!(second.items[0].post.id, *older);
    until(async || page(None).await.filter(|page| page.items[0].post.id == *older)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_committed_only_when_other_posts_are_the_best_of_the_day() {
    let Deployment { actors, stores, author, fan, posts, .. } = &start().await;
    let events = async || -> Vec<Event> {
        let log = stores.log.read(Position(0), usize::MAX).await.unwrap();
        log.into_iter().filter(|event| event.fact.kind == EventKind::DailyTop3Changed).collect()
    };
    let after = async |count: usize| until(async || Some(events().await).filter(|events| events.len() == count)).await;
    actors.content.like_post(*fan, posts[0], true).await.unwrap();
    let first = after(1).await;
    let date = stores.ranking.top3_changed_at(first[0].position).await.unwrap().unwrap();
    let shown = async || stores.ranking.kept_day(date).await.unwrap().unwrap().shown;
    assert_eq!(shown().await, posts[..1]);
    // Another score of the same posts adds no event. Other posts do, and so do posts that became non-public.
    let text = CommentText::new("댓글").unwrap();
    let draft = actors.content.draft_comment(*fan, posts[0], None, text).await.unwrap();
    actors.content.create_comment(draft, None).await.unwrap();
    until(async || Some(actors.ranking.top3(*fan, None).await.unwrap()).filter(|top| top.items[0].score == 5)).await;
    assert_eq!(events().await, first);
    actors.content.like_post(*fan, posts[1], true).await.unwrap();
    after(2).await;
    assert_eq!(shown().await, posts[..]);
    let patch = ProfilePatch { privacy: Some(Privacy::Private), ..ProfilePatch::default() };
    actors.members.change_profile(*author, patch, None).await.unwrap();
    after(3).await;
    assert_eq!(shown().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scores_of_a_day_are_frozen_before_its_views_are_folded() {
    let Deployment { actors, stores, author, fan, posts: [older, newer], .. } = &start().await;
    let now = Timestamp::now();
    let view =
        |post: &PostId, days: i64| View { post: *post, viewer: *fan, hour: now.0.div_euclid(HOUR_MS) - 24 * days };
    let (long_ago, lately) = (view(older, 40), view(newer, 3));
    stores.views.count_views(vec![long_ago, lately]).await.unwrap();

    assert_eq!(actors.ranking.fold_old_views(&*stores.views, now).await.unwrap(), 1);
    assert_eq!(stores.views.oldest_view().await.unwrap(), Some(lately.hour));
    let day = CalendarDay::at(Timestamp(long_ago.hour * HOUR_MS), &TimeZone::get("Asia/Seoul").unwrap()).unwrap();
    let top = actors.ranking.top3(*author, Some(day.date)).await.unwrap();
    let scores: Vec<_> = top.items.iter().map(|top| (top.post.post.id, top.score)).collect();
    assert_eq!((top.frozen, scores), (true, vec![(*older, 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_privacy_changes_which_ranked_posts_are_for_everybody() {
    let Deployment { actors, author, fan, posts: [liked, quiet], .. } = &start().await;
    actors.content.like_post(*fan, *liked, true).await.unwrap();
    let generations = &actors.ranking.shared.generations;
    let place = |rank, for_everybody| Some(Place { rank, for_everybody });
    let ranked = async |for_everybody| {
        until(async || {
            let newest = generations.newest(RankedBy::Popularity, RankingPeriod::Week)?;
            let places = [liked, quiet].map(|post| newest.place_of(*post));
            (places == [place(0, for_everybody), place(1, for_everybody)]).then_some(())
        })
        .await;
    };
    ranked(true).await;
    for (privacy, for_everybody) in [(Privacy::Private, false), (Privacy::Public, true), (Privacy::Followers, false)] {
        let patch = ProfilePatch { privacy: Some(privacy), ..ProfilePatch::default() };
        actors.members.change_profile(*author, patch, None).await.unwrap();
        ranked(for_everybody).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_are_ranked_only_with_the_lease() {
    let leases = TestLeases::new();
    let server = TestServer::start_with(|stores| stores.leases = leases.clone()).await;
    let newest = || server.actors.ranking.shared.generations.newest(RankedBy::Comments, RankingPeriod::All);
    // The first round without the lease has ended.
    leases.asked(Work::Ranking, 2).await;
    assert!(newest().is_none());
    leases.set(Answer::Granted);
    until(async || newest()).await;
}
