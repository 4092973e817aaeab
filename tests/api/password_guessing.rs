//! Password guessing: one counter of failures for login, password change and deactivation, and fairness of the lane.
use crate::{
    common::{Member, PASSWORD},
    support::{TestServer, fields, problem, start_server},
};
use futures::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

const WRONG: &str = "Wr0ngpass!";
const OTHER: &str = "N3wpass!word";

/// Starts a server with login locks, without rate limits, which trusts `X-Forwarded-For` from loopback.
async fn locking_server() -> TestServer {
    start_server(|config| {
        config.limits.enabled = true;
        config.limits.login_per_minute = 10_000;
        config.limits.signup_per_hour = 10_000;
        config.limits.address_per_second = 10_000;
        config.http.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    })
    .await
}

async fn log_in(server: &TestServer, email: &str, password: &str, from: &str) -> Response {
    let login = json!({"email": email, "password": password});
    let request = crate::common::client().post(format!("{}/api/authentication/login", server.base)).json(&login);
    request.header("x-forwarded-for", from).send().await.unwrap()
}

async fn change(who: &Member, current: &str, from: &str) -> Response {
    let change = json!({"currentPassword": current, "newPassword": OTHER});
    let request = who.request(Method::PUT, "/api/authentication/password").json(&change);
    request.header("x-forwarded-for", from).send().await.unwrap()
}

async fn deactivate(who: &Member, password: &str, from: &str) -> Response {
    let request = who.request(Method::DELETE, "/api/authentication/deactivate").json(&json!({"password": password}));
    request.header("x-forwarded-for", from).send().await.unwrap()
}

async fn assert_locked(answer: Response) {
    let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((800..=900).contains(&seconds), "{seconds}");
    problem(answer, 429, "LOGIN_LOCKED").await;
}

#[tokio::test]
async fn five_wrong_current_passwords_lock_the_account() {
    let server = locking_server().await;
    let who = server.member().await;
    for number in 0..5 {
        let answer = match number % 2 {
            0 => change(&who, WRONG, "192.0.2.1").await,
            _ => deactivate(&who, WRONG, "192.0.2.1").await,
        };
        assert_eq!(fields(&problem(answer, 422, "VALIDATION_FAILED").await)[0].1, "WRONG_PASSWORD");
    }
    assert_locked(change(&who, PASSWORD, "192.0.2.1").await).await;
    assert_locked(deactivate(&who, PASSWORD, "192.0.2.1").await).await;
    assert_locked(log_in(&server, &who.email, PASSWORD, "192.0.2.1").await).await;
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200, "the session stays valid");
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_login_lock_holds_for_password_change_and_deactivation() {
    let server = locking_server().await;
    let who = server.member().await;
    for _ in 0..5 {
        problem(log_in(&server, &who.email.to_uppercase(), WRONG, "192.0.2.1").await, 401, "LOGIN_FAILED").await;
    }
    assert_locked(change(&who, PASSWORD, "192.0.2.1").await).await;
    assert_locked(deactivate(&who, PASSWORD, "192.0.2.1").await).await;
    assert_eq!(change(&who, PASSWORD, "192.0.2.2").await.status(), 204, "another address is not locked");
    server.app.shutdown().await;
}

#[tokio::test]
async fn guesses_with_a_token_count_across_addresses() {
    let server = locking_server().await;
    let who = server.member().await;
    for number in 0..5 {
        problem(change(&who, WRONG, &format!("192.0.2.{number}")).await, 422, "VALIDATION_FAILED").await;
    }
    assert_locked(deactivate(&who, PASSWORD, "192.0.2.77").await).await;
    assert_eq!(log_in(&server, &who.email, PASSWORD, "192.0.2.77").await.status(), 200, "the login is not locked");
    server.app.shutdown().await;
}

#[tokio::test]
async fn an_ipv6_64_prefix_counts_as_one_address() {
    let server = locking_server().await;
    let who = server.member().await;
    for number in 0..5 {
        let from = format!("2001:db8:1:2::{number}");
        problem(log_in(&server, &who.email, WRONG, &from).await, 401, "LOGIN_FAILED").await;
    }
    assert_locked(log_in(&server, &who.email, PASSWORD, "2001:db8:1:2:3:4:5:6").await).await;
    assert_eq!(log_in(&server, &who.email, PASSWORD, "2001:db8:1:3::1").await.status(), 200);
    server.app.shutdown().await;
}

#[tokio::test]
async fn concurrent_guesses_are_counted_exactly() {
    let server = locking_server().await;
    let (who, other) = (server.member().await, server.member().await);
    let logins = join_all((0..40).map(|_| log_in(&server, &who.email, WRONG, "192.0.2.1"))).await;
    let of = |answers: &[Response], status| answers.iter().filter(|answer| answer.status() == status).count();
    assert_eq!((of(&logins, 401), of(&logins, 429)), (5, 35));
    let changes = join_all((0..40).map(|_| change(&other, WRONG, "192.0.2.1"))).await;
    assert_eq!((of(&changes, 422), of(&changes, 429)), (5, 35));
    assert_locked(log_in(&server, &who.email, PASSWORD, "192.0.2.1").await).await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn the_right_password_resets_the_counter() {
    let server = locking_server().await;
    let who = server.member().await;
    for _ in 0..3 {
        for _ in 0..4 {
            problem(change(&who, WRONG, "192.0.2.1").await, 422, "VALIDATION_FAILED").await;
        }
        assert_eq!(log_in(&server, &who.email, PASSWORD, "192.0.2.1").await.status(), 200);
        // The counter of the account is separate: only the right password on a route with a token resets it.
        let again = json!({"currentPassword": PASSWORD, "newPassword": PASSWORD});
        let request = who.request(Method::PUT, "/api/authentication/password").json(&again);
        assert_eq!(request.send().await.unwrap().status(), 204);
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn an_email_of_more_than_100_characters_is_refused_without_a_lock() {
    let server = locking_server().await;
    for _ in 0..10 {
        for email in [format!("{}@example.com", "a".repeat(90)), "a".repeat(60_000)] {
            let refused = problem(log_in(&server, &email, WRONG, "192.0.2.1").await, 422, "VALIDATION_FAILED").await;
            assert_eq!(fields(&refused), [("email".to_owned(), "TOO_LONG".to_owned())]);
        }
    }
    let longest = format!("{}@example.com", "a".repeat(88));
    problem(log_in(&server, &longest, WRONG, "192.0.2.1").await, 401, "LOGIN_FAILED").await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn ninety_concurrent_guesses_do_not_block_other_logins() {
    let server = start_server(|_| {}).await;
    let guesser = server.member().await;
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(server.member().await);
    }
    let guesses = join_all((0..90).map(|_| change(&guesser, WRONG, "192.0.2.1")));
    let logins = join_all(others.iter().map(|other| log_in(&server, &other.email, PASSWORD, "192.0.2.1")));
    let (guesses, logins) = tokio::join!(guesses, logins);
    assert!(logins.iter().all(|login| login.status() == 200), "other members can log in");
    let mut shed = 0;
    for guess in guesses {
        match guess.status().as_u16() {
            422 => {}
            503 => {
                assert!(guess.headers().contains_key("retry-after"));
                problem(guess, 503, "BUSY").await;
                shed += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(shed > 0, "the guesser exceeds its share of the lane");
    server.app.shutdown().await;
}

#[tokio::test]
async fn unusual_passwords_are_wrong_and_no_server_error() {
    let server = locking_server().await;
    let who = server.member().await;
    for password in ["", " ", "\u{FDFA}\u{FDFA}", "a\u{0}b"].map(str::to_owned).into_iter().chain(["x".repeat(40_000)])
    {
        let status =
            log_in(&server, &who.email, &password, &format!("198.51.100.{}", password.len() % 250)).await.status();
        assert!([401, 422].contains(&status.as_u16()), "{status}");
    }
    let body: Value = log_in(&server, &who.email, PASSWORD, "203.0.113.1").await.json().await.unwrap();
    assert_eq!(body["member"]["id"], who.id);
    server.app.shutdown().await;
}
