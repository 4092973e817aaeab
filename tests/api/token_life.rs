//! What ends an access token: its session, whether or not the row of that is still there, and whatever becomes of the
//! client that asked for it.
use crate::{
    common::{Member, PASSWORD},
    support::{Own, member, own, problem, until},
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

/// The member's token of an earlier session whose row is gone, as it is once it was swept, and one of a session that lives.
async fn swept(own: &Own) -> (Member, Member) {
    let old = own.member().await;
    run(own.folder.path(), "DELETE FROM sessions").await;
    let mut new = old.clone();
    new.log_in().await;
    assert_eq!(old.call(Method::GET, "/api/members/me", None).await, 200, "nothing has voided it yet");
    (old, new)
}

async fn is_void(who: &Member) {
    let answer = who.send(Method::GET, "/api/members/me", Value::Null).await;
    assert_eq!(answer.headers()["x-relogin-required"], "true");
    problem(answer, 401, "TOKEN_REVOKED").await;
}

#[tokio::test]
async fn a_token_under_todays_key_gains_no_time_by_being_renewed() {
    let mut who = member().await;
    let end = claims(&who.token)["exp"].clone();
    for _ in 0..3 {
        let answer = who.ok(Method::POST, "/api/token/refresh", Value::Null).await;
        who.token = answer["accessToken"].as_str().unwrap().to_owned();
        assert_eq!(claims(&who.token)["exp"], end);
        let left = answer["expiresIn"].as_u64().unwrap();
        assert!((3_400..=3_600).contains(&left), "{left}");
    }
    assert_eq!(who.me().await["id"], who.id);
}

#[tokio::test]
async fn a_token_whose_session_is_gone_is_not_renewed_and_good_for_nothing_after() {
    let own = own(|_| {}).await;
    let (old, new) = swept(&own).await;
    let answer = old.send(Method::POST, "/api/token/refresh", Value::Null).await;
    assert_eq!(answer.headers()["x-relogin-required"], "true");
    problem(answer, 401, "TOKEN_REVOKED").await;
    is_void(&old).await;
    assert_eq!(new.call(Method::POST, "/api/token/refresh", None).await, 200);
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_token_under_an_older_key_is_renewed_up_to_the_end_of_its_session() {
    let first = own(|_| {}).await;
    let (mut who, mut gone) = (first.member().await, first.member().await);
    let second = first
        .again(async |folder| {
            run(folder, "UPDATE jwt_keys SET created_at = created_at - 25 * 3600 * 1000").await;
            run(folder, "UPDATE sessions SET expires_at = (unixepoch() + 600) * 1000").await;
            run(folder, "DELETE FROM sessions WHERE id = (SELECT max(id) FROM sessions)").await;
        })
        .await;
    who.base.clone_from(&second.base);
    gone.base.clone_from(&second.base);
    let answer = who.ok(Method::POST, "/api/token/refresh", Value::Null).await;
    let token = answer["accessToken"].as_str().unwrap();
    assert_ne!(token, who.token);
    assert!(answer["expiresIn"].as_u64().unwrap() <= 600, "{answer}");
    assert!(claims(token)["exp"].as_i64().unwrap() < claims(&who.token)["exp"].as_i64().unwrap());
    gone.refused(Method::POST, "/api/token/refresh", Value::Null, 401, "TOKEN_REVOKED").await;
    second.server.shutdown().await;
}

#[tokio::test]
async fn a_logout_everywhere_voids_what_no_row_remembers_for_good() {
    let first = own(|_| {}).await;
    let (mut old, mut new) = swept(&first).await;
    assert_eq!(new.call(Method::POST, "/api/authentication/logout-all", None).await, 204);
    is_void(&old).await;
    is_void(&new).await;
    new.log_in().await;
    let second = first.again(async |_| {}).await;
    old.base.clone_from(&second.base);
    new.base.clone_from(&second.base);
    is_void(&old).await;
    assert_eq!(new.call(Method::GET, "/api/members/me", None).await, 200, "opened after it");
    second.server.shutdown().await;
}

#[tokio::test]
async fn a_new_password_voids_what_no_row_remembers_and_keeps_this_session() {
    let first = own(|_| {}).await;
    let (mut old, mut new) = swept(&first).await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": OTHER});
    assert_eq!(new.call(Method::PUT, "/api/authentication/password", Some(change)).await, 204);
    is_void(&old).await;
    let second = first.again(async |_| {}).await;
    old.base.clone_from(&second.base);
    new.base.clone_from(&second.base);
    is_void(&old).await;
    assert_eq!(new.call(Method::GET, "/api/members/me", None).await, 200);
    second.server.shutdown().await;
}

#[tokio::test]
async fn leaving_voids_what_no_row_remembers() {
    let own = own(|_| {}).await;
    let (old, mut new) = swept(&own).await;
    new.leave().await;
    is_void(&old).await;
    is_void(&new).await;
    new.log_in().await;
    is_void(&old).await;
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_logout_without_a_row_is_remembered_too() {
    let first = own(|_| {}).await;
    let (mut old, mut new) = swept(&first).await;
    assert_eq!(old.call(Method::POST, "/api/authentication/logout", None).await, 204);
    let second = first.again(async |_| {}).await;
    old.base.clone_from(&second.base);
    new.base.clone_from(&second.base);
    is_void(&old).await;
    assert_eq!(new.call(Method::GET, "/api/members/me", None).await, 200, "another session");
    second.server.shutdown().await;
}

#[tokio::test]
async fn a_session_that_is_gone_changes_no_password_and_does_not_leave() {
    let own = own(|_| {}).await;
    let (old, new) = swept(&own).await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": OTHER});
    old.refused(Method::PUT, "/api/authentication/password", change, 401, "TOKEN_REVOKED").await;
    let leave = json!({"password": PASSWORD});
    old.refused(Method::DELETE, "/api/authentication/deactivate", leave, 401, "TOKEN_REVOKED").await;
    assert_eq!(new.call(Method::GET, "/api/members/me", None).await, 200);
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_login_right_after_a_logout_everywhere_is_good() {
    let mut who = member().await;
    for _ in 0..10 {
        let before = who.clone();
        assert_eq!(who.call(Method::POST, "/api/authentication/logout-all", None).await, 204);
        who.log_in().await;
        assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200);
        assert_eq!(before.call(Method::GET, "/api/members/me", None).await, 401);
    }
}

/// The answer comes too late for whoever waits a millisecond; the commit comes all the same, and so does what it ends.
#[tokio::test]
async fn a_new_password_ends_the_others_though_nobody_hears_of_it() {
    let first = own(|_| {}).await;
    let mut who = first.member().await;
    let mut thief = who.clone();
    thief.log_in().await;
    let Own { server, folder, .. } = first;
    server.shutdown().await;
    let hasty = Own::on(folder, |config| config.actors.answer_timeout_ms = 1).await;
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
    assert!([204, 422].contains(&changed), "{changed}: done now, or done before");
    assert!(changed == 204 || late > 0);
    until(async || (thief.call(Method::GET, "/api/members/me", None).await == 401).then_some(())).await;
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 200);
    hasty.server.shutdown().await;
}

/// A client that hangs up right after it has asked: what was begun is done, and then it is done whole.
#[tokio::test]
async fn who_hangs_up_leaves_nothing_half_done() {
    let own = own(|_| {}).await;
    for _ in 0..5 {
        let who = own.member().await;
        let mut other = who.clone();
        other.log_in().await;
        let request = who.request(Method::POST, "/api/authentication/logout-all").send();
        drop(tokio::time::timeout(std::time::Duration::from_millis(2), request).await);
        let mut third = who.clone();
        third.log_in().await;
        let sessions = third.get("/api/authentication/sessions").await;
        let alone = sessions["items"].as_array().unwrap().len() == 1;
        let voided = other.call(Method::GET, "/api/members/me", None).await == 401;
        assert_eq!(alone, voided, "rows and tokens tell the same");
    }
    own.server.shutdown().await;
}
