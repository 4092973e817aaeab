//! One counter for every place that takes a password, and one member's guesses are nobody else's wait.
use crate::{
    common::{Member, PASSWORD},
    support::{Own, fields, own, problem},
};
use futures::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

const WRONG: &str = "Wr0ngpass!";
const OTHER: &str = "N3wpass!word";

/// A server that locks, but limits nothing else, and believes what a proxy on loopback says.
async fn guarded() -> Own {
    own(|config| {
        config.limits.enabled = true;
        config.limits.login_per_minute = 10_000;
        config.limits.signup_per_hour = 10_000;
        config.limits.address_per_second = 10_000;
        config.http.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    })
    .await
}

async fn log_in(own: &Own, email: &str, password: &str, from: &str) -> Response {
    let login = json!({"email": email, "password": password});
    let request = crate::common::client().post(format!("{}/api/authentication/login", own.base)).json(&login);
    request.header("x-forwarded-for", from).send().await.unwrap()
}

async fn change(who: &Member, current: &str, from: &str) -> Response {
    let change = json!({"currentPassword": current, "newPassword": OTHER});
    let request = who.request(Method::PUT, "/api/authentication/password").json(&change);
    request.header("x-forwarded-for", from).send().await.unwrap()
}

async fn leave(who: &Member, password: &str, from: &str) -> Response {
    let request = who.request(Method::DELETE, "/api/authentication/deactivate").json(&json!({"password": password}));
    request.header("x-forwarded-for", from).send().await.unwrap()
}

async fn is_locked(answer: Response) {
    let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((800..=900).contains(&seconds), "{seconds}");
    problem(answer, 429, "LOGIN_LOCKED").await;
}

#[tokio::test]
async fn the_current_password_is_guessed_five_times_and_no_more() {
    let own = guarded().await;
    let who = own.member().await;
    for number in 0..5 {
        let answer = match number % 2 {
            0 => change(&who, WRONG, "192.0.2.1").await,
            _ => leave(&who, WRONG, "192.0.2.1").await,
        };
        assert_eq!(fields(&problem(answer, 422, "VALIDATION_FAILED").await)[0].1, "WRONG_PASSWORD");
    }
    is_locked(change(&who, PASSWORD, "192.0.2.1").await).await;
    is_locked(leave(&who, PASSWORD, "192.0.2.1").await).await;
    is_locked(log_in(&own, &who.email, PASSWORD, "192.0.2.1").await).await;
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200, "the session goes on");
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_lock_of_the_login_is_one_of_the_other_places() {
    let own = guarded().await;
    let who = own.member().await;
    for _ in 0..5 {
        problem(log_in(&own, &who.email.to_uppercase(), WRONG, "192.0.2.1").await, 401, "LOGIN_FAILED").await;
    }
    is_locked(change(&who, PASSWORD, "192.0.2.1").await).await;
    is_locked(leave(&who, PASSWORD, "192.0.2.1").await).await;
    assert_eq!(change(&who, PASSWORD, "192.0.2.2").await.status(), 204, "from elsewhere");
    own.server.shutdown().await;
}

#[tokio::test]
async fn who_has_a_token_guesses_no_faster_from_many_addresses() {
    let own = guarded().await;
    let who = own.member().await;
    for number in 0..5 {
        problem(change(&who, WRONG, &format!("192.0.2.{number}")).await, 422, "VALIDATION_FAILED").await;
    }
    is_locked(leave(&who, PASSWORD, "192.0.2.77").await).await;
    assert_eq!(log_in(&own, &who.email, PASSWORD, "192.0.2.77").await.status(), 200, "a login is not locked by it");
    own.server.shutdown().await;
}

#[tokio::test]
async fn one_customers_network_is_one_address() {
    let own = guarded().await;
    let who = own.member().await;
    for number in 0..5 {
        let from = format!("2001:db8:1:2::{number}");
        problem(log_in(&own, &who.email, WRONG, &from).await, 401, "LOGIN_FAILED").await;
    }
    is_locked(log_in(&own, &who.email, PASSWORD, "2001:db8:1:2:3:4:5:6").await).await;
    assert_eq!(log_in(&own, &who.email, PASSWORD, "2001:db8:1:3::1").await.status(), 200);
    own.server.shutdown().await;
}

#[tokio::test]
async fn guesses_at_once_are_counted_one_by_one() {
    let own = guarded().await;
    let (who, other) = (own.member().await, own.member().await);
    let logins = join_all((0..40).map(|_| log_in(&own, &who.email, WRONG, "192.0.2.1"))).await;
    let of = |answers: &[Response], status| answers.iter().filter(|answer| answer.status() == status).count();
    assert_eq!((of(&logins, 401), of(&logins, 429)), (5, 35));
    let changes = join_all((0..40).map(|_| change(&other, WRONG, "192.0.2.1"))).await;
    assert_eq!((of(&changes, 422), of(&changes, 429)), (5, 35));
    is_locked(log_in(&own, &who.email, PASSWORD, "192.0.2.1").await).await;
    own.server.shutdown().await;
}

#[tokio::test]
async fn the_right_password_begins_afresh() {
    let own = guarded().await;
    let who = own.member().await;
    for _ in 0..3 {
        for _ in 0..4 {
            problem(change(&who, WRONG, "192.0.2.1").await, 422, "VALIDATION_FAILED").await;
        }
        assert_eq!(log_in(&own, &who.email, PASSWORD, "192.0.2.1").await.status(), 200);
        // The account alone has counted too, until the right one came to where a token is asked for.
        let again = json!({"currentPassword": PASSWORD, "newPassword": PASSWORD});
        let request = who.request(Method::PUT, "/api/authentication/password").json(&again);
        assert_eq!(request.send().await.unwrap().status(), 204);
    }
    own.server.shutdown().await;
}

#[tokio::test]
async fn an_address_of_more_than_100_characters_is_refused_before_anything_else() {
    let own = guarded().await;
    for _ in 0..10 {
        for email in [format!("{}@example.com", "a".repeat(90)), "a".repeat(60_000)] {
            let refused = problem(log_in(&own, &email, WRONG, "192.0.2.1").await, 422, "VALIDATION_FAILED").await;
            assert_eq!(fields(&refused), [("email".to_owned(), "TOO_LONG".to_owned())]);
        }
    }
    let longest = format!("{}@example.com", "a".repeat(88));
    problem(log_in(&own, &longest, WRONG, "192.0.2.1").await, 401, "LOGIN_FAILED").await;
    own.server.shutdown().await;
}

#[tokio::test]
async fn who_guesses_ninety_times_at_once_keeps_nobody_from_logging_in() {
    let own = own(|_| {}).await;
    let guesser = own.member().await;
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(own.member().await);
    }
    let guesses = join_all((0..90).map(|_| change(&guesser, WRONG, "192.0.2.1")));
    let logins = join_all(others.iter().map(|other| log_in(&own, &other.email, PASSWORD, "192.0.2.1")));
    let (guesses, logins) = tokio::join!(guesses, logins);
    assert!(logins.iter().all(|login| login.status() == 200), "others are let in");
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
    assert!(shed > 0, "the guesser's lane has an end");
    own.server.shutdown().await;
}

#[tokio::test]
async fn passwords_of_any_shape_are_only_wrong() {
    let own = guarded().await;
    let who = own.member().await;
    for password in ["", " ", "\u{FDFA}\u{FDFA}", "a\u{0}b"].map(str::to_owned).into_iter().chain(["x".repeat(40_000)])
    {
        let status =
            log_in(&own, &who.email, &password, &format!("198.51.100.{}", password.len() % 250)).await.status();
        assert!([401, 422].contains(&status.as_u16()), "{status}");
    }
    let body: Value = log_in(&own, &who.email, PASSWORD, "203.0.113.1").await.json().await.unwrap();
    assert_eq!(body["member"]["id"], who.id);
    own.server.shutdown().await;
}
