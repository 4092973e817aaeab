//! Requests on the wire: `Host`, connections after refused bodies, content codings, repeated query parameters.
use crate::{
    common::TIMEOUT,
    image_fixtures::jpeg,
    support::{base, fields, member, problem, shared},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends bytes on a new connection. Returns one response, and whether the server closed the connection after it.
pub(crate) async fn exchange(base: &str, request: &str) -> (String, bool) {
    let mut connection = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let reading = async {
        loop {
            let text = String::from_utf8_lossy(&received).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = header(head, "content-length").unwrap_or_default().parse().unwrap_or(0);
                if body.len() >= length {
                    return text;
                }
            }
            let mut chunk = [0; 4096];
            let read = connection.read(&mut chunk).await.unwrap();
            assert!(read > 0, "the connection ended before the response: {text}");
            received.extend_from_slice(&chunk[..read]);
        }
    };
    let text = tokio::time::timeout(TIMEOUT, reading).await.expect("an answer");
    // The server answers a second request if the connection is still open.
    let _ = connection.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut chunk = [0; 4096];
    let more = tokio::time::timeout(TIMEOUT, connection.read(&mut chunk)).await.expect("an answer, or the end");
    (text, matches!(more, Ok(0) | Err(_)))
}

/// Returns a header of a raw response.
pub(crate) fn header(answer: &str, name: &str) -> Option<String> {
    let head = answer.split("\r\n\r\n").next()?;
    let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[tokio::test]
async fn a_request_needs_exactly_one_host() {
    for base in [base(), &shared().1] {
        for hosts in ["", "host: localhost\r\nhost: localhost\r\n", "host: localhost\r\nHost: other\r\n"] {
            let (answer, _) = exchange(base, &format!("GET /health/live HTTP/1.1\r\n{hosts}\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{hosts}: {answer}");
            assert!(answer.contains("\"code\":\"MALFORMED_REQUEST\""), "{answer}");
        }
        let (answer, _) = exchange(base, "GET /health/live HTTP/1.1\r\nhost: localhost:80\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn a_host_must_be_a_name_or_an_address() {
    let response_for =
        async |host: &str| exchange(base(), &format!("GET /health/live HTTP/1.1\r\nhost: {host}\r\n\r\n")).await.0;
    for host in
        ["", "a b", "a/b", "user@a", "a:b", "a:1:2", "a:99999", "[::1", "::1", "http://a", "한글", "a, b", "a\"b"]
    {
        let answer = response_for(host).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{host}: {answer}");
    }
    for host in ["feed.example", "feed.example:8080", "127.0.0.1", "[::1]:8080", "[2001:db8::1]"] {
        let answer = response_for(host).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
}

#[tokio::test]
async fn http_1_0_needs_no_host() {
    let (answer, _) = exchange(base(), "GET /health/live HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
}

#[tokio::test]
async fn a_refused_body_closes_the_connection() {
    let token = member().await.token;
    let auth = format!("authorization: Bearer {token}\r\n");
    let long = "x".repeat(1_000_000);
    for (refused, rest) in [
        (
            "413",
            format!("{auth}content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 9999999\r\n\r\n"),
        ),
        ("413", format!("{auth}content-type: application/json\r\ncontent-length: 1000000\r\n\r\n{long}")),
        ("415", format!("{auth}content-type: text/plain\r\ncontent-length: 10\r\n\r\n{{\"a\"")),
        (
            "415",
            format!(
                "{auth}content-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 10\r\n\r\n{{\"a\""
            ),
        ),
        ("401", "content-type: application/json\r\ncontent-length: 10\r\n\r\n{\"a\"".to_owned()),
        ("401", "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n".to_owned()),
    ] {
        let (answer, ended) = exchange(base(), &format!("POST /api/posts HTTP/1.1\r\nhost: x\r\n{rest}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {refused} ")), "{answer}");
        assert_eq!(header(&answer, "connection").as_deref(), Some("close"), "{answer}");
        assert!(ended, "{answer}");
    }
}

#[tokio::test]
async fn a_read_body_keeps_the_connection_open() {
    let token = member().await.token;
    for (status, body) in [("400", "{"), ("422", "{}"), ("201", "{\"content\":\"a\"}")] {
        let request = format!(
            "POST /api/posts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let (answer, ended) = exchange(base(), &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert_eq!((header(&answer, "connection"), ended), (None, false), "{answer}");
    }
}

#[tokio::test]
async fn content_codings_of_json_are_unsupported() {
    let who = member().await;
    for (method, path) in
        [(Method::POST, "/api/posts"), (Method::PATCH, "/api/members/me"), (Method::POST, "/api/authentication/login")]
    {
        for coding in ["gzip", "br", "deflate", "identity, gzip", "x-unknown"] {
            let request = who.request(method.clone(), path).header("content-encoding", coding);
            let answer = request.json(&json!({"content": "글"})).send().await.unwrap();
            assert_eq!(answer.headers()["accept-encoding"], "identity", "{coding} at {path}");
            problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE").await;
        }
    }
    let plain = who.request(Method::POST, "/api/posts").header("content-encoding", "identity");
    assert_eq!(plain.json(&json!({"content": "글"})).send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn content_codings_of_uploads_are_unsupported() {
    let who = member().await;
    let boundary = "--x\r\ncontent-disposition: form-data; name=\"image\"\r\n\r\n";
    let body = [boundary.as_bytes(), &jpeg(20, 20), b"\r\n--x--\r\n"].concat();
    let request = who.request(Method::POST, "/api/images?purpose=post").header("content-encoding", "gzip");
    let answer = request.header("content-type", "multipart/form-data; boundary=x").body(body).send().await.unwrap();
    assert_eq!(answer.headers()["accept-encoding"], "identity");
    problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE").await;
}

#[tokio::test]
async fn a_repeated_query_parameter_is_refused() {
    let who = member().await;
    for (path, field) in [
        ("/api/timeline/posts/mine?limit=1&limit=2", "limit"),
        ("/api/timeline/posts/mine?limit=1&limit=1", "limit"),
        ("/api/timeline/posts/recent?cursor=a&x=1&x=2&cursor=b", "cursor"),
        ("/api/timeline/posts/mine?limit=1&%6Cimit=2", "limit"),
        ("/api/members/recommendations?strategy=newest&strategy=network", "strategy"),
        ("/api/timeline/posts/most-popular?window=day&window=all", "window"),
        ("/api/timeline/daily-top3?date=2026-01-01&date=2026-01-02", "date"),
        ("/api/search/posts?q=a&q=b", "q"),
        ("/api/search/posts?q=a&sort=recent&sort=recent", "sort"),
        ("/api/notifications?group=true&group=false", "group"),
        ("/api/activities?type=LIKE_POST&type=FOLLOW", "type"),
        ("/api/timeline/stream?cursor=a&cursor=b", "cursor"),
    ] {
        let refused = who.refused(Method::GET, path, Value::Null, 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&refused), [(field.to_owned(), "REPEATED".to_owned())], "{path}");
    }
    who.get("/api/timeline/posts/mine?utm=1&utm=2&limit=5").await;
}

/// With a 406 the client would not learn that the command was committed.
#[tokio::test]
async fn a_client_that_accepts_no_coding_gets_the_response_anyway() {
    let who = member().await;
    for (number, accepted) in ["identity;q=0", "*;q=0", "gzip;q=0, identity;q=0.0", "*; q=0"].into_iter().enumerate() {
        let request = who.request(Method::POST, "/api/posts").header("accept-encoding", accepted);
        let answer = request.json(&json!({"content": "글"})).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{accepted}");
        assert_eq!(who.me().await["postCount"], number + 1);
    }
}
