//! Login: the lock after five failures, per account and client address, and the validation of its fields.
use crate::{
    common::{Member, PASSWORD},
    support::{TestServer, base, problem, start_server, until},
};
use dailyfeed::config::Config;
use reqwest::{Method, Response};
use serde_json::{Value, json};

const WRONG: &str = "Wr0ngpass!";

/// Starts a server with login locks and without rate limits.
async fn locking_server(change: impl FnOnce(&mut Config)) -> TestServer {
    start_server(|config| {
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

async fn lock_out(server: &TestServer, email: &str, through: Option<&str>) {
    for _ in 0..5 {
        problem(log_in(&server.base, email, WRONG, through).await, 401, "LOGIN_FAILED").await;
    }
}

#[tokio::test]
async fn four_failed_logins_lock_nothing() {
    let server = locking_server(|_| {}).await;
    let who = server.member().await;
    for _ in 0..4 {
        problem(log_in(&server.base, &who.email, WRONG, None).await, 401, "LOGIN_FAILED").await;
    }
    assert_eq!(log_in(&server.base, &who.email, PASSWORD, None).await.status(), 200);
    server.app.shutdown().await;
}

#[tokio::test]
async fn an_unknown_email_is_locked_in_the_same_way() {
    let server = locking_server(|_| {}).await;
    lock_out(&server, "nobody@example.com", None).await;
    let locked = log_in(&server.base, "nobody@example.com", WRONG, None).await;
    assert!(locked.headers().contains_key("retry-after"));
    problem(locked, 429, "LOGIN_LOCKED").await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn equivalent_emails_share_one_lock() {
    let server = locking_server(|_| {}).await;
    let who = server.member().await;
    for number in 0..5 {
        let email = if number % 2 == 0 { who.email.to_uppercase() } else { who.email.clone() };
        problem(log_in(&server.base, &email, WRONG, None).await, 401, "LOGIN_FAILED").await;
    }
    problem(log_in(&server.base, &who.email, PASSWORD, None).await, 429, "LOGIN_LOCKED").await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_lock_does_not_end_sessions() {
    let server = locking_server(|_| {}).await;
    let who = server.member().await;
    lock_out(&server, &who.email, None).await;
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_lock_expires() {
    let server = locking_server(|config| config.limits.login_lock_seconds = 1).await;
    let who = server.member().await;
    lock_out(&server, &who.email, None).await;
    until(async || {
        let answer = log_in(&server.base, &who.email, PASSWORD, None).await;
        Some(()).filter(|()| answer.status() == 200)
    })
    .await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_only_the_guessers_address_is_locked() {
    let server = locking_server(|config| config.http.trusted_proxies = vec!["127.0.0.0/8".to_owned()]).await;
    let who = server.member().await;
    lock_out(&server, &who.email, Some("198.51.100.7")).await;
    let guesser = log_in(&server.base, &who.email, PASSWORD, Some("198.51.100.7")).await;
    problem(guesser, 429, "LOGIN_LOCKED").await;
    assert_eq!(log_in(&server.base, &who.email, PASSWORD, Some("203.0.113.9")).await.status(), 200);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_forwarded_address_of_an_untrusted_client_is_ignored() {
    let server = locking_server(|_| {}).await;
    let who = server.member().await;
    for number in 0..5 {
        let forged = format!("198.51.100.{number}");
        problem(log_in(&server.base, &who.email, WRONG, Some(&forged)).await, 401, "LOGIN_FAILED").await;
    }
    problem(log_in(&server.base, &who.email, PASSWORD, Some("198.51.100.200")).await, 429, "LOGIN_LOCKED").await;
    server.app.shutdown().await;
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
async fn passwords_are_case_sensitive_and_not_trimmed() {
    let who: Member = crate::support::member().await;
    problem(log_in(base(), &who.email, &PASSWORD.to_lowercase(), None).await, 401, "LOGIN_FAILED").await;
    problem(log_in(base(), &who.email, &format!("{PASSWORD} "), None).await, 401, "LOGIN_FAILED").await;
}
