//! `X-Write-Token`: each write returns the token of itself, and a search with the token finds the write.
use crate::{
    common::{Member, PASSWORD},
    image_fixtures::jpeg,
    search::{found, word},
    support::{member, start_server},
};
use futures::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::collections::HashSet;

fn token(answer: &Response) -> Option<String> {
    answer.headers().get("x-write-token").map(|token| token.to_str().unwrap().to_owned())
}

/// Creates a post; returns its id and token.
async fn post(who: &Member, content: &str) -> (u64, String) {
    let answer = who.send(Method::POST, "/api/posts", json!({"content": content})).await;
    let token = token(&answer).expect("a token");
    (answer.json::<Value>().await.unwrap()["id"].as_u64().unwrap(), token)
}

/// Asserts that a search with the token finds the post.
async fn assert_finds(who: &Member, word: &str, token: &str, post: u64) {
    let path = format!("/api/search/posts?q={word}&consistentWith={token}");
    let answer = who.send(Method::GET, &path, Value::Null).await;
    assert!(!answer.headers().contains_key("x-search-behind"));
    assert_eq!(found(&answer.json().await.unwrap(), "post"), [post]);
}

#[tokio::test]
async fn writes_at_the_same_time_have_tokens_of_their_own() {
    let server = start_server(|_| {}).await;
    let writers = join_all((0..8).map(|_| server.member())).await;
    let mut tokens = HashSet::new();
    for round in 0..10 {
        let posts = join_all(writers.iter().map(|who| post(who, "글"))).await;
        tokens.extend(posts.into_iter().map(|(_, token)| token));
        assert_eq!(tokens.len(), (round + 1) * writers.len(), "a token names the write of another member");
    }
}

#[tokio::test]
async fn the_token_of_each_of_two_writers_finds_the_write() {
    let (one, other) = (member().await, member().await);
    for _ in 0..10 {
        let (mine, theirs) = (word(), word());
        let ((post_of_one, token_of_one), (post_of_other, token_of_other)) =
            tokio::join!(post(&one, &mine), post(&other, &theirs));
        tokio::join!(
            assert_finds(&one, &mine, &token_of_one, post_of_one),
            assert_finds(&other, &theirs, &token_of_other, post_of_other)
        );
    }
}

#[tokio::test]
async fn the_token_of_a_repeat_finds_the_first_write() {
    let who = member().await;
    let word = word();
    let send = async || {
        let request = who.request(Method::POST, "/api/posts").header("idempotency-key", "k");
        let answer = request.json(&json!({"content": word})).send().await.unwrap();
        let token = token(&answer).expect("a token");
        (answer.json::<Value>().await.unwrap()["id"].as_u64().unwrap(), token)
    };
    let (post, _) = send().await;
    let (repeated, token) = send().await;
    assert_eq!(repeated, post);
    assert_finds(&who, &word, &token, post).await;
}

#[tokio::test]
async fn a_write_that_changes_nothing_has_a_token_that_finds_its_post() {
    let who = member().await;
    let word = word();
    let (id, _) = post(&who, &word).await;
    let path = format!("/api/posts/{id}");
    let edit = who.send(Method::PUT, &path, json!({"content": word})).await;
    assert_finds(&who, &word, &token(&edit).unwrap(), id).await;
    let unlike = who.send(Method::DELETE, &format!("{path}/like"), Value::Null).await;
    assert_finds(&who, &word, &token(&unlike).unwrap(), id).await;
}

#[tokio::test]
async fn every_write_has_a_token_and_no_other_request_has_one() {
    let (mut who, other) = (member().await, member().await);
    let (id, _) = post(&who, "글").await;
    let comment = who.comment(id, None, "댓글").await;
    let name = |path: &str| path.replace("OTHER", &other.id.to_string()).replace("POST", &id.to_string());
    let handle = json!({"handle": format!("h{}", word())});
    for (method, path, body) in [
        (Method::PUT, "/api/posts/POST", json!({"content": "다른 글"})),
        (Method::PUT, "/api/posts/POST/like", Value::Null),
        (Method::PATCH, "/api/members/me", json!({"bio": "소개"})),
        (Method::PUT, "/api/members/me/handle", handle),
        (Method::PUT, "/api/members/OTHER/follow", Value::Null),
        (Method::DELETE, "/api/members/OTHER/follow", Value::Null),
        (Method::DELETE, "/api/members/me/followers/OTHER", Value::Null),
        (Method::DELETE, "/api/members/me/follow-requests/OTHER", Value::Null),
        (Method::PUT, "/api/members/OTHER/mute", Value::Null),
        (Method::PUT, "/api/members/OTHER/block", Value::Null),
        (Method::PUT, "/api/notifications/marker", json!({"lastReadId": 0})),
        (Method::DELETE, "/api/posts/POST", Value::Null),
        (Method::PUT, "/api/authentication/password", json!({"currentPassword": PASSWORD, "newPassword": PASSWORD})),
        (Method::POST, "/api/authentication/logout-all", Value::Null),
    ] {
        let answer = who.send(method.clone(), &name(path), body).await;
        assert!(answer.status().is_success() && token(&answer).is_some(), "{method} {path}: {}", answer.status());
    }
    who.log_in().await;
    for (method, path, body) in [
        (Method::POST, "/api/members/query", json!({"ids": [other.id]})),
        (Method::POST, "/api/timeline/stream/ticket", Value::Null),
        (Method::POST, "/api/token/refresh", Value::Null),
        (Method::GET, "/api/members/me", Value::Null),
    ] {
        let answer = who.send(method.clone(), path, body).await;
        assert!(answer.status().is_success() && token(&answer).is_none(), "{method} {path}: {}", answer.status());
    }
    let refused = who.send(Method::DELETE, &format!("/api/comments/{comment}"), Value::Null).await;
    assert!(!refused.status().is_success() && token(&refused).is_none(), "the post is deleted");
}

#[tokio::test]
async fn an_upload_and_a_refresh_have_a_token() {
    let who = member().await;
    let upload = who.send_image("post", &jpeg(40, 30)).await;
    assert!(upload.status() == 201 && token(&upload).is_some(), "{}", upload.status());
    let id = upload.json::<Value>().await.unwrap()["id"].clone();
    let delete = who.send(Method::DELETE, &format!("/api/images/{id}"), Value::Null).await;
    assert!(delete.status() == 204 && token(&delete).is_some(), "{}", delete.status());
    let login = json!({"email": who.email, "password": PASSWORD});
    let login = who.send(Method::POST, "/api/authentication/login", login).await;
    assert!(token(&login).is_some());
    let session: Value = login.json().await.unwrap();
    // The second one is answered within the grace period, without a rotation.
    for _ in 0..2 {
        let refresh = json!({"refreshToken": session["refreshToken"]});
        let refresh = who.send(Method::POST, "/api/authentication/refresh", refresh).await;
        assert!(refresh.status() == 200 && token(&refresh).is_some(), "{}", refresh.status());
    }
}
