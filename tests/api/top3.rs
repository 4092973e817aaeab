//! `GET /api/timeline/daily-top3` for the current day. Each test has its own server, because the top 3 cover all posts.
use crate::{
    common::Member,
    support::{eventually, fields, problem, start_server},
};
use dailyfeed::domain::Timestamp;
use jiff::{Timestamp as Moment, tz::TimeZone};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) const TOP3: &str = "/api/timeline/daily-top3";

/// Returns the posts with their scores. Asserts that the ranks are 1, 2, 3.
pub(crate) fn scores(top: &Value) -> Vec<(u64, u64)> {
    let items = top["items"].as_array().unwrap();
    let number = |value: &Value| value.as_u64().unwrap();
    assert!(items.iter().zip(1..).all(|(item, rank)| number(&item["rank"]) == rank));
    items.iter().map(|item| (number(&item["post"]["id"]), number(&item["score"]))).collect()
}

pub(crate) fn today(zone: &str) -> String {
    let now = Moment::from_millisecond(Timestamp::now().0).unwrap();
    TimeZone::get(zone).unwrap().to_datetime(now).date().to_string()
}

async fn wait_until_top3(who: &Member, wanted: &[(u64, u64)]) -> Value {
    eventually(who, TOP3, |top| scores(top) == wanted).await
}

async fn view(who: &Member, post: u64) {
    who.get(&format!("/api/posts/{post}")).await;
}

#[tokio::test]
async fn a_score_is_twice_likes_plus_three_times_comments_plus_views() {
    let server = start_server(|_| {}).await;
    let (author, a, b) = (server.member().await, server.member().await, server.member().await);
    let (liked, commented, viewed) = (author.post("하나").await, author.post("둘").await, author.post("셋").await);
    author.post("넷").await;
    for who in [&a, &b] {
        who.like(liked).await;
        who.comment(commented, None, "댓글").await;
        view(who, viewed).await;
        view(who, liked).await;
    }
    view(&a, commented).await;
    let top = wait_until_top3(&author, &[(commented, 7), (liked, 6), (viewed, 2)]).await;
    assert_eq!((&top["frozen"], &top["date"]), (&json!(false), &json!(today("Asia/Seoul"))));
    assert_eq!(top["items"][0]["post"]["commentCount"], 2);
    assert_eq!(top["items"][0]["post"]["author"]["id"], author.id);
}

#[tokio::test]
async fn equal_scores_are_ordered_oldest_first_and_limited_to_three() {
    let server = start_server(|_| {}).await;
    let (author, fan) = (server.member().await, server.member().await);
    let mut posts = Vec::new();
    for number in 0..5 {
        posts.push(author.post(&format!("글 {number}")).await);
    }
    for post in posts.iter().rev() {
        fan.like(*post).await;
    }
    wait_until_top3(&author, &[(posts[0], 2), (posts[1], 2), (posts[2], 2)]).await;
}

#[tokio::test]
async fn a_day_without_activity_has_an_empty_top3() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    who.post("조용한 글").await;
    let top = who.get(TOP3).await;
    assert_eq!((scores(&top), &top["frozen"]), (Vec::new(), &json!(false)));
}

#[tokio::test]
async fn undone_likes_and_deleted_comments_do_not_count() {
    let server = start_server(|_| {}).await;
    let (author, fan) = (server.member().await, server.member().await);
    let (first, second) = (author.post("하나").await, author.post("둘").await);
    fan.like(first).await;
    let comment = fan.comment(first, None, "댓글").await;
    fan.like(second).await;
    wait_until_top3(&author, &[(first, 5), (second, 2)]).await;
    fan.delete(&format!("/api/comments/{comment}")).await;
    fan.ok(Method::DELETE, &format!("/api/posts/{first}/like"), Value::Null).await;
    wait_until_top3(&author, &[(second, 2)]).await;
}

#[tokio::test]
async fn a_deleted_post_is_replaced_at_once() {
    let server = start_server(|_| {}).await;
    let (author, a, b) = (server.member().await, server.member().await, server.member().await);
    let mut posts = Vec::new();
    for number in 0..4 {
        posts.push(author.post(&format!("글 {number}")).await);
        a.like(posts[number]).await;
    }
    b.like(posts[0]).await;
    wait_until_top3(&author, &[(posts[0], 4), (posts[1], 2), (posts[2], 2)]).await;
    author.delete(&format!("/api/posts/{}", posts[0])).await;
    assert_eq!(scores(&author.get(TOP3).await), [(posts[1], 2), (posts[2], 2), (posts[3], 2)]);
}

#[tokio::test]
async fn hidden_posts_are_replaced_per_viewer() {
    let server = start_server(|_| {}).await;
    let (author, other, fan) = (server.member().await, server.member().await, server.member().await);
    let (blocker, muter) = (server.member().await, server.member().await);
    let mut posts = Vec::new();
    for member in [&author, &other, &author, &other, &other] {
        posts.push(member.post("글").await);
        fan.like(*posts.last().unwrap()).await;
    }
    let whole = [(posts[0], 2), (posts[1], 2), (posts[2], 2)];
    wait_until_top3(&fan, &whole).await;
    blocker.ok(Method::PUT, &format!("/api/members/{}/block", author.id), Value::Null).await;
    muter.ok(Method::PUT, &format!("/api/members/{}/mute", author.id), Value::Null).await;
    for who in [&blocker, &muter] {
        assert_eq!(scores(&who.get(TOP3).await), [(posts[1], 2), (posts[3], 2), (posts[4], 2)]);
    }
    assert_eq!(scores(&fan.get(TOP3).await), whole);
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
    wait_until_top3(&fan, &[(posts[1], 2), (posts[3], 2), (posts[4], 2)]).await;
    assert_eq!(scores(&author.get(TOP3).await), whole);
}

#[tokio::test]
async fn today_can_be_requested_by_date() {
    let server = start_server(|_| {}).await;
    let (author, fan) = (server.member().await, server.member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    let top = wait_until_top3(&author, &[(post, 2)]).await;
    let date = top["date"].as_str().unwrap();
    assert_eq!(author.get(&format!("{TOP3}?date={date}")).await, top);
}

#[tokio::test]
async fn a_malformed_date_is_refused() {
    let who = crate::support::member().await;
    for date in ["yesterday", "2026-13-01", "2026-02-30", "2026-1-1", "20260101", "2026-01-01T00:00:00Z", "", "-01-01"]
    {
        let answer = who.send(Method::GET, &format!("{TOP3}?date={date}"), Value::Null).await;
        let problem = problem(answer, 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&problem), [("date".to_owned(), "INVALID_FORMAT".to_owned())], "{date}");
    }
    let twice = who.send(Method::GET, &format!("{TOP3}?date=2026-01-01&date=2026-01-02"), Value::Null).await;
    let problem = problem(twice, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&problem), [("date".to_owned(), "REPEATED".to_owned())]);
}

#[tokio::test]
async fn a_future_date_is_refused() {
    let who = crate::support::member().await;
    let later = Moment::from_millisecond(Timestamp::now().0 + 48 * 3_600_000).unwrap();
    let later = TimeZone::get("Asia/Seoul").unwrap().to_datetime(later).date().to_string();
    for date in [later.as_str(), "9999-12-31"] {
        let answer = who.send(Method::GET, &format!("{TOP3}?date={date}"), Value::Null).await;
        let problem = problem(answer, 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&problem), [("date".to_owned(), "NOT_IN_THE_PAST".to_owned())], "{date}");
    }
}

#[tokio::test]
async fn the_day_depends_on_the_configured_zone() {
    let mut dates = Vec::new();
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        let server = start_server(|config| config.ranking.day_zone = zone.to_owned()).await;
        let (author, fan) = (server.member().await, server.member().await);
        let post = author.post("글").await;
        fan.like(post).await;
        let top = wait_until_top3(&author, &[(post, 2)]).await;
        assert_eq!(top["date"], today(zone));
        dates.push(top["date"].as_str().unwrap().to_owned());
    }
    // The zones are 25 hours apart.
    assert!(dates[0] > dates[1], "{dates:?}");
}

#[tokio::test]
async fn an_unchanged_top3_gets_304() {
    let server = start_server(|_| {}).await;
    let (author, fan) = (server.member().await, server.member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    wait_until_top3(&author, &[(post, 2)]).await;
    let answer = author.send(Method::GET, TOP3, Value::Null).await;
    let version = answer.headers()["etag"].to_str().unwrap().to_owned();
    let request = || author.request(Method::GET, TOP3).header("if-none-match", version.clone()).send();
    assert_eq!(request().await.unwrap().status(), 304);
    fan.comment(post, None, "댓글").await;
    wait_until_top3(&author, &[(post, 5)]).await;
    assert_eq!(request().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_restart_does_not_change_the_top3() {
    let server = start_server(|_| {}).await;
    let (author, fan) = (server.member().await, server.member().await);
    let (first, second) = (author.post("하나").await, author.post("둘").await);
    fan.comment(second, None, "댓글").await;
    fan.like(first).await;
    let before = wait_until_top3(&author, &[(second, 3), (first, 2)]).await;
    let server = server.restart(async |_| {}).await;
    let author = Member { base: server.base.clone(), ..author };
    assert_eq!(author.get(TOP3).await, before);
}
