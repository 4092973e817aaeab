//! The binary is killed 6 times under write load: searches find every acknowledged post exactly once afterwards.
#[expect(dead_code, reason = "the other suites use the rest")]
mod common;
#[path = "common/server_process.rs"]
mod server_process;

use common::Member;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server_process::start;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const KILLS: usize = 6;
/// Frequent index commits, so that kills interrupt some.
const MANY_COMMITS: (&str, &str) = ("DAILYFEED_SEARCH__COMMIT_INTERVAL_MS", "5");
const WRITERS: usize = 4;
/// Acknowledged posts of one run before the server is killed.
const POSTS_A_RUN: usize = 60;

/// Creates, edits and deletes posts until a request gets no response. Records the last acknowledged text of each post.
async fn write(member: Member, run: usize, known: Arc<Mutex<BTreeMap<u64, String>>>) {
    for number in 0.. {
        let text = format!("충돌 life{run} post{number}");
        let sent = member.request(Method::POST, "/api/posts").json(&json!({"content": text})).send().await;
        let Ok(answer) = sent else { return };
        let status = answer.status();
        let Ok(post) = answer.json::<Value>().await else { return };
        assert_eq!(status, StatusCode::CREATED, "{post}");
        let id = post["id"].as_u64().unwrap();
        known.lock().unwrap().insert(id, text.clone());
        if number % 3 != 0 {
            continue;
        }
        let path = format!("/api/posts/{id}");
        if number % 2 == 0 {
            let text = format!("{text} edited");
            // The outcome of an edit without a response is unknown.
            known.lock().unwrap().remove(&id);
            let sent = member.request(Method::PUT, &path).json(&json!({"content": text})).send().await;
            let Ok(answer) = sent else { return };
            assert_eq!(answer.status(), StatusCode::OK);
            known.lock().unwrap().insert(id, text);
        } else {
            known.lock().unwrap().remove(&id);
            let Ok(answer) = member.request(Method::DELETE, &path).send().await else { return };
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        }
    }
}

/// Counts how often a search finds each post, after all earlier writes were applied.
async fn found_counts(reader: &Member, query: &str) -> BTreeMap<u64, usize> {
    let body = json!({"location": "서울"});
    let answer = reader.request(Method::PATCH, "/api/members/me").json(&body).send().await.unwrap();
    let token = answer.headers()["x-write-token"].to_str().unwrap().to_owned();
    let (mut counts, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/api/search/posts?q={query}&sort=recent&limit=100&consistentWith={token}{cursor}");
        let answer = reader.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        // After a kill the index is behind until it has applied the lost events again.
        if answer.headers().contains_key("x-search-behind") {
            continue;
        }
        let page: Value = answer.json().await.unwrap();
        for item in page["items"].as_array().unwrap() {
            *counts.entry(item["post"]["id"].as_u64().unwrap()).or_default() += 1;
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return counts,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_posts_are_found_once_after_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let http = crate::common::client();
    let mut server = start(folder.path(), &[MANY_COMMITS]).await;
    let mut reader = Member::sign_up(&http, &server.base).await;
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        writers.push(Member::sign_up(&http, &server.base).await);
    }
    let known: Arc<Mutex<BTreeMap<u64, String>>> = Arc::default();
    for number in 0..KILLS {
        let target = known.lock().unwrap().len() + POSTS_A_RUN;
        for member in writers.iter_mut().chain([&mut reader]) {
            member.base.clone_from(&server.base);
        }
        let writing: Vec<_> =
            writers.iter().map(|writer| tokio::spawn(write(writer.clone(), number, known.clone()))).collect();
        while known.lock().unwrap().len() < target {
            tokio::task::yield_now().await;
        }
        server.process.kill().await.unwrap();
        for writer in writing {
            writer.await.unwrap();
        }
        server = start(folder.path(), &[MANY_COMMITS]).await;
        reader.base.clone_from(&server.base);
        // 충돌
        let found = found_counts(&reader, "%EC%B6%A9%EB%8F%8C").await;
        assert!(found.values().all(|count| *count == 1), "found twice after kill {number}");
        let lost: Vec<u64> = known.lock().unwrap().keys().filter(|id| !found.contains_key(id)).copied().collect();
        assert!(lost.is_empty(), "acknowledged and not found after kill {number}: {lost:?}");
        let edited = found_counts(&reader, &format!("life{number}%20edited")).await;
        let known = known.lock().unwrap();
        let ours = |text: &String| text.contains(&format!("life{number} ")) && text.ends_with("edited");
        assert!(known.iter().filter(|(_, text)| ours(text)).all(|(id, _)| edited.contains_key(id)), "kill {number}");
        let unedited = |id: &u64| known.get(id).is_some_and(|text| !text.ends_with("edited"));
        assert!(!edited.keys().any(unedited), "found by a text that the post never had");
    }
    server.process.kill().await.unwrap();
}
