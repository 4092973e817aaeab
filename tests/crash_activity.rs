//! The binary under likes, comments and follows, killed again and again: each acknowledged act is one activity and one
//! notification, and a count of unread ones is what the list says.
#[expect(dead_code, reason = "the other suites use the rest")]
mod common;
#[path = "common/life.rs"]
mod life;

use common::Member;
use life::start;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const KILLS: usize = 20;
const FANS: usize = 4;
/// Acknowledged acts of one life before it is killed.
const ACTS_A_LIFE: usize = 60;

/// What was acknowledged: who did it, the type of the activity, and the post or comment.
type Acts = Arc<Mutex<Vec<(u64, &'static str, u64)>>>;

/// Acts until the server dies.
async fn act(fan: Member, author: u64, posts: Vec<u64>, life: usize, acts: Acts) {
    let follow = fan.request(Method::PUT, &format!("/api/members/{author}/follow")).send().await;
    let Ok(answer) = follow else { return };
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    for number in 0.. {
        let post = posts[number % posts.len()];
        // A post of this life is liked once; later likes change nothing.
        if let Some(post) = (number < posts.len()).then_some(post) {
            let Ok(answer) = fan.request(Method::PUT, &format!("/api/posts/{post}/like")).send().await else { return };
            let Ok(state) = answer.json::<Value>().await else { return };
            assert_eq!(state["liked"], true);
            acts.lock().unwrap().push((fan.id, "LIKE_POST", post));
        }
        let body = json!({"content": format!("life {life} comment {number}")});
        let sent = fan.request(Method::POST, &format!("/api/posts/{post}/comments")).json(&body).send().await;
        let Ok(answer) = sent else { return };
        let status = answer.status();
        let Ok(comment) = answer.json::<Value>().await else { return };
        assert_eq!(status, StatusCode::CREATED, "{comment}");
        acts.lock().unwrap().push((fan.id, "COMMENT_CREATE", comment["id"].as_u64().unwrap()));
    }
}

async fn everything(who: &Member, path: &str) -> Vec<Value> {
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

/// How many of these are of that type, by or with that member, about that thing.
fn count(items: &[Value], member: Option<u64>, kind: &str, thing: u64) -> usize {
    let field = if kind.starts_with("COMMENT") { "commentId" } else { "postId" };
    let of = |item: &&Value| {
        item["type"] == kind && item[field] == thing && member.is_none_or(|member| item["actor"]["id"] == member)
    };
    items.iter().filter(of).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_acknowledged_act_is_one_activity_and_one_notification() {
    let folder = tempfile::tempdir().unwrap();
    let http = crate::common::client();
    let mut life = start(folder.path(), &[]).await;
    let mut author = Member::sign_up(&http, &life.base).await;
    let mut fans = Vec::new();
    for _ in 0..FANS {
        fans.push(Member::sign_up(&http, &life.base).await);
    }
    let acts: Acts = Arc::default();
    for number in 0..KILLS {
        for member in fans.iter_mut().chain([&mut author]) {
            member.base.clone_from(&life.base);
        }
        let mut posts = Vec::new();
        for _ in 0..5 {
            posts.push(author.post("글").await);
        }
        let target = acts.lock().unwrap().len() + ACTS_A_LIFE;
        let acting: Vec<_> = fans
            .iter()
            .map(|fan| tokio::spawn(act(fan.clone(), author.id, posts.clone(), number, acts.clone())))
            .collect();
        // Reads run along; the kill comes in the middle of both.
        while acts.lock().unwrap().len() < target {
            author.get("/api/notifications/unread-count").await;
        }
        life.process.kill().await.unwrap();
        for acting in acting {
            acting.await.unwrap();
        }
        life = start(folder.path(), &[]).await;
    }
    for member in fans.iter_mut().chain([&mut author]) {
        member.base.clone_from(&life.base);
    }
    let told = everything(&author, "/api/notifications").await;
    let unread = author.get("/api/notifications/unread-count").await["count"].as_u64().unwrap();
    assert_eq!(unread, told.len() as u64);
    let follows = told.iter().filter(|item| item["type"] == "FOLLOW").count();
    assert_eq!(follows, FANS, "each follow is told once, however often it was asked for");
    let acts = acts.lock().unwrap().clone();
    assert!(acts.len() >= KILLS * ACTS_A_LIFE);
    for fan in &fans {
        let done = everything(fan, "/api/activities").await;
        for (_, kind, thing) in acts.iter().filter(|(member, ..)| *member == fan.id) {
            assert_eq!(count(&done, None, kind, *thing), 1, "{kind} of {thing} in the log of {}", fan.id);
            let kind = kind.trim_end_matches("_CREATE");
            assert_eq!(count(&told, Some(fan.id), kind, *thing), 1, "{kind} of {thing} by {}", fan.id);
        }
    }
    life.process.kill().await.unwrap();
}
