//! Paging through a ranking: the cursor names a generation, which does not change while likes and comments arrive.
use crate::{
    common::Member,
    support::{TestServer, all, eventually, ids, problem, start_server, until},
};
use dailyfeed::{config::Config, seed};
use reqwest::Method;
use serde_json::Value;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

const POPULAR: &str = "/api/timeline/posts/most-popular";
const COMMENTED: &str = "/api/timeline/posts/most-commented";

/// Starts a server with seeded posts that have no views, likes or comments.
async fn seeded(posts: usize) -> TestServer {
    let folder = tempfile::tempdir().unwrap();
    let options = seed::Options { members: 20, posts, follows: 2, likes: 0, celebrity: false, seed: 1 };
    seed::run(&Config::for_tests(folder.path()), &options).await.unwrap();
    TestServer::start_on(folder, |_| {}).await
}

/// Reads the remaining pages of a list from a cursor.
async fn rest(who: &Member, path: &str, limit: usize, cursor: &Value) -> Vec<u64> {
    let (mut found, mut cursor) = (Vec::new(), cursor.clone());
    while let Some(at) = cursor.as_str() {
        let page = who.get(&format!("{path}?limit={limit}&cursor={at}")).await;
        found.extend(ids(&page));
        cursor = page["nextCursor"].clone();
    }
    found
}

/// Spawns a task that likes, views and comments on posts until `stop` is set. The task returns the number of commands.
fn spawn_activity(who: Member, posts: Vec<u64>, stop: Arc<AtomicBool>, first: usize) -> tokio::task::JoinHandle<usize> {
    tokio::spawn(async move {
        let mut done = 0;
        while !stop.load(Ordering::Acquire) {
            let post = posts[(first + done * 37) % posts.len()];
            match done % 3 {
                0 => who.like(post).await,
                1 => drop(who.get(&format!("/api/posts/{post}")).await),
                _ => drop(who.comment(post, None, "댓글").await),
            }
            done += 1;
        }
        done
    })
}

#[tokio::test]
async fn fifty_pages_repeat_and_skip_nothing_while_scores_change() {
    let server = seeded(1_000).await;
    let who = server.member().await;
    let posts = all(&who, "/api/timeline/posts/recent", 100).await;
    assert_eq!(posts.len(), 1_000);
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for number in 0..3 {
        tasks.push(spawn_activity(server.member().await, posts.clone(), stop.clone(), number * 11));
    }
    // Start once the ranking has changed.
    eventually(&who, POPULAR, |page| ids(page)[..20] != posts[..20]).await;
    for path in [POPULAR, COMMENTED] {
        let first = who.get(path).await;
        // Read the same generation first with another page size.
        let expected = rest(&who, path, 100, &first["nextCursor"]).await;
        let (mut found, mut pages, mut cursor) = (ids(&first), 1, first["nextCursor"].clone());
        while let Some(at) = cursor.as_str() {
            let page = who.get(&format!("{path}?cursor={at}")).await;
            assert_eq!(ids(&page).len(), 20, "page {pages}");
            found.extend(ids(&page));
            cursor = page["nextCursor"].clone();
            pages += 1;
        }
        assert_eq!(pages, 50);
        assert_eq!(found, [ids(&first), expected].concat());
        found.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(found, posts, "every post once");
    }
    stop.store(true, Ordering::Release);
    for task in tasks {
        assert!(task.await.unwrap() > 10, "the task sent too few commands");
    }
}

#[tokio::test]
async fn a_ranking_has_the_best_thousand_posts() {
    let server = seeded(1_050).await;
    let who = server.member().await;
    let oldest = *all(&who, "/api/timeline/posts/recent", 100).await.last().unwrap();
    let ranked = all(&who, POPULAR, 100).await;
    assert_eq!(ranked.len(), 1_000);
    assert!(!ranked.contains(&oldest));
    who.like(oldest).await;
    eventually(&who, POPULAR, |page| ids(page)[0] == oldest).await;
    assert_eq!(all(&who, POPULAR, 100).await.len(), 1_000);
}

#[tokio::test]
async fn changes_while_paging_are_on_the_next_first_page() {
    let server = seeded(10).await;
    let (who, fan) = (server.member().await, server.member().await);
    let posts = all(&who, "/api/timeline/posts/recent", 100).await;
    let first = who.get(&format!("{POPULAR}?limit=4")).await;
    assert_eq!(ids(&first), posts[..4]);
    fan.like(posts[9]).await;
    who.post("사이에 쓴 글").await;
    eventually(&who, POPULAR, |page| ids(page)[0] == posts[9]).await;
    assert_eq!(rest(&who, POPULAR, 3, &first["nextCursor"]).await, posts[4..]);
}

#[tokio::test]
async fn every_page_size_gives_the_same_ranking() {
    let server = seeded(23).await;
    let (who, fan) = (server.member().await, server.member().await);
    let posts = all(&who, "/api/timeline/posts/recent", 100).await;
    fan.like(posts[20]).await;
    fan.comment(posts[11], None, "댓글").await;
    eventually(&who, POPULAR, |page| ids(page)[0] == posts[20]).await;
    eventually(&who, COMMENTED, |page| ids(page)[0] == posts[11]).await;
    for path in [POPULAR, COMMENTED] {
        let whole = ids(&who.get(&format!("{path}?limit=100")).await);
        assert_eq!(whole.len(), 23);
        for limit in [1, 5, 22, 23] {
            assert_eq!(all(&who, path, limit).await, whole, "limit {limit}");
        }
    }
}

#[tokio::test]
async fn posts_hidden_or_deleted_meanwhile_do_not_shorten_pages() {
    let server = seeded(0).await;
    let (who, author, other) = (server.member().await, server.member().await, server.member().await);
    let (mut theirs, mut others) = (Vec::new(), Vec::new());
    for number in 0..30 {
        theirs.insert(0, author.post(&format!("가려질 글 {number}")).await);
    }
    for number in 0..30 {
        others.insert(0, other.post(&format!("글 {number}")).await);
    }
    eventually(&who, &format!("{POPULAR}?limit=100"), |page| ids(page).len() == 60).await;
    let first = who.get(&format!("{POPULAR}?limit=10")).await;
    assert_eq!(ids(&first), others[..10]);
    other.delete(&format!("/api/posts/{}", others[12])).await;
    // The block hides the 30 posts of the author, which come last.
    who.ok(Method::PUT, &format!("/api/members/{}/block", author.id), Value::Null).await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = until(async || {
        let page = who.get(&format!("{POPULAR}?limit=10&cursor={cursor}")).await;
        Some(page).filter(|page| !ids(page).contains(&others[12]))
    })
    .await;
    assert_eq!(ids(&second), [&others[10..12], &others[13..21]].concat());
    assert_eq!(rest(&who, POPULAR, 10, &second["nextCursor"]).await, others[21..]);
}

#[tokio::test]
async fn a_page_skips_130_hidden_posts() {
    let server = start_server(|_| {}).await;
    let (who, author, other) = (server.member().await, server.member().await, server.member().await);
    let visible = [other.post("하나").await, other.post("둘").await, other.post("셋").await];
    for number in 0..130 {
        author.post(&format!("가려질 글 {number}")).await;
    }
    eventually(&other, &format!("{POPULAR}?limit=100"), |page| page["nextCursor"].is_string()).await;
    let expected = [visible[2], visible[1], visible[0]];
    eventually(&other, COMMENTED, |page| ids(page).len() == 20).await;
    until(async || Some(all(&other, POPULAR, 100).await).filter(|found| found.len() == 133)).await;
    who.ok(Method::PUT, &format!("/api/members/{}/block", author.id), Value::Null).await;
    assert_eq!(ids(&who.get(&format!("{POPULAR}?limit=2")).await), expected[..2]);
    assert_eq!(all(&who, POPULAR, 2).await, expected);
}

#[tokio::test]
async fn a_cursor_is_valid_only_for_its_list_and_window() {
    let server = seeded(9).await;
    let who = server.member().await;
    let cursor = |page: &Value| page["nextCursor"].as_str().unwrap().to_owned();
    let popular = cursor(&who.get(&format!("{POPULAR}?limit=2&window=week")).await);
    let recent = cursor(&who.get("/api/timeline/posts/recent?limit=2").await);
    who.get(&format!("{POPULAR}?window=week&cursor={popular}")).await;
    let mut mangled = popular.clone();
    mangled.replace_range(4..5, if &popular[4..5] == "A" { "B" } else { "A" });
    for path in [
        format!("{POPULAR}?cursor={popular}"),
        format!("{POPULAR}?window=all&cursor={popular}"),
        format!("{COMMENTED}?window=week&cursor={popular}"),
        format!("/api/timeline/posts/recent?cursor={popular}"),
        format!("{POPULAR}?cursor={recent}"),
        format!("{POPULAR}?window=week&cursor={mangled}"),
        format!("{POPULAR}?cursor=nonsense"),
    ] {
        problem(who.send(Method::GET, &path, Value::Null).await, 400, "CURSOR_INVALID").await;
    }
}

#[tokio::test]
async fn a_cursor_of_a_discarded_generation_has_expired() {
    let server = seeded(9).await;
    let who = server.member().await;
    let page = who.get(&format!("{POPULAR}?limit=2")).await;
    let server = server.restart(async |_| {}).await;
    let who = Member { base: server.base.clone(), http: crate::common::client(), ..who };
    let path = format!("{POPULAR}?limit=2&cursor={}", page["nextCursor"].as_str().unwrap());
    problem(who.send(Method::GET, &path, Value::Null).await, 400, "CURSOR_EXPIRED").await;
    assert_eq!(ids(&who.get(&format!("{POPULAR}?limit=2")).await), ids(&page));
}
