//! Login, logout, password change, and deactivation with the restore at the next login.
use crate::{
    common::{Member, PASSWORD},
    support::{base, fields, member, problem, start_server},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn log_in(base: &str, email: &str, password: &str) -> Response {
    let login = json!({"email": email, "password": password});
    crate::common::client().post(format!("{base}/api/authentication/login")).json(&login).send().await.unwrap()
}

#[tokio::test]
async fn a_login_returns_both_tokens_and_a_cookie() {
    let who = member().await;
    let answer = log_in(base(), &who.email, PASSWORD).await;
    assert_eq!(answer.status(), 200);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["refresh_token=", "HttpOnly", "SameSite=Strict", "Max-Age=2592000"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain HTTP on loopback");
    let login: Value = answer.json().await.unwrap();
    assert_eq!(login["expiresIn"], 3600);
    assert_eq!(login["member"]["id"], who.id);
    assert!(cookie.contains(login["refreshToken"].as_str().unwrap()));
}

#[tokio::test]
async fn the_case_of_an_email_address_does_not_matter_at_login() {
    let who = member().await;
    assert_eq!(log_in(base(), &who.email.to_uppercase(), PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_response() {
    let who = member().await;
    let wrong = problem(log_in(base(), &who.email, "Wr0ngpass!").await, 401, "LOGIN_FAILED").await;
    let unknown = problem(log_in(base(), "nobody@example.com", "Wr0ngpass!").await, 401, "LOGIN_FAILED").await;
    assert_eq!(wrong["detail"], unknown["detail"]);
}

#[tokio::test]
async fn five_failed_logins_lock_only_that_account() {
    let server = start_server(|config| {
        config.limits.enabled = true;
        config.limits.login_per_minute = 1_000;
        config.limits.signup_per_hour = 1_000;
        config.limits.address_per_second = 1_000;
    })
    .await;
    let http = crate::common::client();
    let (who, other) = (Member::sign_up(&http, &server.base).await, Member::sign_up(&http, &server.base).await);
    for _ in 0..5 {
        problem(log_in(&server.base, &who.email, "Wr0ngpass!").await, 401, "LOGIN_FAILED").await;
    }
    let locked = log_in(&server.base, &who.email, PASSWORD).await;
    let seconds: u64 = locked.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((800..=900).contains(&seconds));
    problem(locked, 429, "LOGIN_LOCKED").await;
    assert_eq!(log_in(&server.base, &other.email, PASSWORD).await.status(), 200, "another account is not locked");
    server.app.shutdown().await;
}

#[tokio::test]
async fn too_many_logins_get_429_with_a_retry_after() {
    let server = start_server(|config| {
        config.limits.enabled = true;
        config.limits.login_per_minute = 3;
    })
    .await;
    let mut limited = None;
    for _ in 0..5 {
        let answer = log_in(&server.base, "nobody@example.com", "Wr0ngpass!").await;
        if answer.status() == 429 {
            limited = Some(answer);
        }
    }
    let limited = limited.expect("the limit is reached");
    assert!(limited.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    problem(limited, 429, "TOO_MANY_REQUESTS").await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn signups_of_one_address_are_limited() {
    let server = start_server(|config| {
        config.limits.enabled = true;
        config.limits.signup_per_hour = 2;
    })
    .await;
    let http = crate::common::client();
    for number in 0..3 {
        let handle = format!("s{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
        let who = json!({"email": format!("{handle}@example.com"), "password": PASSWORD, "handle": handle, "memberName": "이름"});
        let answer = http.post(format!("{}/api/authentication/signup", server.base)).json(&who).send().await.unwrap();
        match number {
            2 => drop(problem(answer, 429, "TOO_MANY_REQUESTS").await),
            _ => assert_eq!(answer.status(), 201),
        }
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_logged_out_token_is_revoked() {
    let who = member().await;
    assert_eq!(who.call(Method::POST, "/api/authentication/logout", None).await, 204);
    let answer = who.send(Method::GET, "/api/members/me", Value::Null).await;
    assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    assert_eq!(answer.headers()["x-relogin-required"], "true");
    problem(answer, 401, "TOKEN_REVOKED").await;
}

#[tokio::test]
async fn logout_ends_one_session_and_logout_all_ends_every_session() {
    let first = member().await;
    let (mut second, mut third) = (first.clone(), first.clone());
    second.log_in().await;
    third.log_in().await;
    assert_eq!(second.call(Method::POST, "/api/authentication/logout", None).await, 204);
    assert_eq!(first.call(Method::GET, "/api/members/me", None).await, 200);
    assert_eq!(first.call(Method::POST, "/api/authentication/logout-all", None).await, 204);
    for token in [&first, &second, &third] {
        assert_eq!(token.call(Method::GET, "/api/members/me", None).await, 401);
    }
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let mut who = member().await;
    let other = who.clone();
    who.log_in().await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": "N3wpass!word"});
    assert_eq!(who.call(Method::PUT, "/api/authentication/password", Some(change)).await, 204);
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200);
    assert_eq!(other.call(Method::GET, "/api/members/me", None).await, 401);
    assert_eq!(log_in(base(), &who.email, PASSWORD).await.status(), 401);
    assert_eq!(log_in(base(), &who.email, "N3wpass!word").await.status(), 200);
}

#[tokio::test]
async fn a_password_change_needs_the_current_and_a_valid_new_password() {
    let who = member().await;
    let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});
    let path = "/api/authentication/password";
    let wrong = who.send(Method::PUT, path, change("Wr0ngpass!", "N3wpass!word")).await;
    let wrong = problem(wrong, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&wrong)[0].0, "currentPassword");
    let weak = problem(who.send(Method::PUT, path, change(PASSWORD, "weak")).await, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&weak)[0].0, "newPassword");
}

#[tokio::test]
async fn a_deactivated_member_is_hidden_everywhere_and_restored_by_the_next_login() {
    let (mut deactivated, other) = (member().await, member().await);
    other.follow(&deactivated).await;
    let post = deactivated.post("나의 글").await;
    let on = other.post("너의 글").await;
    let comment = deactivated.comment(on, None, "댓글").await;
    deactivated.ok(Method::PUT, &format!("/api/posts/{on}/like"), Value::Null).await;
    let answer =
        deactivated.send(Method::DELETE, "/api/authentication/deactivate", json!({"password": PASSWORD})).await;
    assert_eq!(answer.status(), 204);
    let status_of = |path: String| {
        let other = other.clone();
        async move { other.call(Method::GET, &path, None).await }
    };
    assert_eq!(status_of(format!("/api/members/{}", deactivated.id)).await, 404);
    assert_eq!(status_of(format!("/api/posts/{post}")).await, 404);
    assert_eq!(status_of(format!("/api/comments/{comment}")).await, 404);
    let feed = other.get("/api/timeline/posts/followings").await;
    assert!(crate::support::ids(&feed).iter().all(|id| *id != post));
    let visible = other.get(&format!("/api/posts/{on}")).await;
    assert_eq!((visible["likeCount"].as_u64(), visible["commentCount"].as_u64()), (Some(0), Some(0)));
    assert_eq!(other.me().await["followingCount"], 0);
    assert_eq!(deactivated.call(Method::GET, "/api/members/me", None).await, 401);
    deactivated.log_in().await;
    assert_eq!(deactivated.me().await["id"], deactivated.id);
    let visible = crate::support::eventually(&other, &format!("/api/posts/{on}"), |post| post["likeCount"] == 1).await;
    assert_eq!(visible["commentCount"], 1);
    assert_eq!(status_of(format!("/api/posts/{post}")).await, 200);
}

#[tokio::test]
async fn deactivation_needs_the_password() {
    let who = member().await;
    let wrong = who.send(Method::DELETE, "/api/authentication/deactivate", json!({"password": "Wr0ngpass!"})).await;
    problem(wrong, 422, "VALIDATION_FAILED").await;
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200);
}
