//! The admin listener refuses foreign `Host` and `Origin` headers, so that no web page in the operator's browser
//! reaches it.
use crate::{
    raw_requests::exchange,
    support::{shared, start_server},
};
use reqwest::{Method, Response};

const ADMIN_ROUTES: [(&str, &str); 8] = [
    ("GET", "/metrics"),
    ("GET", "/health/live"),
    ("GET", "/admin/actors"),
    ("GET", "/admin/deadletters"),
    ("GET", "/admin/search"),
    ("POST", "/admin/search/reindex"),
    ("POST", "/admin/deadletters/redrive"),
    ("DELETE", "/admin/deadletters/1"),
];

async fn request_with(method: &str, path: &str, name: &'static str, value: &str) -> Response {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    crate::common::client().request(method, format!("{}{path}", shared().1)).header(name, value).send().await.unwrap()
}

fn port() -> &'static str {
    shared().1.rsplit(':').next().unwrap()
}

#[tokio::test]
async fn a_foreign_host_is_misdirected_on_every_route() {
    for host in [
        "evil.example",
        "evil.example:9090",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.255.255.1",
        "[2001:db8::1]",
    ] {
        for (method, path) in ADMIN_ROUTES {
            let (answer, _) = exchange(&shared().1, &format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 421 "), "{host} {path}: {answer}");
            assert!(answer.contains("\"code\":\"MISDIRECTED\"") && !answer.contains("dailyfeed_"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_foreign_host_in_the_request_line_is_misdirected() {
    let request = "GET http://evil.example/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert!(exchange(&shared().1, request).await.0.starts_with("HTTP/1.1 421 "));
}

#[tokio::test]
async fn loopback_hosts_are_accepted_with_any_port() {
    let port = port();
    for host in ["127.0.0.1", "localhost", "LocalHost", "[::1]"].map(str::to_owned).into_iter().chain([
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        "localhost:12345".to_owned(),
    ]) {
        let (answer, _) = exchange(&shared().1, &format!("GET /health/live HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
}

#[tokio::test]
async fn configured_hosts_are_accepted() {
    let server =
        start_server(|config| config.admin.allowed_hosts = vec!["admin.example".to_owned(), "10.9.8.7".to_owned()])
            .await;
    let admin = format!("http://{}", server.app.admin_address());
    for (host, status) in
        [("admin.example", 200), ("Admin.Example:9090", 200), ("10.9.8.7:9090", 200), ("b.admin.example", 421)]
    {
        let (answer, _) = exchange(&admin, &format!("GET /health/live HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_foreign_origin_is_refused_on_every_route() {
    let near = format!("http://localhost:{}", port());
    for (method, path) in ADMIN_ROUTES {
        for origin in ["null", "https://evil.example", "http://localhost:3000", "http://127.0.0.1", "file://", &near] {
            let answer = request_with(method, path, "origin", origin).await;
            assert!(answer.headers().get("access-control-allow-origin").is_none());
            crate::support::problem(answer, 403, "ORIGIN_FORBIDDEN").await;
        }
        for site in ["cross-site", "same-site"] {
            crate::support::problem(request_with(method, path, "sec-fetch-site", site).await, 403, "ORIGIN_FORBIDDEN")
                .await;
        }
    }
    assert_eq!(request_with("OPTIONS", "/admin/search/reindex", "origin", "https://evil.example").await.status(), 403);
}

#[tokio::test]
async fn the_own_origin_and_direct_navigation_are_accepted() {
    let origin = shared().1.clone();
    assert_eq!(request_with("GET", "/metrics", "origin", &origin).await.status(), 200);
    for site in ["none", "same-origin"] {
        assert_eq!(request_with("GET", "/metrics", "sec-fetch-site", site).await.status(), 200, "{site}");
    }
    assert_eq!(crate::common::client().get(format!("{origin}/metrics")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_public_listener_accepts_any_host() {
    let (answer, _) =
        exchange(&shared().0, "GET /health/live HTTP/1.1\r\nhost: feed.example\r\norigin: https://a.example\r\n\r\n")
            .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
