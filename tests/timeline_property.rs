//! Random histories: the pages of the home feed equal a naive model, and a page together with the stream from its
//! cursor equals the whole model, without gap or overlap.
#[expect(dead_code, reason = "the other suites use the rest")]
mod common;

use common::Member;
use dailyfeed::{app::Server, config::Config};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const MEMBERS: usize = 4;
const VIEWER: usize = 0;
const CASES: u32 = 40;

#[derive(Debug, Clone)]
enum Step {
    Post(usize),
    Edit(usize, usize),
    Delete(usize, usize),
    Follow(usize, usize),
    Unfollow(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let member = 0..MEMBERS;
    prop_oneof![
        5 => member.clone().prop_map(Step::Post),
        1 => (member.clone(), 0_usize..50).prop_map(|(member, nth)| Step::Edit(member, nth)),
        1 => (member.clone(), 0_usize..50).prop_map(|(member, nth)| Step::Delete(member, nth)),
        2 => (member.clone(), member.clone()).prop_map(|(follower, followed)| Step::Follow(follower, followed)),
        1 => (member.clone(), member).prop_map(|(follower, followed)| Step::Unfollow(follower, followed)),
    ]
}

/// The naive model of posts and follows.
#[derive(Default)]
struct History {
    posts: BTreeMap<u64, (usize, String)>,
    follows: BTreeSet<(usize, usize)>,
    edits: usize,
}

impl History {
    async fn run(&mut self, step: &Step, members: &[Member]) {
        match *step {
            Step::Post(author) => {
                let content = format!("글 {} by {author}", self.posts.len());
                let id = members[author].post(&content).await;
                self.posts.insert(id, (author, content));
            }
            Step::Edit(author, nth) => {
                let Some(id) = self.nth_of(author, nth) else { return };
                self.edits += 1;
                let content = format!("edit {}", self.edits);
                let path = format!("/api/posts/{id}");
                let status = members[author].call(Method::PUT, &path, Some(json!({"content": content}))).await;
                assert_eq!(status, StatusCode::OK);
                self.posts.insert(id, (author, content));
            }
            Step::Delete(author, nth) => {
                let Some(id) = self.nth_of(author, nth) else { return };
                let status = members[author].call(Method::DELETE, &format!("/api/posts/{id}"), None).await;
                assert_eq!(status, StatusCode::NO_CONTENT);
                self.posts.remove(&id);
            }
            Step::Follow(follower, followed) if follower != followed => {
                let path = format!("/api/members/{}/follow", members[followed].id);
                assert_eq!(members[follower].call(Method::PUT, &path, None).await, StatusCode::NO_CONTENT);
                self.follows.insert((follower, followed));
            }
            Step::Unfollow(follower, followed) if follower != followed => {
                let path = format!("/api/members/{}/follow", members[followed].id);
                assert_eq!(members[follower].call(Method::DELETE, &path, None).await, StatusCode::NO_CONTENT);
                self.follows.remove(&(follower, followed));
            }
            Step::Follow(..) | Step::Unfollow(..) => {}
        }
    }

    fn nth_of(&self, author: usize, nth: usize) -> Option<u64> {
        let own: Vec<u64> = self.posts.iter().filter(|(_, post)| post.0 == author).map(|(id, _)| *id).collect();
        (!own.is_empty()).then(|| own[nth % own.len()])
    }

    /// Returns the expected home feed of a member, newest first.
    fn home(&self, viewer: usize) -> Vec<(u64, String)> {
        let visible = |author: usize| author == viewer || self.follows.contains(&(viewer, author));
        let posts = self.posts.iter().rev().filter(|(_, (author, _))| visible(*author));
        posts.map(|(id, (_, content))| (*id, content.clone())).collect()
    }
}

struct Page {
    items: Vec<(u64, String)>,
    next: Option<String>,
    stream: String,
}

async fn page(member: &Member, cursor: Option<&str>, limit: usize) -> Page {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    let page = member.get(&format!("/api/timeline/posts/followings?limit={limit}{cursor}")).await;
    let item = |post: &Value| (post["id"].as_u64().unwrap(), post["content"].as_str().unwrap().to_owned());
    Page {
        items: page["items"].as_array().unwrap().iter().map(item).collect(),
        next: page["nextCursor"].as_str().map(str::to_owned),
        stream: page["streamCursor"].as_str().unwrap().to_owned(),
    }
}

async fn rest_of_feed(member: &Member, mut cursor: Option<String>, limit: usize) -> Vec<(u64, String)> {
    let mut items = Vec::new();
    while let Some(from) = cursor {
        let page = page(member, Some(&from), limit).await;
        items.extend(page.items);
        cursor = page.next;
    }
    items
}

async fn check(server: &Server, http: &Client, before: &[Step], after: &[Step], limit: usize, pages: usize) {
    let base = format!("http://{}", server.api_address());
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        members.push(Member::sign_up(http, &base).await);
    }
    let mut history = History::default();
    for step in before {
        history.run(step, &members).await;
    }
    // The home feed of every member, page by page, equals the model.
    for (index, member) in members.iter().enumerate() {
        let first = page(member, None, limit).await;
        let mut read = first.items;
        assert!(read.len() <= limit);
        read.extend(rest_of_feed(member, first.next, limit).await);
        assert_eq!(read, history.home(index), "home of member {index}");
    }
    // The viewer reads some pages, then more steps run, then the viewer reads the other pages, and the stream from the
    // last page that was read before.
    let viewer = &members[VIEWER];
    let mut last = page(viewer, None, limit).await;
    let mut shown: BTreeMap<u64, String> = last.items.drain(..).collect();
    for _ in 1..pages {
        let Some(next) = last.next.clone() else { break };
        last = page(viewer, Some(&next), limit).await;
        shown.extend(last.items.drain(..));
    }
    for step in after {
        // The viewer's own follows define the expected feed, so they do not change.
        if !matches!(step, Step::Follow(VIEWER, _) | Step::Unfollow(VIEWER, _)) {
            history.run(step, &members).await;
        }
    }
    let end = viewer.post("the end").await;
    history.posts.insert(end, (VIEWER, "the end".to_owned()));
    for (id, content) in rest_of_feed(viewer, last.next, limit).await {
        assert!(shown.insert(id, content).is_none(), "{id} was on two pages");
    }
    let mut stream = viewer.stream(Some(&last.stream)).await;
    loop {
        let event = stream.next().await.expect("the stream is open");
        let id = event.data["id"].as_u64();
        let content = || event.data["content"].as_str().unwrap().to_owned();
        match event.name.as_str() {
            "post.created" => {
                assert!(shown.insert(id.unwrap(), content()).is_none(), "{id:?} was on a page and in the stream");
            }
            "post.updated" => drop(shown.insert(id.unwrap(), content())),
            "post.deleted" => drop(shown.remove(&id.unwrap())),
            // These events do not change the set of posts.
            "ready" | "post.counts" | "notification" | "notification.retracted" => continue,
            other => panic!("unexpected {other}"),
        }
        if id == Some(end) {
            break;
        }
    }
    let shown: Vec<(u64, String)> = shown.into_iter().rev().collect();
    assert_eq!(shown, history.home(VIEWER), "pages and stream together");
}

#[test]
fn pages_and_stream_together_equal_the_history() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = runtime.block_on(Server::start(Config::for_tests(folder.path()))).unwrap();
    let http = crate::common::client();
    let mut runner = TestRunner::new(ProptestConfig { cases: CASES, failure_persistence: None, ..Default::default() });
    let histories = (vec(step(), 0..60), vec(step(), 0..30), 1_usize..6, 1_usize..4);
    let outcome = runner.run(&histories, |(before, after, limit, pages)| {
        runtime.block_on(check(&server, &http, &before, &after, limit, pages));
        Ok(())
    });
    runtime.block_on(server.shutdown());
    outcome.unwrap();
}
