//! Refresh tokens (rotation, reuse, cookies) and the list of sessions.
use crate::{
    common::PASSWORD,
    support::{base, member, problem, start_server},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn log_in(base: &str, email: &str) -> Value {
    let login = json!({"email": email, "password": PASSWORD});
    let answer =
        crate::common::client().post(format!("{base}/api/authentication/login")).json(&login).send().await.unwrap();
    answer.json().await.unwrap()
}

async fn refresh(base: &str, token: &Value) -> Response {
    let body = json!({"refreshToken": token});
    crate::common::client().post(format!("{base}/api/authentication/refresh")).json(&body).send().await.unwrap()
}

async fn refreshed(base: &str, token: &Value) -> Value {
    let answer = refresh(base, token).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_refresh_returns_a_new_pair_of_tokens() {
    let login = log_in(base(), &member().await.email).await;
    let pair = refreshed(base(), &login["refreshToken"]).await;
    assert_ne!(pair["refreshToken"], login["refreshToken"]);
    let me = crate::common::client().get(format!("{}/api/members/me", base()));
    let me = me.bearer_auth(pair["accessToken"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(me.status(), 200);
}

#[tokio::test]
async fn the_refresh_token_can_be_in_the_cookie() {
    let login = log_in(base(), &member().await.email).await;
    let cookie = format!("refresh_token={}", login["refreshToken"].as_str().unwrap());
    let refresh =
        crate::common::client().post(format!("{}/api/authentication/refresh", base())).header("cookie", cookie);
    let answer = refresh.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["set-cookie"].to_str().unwrap().starts_with("refresh_token="));
}

#[tokio::test]
async fn a_repeated_refresh_returns_the_same_successor() {
    let login = log_in(base(), &member().await.email).await;
    let first = refreshed(base(), &login["refreshToken"]).await;
    let again = refreshed(base(), &login["refreshToken"]).await;
    assert_eq!(first["refreshToken"], again["refreshToken"], "the same refresh token");
    refreshed(base(), &again["refreshToken"]).await;
}

#[tokio::test]
async fn fifty_concurrent_refreshes_get_one_successor() {
    let login = log_in(base(), &member().await.email).await;
    let pairs = futures::future::join_all((0..50).map(|_| refreshed(base(), &login["refreshToken"]))).await;
    assert!(pairs.iter().all(|pair| pair["refreshToken"] == pairs[0]["refreshToken"]));
    refreshed(base(), &pairs[49]["refreshToken"]).await;
}

#[tokio::test]
async fn a_refresh_token_reused_after_the_grace_time_ends_its_session() {
    let server = start_server(|config| config.authentication.refresh_grace_seconds = 0).await;
    let who = crate::common::Member::sign_up(&crate::common::client(), &server.base).await;
    let login = log_in(&server.base, &who.email).await;
    let second = refreshed(&server.base, &login["refreshToken"]).await;
    let third = refreshed(&server.base, &second["refreshToken"]).await;
    let reused = refresh(&server.base, &login["refreshToken"]).await;
    assert_eq!(reused.headers()["x-relogin-required"], "true");
    problem(reused, 401, "RELOGIN_REQUIRED").await;
    problem(refresh(&server.base, &third["refreshToken"]).await, 401, "RELOGIN_REQUIRED").await;
    let me = crate::common::client().get(format!("{}/api/members/me", server.base));
    let me = me.bearer_auth(third["accessToken"].as_str().unwrap()).send().await.unwrap();
    problem(me, 401, "TOKEN_REVOKED").await;
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200, "the other session stays valid");
    server.app.shutdown().await;
}

#[tokio::test]
async fn an_invalid_refresh_token_is_refused() {
    let login = log_in(base(), &member().await.email).await;
    let real = login["refreshToken"].as_str().unwrap();
    let mut forged = real.to_owned().into_bytes();
    forged[40] ^= 1;
    for token in ["garbage", "", login["accessToken"].as_str().unwrap(), std::str::from_utf8(&forged).unwrap()] {
        let answer = refresh(base(), &token.into()).await;
        assert_eq!(answer.status(), 401, "{token}");
    }
    problem(refresh(base(), &"garbage".into()).await, 401, "RELOGIN_REQUIRED").await;
}

#[tokio::test]
async fn a_logged_out_session_cannot_refresh() {
    let mut who = member().await;
    let login = log_in(base(), &who.email).await;
    who.token = login["accessToken"].as_str().unwrap().to_owned();
    assert_eq!(who.call(Method::POST, "/api/authentication/logout", None).await, 204);
    problem(refresh(base(), &login["refreshToken"]).await, 401, "RELOGIN_REQUIRED").await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let mut who = member().await;
    let first = who.clone();
    who.log_in().await;
    let sessions = who.get("/api/authentication/sessions").await;
    let items = sessions["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let other = items.iter().find(|session| session["current"] == false).expect("another session");
    let path = format!("/api/authentication/sessions/{}", other["id"]);
    assert_eq!(who.call(Method::DELETE, &path, None).await, 204);
    assert_eq!(first.call(Method::GET, "/api/members/me", None).await, 401);
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200);
    assert_eq!(who.call(Method::DELETE, &path, None).await, 404, "the session has ended already");
}

#[tokio::test]
async fn a_session_of_another_member_is_not_found() {
    let (who, other) = (member().await, member().await);
    let theirs = other.get("/api/authentication/sessions").await["items"][0]["id"].clone();
    let path = format!("/api/authentication/sessions/{theirs}");
    assert_eq!(who.call(Method::DELETE, &path, None).await, 404);
    assert_eq!(other.call(Method::GET, "/api/members/me", None).await, 200);
}

#[tokio::test]
async fn a_session_has_address_and_user_agent() {
    let who = member().await;
    let login = json!({"email": who.email, "password": PASSWORD});
    let request = crate::common::client().post(format!("{}/api/authentication/login", base())).json(&login);
    let answer = request.header("user-agent", "dailyfeed-phone/7").send().await.unwrap();
    let login: Value = answer.json().await.unwrap();
    let sessions = who.get("/api/authentication/sessions").await.to_string();
    assert!(sessions.contains("dailyfeed-phone/7") && sessions.contains("127.0.0.1"), "{sessions}");
    assert!(!sessions.contains(login["refreshToken"].as_str().unwrap()));
}

#[tokio::test]
async fn a_refresh_without_a_token_requires_a_login() {
    let answer = crate::common::client().post(format!("{}/api/authentication/refresh", base())).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["x-relogin-required"], "true");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_refresh_adds_no_session_and_keeps_the_access_token_valid() {
    let mut who = member().await;
    let login = log_in(base(), &who.email).await;
    who.token = login["accessToken"].as_str().unwrap().to_owned();
    let mut token = login["refreshToken"].clone();
    for _ in 0..3 {
        token = refreshed(base(), &token).await["refreshToken"].clone();
    }
    let sessions = who.get("/api/authentication/sessions").await;
    assert_eq!(sessions["items"].as_array().unwrap().len(), 2, "the session of the signup and this one");
}

#[tokio::test]
async fn fifty_concurrent_refreshes_by_cookie_get_one_cookie() {
    let login = log_in(base(), &member().await.email).await;
    let cookie = format!("refresh_token={}", login["refreshToken"].as_str().unwrap());
    let refresh = || async {
        let request = crate::common::client().post(format!("{}/api/authentication/refresh", base()));
        let answer = request.header("cookie", &cookie).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    };
    let cookies = futures::future::join_all((0..50).map(|_| refresh())).await;
    assert!(cookies.iter().all(|given| *given == cookies[0] && *given != cookie));
}

#[tokio::test]
async fn the_cookie_is_secure_unless_insecure_cookies_are_configured() {
    let server = start_server(|config| config.http.insecure_cookies = "false".to_owned()).await;
    let who = server.member().await;
    let login = json!({"email": who.email, "password": PASSWORD});
    let answer = crate::common::client()
        .post(format!("{}/api/authentication/login", server.base))
        .json(&login)
        .send()
        .await
        .unwrap();
    assert!(answer.headers()["set-cookie"].to_str().unwrap().split("; ").any(|part| part == "Secure"));
    server.app.shutdown().await;
}

#[tokio::test]
async fn behind_a_proxy_the_cookie_is_secure_if_the_public_url_is_https() {
    for (url, secure) in [("https://feed.example", true), ("http://feed.example", false), ("", false)] {
        let server = start_server(|config| config.http.public_url = url.to_owned()).await;
        let login = json!({"email": server.member().await.email, "password": PASSWORD});
        let request = crate::common::client().post(format!("{}/api/authentication/login", server.base)).json(&login);
        let cookie = request.send().await.unwrap().headers()["set-cookie"].to_str().unwrap().to_owned();
        assert_eq!(cookie.split("; ").any(|part| part == "Secure"), secure, "{url}: {cookie}");
        server.app.shutdown().await;
    }
}

#[tokio::test]
async fn logout_all_ends_all_refresh_tokens() {
    let who = member().await;
    let logins = [log_in(base(), &who.email).await, log_in(base(), &who.email).await];
    assert_eq!(who.call(Method::POST, "/api/authentication/logout-all", None).await, 204);
    for login in &logins {
        problem(refresh(base(), &login["refreshToken"]).await, 401, "RELOGIN_REQUIRED").await;
    }
}

#[tokio::test]
async fn a_new_password_ends_other_refresh_tokens() {
    let mut who = member().await;
    let (this, other) = (log_in(base(), &who.email).await, log_in(base(), &who.email).await);
    who.token = this["accessToken"].as_str().unwrap().to_owned();
    let change = json!({"currentPassword": PASSWORD, "newPassword": "N3wpass!word"});
    assert_eq!(who.call(Method::PUT, "/api/authentication/password", Some(change)).await, 204);
    refreshed(base(), &this["refreshToken"]).await;
    problem(refresh(base(), &other["refreshToken"]).await, 401, "RELOGIN_REQUIRED").await;
}

#[tokio::test]
async fn an_ended_session_cannot_refresh() {
    let who = member().await;
    let login = log_in(base(), &who.email).await;
    let sessions = who.get("/api/authentication/sessions").await;
    let other = sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    who.delete(&format!("/api/authentication/sessions/{}", other["id"])).await;
    problem(refresh(base(), &login["refreshToken"]).await, 401, "RELOGIN_REQUIRED").await;
}

#[tokio::test]
async fn a_refresh_does_not_restore_a_deactivated_member() {
    let who = member().await;
    let login = log_in(base(), &who.email).await;
    who.deactivate().await;
    problem(refresh(base(), &login["refreshToken"]).await, 401, "RELOGIN_REQUIRED").await;
    assert_eq!(member().await.call(Method::GET, &format!("/api/members/{}", who.id), None).await, 404);
}
