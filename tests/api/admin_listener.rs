//! The admin listener: health, metrics, actors; and one server per data folder.
use crate::{
    common::Member,
    support::{member, shared, start_server},
};
use serde_json::Value;

async fn text(path: &str) -> (u16, String) {
    let answer = crate::common::client().get(format!("{}{path}", shared().1)).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn health_probes_are_on_both_listeners() {
    let (api, admin, _) = shared();
    for base in [api, admin] {
        for probe in ["live", "ready", "startup"] {
            let answer = crate::common::client().get(format!("{base}/health/{probe}")).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{base} {probe}");
        }
    }
}

#[tokio::test]
async fn metrics_are_labelled_by_route_and_never_by_member() {
    let who = member().await;
    let id = who.post("글").await;
    who.get(&format!("/api/posts/{id}")).await;
    let (status, metrics) = text("/metrics").await;
    assert_eq!(status, 200);
    for name in [
        "dailyfeed_http_requests_total",
        "dailyfeed_http_request_duration_seconds_bucket",
        "dailyfeed_mailbox_messages",
        "dailyfeed_mailbox_oldest_seconds",
        "dailyfeed_commit_commands_bucket",
        "dailyfeed_commit_duration_seconds_bucket",
        "dailyfeed_projection_lag_events",
        "dailyfeed_runtime_busy_seconds",
        "dailyfeed_runtime_tasks",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
    ] {
        assert!(metrics.contains(name), "{name}");
    }
    assert!(metrics.contains("route=\"/api/posts/{id}\""));
    assert!(!metrics.contains(&id.to_string()) && !metrics.contains(&who.id.to_string()));
}

#[tokio::test]
async fn every_actor_has_a_row() {
    member().await;
    let (status, rows) = text("/admin/actors").await;
    assert_eq!(status, 200);
    let rows: Value = serde_json::from_str(&rows).unwrap();
    let rows = rows["items"].as_array().unwrap();
    for (name, count) in [
        ("content", 64),
        ("members", 64),
        ("sessions", 64),
        ("revocations", 1),
        ("timeline", 1),
        ("views", 1),
        // Its rounds, and the steps of departures.
        ("housekeeping", 2),
    ] {
        let of_name: Vec<&Value> = rows.iter().filter(|row| row["name"] == name).collect();
        assert_eq!(of_name.len(), count, "{name}");
        for field in ["queued", "capacity", "oldestMs", "restarts", "handled"] {
            assert!(of_name[0][field].is_u64(), "{field}");
        }
    }
    assert!(rows.iter().any(|row| row["name"] == "members" && row["handled"].as_u64() > Some(0)));
}

#[tokio::test]
async fn the_public_listener_has_no_admin_routes() {
    for path in ["/metrics", "/admin/actors"] {
        let answer = crate::common::client().get(format!("{}{path}", shared().0)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_second_server_on_a_data_folder_does_not_start() {
    let first = start_server(|_| {}).await;
    let second = dailyfeed::app::Server::start(dailyfeed::config::Config::for_tests(first.folder.path())).await;
    assert!(second.is_err());
    let who = Member::sign_up(&crate::common::client(), &first.base).await;
    who.post("글").await;
    first.app.shutdown().await;
}
