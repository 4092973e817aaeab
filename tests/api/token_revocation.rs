//! Revocation of access tokens with their session, even if the session's row was pruned or the client disconnects.
use crate::{
    common::{Member, PASSWORD},
    support::{TestServer, member, problem, start_server, until},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;

const OTHER: &str = "N3wpass!word";

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

async fn run(folder: &Path, statement: &'static str) {
    let url = format!("sqlite://{}", folder.join("dailyfeed.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Signs up a member. Returns one client whose session row was deleted, as housekeeping does, and one with a session.
async fn with_pruned_session(server: &TestServer) -> (Member, Member) {
    let old = server.member().await;
    run(server.folder.path(), "DELETE FROM sessions").await;
    let mut new = old.clone();
    new.log_in().await;
    assert_eq!(old.call(Method::GET, "/api/members/me", None).await, 200, "the token is still valid");
    (old, new)
}

async fn assert_revoked(who: &Member) {
    let answer = who.send(Method::GET, "/api/members/me", Value::Null).await;
    assert_eq!(answer.headers()["x-relogin-required"], "true");
    problem(answer, 401, "TOKEN_REVOKED").await;
}

#[tokio::test]
async fn a_renewal_under_the_current_key_does_not_extend_the_expiry() {
    let mut who = member().await;
    let end = claims(&who.token)["exp"].clone();
    for _ in 0..3 {
        let answer = who.ok(Method::POST, "/api/token/refresh", Value::Null).await;
        who.token = answer["accessToken"].as_str().unwrap().to_owned();
        assert_eq!(claims(&who.token)["exp"], end);
        let remaining = answer["expiresIn"].as_u64().unwrap();
        assert!((3_400..=3_600).contains(&remaining), "{remaining}");
    }
    assert_eq!(who.me().await["id"], who.id);
}

#[tokio::test]
async fn a_renewal_without_a_session_row_is_refused_and_revokes_the_token() {
    let server = start_server(|_| {}).await;
    let (old, new) = with_pruned_session(&server).await;
    let answer = old.send(Method::POST, "/api/token/refresh", Value::Null).await;
    assert_eq!(answer.headers()["x-relogin-required"], "true");
    problem(answer, 401, "TOKEN_REVOKED").await;
    assert_revoked(&old).await;
    assert_eq!(new.call(Method::POST, "/api/token/refresh", None).await, 200);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_renewal_under_an_older_key_expires_with_the_session() {
    let first = start_server(|_| {}).await;
    let (mut who, mut ended) = (first.member().await, first.member().await);
    let aged = first.restart(async |folder| {
        run(folder, "UPDATE jwt_keys SET created_at = created_at - 25 * 3600 * 1000").await;
    });
    let second = aged
        .await
        .restart(async |folder| {
            // The new key signs from a minute after its creation.
            run(folder, "UPDATE jwt_keys SET created_at = created_at - 60000, replaced_at = replaced_at - 60000").await;
            run(folder, "UPDATE sessions SET expires_at = (unixepoch() + 600) * 1000").await;
            run(folder, "DELETE FROM sessions WHERE id = (SELECT max(id) FROM sessions)").await;
        })
        .await;
    who.base.clone_from(&second.base);
    ended.base.clone_from(&second.base);
    let answer = who.ok(Method::POST, "/api/token/refresh", Value::Null).await;
    let token = answer["accessToken"].as_str().unwrap();
    assert_ne!(token, who.token);
    assert!(answer["expiresIn"].as_u64().unwrap() <= 600, "{answer}");
    assert!(claims(token)["exp"].as_i64().unwrap() < claims(&who.token)["exp"].as_i64().unwrap());
    ended.refused(Method::POST, "/api/token/refresh", Value::Null, 401, "TOKEN_REVOKED").await;
    second.app.shutdown().await;
}

#[tokio::test]
async fn logout_all_revokes_tokens_without_a_session_row() {
    let first = start_server(|_| {}).await;
    let (mut old, mut new) = with_pruned_session(&first).await;
    assert_eq!(new.call(Method::POST, "/api/authentication/logout-all", None).await, 204);
    assert_revoked(&old).await;
    assert_revoked(&new).await;
    new.log_in().await;
    let second = first.restart(async |_| {}).await;
    old.base.clone_from(&second.base);
    new.base.clone_from(&second.base);
    assert_revoked(&old).await;
    assert_eq!(new.call(Method::GET, "/api/members/me", None).await, 200, "the session was opened after it");
    second.app.shutdown().await;
}

#[tokio::test]
async fn a_new_password_revokes_tokens_without_a_session_row() {
    let first = start_server(|_| {}).await;
    let (mut old, mut new) = with_pruned_session(&first).await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": OTHER});
    assert_eq!(new.call(Method::PUT, "/api/authentication/password", Some(change)).await, 204);
    assert_revoked(&old).await;
    let second = first.restart(async |_| {}).await;
    old.base.clone_from(&second.base);
    new.base.clone_from(&second.base);
    assert_revoked(&old).await;
    assert_eq!(new.call(Method::GET, "/api/members/me", None).await, 200);
    second.app.shutdown().await;
}

#[tokio::test]
async fn a_deactivation_revokes_tokens_without_a_session_row() {
    let server = start_server(|_| {}).await;
    let (old, mut new) = with_pruned_session(&server).await;
    new.deactivate().await;
    assert_revoked(&old).await;
    assert_revoked(&new).await;
    new.log_in().await;
    assert_revoked(&old).await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_logout_without_a_session_row_revokes_the_token() {
    let first = start_server(|_| {}).await;
    let (mut old, mut new) = with_pruned_session(&first).await;
    assert_eq!(old.call(Method::POST, "/api/authentication/logout", None).await, 204);
    let second = first.restart(async |_| {}).await;
    old.base.clone_from(&second.base);
    new.base.clone_from(&second.base);
    assert_revoked(&old).await;
    assert_eq!(new.call(Method::GET, "/api/members/me", None).await, 200, "another session stays valid");
    second.app.shutdown().await;
}

#[tokio::test]
async fn password_change_and_deactivation_need_a_session_row() {
    let server = start_server(|_| {}).await;
    let (old, new) = with_pruned_session(&server).await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": OTHER});
    old.refused(Method::PUT, "/api/authentication/password", change, 401, "TOKEN_REVOKED").await;
    let deactivate = json!({"password": PASSWORD});
    old.refused(Method::DELETE, "/api/authentication/deactivate", deactivate, 401, "TOKEN_REVOKED").await;
    assert_eq!(new.call(Method::GET, "/api/members/me", None).await, 200);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_login_right_after_logout_all_is_valid() {
    let mut who = member().await;
    for _ in 0..10 {
        let before = who.clone();
        assert_eq!(who.call(Method::POST, "/api/authentication/logout-all", None).await, 204);
        who.log_in().await;
        assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200);
        assert_eq!(before.call(Method::GET, "/api/members/me", None).await, 401);
    }
}

/// The handler gives up after a millisecond. The command is committed all the same and revokes the other sessions.
#[tokio::test]
async fn a_password_change_after_a_timeout_still_ends_other_sessions() {
    let first = start_server(|_| {}).await;
    let mut who = first.member().await;
    let mut thief = who.clone();
    thief.log_in().await;
    let TestServer { app, folder, .. } = first;
    app.shutdown().await;
    let hasty = TestServer::start_on(folder, |config| config.actors.answer_timeout_ms = 1).await;
    who.base.clone_from(&hasty.base);
    thief.base.clone_from(&hasty.base);
    let change = json!({"currentPassword": PASSWORD, "newPassword": OTHER});
    let mut late = 0;
    let changed = until(async || {
        let answer = who.send(Method::PUT, "/api/authentication/password", change.clone()).await;
        late += usize::from(answer.status() == 503);
        Some(answer.status().as_u16()).filter(|status| *status != 503)
    })
    .await;
    assert!([204, 422].contains(&changed), "{changed}: changed by this request or an earlier one");
    assert!(changed == 204 || late > 0);
    until(async || (thief.call(Method::GET, "/api/members/me", None).await == 401).then_some(())).await;
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200);
    hasty.app.shutdown().await;
}

/// A client disconnects right after its request. The server runs the command completely or not at all.
#[tokio::test]
async fn a_disconnected_client_leaves_no_partial_logout() {
    let server = start_server(|_| {}).await;
    for _ in 0..5 {
        let who = server.member().await;
        let mut other = who.clone();
        other.log_in().await;
        let request = who.request(Method::POST, "/api/authentication/logout-all").send();
        drop(tokio::time::timeout(std::time::Duration::from_millis(2), request).await);
        let mut third = who.clone();
        third.log_in().await;
        let sessions = third.get("/api/authentication/sessions").await;
        let alone = sessions["items"].as_array().unwrap().len() == 1;
        let voided = other.call(Method::GET, "/api/members/me", None).await == 401;
        assert_eq!(alone, voided, "rows and tokens agree");
    }
    server.app.shutdown().await;
}
