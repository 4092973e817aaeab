//! `If-Match` on edits: of several edits of one version only the first succeeds; the others get 412.
use crate::{
    common::Member,
    support::{base, member},
};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

/// A resource that can be edited: its URL for reads, and the method and URL of the edit.
struct Resource {
    read: String,
    method: Method,
    path: String,
    /// Returns the body of an edit; every number gives a different one.
    change: fn(u32) -> Value,
}

fn handle(number: u32) -> Value {
    json!({"handle": format!("h{number}_{}", &uuid::Uuid::new_v4().simple().to_string()[..16])})
}

async fn resources(who: &Member) -> Vec<Resource> {
    let post = format!("/api/posts/{}", who.post("글").await);
    let comment = who.comment(post.rsplit('/').next().unwrap().parse().unwrap(), None, "댓글").await;
    let comment = format!("/api/comments/{comment}");
    let me = || "/api/members/me".to_owned();
    let text = |number| json!({"content": format!("바꾼 글 {number}")});
    vec![
        Resource { read: post.clone(), method: Method::PUT, path: post, change: text },
        Resource { read: comment.clone(), method: Method::PUT, path: comment, change: text },
        Resource { read: me(), method: Method::PATCH, path: me(), change: |n| json!({"bio": format!("소개 {n}")}) },
        Resource { read: me(), method: Method::PUT, path: format!("{}/handle", me()), change: handle },
    ]
}

async fn tag(who: &Member, path: &str) -> String {
    let answer = who.send(Method::GET, path, Value::Null).await;
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

async fn change(who: &Member, on: &Resource, tags: &[&str], number: u32) -> Response {
    let mut request = who.request(on.method.clone(), &on.path).json(&(on.change)(number));
    for tag in tags {
        request = request.header("if-match", *tag);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn an_edit_of_the_current_version_succeeds() {
    let who = member().await;
    for on in resources(&who).await {
        let now = tag(&who, &on.read).await;
        let changed = change(&who, &on, &[&now], 1).await;
        assert_eq!(changed.status(), 200, "{}", on.path);
        let after = changed.headers()["etag"].to_str().unwrap().to_owned();
        assert_ne!(after, now, "{}", on.path);
        assert_eq!(after, tag(&who, &on.read).await, "the same as the ETag of a GET: {}", on.path);
        assert_eq!(change(&who, &on, &[&after], 2).await.status(), 200, "{}", on.path);
    }
}

#[tokio::test]
async fn an_edit_of_an_older_version_gets_412_and_changes_nothing() {
    let who = member().await;
    for on in resources(&who).await {
        let old = tag(&who, &on.read).await;
        assert_eq!(change(&who, &on, &[], 1).await.status(), 200);
        let now = who.get(&on.read).await;
        let refused = change(&who, &on, &[&old], 2).await;
        crate::support::problem(refused, 412, "PRECONDITION_FAILED").await;
        assert_eq!(who.get(&on.read).await, now, "{}", on.path);
    }
}

#[tokio::test]
async fn if_match_accepts_lists_weak_tags_and_a_star() {
    let who = member().await;
    for on in resources(&who).await {
        for number in 0..5 {
            let now = tag(&who, &on.read).await;
            let (listed, bare) = (format!("\"other\", {now} , \"more\""), now.trim_start_matches("W/"));
            let weak = format!("W/{bare}");
            let several: [&[&str]; 5] = [&["*"], &[&listed], &[bare], &[&weak], &["\"other\"", &now]];
            let answer = change(&who, &on, several[number], number as u32).await;
            assert_eq!(answer.status(), 200, "{:?} on {}", several[number], on.path);
        }
        for other in [&["\"other\""][..], &["W/\"other\", \"more\""], &[""], &["garbage"], &["\"*\""]] {
            assert_eq!(change(&who, &on, other, 9).await.status(), 412, "{other:?} on {}", on.path);
        }
    }
}

#[tokio::test]
async fn one_of_ten_concurrent_edits_of_one_version_succeeds() {
    let who = member().await;
    for on in resources(&who).await {
        let now = tag(&who, &on.read).await;
        let answers = futures::future::join_all((0..10).map(|number| {
            let (who, on, now) = (&who, &on, now.clone());
            async move { change(who, on, &[&now], number).await.status() }
        }));
        let answers = answers.await;
        let count = |status| answers.iter().filter(|answer| **answer == status).count();
        assert_eq!(
            (count(StatusCode::OK), count(StatusCode::PRECONDITION_FAILED)),
            (1, 9),
            "{answers:?} on {}",
            on.path
        );
    }
}

/// The server evaluates `If-Match` only when the request would succeed without it.
#[tokio::test]
async fn other_errors_come_before_the_condition() {
    let (who, other) = (member().await, member().await);
    let post = format!("/api/posts/{}", who.post("글").await);
    let send = |who: &Member, path: &str, body: Value| {
        who.request(Method::PUT, path).header("if-match", "\"other\"").json(&body).send()
    };
    let text = json!({"content": "바꿈"});
    let foreign = send(&other, &post, text.clone()).await.unwrap();
    crate::support::problem(foreign, 403, "POST_UPDATE_FORBIDDEN").await;
    assert_eq!(send(&who, "/api/posts/1", text.clone()).await.unwrap().status(), 404);
    let long = json!({"content": "글", "title": "가".repeat(101)});
    assert_eq!(send(&who, &post, long).await.unwrap().status(), 422);
    let nobody = crate::common::client()
        .put(format!("{}{post}", base()))
        .header("if-match", "*")
        .json(&text)
        .send()
        .await
        .unwrap();
    assert_eq!(nobody.status(), 401);
    who.delete(&post).await;
    let deleted = who.request(Method::PUT, &post).header("if-match", "*").json(&text).send().await.unwrap();
    assert_eq!(deleted.status(), 404);
}

#[tokio::test]
async fn the_etag_of_a_creation_is_the_etag_of_a_read() {
    let who = member().await;
    let post = who.send(Method::POST, "/api/posts", json!({"content": "글 #태그", "title": "제목"})).await;
    let path = post.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(post.headers()["etag"], tag(&who, &path).await.as_str());
    let comment = who.send(Method::POST, &format!("{path}/comments"), json!({"content": "댓글"})).await;
    let path = comment.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(comment.headers()["etag"], tag(&who, &path).await.as_str());
}

#[tokio::test]
async fn the_notification_marker_has_an_etag() {
    let (who, fan) = (member().await, member().await);
    fan.follow(&who).await;
    let notifications =
        crate::support::eventually(&who, "/api/notifications", |page| page["items"][0]["id"].is_u64()).await;
    let path = "/api/notifications/marker";
    let before = tag(&who, path).await;
    let known = who.request(Method::GET, path).header("if-none-match", &before).send().await.unwrap();
    assert_eq!(known.status(), 304);
    let body = json!({"lastReadId": notifications["items"][0]["id"]});
    let moved = who.request(Method::PUT, path).header("if-match", &before).json(&body).send().await.unwrap();
    assert_eq!(moved.status(), 204);
    assert_eq!(moved.headers()["etag"], tag(&who, path).await.as_str());
    let late = who.request(Method::PUT, path).header("if-match", &before).json(&body).send().await.unwrap();
    crate::support::problem(late, 412, "PRECONDITION_FAILED").await;
}
