//! Request bodies that are not JSON or unusual JSON: none of them is a server error.
use crate::support::{base, member, problem, start_server};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends bytes unchanged to `POST /api/posts` as a new member.
async fn post(kind: &str, body: impl Into<reqwest::Body>) -> Response {
    let who = member().await;
    who.request(Method::POST, "/api/posts").header("content-type", kind).body(body).send().await.unwrap()
}

macro_rules! malformed {
    ($($name:ident: $body:expr;)*) => {
        $(#[tokio::test]
        async fn $name() {
            problem(post("application/json", $body).await, 400, "MALFORMED_REQUEST").await;
        })*
    };
}

malformed! {
    truncated_json_is_malformed: r#"{"content": "글"#;
    json_with_trailing_characters_is_malformed: r#"{"content": "글"} x"#;
    json_with_a_comment_is_malformed: r#"{"content": "글" /* here */}"#;
    json_in_single_quotes_is_malformed: "{'content': 'x'}";
    invalid_utf_8_is_malformed: b"{\"content\": \"\xff\xfe\"}".to_vec();
    a_raw_line_break_in_a_string_is_malformed: "{\"content\": \"a\nb\"}";
    nan_is_malformed: r#"{"content": NaN}"#;
    sixty_thousand_open_brackets_are_malformed: "[".repeat(60_000);
    form_data_with_a_json_content_type_is_malformed: "content=x&title=y";
}

#[tokio::test]
async fn deep_nesting_is_no_server_error() {
    let nested = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let answer = post("application/json", format!(r#"{{"content": "x", "other": {nested}}}"#)).await;
    assert!([201, 400].contains(&answer.status().as_u16()), "{}", answer.status());
    let answer = post("application/json", format!(r#"{{"content": {nested}}}"#)).await;
    assert!([400, 422].contains(&answer.status().as_u16()), "{}", answer.status());
}

#[tokio::test]
async fn json_other_than_an_object_is_refused() {
    for body in ["[]", "\"글\"", "7", "null", "true", "[{\"content\": \"글\"}]"] {
        let answer = post("application/json", body).await;
        assert!([400, 422].contains(&answer.status().as_u16()), "{body}: {}", answer.status());
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_content_type_with_a_charset_is_accepted() {
    for kind in ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"] {
        assert_eq!(post(kind, r#"{"content": "글"}"#).await.status(), 201, "{kind}");
    }
}

#[tokio::test]
async fn a_body_without_a_content_type_is_refused() {
    let who = member().await;
    let answer = who.request(Method::POST, "/api/posts").body(r#"{"content": "글"}"#).send().await.unwrap();
    assert_eq!(answer.status(), 415);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn other_content_types_are_refused() {
    for kind in ["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonp", "nonsense"] {
        let answer = post(kind, r#"{"content": "글"}"#).await;
        assert_eq!(answer.status(), 415, "{kind}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn merge_patch_is_accepted_as_a_content_type() {
    let who = member().await;
    for kind in ["application/merge-patch+json", "application/json"] {
        let request = who.request(Method::PATCH, "/api/members/me").header("content-type", kind);
        let answer = request.body(format!(r#"{{"bio": "{kind}"}}"#)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{kind}");
        assert_eq!(who.me().await["bio"], kind);
    }
}

#[tokio::test]
async fn a_body_at_the_limit_is_accepted_and_one_byte_more_is_refused() {
    let server = start_server(|config| config.http.body_max_bytes = 1_000).await;
    let who = server.member().await;
    for (length, status) in [(1_000, 201), (1_001, 413)] {
        let body = format!("{{\"content\": \"{}\"}}", "x".repeat(length - r#"{"content": ""}"#.len()));
        assert_eq!(body.len(), length);
        let request = who.request(Method::POST, "/api/posts").header("content-type", "application/json").body(body);
        assert_eq!(request.send().await.unwrap().status(), status, "{length} bytes");
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused() {
    let who = member().await;
    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 10_000]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let request = who.request(Method::POST, "/api/posts").header("content-type", "application/json").body(body);
    // The client may miss the response of a server that closes while it still writes; the post must not be created.
    if let Ok(answer) = request.send().await {
        assert_eq!(answer.status(), 413);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(who.me().await["postCount"], 0);
}

#[tokio::test]
async fn a_too_large_content_length_is_refused_before_the_body_is_sent() {
    let who = member().await;
    let address = base().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/posts HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 9999999\r\n\r\n",
        who.token
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 1024];
    let read = tokio::time::timeout(crate::common::TIMEOUT, connection.read(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_duplicate_field_is_no_server_error() {
    let answer = post("application/json", r#"{"content": "하나", "content": "둘"}"#).await;
    assert!([201, 400, 422].contains(&answer.status().as_u16()));
}

#[tokio::test]
async fn every_route_with_a_body_refuses_malformed_json() {
    let who = member().await;
    let post = who.post("글").await;
    let comment = who.comment(post, None, "댓글").await;
    for (method, path) in [
        (Method::POST, "/api/authentication/signup".to_owned()),
        (Method::POST, "/api/authentication/login".to_owned()),
        (Method::PUT, "/api/authentication/password".to_owned()),
        (Method::DELETE, "/api/authentication/deactivate".to_owned()),
        (Method::PATCH, "/api/members/me".to_owned()),
        (Method::PUT, "/api/members/me/handle".to_owned()),
        (Method::POST, "/api/members/query".to_owned()),
        (Method::POST, "/api/posts".to_owned()),
        (Method::PUT, format!("/api/posts/{post}")),
        (Method::POST, format!("/api/posts/{post}/comments")),
        (Method::PUT, format!("/api/comments/{comment}")),
    ] {
        for body in ["{", "", "\u{feff}{", "{]"] {
            let request = who.request(method.clone(), &path).header("content-type", "application/json");
            problem(request.body(body).send().await.unwrap(), 400, "MALFORMED_REQUEST").await;
        }
        let request = who.request(method.clone(), &path).header("content-type", "text/plain").body("{}");
        assert_eq!(request.send().await.unwrap().status(), 415, "{method} {path}");
    }
    assert_eq!(who.me().await["postCount"], 1);
}

#[tokio::test]
async fn ids_in_a_query_must_be_numbers() {
    let who = member().await;
    for ids in [json!("x"), json!([1, "x"]), json!([-1]), json!([1.5]), json!([[1]]), Value::Null] {
        let answer = who.send(Method::POST, "/api/members/query", json!({"ids": ids})).await;
        assert!([400, 422].contains(&answer.status().as_u16()), "{ids}");
    }
    assert_eq!(who.ok(Method::POST, "/api/members/query", json!({"ids": []})).await["items"], json!([]));
    let twice = who.ok(Method::POST, "/api/members/query", json!({"ids": [who.id, who.id]})).await;
    assert!(!twice["items"].as_array().unwrap().is_empty());
    let answer =
        crate::common::client().post(format!("{}/api/members/query", base())).json(&json!({"ids": [1]})).send().await;
    problem(answer.unwrap(), 401, "BEARER_TOKEN_MISSING").await;
}
