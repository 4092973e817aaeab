//! Request ids and the request log: one id for client and log, the cause of a failure, and no personal data in a line.
use crate::{
    common::Member,
    process::Process,
    support::{base, member, problem, until},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sqlx::Connection;

async fn get(path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = crate::common::client().get(format!("{}{path}", base()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn the_trace_id_is_the_request_id() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    for (headers, expected) in [
        (vec![], None),
        (vec![("x-request-id", "mine-7")], Some("mine-7")),
        (vec![("traceparent", parent.as_str())], Some(TRACE)),
        (vec![("x-request-id", "mine-7"), ("traceparent", parent.as_str())], Some("mine-7")),
        (vec![("x-request-id", "not one"), ("traceparent", parent.as_str())], Some(TRACE)),
    ] {
        for path in ["/api/members/me", "/api/nothing", "/%zz"] {
            let answer = get(path, &headers).await;
            let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["traceId"], id, "{headers:?}");
            match expected {
                Some(expected) => assert_eq!(id, expected),
                None => assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}"),
            }
        }
    }
}

#[tokio::test]
async fn the_challenge_of_a_401_names_the_error_of_a_sent_token() {
    let challenge = |answer: &Response| answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
    for (authorization, error) in [
        ("Bearer garbage", Some("invalid_token")),
        ("bearer a.b.c", Some("invalid_token")),
        ("Bearer", Some("invalid_request")),
        ("Bearer a b", Some("invalid_request")),
        ("Bearer \"a\"", Some("invalid_request")),
        ("Basic YTpi", None),
    ] {
        let answer = get("/api/members/me", &[("authorization", authorization)]).await;
        assert_eq!(answer.status(), 401, "{authorization}");
        let challenge_text = challenge(&answer);
        assert!(challenge_text.starts_with("Bearer realm="), "{challenge_text}");
        match error {
            Some(error) => {
                assert!(challenge_text.contains(&format!("error=\"{error}\"")), "{authorization}: {challenge_text}")
            }
            None => assert!(!challenge_text.contains("error"), "{authorization}: {challenge_text}"),
        }
    }
    assert!(!challenge(&get("/api/members/me", &[]).await).contains("error"));
    let login = json!({"email": "a@b.kr", "password": "x"});
    let refused =
        crate::common::client().post(format!("{}/api/authentication/login", base())).json(&login).send().await.unwrap();
    assert!(!challenge(&refused).contains("error"), "no token was sent");
    let twice = crate::common::client()
        .get(format!("{}/api/members/me", base()))
        .bearer_auth("a")
        .bearer_auth("b")
        .send()
        .await;
    assert!(challenge(&twice.unwrap()).contains("invalid_request"));
}

#[tokio::test]
async fn a_revoked_token_is_challenged_as_an_invalid_token() {
    let who = member().await;
    assert_eq!(who.call(Method::POST, "/api/authentication/logout", None).await, 204);
    let answer = who.send(Method::GET, "/api/members/me", Value::Null).await;
    let challenge_text = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge_text.contains("error=\"invalid_token\""), "{challenge_text}");
    problem(answer, 401, "TOKEN_REVOKED").await;
}

/// Waits for the log line of a request.
async fn line(server: &Process, id: &str) -> Value {
    until(async || server.log().into_iter().find(|line| line["request_id"] == id)).await
}

async fn logging() -> (Process, Member) {
    let server = Process::start(&[("DAILYFEED_LOG__LEVEL", "info")]).await;
    let who = server.member().await;
    (server, who)
}

#[tokio::test]
async fn a_refused_request_is_logged_with_its_code_and_without_personal_data() {
    let (server, who) = logging().await;
    let handle = who.handle().await;
    for (number, (method, path, status, code, route)) in [
        (Method::GET, format!("/api/members/@{handle}0?secret=7"), 404, "MEMBER_NOT_FOUND", "/api/members/@{handle}"),
        (Method::GET, "/api/members/@x%zz".to_owned(), 400, "MALFORMED_REQUEST", "/api/members/@{handle}"),
        (Method::GET, format!("/nowhere/{handle}"), 404, "NOT_FOUND", "unmatched"),
        (Method::POST, "/api/posts?secret=7".to_owned(), 415, "UNSUPPORTED_MEDIA_TYPE", "/api/posts"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("case-{number}");
        let answer = who.request(method, &path).header("x-request-id", &id).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let line = line(&server, &id).await;
        assert_eq!((&line["level"], &line["code"], &line["status"]), (&json!("INFO"), &json!(code), &json!(status)));
        assert_eq!(line["route"], route, "{line}");
        let text = line.to_string();
        for secret in [handle.as_str(), "secret", &who.id.to_string(), "example.com", &who.token] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_failure_is_logged_with_its_cause_that_the_client_does_not_get() {
    let (server, who) = logging().await;
    let database = format!("sqlite://{}", server.folder().join("dailyfeed.db").display());
    let mut database = sqlx::SqliteConnection::connect(&database).await.unwrap();
    let trigger = "CREATE TRIGGER poison BEFORE UPDATE OF title ON posts BEGIN SELECT RAISE(ABORT, 'poison'); END";
    sqlx::query(trigger).execute(&mut database).await.unwrap();
    let post = who.post("글").await;
    let request = who.request(Method::PUT, &format!("/api/posts/{post}")).header("x-request-id", "failed");
    let answer = request.json(&json!({"content": "비밀"})).send().await.unwrap();
    assert!(answer.status().is_server_error());
    let body = answer.text().await.unwrap();
    assert!(!body.contains("poison"), "{body}");
    let line = line(&server, "failed").await;
    assert_eq!((&line["level"], &line["route"]), (&json!("ERROR"), &json!("/api/posts/{id}")));
    assert!(line["error"].as_str().unwrap().contains("poison"), "{line}");
    assert!(!line.to_string().contains("비밀"), "{line}");
    server.stop().await;
}

#[tokio::test]
async fn a_generated_request_id_is_in_the_log() {
    let (server, who) = logging().await;
    let answer = who.send(Method::GET, "/api/posts/1", Value::Null).await;
    let id = problem(answer, 404, "POST_NOT_FOUND").await["traceId"].as_str().unwrap().to_owned();
    assert_eq!(line(&server, &id).await["code"], "POST_NOT_FOUND");
    server.stop().await;
}

#[tokio::test]
async fn an_untrusted_proxy_is_logged_once_with_the_config_key() {
    for header in ["x-forwarded-for", "forwarded"] {
        let (server, who) = logging().await;
        let warnings = || {
            let lines = server.log().into_iter().filter(|line| line.to_string().contains("http.trusted_proxies"));
            lines.collect::<Vec<_>>()
        };
        assert!(warnings().is_empty());
        for number in 0..5 {
            let request = who.request(Method::GET, "/api/posts/1").header(header, format!("203.0.113.{number}"));
            request.header("x-request-id", format!("forwarded-{number}")).send().await.unwrap();
        }
        line(&server, "forwarded-4").await;
        let warnings = warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!((&warnings[0]["level"], &warnings[0]["peer"]), (&json!("WARN"), &json!("127.0.0.1")));
        server.stop().await;
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_not_logged() {
    let server =
        Process::start(&[("DAILYFEED_LOG__LEVEL", "info"), ("DAILYFEED_HTTP__TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let who = server.member().await;
    let request = who.request(Method::GET, "/api/posts/1").header("x-forwarded-for", "203.0.113.5");
    request.header("x-request-id", "trusted").send().await.unwrap();
    line(&server, "trusted").await;
    assert!(!server.log().iter().any(|line| line.to_string().contains("trusted_proxies")));
    server.stop().await;
}
