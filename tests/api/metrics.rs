//! Metrics of requests, streams, commits and actors. Metrics are global to a process, so each test starts its own.
use crate::{
    process::Process,
    stream::{created, ready},
    support::until,
};
use reqwest::Method;
use serde_json::{Value, json};

async fn metrics(server: &Process) -> String {
    let answer = crate::common::client().get(format!("{}/metrics", server.admin)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    answer.text().await.unwrap()
}

/// Returns the sum of a metric's samples that have all these labels.
async fn value(server: &Process, name: &str, labels: &[(&str, &str)]) -> f64 {
    let text = metrics(server).await;
    let of_name = text.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
            && labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
    });
    of_name.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let server = Process::start(&[]).await;
    let who = server.member().await;
    for number in 0..3 {
        who.post(&format!("글 {number}")).await;
    }
    who.refused(Method::POST, "/api/posts", json!({"content": ""}), 422, "POST_CONTENT_EMPTY").await;
    let count = async |status: &str| {
        let labels = [("route", "/api/posts"), ("method", "POST"), ("status", status)];
        value(&server, "dailyfeed_http_requests_total", &labels).await
    };
    assert_eq!((count("201").await, count("422").await), (3.0, 1.0));
    let labels = [("route", "/api/posts"), ("method", "POST")];
    assert_eq!(value(&server, "dailyfeed_http_request_duration_seconds_count", &labels).await, 4.0);
    server.stop().await;
}

#[tokio::test]
async fn unknown_paths_are_no_labels() {
    let server = Process::start(&[]).await;
    let client = crate::common::client();
    for path in ["/api/unheard-of-1", "/api/unheard-of-2/deeper", "/wp-login.php"] {
        assert_eq!(client.get(format!("{}{path}", server.base)).send().await.unwrap().status(), 404);
    }
    let text = metrics(&server).await;
    assert!(
        !text.contains("unheard-of") && !text.contains("wp-login"),
        "a client could fill the memory with label values"
    );
    assert_eq!(value(&server, "dailyfeed_http_requests_total", &[("status", "404")]).await, 3.0);
    server.stop().await;
}

#[tokio::test]
async fn unknown_methods_are_no_labels() {
    let server = Process::start(&[]).await;
    let brew = Method::from_bytes(b"BREWCOFFEE").unwrap();
    let answer = crate::common::client().request(brew, format!("{}/api/posts", server.base)).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert!(!metrics(&server).await.contains("BREWCOFFEE"));
    server.stop().await;
}

#[tokio::test]
async fn open_streams_and_their_events_are_counted() {
    let server = Process::start(&[]).await;
    let who = server.member().await;
    let open = async || value(&server, "dailyfeed_streams_open", &[]).await;
    assert_eq!(open().await, 0.0);
    let mut streams = vec![who.stream(None).await, who.stream(None).await];
    for stream in &mut streams {
        ready(stream).await;
    }
    assert_eq!(open().await, 2.0);
    let before = value(&server, "dailyfeed_stream_events_total", &[]).await;
    let post = who.post("글").await;
    for stream in &mut streams {
        assert_eq!(created(stream).await, post);
    }
    assert_eq!(value(&server, "dailyfeed_stream_events_total", &[]).await - before, 2.0);
    drop(streams);
    until(async || (open().await == 0.0).then_some(())).await;
    server.stop().await;
}

#[tokio::test]
async fn commits_are_measured() {
    let server = Process::start(&[]).await;
    let who = server.member().await;
    let before = value(&server, "dailyfeed_commit_duration_seconds_count", &[]).await;
    who.post("글").await;
    assert!(value(&server, "dailyfeed_commit_duration_seconds_count", &[]).await > before);
    assert!(value(&server, "dailyfeed_commit_commands_sum", &[]).await >= 2.0);
    server.stop().await;
}

#[tokio::test]
async fn no_metric_contains_ids_handles_or_emails() {
    let server = Process::start(&[]).await;
    let who = server.member().await;
    let post = who.post("글").await;
    let handle = who.handle().await;
    who.get(&format!("/api/members/@{handle}")).await;
    who.get(&format!("/api/members/{}/followers", who.id)).await;
    who.get(&format!("/api/timeline/members/{}/posts", who.id)).await;
    let text = metrics(&server).await;
    for secret in [who.id.to_string(), post.to_string(), handle, who.email.clone()] {
        assert!(!text.contains(&secret), "{secret}");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_metric_has_the_prefix_of_the_product() {
    let server = Process::start(&[]).await;
    server.member().await;
    let text = metrics(&server).await;
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        // Metrics of the process have the standard names of exporters.
        assert!(line.starts_with("dailyfeed_") || line.starts_with("process_"), "{line}");
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
    }
    server.stop().await;
}

#[tokio::test]
async fn actors_have_not_restarted_and_their_mailboxes_are_bounded() {
    let server = Process::start(&[]).await;
    server.member().await.post("글").await;
    let rows: Value = crate::common::client()
        .get(format!("{}/admin/actors", server.admin))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    for row in rows["items"].as_array().unwrap() {
        assert_eq!(row["restarts"], 0, "{row}");
        assert!(row["capacity"].as_u64().unwrap() > 0, "no queue is unbounded: {row}");
        assert!(row["queued"].as_u64() <= row["capacity"].as_u64(), "{row}");
    }
    assert_eq!(value(&server, "dailyfeed_actor_restarts_total", &[]).await, 0.0);
    server.stop().await;
}

#[tokio::test]
async fn the_admin_listener_does_not_serve_the_api() {
    let server = Process::start(&[]).await;
    let who = server.member().await;
    for path in ["/api/members/me", "/api/posts/1", "/api/nothing", "/"] {
        let answer = crate::common::client()
            .get(format!("{}{path}", server.admin))
            .bearer_auth(&who.token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn after_a_shutdown_both_listeners_are_closed() {
    let server = Process::start(&[]).await;
    let (base, admin) = (server.base.clone(), server.admin.clone());
    server.stop().await;
    for base in [base, admin] {
        assert!(crate::common::client().get(format!("{base}/health/live")).send().await.is_err(), "{base}");
    }
}
