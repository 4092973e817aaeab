//! Access tokens signed with the server's real key but with one wrong claim or header, and key rotation.
use crate::support::{base, member, problem, shared, start_server, until};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, Response};
use serde_json::{Map, Value, json};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use uuid::Uuid;

async fn database(folder: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", folder.join("dailyfeed.db").display())).await.unwrap()
}

/// Loads the id and the secret of the shared server's signing key.
async fn key() -> (String, Vec<u8>) {
    let keys = "SELECT id, secret FROM jwt_keys WHERE replaced_at IS NULL";
    sqlx::query_as(keys).fetch_one(&mut database(&shared().2).await).await.unwrap()
}

fn part(token: &str, number: usize) -> Map<String, Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap()).unwrap()
}

async fn me(authorization: String) -> Response {
    let request = crate::common::client().get(format!("{}/api/members/me", base()));
    request.header("authorization", authorization).send().await.unwrap()
}

/// Sends a new member's token after a change of header or claims, signed with the real key.
async fn forged(algorithm: Algorithm, change: impl FnOnce(&mut Header, &mut Map<String, Value>)) -> Response {
    let (kid, secret) = key().await;
    let mut header = Header::new(algorithm);
    header.kid = Some(kid);
    let mut claims = part(&member().await.token, 1);
    change(&mut header, &mut claims);
    let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap();
    me(format!("Bearer {token}")).await
}

/// An unchanged token is accepted: without this test the refusals below would prove nothing.
#[tokio::test]
async fn an_unchanged_token_signed_with_the_real_key_is_accepted() {
    assert_eq!(forged(Algorithm::HS256, |_, _| {}).await.status(), 200);
    assert_eq!(key().await.1.len(), 32, "256 bits");
}

macro_rules! refused {
    ($($name:ident: $algorithm:ident, $code:literal, $change:expr;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let change: fn(&mut Header, &mut Map<String, Value>) = $change;
            let answer = forged(Algorithm::$algorithm, change).await;
            assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
            problem(answer, 401, $code).await;
        })*
    };
}

/// Moves the token's `iat` and `exp` into the past.
fn earlier(claims: &mut Map<String, Value>, seconds: i64) {
    for claim in ["iat", "exp"] {
        claims[claim] = (claims[claim].as_i64().unwrap() - seconds).into();
    }
}

refused! {
    the_real_key_under_hs384_is_refused: HS384, "INVALID_TOKEN", |_, _| {};
    the_real_key_under_hs512_is_refused: HS512, "INVALID_TOKEN", |_, _| {};
    a_token_without_a_key_id_is_refused: HS256, "INVALID_TOKEN", |header, _| header.kid = None;
    a_token_with_another_key_id_is_refused: HS256, "INVALID_TOKEN", |header, _| header.kid = Some("other".into());
    a_token_with_an_empty_key_id_is_refused: HS256, "INVALID_TOKEN", |header, _| header.kid = Some(String::new());
    a_token_without_an_expiry_is_refused: HS256, "INVALID_TOKEN", |_, claims| drop(claims.remove("exp"));
    a_token_without_a_subject_is_refused: HS256, "INVALID_TOKEN", |_, claims| drop(claims.remove("sub"));
    a_token_without_an_id_is_refused: HS256, "INVALID_TOKEN", |_, claims| drop(claims.remove("jti"));
    a_token_without_an_issuer_is_refused: HS256, "INVALID_TOKEN", |_, claims| drop(claims.remove("iss"));
    a_token_without_an_audience_is_refused: HS256, "INVALID_TOKEN", |_, claims| drop(claims.remove("aud"));
    a_token_of_another_issuer_is_refused: HS256, "INVALID_TOKEN", |_, claims| claims["iss"] = "other".into();
    a_token_for_another_audience_is_refused: HS256, "INVALID_TOKEN", |_, claims| claims["aud"] = "other".into();
    a_subject_other_than_an_id_is_refused: HS256, "INVALID_TOKEN", |_, claims| claims["sub"] = "admin".into();
    an_expiry_other_than_a_time_is_refused: HS256, "INVALID_TOKEN", |_, claims| claims["exp"] = "never".into();
    a_token_of_yesterday_has_expired: HS256, "TOKEN_EXPIRED", |_, claims| earlier(claims, 86_400);
    a_token_of_61_minutes_ago_has_expired: HS256, "TOKEN_EXPIRED", |_, claims| earlier(claims, 3_610);
}

#[tokio::test]
async fn a_token_just_before_its_expiry_is_accepted() {
    assert_eq!(forged(Algorithm::HS256, |_, claims| earlier(claims, 3_540)).await.status(), 200);
}

#[tokio::test]
async fn the_case_of_the_scheme_does_not_matter() {
    let token = member().await.token;
    for scheme in ["bearer", "BEARER"] {
        assert_eq!(me(format!("{scheme} {token}")).await.status(), 200, "{scheme}");
    }
}

#[tokio::test]
async fn a_token_of_100_kilobytes_is_refused() {
    let answer = me(format!("Bearer {}", "a".repeat(100_000))).await.status().as_u16();
    assert!([400, 401, 431].contains(&answer), "{answer}");
}

#[tokio::test]
async fn a_token_in_the_query_or_a_cookie_is_ignored() {
    let token = member().await.token;
    for name in ["access_token", "token", "accessToken"] {
        let answer =
            crate::common::client().get(format!("{}/api/members/me?{name}={token}", base())).send().await.unwrap();
        problem(answer, 401, "BEARER_TOKEN_MISSING").await;
    }
    let cookie = crate::common::client()
        .get(format!("{}/api/members/me", base()))
        .header("cookie", format!("accessToken={token}"));
    problem(cookie.send().await.unwrap(), 401, "BEARER_TOKEN_MISSING").await;
}

/// The server stores another key when one is a day old, and signs with it a minute later. Tokens of the old key stay
/// valid, and responses then ask for their renewal.
#[tokio::test]
async fn an_old_key_is_replaced_and_its_tokens_are_renewed() {
    let first = start_server(|_| {}).await;
    let mut who = first.member().await;
    let second = first
        .restart(async |folder| {
            let older = "UPDATE jwt_keys SET created_at = created_at - 25 * 3600 * 1000";
            sqlx::query(older).execute(&mut database(folder).await).await.unwrap();
        })
        .await;
    who.base.clone_from(&second.base);
    let answer = who.send(Method::GET, "/api/members/me", Value::Null).await;
    assert!(answer.status() == 200 && answer.headers().get("x-token-refresh-needed").is_none());
    let newcomer = second.member().await;
    assert_eq!(part(&newcomer.token, 0)["kid"], part(&who.token, 0)["kid"], "the new key does not sign yet");
    let third = second
        .restart(async |folder| {
            let later = "UPDATE jwt_keys SET created_at = created_at - 60000, replaced_at = replaced_at - 60000";
            sqlx::query(later).execute(&mut database(folder).await).await.unwrap();
        })
        .await;
    who.base.clone_from(&third.base);
    let needed = until(async || {
        let answer = who.send(Method::GET, "/api/members/me", Value::Null).await;
        assert_eq!(answer.status(), 200, "the old key still verifies");
        answer.headers().get("x-token-refresh-needed").cloned()
    });
    assert_eq!(needed.await, "true");
    let old = part(&who.token, 0)["kid"].clone();
    let answer = who.ok(Method::POST, "/api/token/refresh", Value::Null).await;
    let before = who.clone();
    who.token = answer["accessToken"].as_str().unwrap().to_owned();
    assert_ne!(part(&who.token, 0)["kid"], old);
    let renewed = who.send(Method::GET, "/api/members/me", Value::Null).await;
    assert!(renewed.headers().get("x-token-refresh-needed").is_none());
    assert_eq!(renewed.json::<Value>().await.unwrap()["id"], who.id);
    assert_eq!(before.me().await["id"], who.id, "the old token stays valid until its expiry");
    third.app.shutdown().await;
}

/// Signs the claims of a token with another key.
fn signed_with(kid: Uuid, secret: [u8; 32], token: &str) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(kid.to_string());
    jsonwebtoken::encode(&header, &part(token, 1), &EncodingKey::from_secret(&secret)).unwrap()
}

/// Another process stores a key, and its first token arrives before this process has read the key.
#[tokio::test]
async fn a_token_of_a_key_that_the_server_has_not_read_is_accepted() {
    let server = start_server(|_| {}).await;
    let mut who = server.member().await;
    let (kid, secret) = (Uuid::new_v4(), [9; 32]);
    let mut database = database(server.folder.path()).await;
    let replace = "UPDATE jwt_keys SET replaced_at = unixepoch() * 1000";
    sqlx::query(replace).execute(&mut database).await.unwrap();
    let insert = "INSERT INTO jwt_keys (id, secret, created_at) VALUES (?, ?, unixepoch() * 1000)";
    let insert = sqlx::query(insert).bind(kid.to_string()).bind(secret.to_vec());
    insert.execute(&mut database).await.unwrap();
    who.token = signed_with(kid, secret, &who.token);
    assert_eq!(who.me().await["id"], who.id);
    server.app.shutdown().await;
}

#[tokio::test]
async fn tokens_of_made_up_keys_are_refused() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    let forged = |_| {
        let token = signed_with(Uuid::new_v4(), [9; 32], &who.token);
        let request = crate::common::client().get(format!("{}/api/members/me", server.base));
        request.bearer_auth(token).send()
    };
    for answer in futures::future::join_all((0..50).map(forged)).await {
        problem(answer.unwrap(), 401, "INVALID_TOKEN").await;
    }
    assert_eq!(who.me().await["id"], who.id);
    server.app.shutdown().await;
}

/// An operator disables every key of a running server, as docs/operating.md describes.
#[tokio::test]
async fn every_key_can_be_disabled_at_once() {
    let server = start_server(|_| {}).await;
    let mut who = server.member().await;
    let login = json!({"email": who.email, "password": crate::common::PASSWORD});
    let login = who.ok(Method::POST, "/api/authentication/login", login).await;
    let disable = "UPDATE jwt_keys SET disabled_at = unixepoch() * 1000";
    sqlx::query(disable).execute(&mut database(server.folder.path()).await).await.unwrap();
    // The server reads the keys every 20 s, and at once for a token of an unknown key.
    let request = crate::common::client().get(format!("{}/api/members/me", server.base));
    let token = signed_with(Uuid::new_v4(), [9; 32], &who.token);
    problem(request.bearer_auth(token).send().await.unwrap(), 401, "INVALID_TOKEN").await;
    who.refused(Method::GET, "/api/members/me", Value::Null, 401, "INVALID_TOKEN").await;
    let refresh = json!({"refreshToken": login["refreshToken"]});
    let renewed = who.ok(Method::POST, "/api/authentication/refresh", refresh).await;
    let old = part(&who.token, 0)["kid"].clone();
    who.token = renewed["accessToken"].as_str().unwrap().to_owned();
    assert_ne!(part(&who.token, 0)["kid"], old);
    assert_eq!(who.me().await["id"], who.id, "the session goes on");
    server.app.shutdown().await;
}

#[tokio::test]
async fn tokens_and_revocations_survive_a_restart() {
    let first = start_server(|_| {}).await;
    let (mut valid, mut revoked) = (first.member().await, first.member().await);
    assert_eq!(revoked.call(Method::POST, "/api/authentication/logout", None).await, 204);
    let second = first.restart(async |_| {}).await;
    for member in [&mut valid, &mut revoked] {
        member.base.clone_from(&second.base);
    }
    assert_eq!(valid.call(Method::GET, "/api/members/me", None).await, 200);
    revoked.refused(Method::GET, "/api/members/me", Value::Null, 401, "TOKEN_REVOKED").await;
    second.app.shutdown().await;
}

#[tokio::test]
async fn an_unreadable_token_gets_no_reason_but_its_code() {
    let answer = me("Bearer a.b.c".to_owned()).await;
    let problem = problem(answer, 401, "INVALID_TOKEN").await;
    assert_eq!(problem.get("errors"), None);
    assert!(!problem.to_string().contains("jsonwebtoken") && !problem.to_string().contains("base64"));
    assert_eq!(json!(problem["instance"]), "/api/members/me");
}
