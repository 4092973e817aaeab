//! Every metric has a HELP and a TYPE line, and process metrics have standard names.
use crate::{image_fixtures::jpeg, process::Process};
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;

/// Runs one request of every kind and returns the metrics.
async fn metrics(server: &Process) -> String {
    let (who, fan) = (server.member().await, server.member().await);
    let post = who.post("글 #하나").await;
    fan.get(&format!("/api/posts/{post}")).await;
    fan.like(post).await;
    fan.follow(&who).await;
    who.image("post", &jpeg(30, 20)).await;
    who.get("/api/notifications").await;
    who.get("/api/search/posts?q=글").await;
    let mut stream = who.stream(None).await;
    crate::stream::ready(&mut stream).await;
    who.send(Method::GET, "/api/nothing", Value::Null).await;
    crate::common::client().get(format!("{}/metrics", server.admin)).send().await.unwrap().text().await.unwrap()
}

/// Returns the metric family of a sample.
fn family(sample: &str) -> &str {
    let name = sample.split(['{', ' ']).next().unwrap();
    ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

#[tokio::test]
async fn every_metric_has_help_and_type() {
    let server = Process::start(&[]).await;
    let text = metrics(&server).await;
    let described = |what: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(&format!("# {what} ")));
        let lines = lines.filter(|line| line.split_whitespace().count() > 1);
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let (help, kinds) = (described("HELP"), described("TYPE"));
    let families: BTreeSet<&str> =
        text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(family).collect();
    assert!(families.len() > 25, "{families:?}");
    for family in families {
        assert!(help.contains(family), "no help for {family}");
        assert!(kinds.contains(family), "no type for {family}");
    }
    server.stop().await;
}

#[tokio::test]
async fn process_metrics_have_standard_names() {
    let server = Process::start(&[]).await;
    let text = metrics(&server).await;
    for name in [
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    ] {
        let sample = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}"));
        assert!(sample.trim().parse::<f64>().unwrap() >= 0.0, "{name}{sample}");
    }
    assert!(!text.contains("dailyfeed_process_"));
    server.stop().await;
}
