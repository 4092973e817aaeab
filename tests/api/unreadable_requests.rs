//! Requests whose header cannot be read, over raw TCP: each gets a problem that ends the connection, on both listeners.
//! Responses of the service stay as they are.
use crate::{
    common::TIMEOUT,
    raw_requests::header,
    support::{TestServer, shared, start_server},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends bytes on a new connection, and reads until the server closes it.
async fn send(base: &str, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
    // The server may close before it has read everything.
    let _ = connection.write_all(bytes).await;
    read_to_end(&mut connection).await
}

async fn read_to_end(connection: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let reading = async {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = connection.read(&mut chunk).await {
            received.extend_from_slice(&chunk[..read]);
        }
    };
    tokio::time::timeout(TIMEOUT, reading).await.expect("the server closes the connection");
    String::from_utf8(received).unwrap()
}

/// Asserts that the text is exactly one answer to an unreadable request.
fn assert_refused(answer: &str, status: u16, code: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    let id = header(answer, "x-request-id").unwrap();
    for (name, value) in [
        ("content-type", "application/problem+json"),
        ("content-language", "en"),
        ("content-length", &body.len().to_string()),
        ("connection", "close"),
        ("cache-control", "private, no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(header(answer, name).as_deref(), Some(value), "{answer}");
    }
    assert!(header(answer, "date").is_some_and(|date| date.ends_with(" GMT")), "{answer}");
    assert_eq!(head.matches("content-length").count(), 1, "{answer}");
    let problem: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()), "{answer}");
    assert_eq!((&problem["type"], &problem["instance"]), (&"about:blank".into(), &"/".into()), "{answer}");
    assert_eq!(problem["traceId"], id.as_str(), "{answer}");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{answer}");
    assert!(head.starts_with(&format!("HTTP/1.1 {status} {}", problem["title"].as_str().unwrap())), "{answer}");
}

const MALFORMED: [&[u8]; 7] = [
    b"hello\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\x01 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\naccept-language: ko\r\nname\x00: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 30\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
];

#[tokio::test]
async fn a_malformed_header_is_a_problem_on_both_listeners() {
    let (base, admin, _) = shared();
    for listener in [base, admin] {
        for bytes in MALFORMED {
            assert_refused(&send(listener, bytes).await, 400, "MALFORMED_REQUEST");
        }
    }
}

#[tokio::test]
async fn a_header_or_an_address_that_is_too_long_is_a_problem() {
    let (base, admin, _) = shared();
    let long = "a".repeat(9_000);
    for listener in [base, admin] {
        let request = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {long}\r\n\r\n");
        assert_refused(&send(listener, request.as_bytes()).await, 431, "HEADERS_TOO_LARGE");
        let many: String = (0..200).map(|number| format!("x-{number}: a\r\n")).collect();
        let request = format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n");
        assert_refused(&send(listener, request.as_bytes()).await, 431, "HEADERS_TOO_LARGE");
        let request = format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n");
        assert_refused(&send(listener, request.as_bytes()).await, 414, "URI_TOO_LONG");
    }
}

#[tokio::test]
async fn the_answer_to_a_head_request_has_no_body() {
    let request = format!("HEAD / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(9_000));
    let answer = send(&shared().0, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(header(&answer, "content-type").as_deref(), Some("application/problem+json"));
}

async fn server_with_short_header_timeout() -> TestServer {
    start_server(|config| config.http.header_read_timeout_ms = 300).await
}

#[tokio::test]
async fn a_header_that_does_not_end_is_a_problem() {
    let server = server_with_short_header_timeout().await;
    for begun in [&b"GET / HT"[..], b"GET / HTTP/1.1\r\nhost: x\r\n", b"P"] {
        assert_refused(&send(&server.base, begun).await, 408, "REQUEST_TIMEOUT");
    }
    assert_eq!(send(&server.base, b"").await, "", "a connection without a request gets no answer");
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_header_that_does_not_end_after_an_answered_request_is_a_problem() {
    let server = server_with_short_header_timeout().await;
    let mut connection = TcpStream::connect(server.app.api_address()).await.unwrap();
    connection.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = vec![0; 4096];
    let read = connection.read(&mut first).await.unwrap();
    assert!(first[..read].starts_with(b"HTTP/1.1 200 ") && first[..read].ends_with(b"}"));
    connection.write_all(b"GET /health/li").await.unwrap();
    assert_refused(&read_to_end(&mut connection).await, 408, "REQUEST_TIMEOUT");
    server.app.shutdown().await;
}

/// Splits off the first response, which has a `Content-Length`.
fn first_response(text: &str) -> (&str, &str) {
    let head = text.find("\r\n\r\n").unwrap_or_else(|| panic!("{text}")) + 4;
    let length: usize = header(text, "content-length").unwrap().parse().unwrap();
    text.split_at(head + length)
}

#[tokio::test]
async fn responses_of_the_service_before_it_are_unchanged() {
    let base = &shared().0;
    let good = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\nGET /api/nothing HTTP/1.1\r\nhost: x\r\n\
        accept-language: ko\r\n\r\nGET /health/live HTTP/1.1\r\nhost: \r\n\r\n";
    for bytes in MALFORMED {
        // Pipelined: all in one segment.
        let received = send(base, &[good.as_bytes(), bytes].concat()).await;
        let (first, rest) = first_response(&received);
        assert!(first.starts_with("HTTP/1.1 200 ") && first.ends_with("{\"status\":\"UP\"}"), "{received}");
        let (second, rest) = first_response(rest);
        assert!(second.starts_with("HTTP/1.1 404 ") && second.contains("\"instance\":\"/api/nothing\""), "{received}");
        assert_eq!(header(second, "content-language").as_deref(), Some("ko"));
        // The service's own answer to a request that it can read.
        let (third, rest) = first_response(rest);
        assert!(third.starts_with("HTTP/1.1 400 ") && third.contains("\"instance\":\"/health/live\""), "{received}");
        assert_refused(rest, 400, "MALFORMED_REQUEST");
    }
}

#[tokio::test]
async fn a_header_that_arrives_in_pieces_after_other_requests_is_refused_once() {
    let mut connection = TcpStream::connect(shared().0.strip_prefix("http://").unwrap()).await.unwrap();
    for _ in 0..3 {
        connection.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 4096];
        let read = connection.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200 "));
    }
    for piece in ["GET /health/live HTTP/1.1\r\n", "host: x\r\nbad", " header\r\n\r\n"] {
        connection.write_all(piece.as_bytes()).await.unwrap();
        connection.flush().await.unwrap();
    }
    assert_refused(&read_to_end(&mut connection).await, 400, "MALFORMED_REQUEST");
}

#[tokio::test]
async fn http_2_is_not_touched() {
    let base = &shared().0;
    let stream = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
    let (mut send_request, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    for (path, status) in [("/health/live", 200), ("/api/nothing", 404), ("/api/members/me", 401)] {
        let request = Request::get(format!("{base}{path}")).body(Empty::<Bytes>::new()).unwrap();
        let answer = send_request.send_request(request).await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(!answer.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
    drop(send_request);
    driver.await.unwrap().unwrap();
    // A preface that is broken off gets no HTTP/1 answer in the middle of frames.
    let broken = send(base, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\xff\xff\xff\xff\xff\xff").await;
    assert!(!broken.contains("HTTP/1.1"), "{broken:?}");
}
