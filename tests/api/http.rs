//! HTTP behaviour that all routes share: problems, content types, languages, ids, caching, CORS, timeouts, rate limits.
use crate::{
    common::Member,
    support::{base, fields, member, problem, start_server},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn raw(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let mut request = crate::common::client().request(method, format!("{}{path}", base())).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn an_unknown_route_is_a_404_problem() {
    let answer = raw(Method::GET, "/api/nothing", &[], "").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn another_method_gets_405_with_the_allowed_methods() {
    let answer = raw(Method::DELETE, "/api/authentication/login", &[], "").await;
    assert_eq!(answer.status(), 405);
    assert!(answer.headers()["allow"].to_str().unwrap().contains("POST"));
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn json_needs_its_content_type() {
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let answer = raw(Method::POST, "/api/authentication/login", &[("content-type", kind)], "{}").await;
        assert_eq!(answer.status(), 415, "{kind}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn invalid_json_is_malformed() {
    for body in ["{", "", "\"text", "{\"email\": }"] {
        let answer = raw(Method::POST, "/api/authentication/login", &[JSON], body).await;
        problem(answer, 400, "MALFORMED_REQUEST").await;
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let body = json!({"email": "x".repeat(70_000), "password": "x"}).to_string();
    let answer = raw(Method::POST, "/api/authentication/login", &[JSON], &body).await;
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let who = member().await;
    let body = json!({"content": "글", "authorId": 1, "likeCount": 9});
    let post = who.ok(Method::POST, "/api/posts", body).await;
    assert_eq!((&post["author"]["id"], &post["likeCount"]), (&json!(who.id), &json!(0)));
}

#[tokio::test]
async fn problem_details_are_korean_or_english() {
    let detail = |language: &'static str| async move {
        let answer = raw(Method::GET, "/api/members/me", &[("accept-language", language)], "").await;
        problem(answer, 401, "BEARER_TOKEN_MISSING").await["detail"].as_str().unwrap().to_owned()
    };
    let hangul = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
    assert!(hangul(&detail("ko").await));
    assert!(hangul(&detail("ko-KR,ko;q=0.9,en;q=0.8").await));
    assert!(!hangul(&detail("en-US,en;q=0.9,ko;q=0.5").await));
    assert!(!hangul(&detail("fr").await));
    assert!(hangul(&detail("en;q=0.3, ko;q=0.7").await));
}

#[tokio::test]
async fn field_errors_are_translated() {
    let answer = raw(Method::POST, "/api/authentication/signup", &[JSON, ("accept-language", "ko")], "{}").await;
    let problem = problem(answer, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&problem).len(), 4);
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.chars().any(|c| ('가'..='힣').contains(&c)), "{detail}");
}

#[tokio::test]
async fn a_request_id_is_returned_or_generated() {
    let given = raw(Method::GET, "/health/live", &[("x-request-id", "my-id-7")], "").await;
    assert_eq!(given.headers()["x-request-id"], "my-id-7");
    let made = raw(Method::GET, "/health/live", &[], "").await;
    assert!(!made.headers()["x-request-id"].is_empty());
    let long = "x".repeat(500);
    let replaced = raw(Method::GET, "/health/live", &[("x-request-id", &long)], "").await;
    assert_ne!(replaced.headers()["x-request-id"], long.as_str());
}

#[tokio::test]
async fn a_problem_has_the_trace_id_of_the_request() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let answer = raw(Method::GET, "/api/members/me", &[("traceparent", &parent)], "").await;
    assert_eq!(problem(answer, 401, "BEARER_TOKEN_MISSING").await["traceId"], trace);
}

#[tokio::test]
async fn a_known_etag_gets_304() {
    let who = member().await;
    let path = format!("/api/posts/{}", who.post("글").await);
    let first = who.send(Method::GET, &path, Value::Null).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let request = || async { who.request(Method::GET, &path).header("if-none-match", &tag).send().await.unwrap() };
    let known = request().await;
    assert_eq!(known.status(), 304);
    assert_eq!(known.text().await.unwrap(), "");
    who.ok(Method::PUT, &path, json!({"content": "바뀐 글"})).await;
    assert_eq!(request().await.status(), 200);
}

#[tokio::test]
async fn long_responses_are_compressed_and_streams_are_not() {
    let who = member().await;
    for number in 0..5 {
        who.post(&format!("{number} {}", "긴 글입니다 ".repeat(50))).await;
    }
    for coding in ["gzip", "br"] {
        let request = who.request(Method::GET, "/api/timeline/posts/mine").header("accept-encoding", coding);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], coding);
    }
    let plain = who.request(Method::GET, "/api/timeline/posts/mine").send().await.unwrap();
    assert!(plain.headers().get("content-encoding").is_none());
    let stream = who.request(Method::GET, "/api/timeline/stream").header("accept-encoding", "gzip, br");
    let stream = stream.send().await.unwrap();
    assert!(stream.headers().get("content-encoding").is_none());
}

#[tokio::test]
async fn only_configured_origins_get_cors_headers() {
    let server = start_server(|config| config.http.cors_origins = vec!["https://app.example".to_owned()]).await;
    let request = |origin: &'static str| {
        let preflight = crate::common::client().request(Method::OPTIONS, format!("{}/api/posts", server.base));
        let preflight = preflight.header("origin", origin).header("access-control-request-method", "POST");
        preflight.header("access-control-request-headers", "authorization,content-type").send()
    };
    let allowed = request("https://app.example").await.unwrap();
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example");
    let refused = request("https://evil.example").await.unwrap();
    assert!(refused.headers().get("access-control-allow-origin").is_none());
    server.app.shutdown().await;
    let closed = raw(Method::GET, "/health/live", &[("origin", "https://app.example")], "").await;
    assert!(closed.headers().get("access-control-allow-origin").is_none());
}

/// Sends one byte of a header every 50 ms until the server closes the connection.
#[tokio::test]
async fn a_slow_header_is_cut_off() {
    let server = start_server(|config| config.http.header_read_timeout_ms = 300).await;
    let mut connection = TcpStream::connect(server.app.api_address()).await.unwrap();
    connection.write_all(b"GET /health/live HTTP/1.1\r\n").await.unwrap();
    let begun = Instant::now();
    let drip = async {
        let mut answer = [0; 1024];
        loop {
            let _ = connection.write_all(b"x").await;
            let read = tokio::time::timeout(Duration::from_millis(50), connection.read(&mut answer)).await;
            if let Ok(Ok(0) | Err(_)) = read {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), drip).await.expect("the connection is closed");
    assert!(begun.elapsed() >= Duration::from_millis(200));
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_slow_body_gets_a_timeout() {
    let server = start_server(|config| config.http.request_timeout_ms = 600).await;
    let mut connection = TcpStream::connect(server.app.api_address()).await.unwrap();
    let head = "POST /api/authentication/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{";
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read =
        tokio::time::timeout(Duration::from_secs(5), connection.read(&mut answer)).await.expect("an answer").unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408") || answer.starts_with("HTTP/1.1 503"), "{answer}");
    server.app.shutdown().await;
}

#[tokio::test]
async fn too_many_requests_of_a_member_get_429_with_a_retry_after() {
    let server = start_server(|config| {
        config.limits.enabled = true;
        config.limits.member_per_second = 5;
        config.limits.member_burst = 10;
        config.limits.address_per_second = 1_000;
        config.limits.signup_per_hour = 100;
        config.limits.login_per_minute = 100;
    })
    .await;
    let http = crate::common::client();
    let (who, other) = (Member::sign_up(&http, &server.base).await, Member::sign_up(&http, &server.base).await);
    let answers =
        futures::future::join_all((0..30).map(|_| who.send(Method::GET, "/api/members/me", Value::Null))).await;
    let limited: Vec<Response> = answers.into_iter().filter(|answer| answer.status() == 429).collect();
    assert!(limited.len() >= 15, "{}", limited.len());
    assert!(limited[0].headers().contains_key("retry-after"));
    problem(limited.into_iter().next().unwrap(), 429, "TOO_MANY_REQUESTS").await;
    assert_eq!(other.call(Method::GET, "/api/members/me", None).await, 200, "another member is not limited");
    server.app.shutdown().await;
}

#[tokio::test]
async fn http_2_with_prior_knowledge_is_accepted() {
    let client = crate::common::client_builder().http2_prior_knowledge().build().unwrap();
    let answer = client.get(format!("{}/health/live", base())).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 200));
}

#[tokio::test]
async fn the_documentation_loads_only_own_files() {
    let client = crate::common::client();
    let page = client.get(format!("{}/api/docs/", base())).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let html = page.text().await.unwrap();
    assert!(html.contains("<html"));
    for outside in ["src=\"http", "href=\"http", "src=\"//", "href=\"//"] {
        assert!(!html.contains(outside), "{outside}");
    }
}
