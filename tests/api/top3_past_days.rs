//! `GET /api/timeline/daily-top3` for past days: the scores are frozen.
use crate::{
    common::Member,
    ranking_windows::Past,
    support::until,
    top3::{TOP3, scores},
};
use dailyfeed::domain::{CalendarDay, Timestamp};
use jiff::tz::TimeZone;
use reqwest::Method;
use serde_json::{Value, json};

const ZONE: &str = "Asia/Seoul";

/// Returns the day `days` ago.
fn day(days: i64) -> CalendarDay {
    let at = Timestamp(Timestamp::now().0 - days * 86_400_000);
    CalendarDay::at(at, &TimeZone::get(ZONE).unwrap()).unwrap()
}

async fn top3_of(who: &Member, day: CalendarDay) -> Value {
    who.get(&format!("{TOP3}?date={}", day.date)).await
}

/// Returns noon of the day.
fn noon(day: CalendarDay) -> Timestamp {
    Timestamp(day.begin.0 + 12 * 3_600_000)
}

#[tokio::test]
async fn a_past_day_is_frozen_on_the_first_request() {
    let past = Past::new().await;
    let (author, a, b) = (past.member().await, past.member().await, past.member().await);
    let day = day(5);
    let posts =
        [past.post(author, day.begin).await, past.post(author, day.begin).await, past.post(author, day.begin).await];
    for who in [a, b] {
        past.like(who, posts[0], noon(day)).await;
        past.comment(who, posts[1], noon(day)).await;
        past.view(who, posts[2], noon(day)).await;
    }
    let server = past.start(ZONE).await;
    let who = server.member().await;
    let top = top3_of(&who, day).await;
    assert_eq!(scores(&top), [(posts[1], 6), (posts[0], 4), (posts[2], 2)]);
    assert_eq!((&top["frozen"], &top["date"]), (&json!(true), &json!(day.date.to_string())));
}

#[tokio::test]
async fn later_likes_and_comments_do_not_count_for_a_past_day() {
    let past = Past::new().await;
    let (author, fan) = (past.member().await, past.member().await);
    let day = day(5);
    let (first, second) = (past.post(author, day.begin).await, past.post(author, day.begin).await);
    past.like(fan, first, noon(day)).await;
    past.view(fan, second, noon(day)).await;
    let server = past.start(ZONE).await;
    let who = server.member().await;
    let before = top3_of(&who, day).await;
    who.like(second).await;
    who.comment(second, None, "댓글").await;
    let of_today = async || Some(who.get(TOP3).await).filter(|top| scores(top) == [(second, 5)]);
    until(of_today).await;
    assert_eq!(scores(&top3_of(&who, day).await), [(first, 2), (second, 1)]);
    assert_eq!(scores(&before), [(first, 2), (second, 1)]);
}

#[tokio::test]
async fn a_block_hides_posts_of_a_frozen_day_without_changing_scores() {
    let past = Past::new().await;
    let (author, fan) = (past.member().await, past.member().await);
    let day = day(3);
    let mut posts = Vec::new();
    for _ in 0..4 {
        let post = past.post(author, day.begin).await;
        past.like(fan, post, noon(day)).await;
        posts.push(post);
    }
    let server = past.start(ZONE).await;
    let who = server.member().await;
    let whole = [(posts[0], 2), (posts[1], 2), (posts[2], 2)];
    assert_eq!(scores(&top3_of(&who, day).await), whole);
    let server = server.restart(async |_| {}).await;
    let who = Member { base: server.base.clone(), ..who };
    assert_eq!(scores(&top3_of(&who, day).await), whole, "after a restart");
    who.ok(Method::PUT, &format!("/api/members/{author}/block"), Value::Null).await;
    assert_eq!(scores(&top3_of(&who, day).await), []);
    let other = server.member().await;
    assert_eq!(scores(&top3_of(&other, day).await), whole);
}

#[tokio::test]
async fn yesterday_and_today_have_separate_scores() {
    let past = Past::new().await;
    let (author, a, b) = (past.member().await, past.member().await, past.member().await);
    let (yesterday, today) = (day(1), day(0));
    let (old, new) = (past.post(author, yesterday.begin).await, past.post(author, yesterday.begin).await);
    past.like(a, old, Timestamp(yesterday.end.0 - 1)).await;
    past.like(b, new, today.begin).await;
    let server = past.start(ZONE).await;
    let who = server.member().await;
    assert_eq!(scores(&top3_of(&who, yesterday).await), [(old, 2)]);
    // Before and after the first generation.
    for _ in 0..2 {
        assert_eq!(scores(&who.get(TOP3).await), [(new, 2)]);
        who.get("/api/timeline/posts/most-popular").await;
    }
}

#[tokio::test]
async fn days_before_the_first_post_have_an_empty_frozen_top3() {
    let who = crate::support::member().await;
    for date in ["0001-01-01", "1969-12-31", "2024-12-31", "2025-01-02"] {
        let top = who.get(&format!("{TOP3}?date={date}")).await;
        assert_eq!((scores(&top), &top["frozen"], &top["date"]), (Vec::new(), &json!(true), &json!(date)));
    }
}

#[tokio::test]
async fn the_timer_freezes_yesterday_without_a_request() {
    let past = Past::new().await;
    let (author, fan) = (past.member().await, past.member().await);
    let yesterday = day(1);
    let post = past.post(author, yesterday.begin).await;
    past.like(fan, post, noon(yesterday)).await;
    let server = past.start(ZONE).await;
    let who = server.member().await;
    if !yesterday.is_frozen(Timestamp::now()) {
        return;
    }
    let database = server.folder.path().join("dailyfeed.db");
    until(async || {
        // The timer writes the frozen day before any request.
        let wal = std::fs::read(database.with_extension("db-wal")).unwrap_or_default();
        let frozen = format!("[[{post},2]]");
        wal.windows(frozen.len()).any(|bytes| bytes == frozen.as_bytes()).then_some(())
    })
    .await;
    assert_eq!(scores(&top3_of(&who, yesterday).await), [(post, 2)]);
}
