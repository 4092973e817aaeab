//! Metrics can be read without the source: each says what it is.
use crate::{pictures::jpeg, process::Process};
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;

/// A server that has done a little of everything, and its metrics.
async fn metrics(own: &Process) -> String {
    let (who, fan) = (own.member().await, own.member().await);
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
    crate::common::client().get(format!("{}/metrics", own.admin)).send().await.unwrap().text().await.unwrap()
}

/// The family that a sample belongs to.
fn family(sample: &str) -> &str {
    let name = sample.split(['{', ' ']).next().unwrap();
    ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

#[tokio::test]
async fn every_metric_says_what_it_is() {
    let own = Process::start(&[]).await;
    let text = metrics(&own).await;
    let said = |what: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(&format!("# {what} ")));
        let lines = lines.filter(|line| line.split_whitespace().count() > 1);
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let (help, kinds) = (said("HELP"), said("TYPE"));
    let families: BTreeSet<&str> =
        text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(family).collect();
    assert!(families.len() > 25, "{families:?}");
    for family in families {
        assert!(help.contains(family), "no help for {family}");
        assert!(kinds.contains(family), "no type for {family}");
    }
    own.stop().await;
}

#[tokio::test]
async fn the_process_has_the_names_that_dashboards_know() {
    let own = Process::start(&[]).await;
    let text = metrics(&own).await;
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
    own.stop().await;
}
