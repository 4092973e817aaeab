//! The binary is killed 20 times under write load: acknowledged posts survive, counters equal their rows, and a resumed
//! stream has every post once.
#[expect(dead_code, reason = "the other suites use the rest")]
mod common;
#[path = "common/server_process.rs"]
mod server_process;

use common::Member;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server_process::start;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

const KILLS: usize = 20;
const WRITERS: usize = 6;
/// Acknowledged posts of one run before the server is killed.
const POSTS_A_RUN: usize = 40;

/// Creates and likes posts until a request gets no response.
async fn write(member: Member, run: usize, acknowledged: Arc<Mutex<Vec<(u64, u64)>>>) {
    for number in 0.. {
        let body = json!({"content": format!("life {run} post {number} #crash")});
        let sent = member.request(Method::POST, "/api/posts").json(&body).send().await;
        let Ok(answer) = sent else { return };
        let status = answer.status();
        let Ok(post) = answer.json::<Value>().await else { return };
        assert_eq!(status, StatusCode::CREATED, "{post}");
        let id = post["id"].as_u64().unwrap();
        acknowledged.lock().unwrap().push((member.id, id));
        let like = member.request(Method::PUT, &format!("/api/posts/{id}/like")).send().await;
        if like.is_err() {
            return;
        }
    }
}

async fn home_feed(reader: &Member) -> BTreeSet<u64> {
    let (mut found, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = reader.get(&format!("/api/timeline/posts/followings?limit=100{cursor}")).await;
        found.extend(page["items"].as_array().unwrap().iter().map(|post| post["id"].as_u64().unwrap()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_posts_survive_twenty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let http = crate::common::client();
    let mut server = start(folder.path(), &[]).await;
    let mut reader = Member::sign_up(&http, &server.base).await;
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let writer = Member::sign_up(&http, &server.base).await;
        let follow = format!("/api/members/{}/follow", writer.id);
        assert_eq!(reader.call(Method::PUT, &follow, None).await, StatusCode::NO_CONTENT);
        writers.push(writer);
    }
    let acknowledged: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
    let (mut streamed, mut last_id) = (Vec::new(), None::<String>);
    for number in 0..KILLS {
        let target = acknowledged.lock().unwrap().len() + POSTS_A_RUN;
        for member in writers.iter_mut().chain([&mut reader]) {
            member.base.clone_from(&server.base);
        }
        let mut stream = reader.stream(last_id.as_deref()).await;
        let writing: Vec<_> =
            writers.iter().map(|writer| tokio::spawn(write(writer.clone(), number, acknowledged.clone()))).collect();
        // The stream is read meanwhile; the kill interrupts it and the writes.
        while acknowledged.lock().unwrap().len() < target {
            let event = stream.next().await.expect("the stream is open while the server runs");
            record(event, &mut streamed, &mut last_id);
        }
        server.process.kill().await.unwrap();
        for writer in writing {
            writer.await.unwrap();
        }
        // Events that were sent before the kill count as delivered.
        while let Some(event) = stream.next().await {
            record(event, &mut streamed, &mut last_id);
        }
        server = start(folder.path(), &[]).await;
        reader.base.clone_from(&server.base);
        let stored = home_feed(&reader).await;
        let lost: Vec<u64> =
            acknowledged.lock().unwrap().iter().map(|(_, id)| *id).filter(|id| !stored.contains(id)).collect();
        assert!(lost.is_empty(), "acknowledged and lost after kill {number}: {lost:?}");
    }
    // The stream catches up with all stored posts and has delivered none twice.
    let stored = home_feed(&reader).await;
    let mut stream = reader.stream(last_id.as_deref()).await;
    while streamed.len() < stored.len() {
        let event = stream.next().await.expect("the stream is open");
        record(event, &mut streamed, &mut last_id);
    }
    let once: BTreeSet<u64> = streamed.iter().copied().collect();
    assert_eq!(once.len(), streamed.len(), "a post was streamed twice");
    assert_eq!(once, stored);
    assert!(streamed.len() >= KILLS * POSTS_A_RUN);
    server.process.kill().await.unwrap();
    let mut audit = tokio::process::Command::new(env!("CARGO_BIN_EXE_dailyfeed"));
    audit.arg("audit").env("DAILYFEED_DATA_DIR", folder.path()).current_dir(folder.path());
    let audit = tokio::time::timeout(Duration::from_secs(60), audit.output()).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&audit.stdout).trim(), "drift 0");
    assert!(audit.status.success());
}

fn record(event: common::Event, streamed: &mut Vec<u64>, last_id: &mut Option<String>) {
    assert_ne!(event.name, "reset", "{}", event.data);
    *last_id = Some(event.id);
    if event.name == "post.created" {
        streamed.push(event.data["id"].as_u64().unwrap());
    }
}
