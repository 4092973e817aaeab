//! The best posts of a day, and the stored rows of days.
use super::{
    Backend,
    fixtures::{self, events, like, members, post},
    ranking::{comment_at, like_at, post_for, set_privacy, view_at},
};
use crate::{
    domain::{
        CalendarDay, EventKind, Fact, MemberId, Position, PostAudience, PostId, Privacy, ProfilePatch, Timestamp,
    },
    storage::{KeptDay, ScoredPost, Stores},
};
use jiff::{civil::Date, tz::TimeZone};

conformance! {
    a_days_score_counts_the_events_of_that_day,
    a_day_begins_and_ends_at_midnight,
    the_older_of_equals_is_first,
    hidden_posts_are_not_among_the_best_of_a_day,
    posts_for_some_take_no_place_of_posts_for_everybody,
    public_posts_are_visible_to_every_stranger,
    a_change_of_the_shown_posts_is_an_event,
    a_frozen_day_does_not_change,
    freezing_a_day_with_other_posts_is_an_event,
}

/// A past day in Seoul.
fn day() -> CalendarDay {
    CalendarDay::of(date("2026-03-01"), &TimeZone::get("Asia/Seoul").unwrap()).unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn later(at: Timestamp, minutes: i64) -> Timestamp {
    Timestamp(at.0 + minutes * 60_000)
}

async fn best(stores: &Stores) -> Vec<(PostId, u64)> {
    let best = stores.ranking.best_of_day(day(), 50).await.unwrap();
    best.iter().map(|scored| (scored.post, scored.score)).collect()
}

async fn a_days_score_counts_the_events_of_that_day(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, a, b] = members(stores).await;
    let (first, second) = (post(stores, author).await, post(stores, author).await);
    let noon = later(day().begin, 12 * 60);
    for who in [a, b] {
        like_at(stores, who, first, noon).await;
        view_at(stores, who, first, noon).await;
        comment_at(stores, who, second, noon).await;
    }
    view_at(stores, a, second, noon).await;
    assert_eq!(best(stores).await, [(second, 7), (first, 6)]);
    assert_eq!(stores.ranking.best_of_day(day(), 1).await.unwrap(), [ScoredPost { post: second, score: 7 }]);
    let next = CalendarDay::of(date("2026-03-02"), &TimeZone::get("Asia/Seoul").unwrap()).unwrap();
    assert_eq!(stores.ranking.best_of_day(next, 50).await.unwrap(), []);
}

async fn a_day_begins_and_ends_at_midnight(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, a, b] = members(stores).await;
    let (inside, outside) = (post(stores, author).await, post(stores, author).await);
    like_at(stores, a, inside, day().begin).await;
    like_at(stores, b, inside, later(day().end, -1)).await;
    view_at(stores, a, inside, day().begin).await;
    view_at(stores, a, inside, later(day().end, -1)).await;
    like_at(stores, a, outside, later(day().begin, -1)).await;
    like_at(stores, b, outside, day().end).await;
    view_at(stores, a, outside, later(day().begin, -1)).await;
    view_at(stores, b, outside, day().end).await;
    assert_eq!(best(stores).await, [(inside, 6)]);
}

async fn the_older_of_equals_is_first(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, fan] = members(stores).await;
    let (older, newer) = (post(stores, author).await, post(stores, author).await);
    for on in [newer, older] {
        like_at(stores, fan, on, day().begin).await;
    }
    assert_eq!(best(stores).await, [(older, 2), (newer, 2)]);
}

async fn hidden_posts_are_not_among_the_best_of_a_day(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, deactivated, fan] = members(stores).await;
    let (kept, deleted, hidden) =
        (post(stores, author).await, post(stores, author).await, post(stores, deactivated).await);
    for on in [kept, deleted, hidden] {
        like_at(stores, fan, on, day().begin).await;
        comment_at(stores, deactivated, on, day().begin).await;
    }
    stores.posts.delete_post(author, deleted, Timestamp::now()).await.unwrap();
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    assert_eq!(best(stores).await, [(kept, 2)]);
}

async fn posts_for_some_take_no_place_of_posts_for_everybody(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, private, a, b] = members(stores).await;
    let (viewed, liked) = (post(stores, author).await, post(stores, author).await);
    let (own, restricted) = (post_for(stores, author, PostAudience::Own).await, post(stores, private).await);
    set_privacy(stores, private, Privacy::Private).await;
    view_at(stores, a, viewed, day().begin).await;
    like_at(stores, a, liked, day().begin).await;
    for who in [a, b] {
        like_at(stores, who, restricted, day().begin).await;
        comment_at(stores, who, own, day().begin).await;
    }
    let best = async |limit: usize| {
        let best = stores.ranking.best_of_day(day(), limit).await.unwrap();
        best.iter().map(|scored| (scored.post, scored.score)).collect::<Vec<_>>()
    };
    assert_eq!(best(1).await, [(own, 6), (liked, 2)]);
    assert_eq!(best(2).await, [(own, 6), (restricted, 4), (liked, 2), (viewed, 1)]);
}

async fn public_posts_are_visible_to_every_stranger(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, private, deactivated] = members(stores).await;
    let (visible, deleted) = (post(stores, author).await, post(stores, author).await);
    let (for_followers, hidden) = (post(stores, private).await, post(stores, deactivated).await);
    let newer = post(stores, author).await;
    stores.posts.delete_post(author, deleted, Timestamp::now()).await.unwrap();
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let patch = ProfilePatch { privacy: Some(Privacy::Followers), ..ProfilePatch::default() };
    stores.members.change_profile(private, patch, None).await.unwrap();
    let asked = [newer, for_followers, hidden, deleted, visible, PostId(7)];
    assert_eq!(stores.ranking.public_posts(&asked).await.unwrap(), [newer, visible]);
}

async fn a_change_of_the_shown_posts_is_an_event(backend: &Backend) {
    let stores = &backend.stores().await;
    let today = date("2026-03-02");
    let keep = async |posts: &[u64]| {
        let shown = posts.iter().map(|post| PostId(*post)).collect();
        fixtures::changed(stores.ranking.keep_day(today, shown, None).await)
    };
    assert_eq!(stores.ranking.kept_day(today).await.unwrap(), None);
    assert_eq!(keep(&[]).await, None);
    let first = keep(&[5, 6]).await.unwrap();
    assert_eq!(keep(&[5, 6]).await, None);
    let second = keep(&[6, 5]).await.unwrap();
    let kept = KeptDay { shown: vec![PostId(6), PostId(5)], frozen: None };
    assert_eq!(stores.ranking.kept_day(today).await.unwrap(), Some(kept));
    let log = events(stores).await;
    assert!(log.iter().all(|event| event.fact == Fact::new(EventKind::DailyTop3Changed, MemberId(0))));
    assert_eq!(log.iter().map(|event| event.position).collect::<Vec<_>>(), [first, second]);
    for position in [first, second] {
        assert_eq!(stores.ranking.top3_changed_at(position).await.unwrap(), Some(today));
    }
    assert_eq!(stores.ranking.top3_changed_at(Position(99)).await.unwrap(), None);
}

async fn a_frozen_day_does_not_change(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, fan] = members(stores).await;
    let on = post(stores, author).await;
    like(stores, fan, on).await;
    let yesterday = date("2026-03-01");
    assert!(stores.ranking.keep_day(yesterday, vec![on], None).await.unwrap().value);
    let frozen = Some(vec![ScoredPost { post: on, score: 2 }]);
    assert!(!stores.ranking.keep_day(yesterday, vec![on], frozen.clone()).await.unwrap().value);
    let again =
        stores.ranking.keep_day(yesterday, vec![PostId(9)], Some(vec![ScoredPost { post: PostId(9), score: 9 }]));
    assert!(!again.await.unwrap().value);
    let kept = KeptDay { shown: vec![on], frozen };
    assert_eq!(stores.ranking.kept_day(yesterday).await.unwrap(), Some(kept));
}

async fn freezing_a_day_with_other_posts_is_an_event(backend: &Backend) {
    let stores = &backend.stores().await;
    let (yesterday, today) = (date("2026-03-01"), date("2026-03-02"));
    let one = stores.ranking.keep_day(today, vec![PostId(1)], None).await.unwrap().at;
    let other = stores
        .ranking
        .keep_day(yesterday, vec![PostId(2)], Some(vec![ScoredPost { post: PostId(2), score: 4 }]))
        .await
        .unwrap()
        .at;
    assert_eq!(stores.ranking.top3_changed_at(one).await.unwrap(), Some(today));
    assert_eq!(stores.ranking.top3_changed_at(other).await.unwrap(), Some(yesterday));
}
