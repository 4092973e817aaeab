//! What the operator sees of what clients do. Metrics belong to a process, so each case has one.
use crate::{
    process::Process,
    stream::{created, ready},
    support::until,
};
use reqwest::Method;
use serde_json::{Value, json};

async fn metrics(own: &Process) -> String {
    let answer = crate::common::client().get(format!("{}/metrics", own.admin)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    answer.text().await.unwrap()
}

/// The sum of a metric's samples that have all these labels.
async fn value(own: &Process, name: &str, labels: &[(&str, &str)]) -> f64 {
    let text = metrics(own).await;
    let of_name = text.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
            && labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
    });
    of_name.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let own = Process::start(&[]).await;
    let who = own.member().await;
    for number in 0..3 {
        who.post(&format!("글 {number}")).await;
    }
    who.refused(Method::POST, "/api/posts", json!({"content": ""}), 422, "POST_CONTENT_EMPTY").await;
    let count = async |status: &str| {
        let labels = [("route", "/api/posts"), ("method", "POST"), ("status", status)];
        value(&own, "dailyfeed_http_requests_total", &labels).await
    };
    assert_eq!((count("201").await, count("422").await), (3.0, 1.0));
    let labels = [("route", "/api/posts"), ("method", "POST")];
    assert_eq!(value(&own, "dailyfeed_http_request_duration_seconds_count", &labels).await, 4.0);
    own.stop().await;
}

#[tokio::test]
async fn paths_that_nobody_serves_are_no_labels() {
    let own = Process::start(&[]).await;
    let client = crate::common::client();
    for path in ["/api/unheard-of-1", "/api/unheard-of-2/deeper", "/wp-login.php"] {
        assert_eq!(client.get(format!("{}{path}", own.base)).send().await.unwrap().status(), 404);
    }
    let text = metrics(&own).await;
    assert!(!text.contains("unheard-of") && !text.contains("wp-login"), "a client could fill the memory with names");
    assert_eq!(value(&own, "dailyfeed_http_requests_total", &[("status", "404")]).await, 3.0);
    own.stop().await;
}

#[tokio::test]
async fn methods_that_nobody_knows_are_no_labels() {
    let own = Process::start(&[]).await;
    let brew = Method::from_bytes(b"BREWCOFFEE").unwrap();
    let answer = crate::common::client().request(brew, format!("{}/api/posts", own.base)).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert!(!metrics(&own).await.contains("BREWCOFFEE"));
    own.stop().await;
}

#[tokio::test]
async fn open_streams_and_their_events_are_counted() {
    let own = Process::start(&[]).await;
    let who = own.member().await;
    let open = async || value(&own, "dailyfeed_streams_open", &[]).await;
    assert_eq!(open().await, 0.0);
    let mut streams = vec![who.stream(None).await, who.stream(None).await];
    for stream in &mut streams {
        ready(stream).await;
    }
    assert_eq!(open().await, 2.0);
    let before = value(&own, "dailyfeed_stream_events_total", &[]).await;
    let post = who.post("글").await;
    for stream in &mut streams {
        assert_eq!(created(stream).await, post);
    }
    assert_eq!(value(&own, "dailyfeed_stream_events_total", &[]).await - before, 2.0);
    drop(streams);
    until(async || (open().await == 0.0).then_some(())).await;
    own.stop().await;
}

#[tokio::test]
async fn commits_are_measured() {
    let own = Process::start(&[]).await;
    let who = own.member().await;
    let before = value(&own, "dailyfeed_commit_duration_seconds_count", &[]).await;
    who.post("글").await;
    assert!(value(&own, "dailyfeed_commit_duration_seconds_count", &[]).await > before);
    assert!(value(&own, "dailyfeed_commit_commands_sum", &[]).await >= 2.0);
    own.stop().await;
}

#[tokio::test]
async fn no_metric_names_a_member_or_carries_an_address() {
    let own = Process::start(&[]).await;
    let who = own.member().await;
    let post = who.post("글").await;
    let handle = who.handle().await;
    who.get(&format!("/api/members/@{handle}")).await;
    who.get(&format!("/api/members/{}/followers", who.id)).await;
    who.get(&format!("/api/timeline/members/{}/posts", who.id)).await;
    let text = metrics(&own).await;
    for secret in [who.id.to_string(), post.to_string(), handle, who.email.clone()] {
        assert!(!text.contains(&secret), "{secret}");
    }
    own.stop().await;
}

#[tokio::test]
async fn every_metric_bears_the_name_of_the_product() {
    let own = Process::start(&[]).await;
    own.member().await;
    let text = metrics(&own).await;
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        // The process has the names that every exporter gives it.
        assert!(line.starts_with("dailyfeed_") || line.starts_with("process_"), "{line}");
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
    }
    own.stop().await;
}

#[tokio::test]
async fn no_actor_has_restarted_and_none_lets_anybody_wait() {
    let own = Process::start(&[]).await;
    own.member().await.post("글").await;
    let rows: Value =
        crate::common::client().get(format!("{}/admin/actors", own.admin)).send().await.unwrap().json().await.unwrap();
    for row in rows["items"].as_array().unwrap() {
        assert_eq!(row["restarts"], 0, "{row}");
        assert!(row["capacity"].as_u64().unwrap() > 0, "no queue is unbounded: {row}");
        assert!(row["queued"].as_u64() <= row["capacity"].as_u64(), "{row}");
    }
    assert_eq!(value(&own, "dailyfeed_actor_restarts_total", &[]).await, 0.0);
    own.stop().await;
}

#[tokio::test]
async fn the_operating_listener_serves_nothing_else() {
    let own = Process::start(&[]).await;
    let who = own.member().await;
    for path in ["/api/members/me", "/api/posts/1", "/api/nothing", "/"] {
        let answer =
            crate::common::client().get(format!("{}{path}", own.admin)).bearer_auth(&who.token).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    own.stop().await;
}

#[tokio::test]
async fn after_a_shutdown_nobody_listens() {
    let own = Process::start(&[]).await;
    let (base, admin) = (own.base.clone(), own.admin.clone());
    own.stop().await;
    for base in [base, admin] {
        assert!(crate::common::client().get(format!("{base}/health/live")).send().await.is_err(), "{base}");
    }
}
