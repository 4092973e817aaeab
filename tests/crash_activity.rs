//! The binary is killed 20 times under likes, comments and follows: each acknowledged command is one activity and one
//! notification, and the unread count equals the list.
#[expect(dead_code, reason = "the other suites use the rest")]
mod common;
#[path = "common/server_process.rs"]
mod server_process;

use common::Member;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server_process::start;
use std::sync::{Arc, Mutex};

const KILLS: usize = 20;
const FANS: usize = 4;
/// Acknowledged commands of one run before the server is killed.
const COMMANDS_A_RUN: usize = 60;

/// Acknowledged commands: the member, the type of the activity, and the post or comment.
type Acknowledged = Arc<Mutex<Vec<(u64, &'static str, u64)>>>;

/// Follows, likes and comments until a request gets no response.
async fn run_commands(fan: Member, author: u64, posts: Vec<u64>, run: usize, acknowledged: Acknowledged) {
    let follow = fan.request(Method::PUT, &format!("/api/members/{author}/follow")).send().await;
    let Ok(answer) = follow else { return };
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    for number in 0.. {
        let post = posts[number % posts.len()];
        // Each post of this run is liked once; later likes would change nothing.
        if let Some(post) = (number < posts.len()).then_some(post) {
            let Ok(answer) = fan.request(Method::PUT, &format!("/api/posts/{post}/like")).send().await else { return };
            let Ok(state) = answer.json::<Value>().await else { return };
            assert_eq!(state["liked"], true);
            acknowledged.lock().unwrap().push((fan.id, "LIKE_POST", post));
        }
        let body = json!({"content": format!("life {run} comment {number}")});
        let sent = fan.request(Method::POST, &format!("/api/posts/{post}/comments")).json(&body).send().await;
        let Ok(answer) = sent else { return };
        let status = answer.status();
        let Ok(comment) = answer.json::<Value>().await else { return };
        assert_eq!(status, StatusCode::CREATED, "{comment}");
        acknowledged.lock().unwrap().push((fan.id, "COMMENT_CREATE", comment["id"].as_u64().unwrap()));
    }
}

async fn all_items(who: &Member, path: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = who.get(&format!("{path}?limit=100{cursor}")).await;
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Counts the items of a type about a post or comment, and by a member if given.
fn count(items: &[Value], member: Option<u64>, kind: &str, thing: u64) -> usize {
    let field = if kind.starts_with("COMMENT") { "commentId" } else { "postId" };
    let of = |item: &&Value| {
        item["type"] == kind && item[field] == thing && member.is_none_or(|member| item["actor"]["id"] == member)
    };
    items.iter().filter(of).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_acknowledged_command_is_one_activity_and_one_notification() {
    let folder = tempfile::tempdir().unwrap();
    let http = crate::common::client();
    let mut server = start(folder.path(), &[]).await;
    let mut author = Member::sign_up(&http, &server.base).await;
    let mut fans = Vec::new();
    for _ in 0..FANS {
        fans.push(Member::sign_up(&http, &server.base).await);
    }
    let acknowledged: Acknowledged = Arc::default();
    for number in 0..KILLS {
        for member in fans.iter_mut().chain([&mut author]) {
            member.base.clone_from(&server.base);
        }
        let mut posts = Vec::new();
        for _ in 0..5 {
            posts.push(author.post("글").await);
        }
        let target = acknowledged.lock().unwrap().len() + COMMANDS_A_RUN;
        let tasks: Vec<_> = fans
            .iter()
            .map(|fan| tokio::spawn(run_commands(fan.clone(), author.id, posts.clone(), number, acknowledged.clone())))
            .collect();
        // Reads run meanwhile; the kill interrupts them and the commands.
        while acknowledged.lock().unwrap().len() < target {
            author.get("/api/notifications/unread-count").await;
        }
        server.process.kill().await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        server = start(folder.path(), &[]).await;
    }
    for member in fans.iter_mut().chain([&mut author]) {
        member.base.clone_from(&server.base);
    }
    let notifications = all_items(&author, "/api/notifications").await;
    let unread = author.get("/api/notifications/unread-count").await["count"].as_u64().unwrap();
    assert_eq!(unread, notifications.len() as u64);
    let follows = notifications.iter().filter(|item| item["type"] == "FOLLOW").count();
    assert_eq!(follows, FANS, "each follow has one notification, however often it was repeated");
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() >= KILLS * COMMANDS_A_RUN);
    for fan in &fans {
        let activities = all_items(fan, "/api/activities").await;
        for (_, kind, thing) in acknowledged.iter().filter(|(member, ..)| *member == fan.id) {
            assert_eq!(count(&activities, None, kind, *thing), 1, "{kind} of {thing} in the log of {}", fan.id);
            let kind = kind.trim_end_matches("_CREATE");
            assert_eq!(count(&notifications, Some(fan.id), kind, *thing), 1, "{kind} of {thing} by {}", fan.id);
        }
    }
    server.process.kill().await.unwrap();
}
