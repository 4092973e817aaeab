//! The HTTP protocol: methods, unusual paths and queries, malformed requests, pipelining, request ids, languages.
use crate::support::{base, member, problem};
use reqwest::{Method, Response};
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends bytes on a new connection and reads until the server closes it or has sent `answers` responses.
async fn send_raw(bytes: &[u8], answers: usize) -> String {
    let mut connection = TcpStream::connect(base().strip_prefix("http://").unwrap()).await.unwrap();
    // The server may close before it has read everything.
    let _ = connection.write_all(bytes).await;
    let mut received = Vec::new();
    let reading = async {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = connection.read(&mut chunk).await {
            received.extend_from_slice(&chunk[..read]);
            if answers > 0 && received.windows(9).filter(|window| window == b"HTTP/1.1 ").count() >= answers {
                break;
            }
        }
    };
    tokio::time::timeout(crate::common::TIMEOUT, reading).await.expect("an answer, or the end");
    String::from_utf8_lossy(&received).into_owned()
}

async fn get(path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = crate::common::client().get(format!("{}{path}", base()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn allowed(method: Method, path: &str) -> BTreeSet<String> {
    let answer = crate::common::client().request(method, format!("{}{path}", base())).send().await.unwrap();
    assert_eq!(answer.status(), 405, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
    let allow = answer.headers()["allow"].to_str().unwrap().to_owned();
    allow.split(',').map(|method| method.trim().to_owned()).filter(|method| method != "HEAD").collect()
}

#[tokio::test]
async fn a_405_lists_the_allowed_methods_of_the_resource() {
    for (method, path, methods) in [
        (Method::PATCH, "/api/posts/1", "DELETE GET PUT"),
        (Method::GET, "/api/posts", "POST"),
        (Method::DELETE, "/api/posts/1/comments", "GET POST"),
        (Method::POST, "/api/posts/1/like", "DELETE PUT"),
        (Method::POST, "/api/comments/1", "DELETE GET PUT"),
        (Method::POST, "/api/members/1/follow", "DELETE PUT"),
        (Method::PUT, "/api/members/me", "GET PATCH"),
        (Method::GET, "/api/authentication/signup", "POST"),
        (Method::POST, "/api/authentication/password", "PUT"),
        (Method::POST, "/api/authentication/deactivate", "DELETE"),
        (Method::POST, "/api/timeline/posts/followings", "GET"),
        (Method::POST, "/api/timeline/stream", "GET"),
        (Method::GET, "/api/timeline/stream/ticket", "POST"),
    ] {
        let expected: BTreeSet<String> = methods.split(' ').map(str::to_owned).collect();
        assert_eq!(allowed(method, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_method_gets_405() {
    let answer = send_raw(b"BREW /api/posts HTTP/1.1\r\nhost: x\r\n\r\n", 1).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[tokio::test]
async fn unknown_routes_are_problems_at_every_depth() {
    for path in [
        "/api",
        "/api/",
        "/api/posts/1/unknown",
        "/api/v2/posts",
        "/API/posts",
        "/api//posts",
        "/favicon.ico",
        "/api/posts/",
    ] {
        let answer = get(path, &[]).await;
        let status = answer.status().as_u16();
        assert!([404, 405].contains(&status), "{path}: {status}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], status);
    }
}

#[tokio::test]
async fn unusual_paths_are_no_server_error() {
    let who = member().await;
    for path in [
        "/api/posts/%00",
        "/api/posts/%ff",
        "/api/posts/99999999999999999999",
        "/api/posts/0x10",
        "/api/posts/%2e%2e",
        "/api/posts/1%2f2",
        "/api/members/@%00",
        "/api/members/@",
        "/api/members/@%ED%95%9C%EA%B8%80",
        "/api/comments/+1",
        "/api/members/handles/%20",
        "/api/timeline/tags/%23/posts",
        "/api/timeline/tags/%ff/posts",
    ] {
        let status = who.send(Method::GET, path, Value::Null).await.status().as_u16();
        assert!([200, 400, 404, 422].contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn unusual_queries_are_no_server_error() {
    let who = member().await;
    for query in ["limit=%ff", "limit=1&limit=2", "limit", "limit=", "cursor=", "&&&", "=x", "%00=1", "limit=%31%30"] {
        let path = format!("/api/timeline/posts/mine?{query}");
        let status = who.send(Method::GET, &path, Value::Null).await.status().as_u16();
        assert!([200, 400, 422].contains(&status), "{query}: {status}");
    }
}

#[tokio::test]
async fn unknown_query_parameters_are_ignored() {
    member().await.get("/api/timeline/posts/mine?utm_source=x&limit=5").await;
}

#[tokio::test]
async fn bytes_other_than_http_close_the_connection() {
    for noise in [&b"\x16\x03\x01\x02\x00\x01\x00\x01"[..], b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", &[0; 64]] {
        let received = send_raw(noise, 0).await;
        assert!(
            received.is_empty() || received.starts_with("HTTP/1.1 400") || received.starts_with("HTTP/1.1 505"),
            "{received}"
        );
    }
}

#[tokio::test]
async fn too_large_headers_are_refused() {
    let request = format!("GET /health/live HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(2_000_000));
    let received = send_raw(request.as_bytes(), 1).await;
    assert!(
        received.is_empty() || received.starts_with("HTTP/1.1 431") || received.starts_with("HTTP/1.1 400"),
        "{received}"
    );
    assert_eq!(get("/health/live", &[]).await.status(), 200);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let requests =
        [request("/health/live"), request("/api/nothing"), request("/api/members/me"), request("/health/live")]
            .concat();
    let received = send_raw(requests.as_bytes(), 4).await;
    let statuses: Vec<&str> = received.match_indices("HTTP/1.1 ").map(|(at, _)| &received[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "404", "401", "200"]);
}

#[tokio::test]
async fn a_request_with_two_content_lengths_is_refused() {
    let request = b"POST /api/authentication/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\ncontent-length: 30\r\n\r\n{}";
    let received = send_raw(request, 1).await;
    assert!(received.is_empty() || received.starts_with("HTTP/1.1 400"), "{received}");
}

#[tokio::test]
async fn every_response_has_its_own_request_id() {
    let mut ids = BTreeSet::new();
    for path in ["/health/live", "/api/nothing", "/api/members/me", "/api/posts/x", "/api/openapi.json"] {
        let id = get(path, &[]).await.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert!(!id.is_empty() && ids.insert(id), "{path}");
        let echoed = get(path, &[("x-request-id", "given-7")]).await;
        assert_eq!(echoed.headers()["x-request-id"], "given-7", "{path}");
    }
    let stream = member().await.send(Method::GET, "/api/timeline/stream", Value::Null).await;
    assert!(ids.insert(stream.headers()["x-request-id"].to_str().unwrap().to_owned()));
}

#[tokio::test]
async fn an_invalid_request_id_is_replaced() {
    for id in ["a b", "a\tb", "level=error msg=forged", "한글", "\u{85}"] {
        let returned = get("/health/live", &[("x-request-id", id)]).await.headers()["x-request-id"].clone();
        assert_ne!(returned.as_bytes(), id.as_bytes());
    }
}

#[tokio::test]
async fn an_invalid_traceparent_is_replaced() {
    for parent in ["garbage", "00-00000000000000000000000000000000-0000000000000000-01", "00-xyz-xyz-01", ""] {
        let problem =
            problem(get("/api/members/me", &[("traceparent", parent)]).await, 401, "BEARER_TOKEN_MISSING").await;
        let trace = problem["traceId"].as_str().unwrap();
        assert!(trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit()), "{trace}");
        assert!(trace.bytes().any(|byte| byte != b'0'), "{parent}");
    }
}

#[tokio::test]
async fn a_problem_has_the_path_without_the_query() {
    let problem = problem(get("/api/members/me?secret=7", &[]).await, 401, "BEARER_TOKEN_MISSING").await;
    let instance = problem["instance"].as_str().unwrap();
    assert!(instance.contains("/api/members/me") && !instance.contains("secret"), "{instance}");
}

#[tokio::test]
async fn unknown_and_malformed_languages_are_accepted() {
    for language in ["*", "", ";;;", "ko;q=abc", "ko;q=0", "zz-ZZ", "ko;q=1.0000001", ", ,", "한글"] {
        let answer = get("/api/members/me", &[("accept-language", language)]).await;
        problem(answer, 401, "BEARER_TOKEN_MISSING").await;
    }
}

#[tokio::test]
async fn routing_problems_are_translated() {
    for (path, status) in [("/api/nothing", 404), ("/api/authentication/login", 405)] {
        let answer = get(path, &[("accept-language", "ko-KR")]).await;
        assert_eq!(answer.status(), status);
        let problem: Value = answer.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().chars().any(|c| ('가'..='힣').contains(&c)), "{problem}");
    }
}

#[tokio::test]
async fn codes_are_the_same_in_every_language() {
    let who = member().await;
    for language in ["ko", "en", "ja"] {
        let request = who.request(Method::GET, "/api/posts/1").header("accept-language", language);
        problem(request.send().await.unwrap(), 404, "POST_NOT_FOUND").await;
    }
}
