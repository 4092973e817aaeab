//! Guessing passwords: who is locked out, from where, and for how long.
use crate::{
    common::{Member, PASSWORD},
    support::{Own, base, own, problem, until},
};
use dailyfeed::config::Config;
use reqwest::{Method, Response};
use serde_json::{Value, json};

const WRONG: &str = "Wr0ngpass!";

/// A server that locks, but limits nothing else.
async fn guarded(change: impl FnOnce(&mut Config)) -> Own {
    own(|config| {
        config.limits.enabled = true;
        config.limits.login_per_minute = 10_000;
        config.limits.signup_per_hour = 10_000;
        config.limits.address_per_second = 10_000;
        change(config);
    })
    .await
}

async fn log_in(base: &str, email: &str, password: &str, through: Option<&str>) -> Response {
    let login = json!({"email": email, "password": password});
    let mut request = crate::common::client().post(format!("{base}/api/authentication/login")).json(&login);
    if let Some(address) = through {
        request = request.header("x-forwarded-for", address);
    }
    request.send().await.unwrap()
}

async fn lock_out(own: &Own, email: &str, through: Option<&str>) {
    for _ in 0..5 {
        problem(log_in(&own.base, email, WRONG, through).await, 401, "LOGIN_FAILED").await;
    }
}

#[tokio::test]
async fn four_failures_lock_nobody() {
    let own = guarded(|_| {}).await;
    let who = own.member().await;
    for _ in 0..4 {
        problem(log_in(&own.base, &who.email, WRONG, None).await, 401, "LOGIN_FAILED").await;
    }
    assert_eq!(log_in(&own.base, &who.email, PASSWORD, None).await.status(), 200);
    own.server.shutdown().await;
}

#[tokio::test]
async fn an_address_that_nobody_has_is_locked_alike() {
    let own = guarded(|_| {}).await;
    lock_out(&own, "nobody@example.com", None).await;
    let locked = log_in(&own.base, "nobody@example.com", WRONG, None).await;
    assert!(locked.headers().contains_key("retry-after"));
    problem(locked, 429, "LOGIN_LOCKED").await;
    own.server.shutdown().await;
}

#[tokio::test]
async fn another_spelling_of_the_address_is_locked_too() {
    let own = guarded(|_| {}).await;
    let who = own.member().await;
    for number in 0..5 {
        let email = if number % 2 == 0 { who.email.to_uppercase() } else { who.email.clone() };
        problem(log_in(&own.base, &email, WRONG, None).await, 401, "LOGIN_FAILED").await;
    }
    problem(log_in(&own.base, &who.email, PASSWORD, None).await, 429, "LOGIN_LOCKED").await;
    own.server.shutdown().await;
}

#[tokio::test]
async fn who_is_logged_in_already_stays_so() {
    let own = guarded(|_| {}).await;
    let who = own.member().await;
    lock_out(&own, &who.email, None).await;
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200);
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_lock_ends() {
    let own = guarded(|config| config.limits.login_lock_seconds = 1).await;
    let who = own.member().await;
    lock_out(&own, &who.email, None).await;
    until(async || {
        let answer = log_in(&own.base, &who.email, PASSWORD, None).await;
        Some(()).filter(|()| answer.status() == 200)
    })
    .await;
    own.server.shutdown().await;
}

#[tokio::test]
async fn behind_a_proxy_only_the_guessers_address_is_locked() {
    let own = guarded(|config| config.http.trusted_proxies = vec!["127.0.0.0/8".to_owned()]).await;
    let who = own.member().await;
    lock_out(&own, &who.email, Some("198.51.100.7")).await;
    let guesser = log_in(&own.base, &who.email, PASSWORD, Some("198.51.100.7")).await;
    problem(guesser, 429, "LOGIN_LOCKED").await;
    assert_eq!(log_in(&own.base, &who.email, PASSWORD, Some("203.0.113.9")).await.status(), 200);
    own.server.shutdown().await;
}

#[tokio::test]
async fn an_address_that_the_client_made_up_is_not_believed() {
    let own = guarded(|_| {}).await;
    let who = own.member().await;
    for number in 0..5 {
        let made_up = format!("198.51.100.{number}");
        problem(log_in(&own.base, &who.email, WRONG, Some(&made_up)).await, 401, "LOGIN_FAILED").await;
    }
    problem(log_in(&own.base, &who.email, PASSWORD, Some("198.51.100.200")).await, 429, "LOGIN_LOCKED").await;
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_login_without_its_fields_is_refused() {
    for body in [
        json!({}),
        json!({"email": "a@example.com"}),
        json!({"password": PASSWORD}),
        json!({"email": null, "password": null}),
    ] {
        let answer = crate::common::client()
            .post(format!("{}/api/authentication/login", base()))
            .json(&body)
            .send()
            .await
            .unwrap();
        problem(answer, 422, "VALIDATION_FAILED").await;
    }
}

#[tokio::test]
async fn a_login_with_fields_of_the_wrong_type_is_refused() {
    for body in [json!({"email": 7, "password": 7}), json!([]), json!("text"), json!({"email": {}, "password": []})] {
        let answer = crate::common::client()
            .post(format!("{}/api/authentication/login", base()))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!([400, 422].contains(&answer.status().as_u16()), "{body}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_login_shows_neither_password_nor_hash() {
    let who = crate::support::member().await;
    let text = log_in(base(), &who.email, PASSWORD, None).await.text().await.unwrap();
    assert!(!text.contains(PASSWORD) && !text.contains("argon2"), "{text}");
    let login: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(login["member"]["email"], who.email.as_str());
}

#[tokio::test]
async fn a_password_that_is_right_but_for_its_case_is_wrong() {
    let who: Member = crate::support::member().await;
    problem(log_in(base(), &who.email, &PASSWORD.to_lowercase(), None).await, 401, "LOGIN_FAILED").await;
    problem(log_in(base(), &who.email, &format!("{PASSWORD} "), None).await, 401, "LOGIN_FAILED").await;
}
