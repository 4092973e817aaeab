//! The operating listener is for whoever runs the server, and for no page that a browser on the same machine has open.
use crate::{
    support::{own, shared},
    wire::exchange,
};
use reqwest::{Method, Response};

const EVERYTHING: [(&str, &str); 8] = [
    ("GET", "/metrics"),
    ("GET", "/health/live"),
    ("GET", "/admin/actors"),
    ("GET", "/admin/deadletters"),
    ("GET", "/admin/search"),
    ("POST", "/admin/search/reindex"),
    ("POST", "/admin/deadletters/redrive"),
    ("DELETE", "/admin/deadletters/1"),
];

async fn ask(method: &str, path: &str, name: &'static str, value: &str) -> Response {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    crate::common::client().request(method, format!("{}{path}", shared().1)).header(name, value).send().await.unwrap()
}

fn port() -> &'static str {
    shared().1.rsplit(':').next().unwrap()
}

#[tokio::test]
async fn a_strangers_name_that_leads_here_gets_nothing() {
    for host in [
        "evil.example",
        "evil.example:9090",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.255.255.1",
        "[2001:db8::1]",
    ] {
        for (method, path) in EVERYTHING {
            let (answer, _) = exchange(&shared().1, &format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 421 "), "{host} {path}: {answer}");
            assert!(answer.contains("\"code\":\"MISDIRECTED\"") && !answer.contains("dailyfeed_"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_name_in_the_request_line_is_a_host_too() {
    let said = "GET http://evil.example/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert!(exchange(&shared().1, said).await.0.starts_with("HTTP/1.1 421 "));
}

#[tokio::test]
async fn its_own_addresses_are_known_whatever_the_port() {
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
async fn further_names_are_configured() {
    let own = own(|config| config.admin.allowed_hosts = vec!["admin.example".to_owned(), "10.9.8.7".to_owned()]).await;
    let admin = format!("http://{}", own.server.admin_address());
    for (host, status) in
        [("admin.example", 200), ("Admin.Example:9090", 200), ("10.9.8.7:9090", 200), ("b.admin.example", 421)]
    {
        let (answer, _) = exchange(&admin, &format!("GET /health/live HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
    own.server.shutdown().await;
}

#[tokio::test]
async fn no_page_from_elsewhere_asks_whatever_the_method() {
    let near = format!("http://localhost:{}", port());
    for (method, path) in EVERYTHING {
        for origin in ["null", "https://evil.example", "http://localhost:3000", "http://127.0.0.1", "file://", &near] {
            let answer = ask(method, path, "origin", origin).await;
            assert!(answer.headers().get("access-control-allow-origin").is_none());
            crate::support::problem(answer, 403, "ORIGIN_FORBIDDEN").await;
        }
        for site in ["cross-site", "same-site"] {
            crate::support::problem(ask(method, path, "sec-fetch-site", site).await, 403, "ORIGIN_FORBIDDEN").await;
        }
    }
    assert_eq!(ask("OPTIONS", "/admin/search/reindex", "origin", "https://evil.example").await.status(), 403);
}

#[tokio::test]
async fn its_own_pages_and_whoever_types_the_address_are_answered() {
    let own = shared().1.clone();
    assert_eq!(ask("GET", "/metrics", "origin", &own).await.status(), 200);
    for site in ["none", "same-origin"] {
        assert_eq!(ask("GET", "/metrics", "sec-fetch-site", site).await.status(), 200, "{site}");
    }
    assert_eq!(crate::common::client().get(format!("{own}/metrics")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_public_listener_answers_to_any_name() {
    let (answer, _) =
        exchange(&shared().0, "GET /health/live HTTP/1.1\r\nhost: feed.example\r\norigin: https://a.example\r\n\r\n")
            .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
