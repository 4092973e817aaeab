//! Streams of an ended session end within five seconds; streams of other sessions stay open.
use crate::{
    common::{Member, PASSWORD, Stream},
    stream::{created, ready},
    support::{base, member, problem},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// A member with two sessions, each with an open stream.
struct Devices {
    this: Member,
    other: Member,
    on_this: Stream,
    on_other: Stream,
}

async fn devices() -> Devices {
    let this = member().await;
    let mut other = this.clone();
    other.log_in().await;
    let (mut on_this, mut on_other) = (this.stream(None).await, other.stream(None).await);
    ready(&mut on_this).await;
    ready(&mut on_other).await;
    Devices { this, other, on_this, on_other }
}

async fn assert_ends(stream: &mut Stream) {
    let drain = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), drain).await.expect("the stream ends within five seconds");
}

impl Devices {
    /// Asserts that the other session's stream ends and that this session's stream stays open.
    async fn assert_only_other_ends(mut self) {
        assert_ends(&mut self.on_other).await;
        let post = self.this.post("여전히").await;
        assert_eq!(created(&mut self.on_this).await, post);
        let again = self.other.send(Method::GET, "/api/timeline/stream", Value::Null).await;
        problem(again, 401, "TOKEN_REVOKED").await;
    }
}

#[tokio::test]
async fn a_logout_ends_the_stream_of_its_session_only() {
    let devices = devices().await;
    assert_eq!(devices.other.call(Method::POST, "/api/authentication/logout", None).await, 204);
    devices.assert_only_other_ends().await;
}

#[tokio::test]
async fn an_ended_session_ends_its_stream() {
    let devices = devices().await;
    let sessions = devices.this.get("/api/authentication/sessions").await;
    let other = sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    devices.this.delete(&format!("/api/authentication/sessions/{}", other["id"])).await;
    devices.assert_only_other_ends().await;
}

#[tokio::test]
async fn a_new_password_ends_the_streams_of_other_sessions() {
    let devices = devices().await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": "N3wpass!word"});
    assert_eq!(devices.this.call(Method::PUT, "/api/authentication/password", Some(change)).await, 204);
    devices.assert_only_other_ends().await;
}

#[tokio::test]
async fn logout_all_ends_every_stream() {
    let mut devices = devices().await;
    assert_eq!(devices.this.call(Method::POST, "/api/authentication/logout-all", None).await, 204);
    assert_ends(&mut devices.on_this).await;
    assert_ends(&mut devices.on_other).await;
}

#[tokio::test]
async fn a_deactivation_ends_every_stream() {
    let mut devices = devices().await;
    devices.this.deactivate().await;
    assert_ends(&mut devices.on_this).await;
    assert_ends(&mut devices.on_other).await;
}

#[tokio::test]
async fn a_stream_by_ticket_ends_with_its_session() {
    let who = member().await;
    let ticket = who.ok(Method::POST, "/api/timeline/stream/ticket", Value::Null).await;
    let url = format!("{}/api/timeline/stream?ticket={}", base(), ticket["ticket"].as_str().unwrap());
    let mut stream = Stream::of(crate::common::client().get(url).send().await.unwrap());
    ready(&mut stream).await;
    assert_eq!(who.call(Method::POST, "/api/authentication/logout", None).await, 204);
    assert_ends(&mut stream).await;
}

#[tokio::test]
async fn a_ticket_of_an_ended_session_is_refused() {
    let who = member().await;
    let ticket = who.ok(Method::POST, "/api/timeline/stream/ticket", Value::Null).await;
    assert_eq!(who.call(Method::POST, "/api/authentication/logout", None).await, 204);
    let url = format!("{}/api/timeline/stream?ticket={}", base(), ticket["ticket"].as_str().unwrap());
    let answer = crate::common::client().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_refresh_ends_no_stream() {
    let mut who = member().await;
    let login = json!({"email": who.email, "password": PASSWORD});
    let login = who.ok(Method::POST, "/api/authentication/login", login).await;
    who.token = login["accessToken"].as_str().unwrap().to_owned();
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let refresh = json!({"refreshToken": login["refreshToken"]});
    who.ok(Method::POST, "/api/authentication/refresh", refresh).await;
    let post = who.post("여전히").await;
    assert_eq!(created(&mut stream).await, post);
}

#[tokio::test]
async fn a_bad_token_is_refused_before_the_first_byte() {
    let mut who = member().await;
    who.token.push('x');
    let answer = who.send(Method::GET, "/api/timeline/stream", Value::Null).await;
    assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    problem(answer, 401, "INVALID_TOKEN").await;
}
