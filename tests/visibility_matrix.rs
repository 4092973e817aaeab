//! The table of visibility: for each change between two members (block, mute, ...) and each view (home feed, search,
//! ...), whether the author's content stays visible. `domain/visibility.rs` implements the rule.
#[path = "visibility_matrix/audience.rs"]
mod audience;
mod common;
#[path = "visibility_matrix/post_world.rs"]
mod post_world;

use common::{Event, Member, Stream, TIMEOUT};
use dailyfeed::{app::Server, config::Config};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// A change that may hide an author's content from a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The viewer blocks the author.
    Block,
    /// The viewer mutes the author.
    Mute,
    /// The author deletes the post and the comment, and unlikes.
    Delete,
    /// The author deactivates the account.
    Deactivate,
    /// The viewer unfollows the author.
    Unfollow,
    /// The author's posts become private.
    Private,
}

/// The views, in the order of the table's columns.
const VIEWS: [&str; 11] = [
    "home",
    "ranked",
    "author",
    "tag",
    "thread",
    "counts",
    "search",
    "notifications",
    "open stream",
    "replayed stream",
    "events",
];

/// Whether the author's content is still visible in the view. On streams: whether delivered content is not retracted.
const TABLE: [(Change, [bool; 11]); 6] = [
    //                 home   ranked author tag    thread counts search notes  open   replay events
    (Change::Block, [false, false, false, false, false, false, false, false, false, false, false]),
    // A mute hides content in feeds (including tag feeds), not on direct requests, and does not change counts.
    (Change::Mute, [false, false, true, false, true, true, true, false, false, false, false]),
    (Change::Delete, [false, false, false, false, false, false, false, false, false, false, false]),
    (Change::Deactivate, [false, false, false, false, false, false, false, false, false, false, false]),
    // The author's posts are public: they disappear from the home feed only, and nothing is retracted.
    (Change::Unfollow, [false, true, true, true, true, true, true, true, true, true, true]),
    // Privacy hides the author's posts, not comments and likes on other posts.
    (Change::Private, [false, false, false, false, true, true, false, true, false, false, false]),
];

/// A viewer who follows an author, and a host whose post the author has commented on and liked.
struct World {
    server: Server,
    _folder: tempfile::TempDir,
    viewer: Member,
    author: Member,
    host_post: u64,
    viewers_post: u64,
    post: u64,
    comment: u64,
    tag: String,
    stream: Stream,
    /// The stream cursor after the delivery of the author's post.
    cursor: String,
}

async fn send(who: &Member, method: Method, path: &str, body: Value) -> Value {
    let mut request = who.request(method, path);
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {status} {text}");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(Config::for_tests(folder.path())).await.unwrap();
        let (http, base) = (crate::common::client(), format!("http://{}", server.api_address()));
        let viewer = Member::sign_up(&http, &base).await;
        let author = Member::sign_up(&http, &base).await;
        let host = Member::sign_up(&http, &base).await;
        send(&viewer, Method::PUT, &format!("/api/members/{}/follow", author.id), Value::Null).await;
        let (viewers_post, host_post) = (viewer.post("보는 이의 글").await, host.post("손님을 맞는 글").await);
        let mut stream = viewer.stream(None).await;
        assert_eq!(stream.next().await.unwrap().name, "ready");
        let tag = format!("표{}", author.id);
        let post = author.post(&format!("숨바꼭질 이야기 #{tag}")).await;
        let comment = json!({"content": "숨은 댓글"});
        let comment = send(&author, Method::POST, &format!("/api/posts/{host_post}/comments"), comment).await;
        for liked in [viewers_post, host_post] {
            send(&author, Method::PUT, &format!("/api/posts/{liked}/like"), Value::Null).await;
        }
        for fan in [&viewer, &host] {
            send(fan, Method::PUT, &format!("/api/posts/{post}/like"), Value::Null).await;
        }
        let comment = comment["id"].as_u64().unwrap();
        let cursor = loop {
            let event = stream.next().await.unwrap();
            if event.name == "notification" {
                break event.id;
            }
        };
        let (_folder, author_of) = (folder, author);
        Self { server, _folder, viewer, author: author_of, host_post, viewers_post, post, comment, tag, stream, cursor }
    }

    async fn apply(&self, change: Change) {
        let (viewer, author) = (&self.viewer, &self.author);
        let of_author = |what: &str| format!("/api/members/{}/{what}", author.id);
        match change {
            Change::Block => drop(send(viewer, Method::PUT, &of_author("block"), Value::Null).await),
            Change::Mute => drop(send(viewer, Method::PUT, &of_author("mute"), Value::Null).await),
            Change::Unfollow => drop(send(viewer, Method::DELETE, &of_author("follow"), Value::Null).await),
            Change::Private => {
                drop(send(author, Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await);
            }
            Change::Deactivate => {
                let password = json!({"password": common::PASSWORD});
                drop(send(author, Method::DELETE, "/api/authentication/deactivate", password).await);
            }
            Change::Delete => {
                for path in [
                    format!("/api/posts/{}/like", self.viewers_post),
                    format!("/api/posts/{}/like", self.host_post),
                    format!("/api/comments/{}", self.comment),
                    format!("/api/posts/{}", self.post),
                ] {
                    send(author, Method::DELETE, &path, Value::Null).await;
                }
            }
        }
    }

    /// Reads a page. Returns `None` on 404.
    async fn page(&self, path: &str) -> Option<Value> {
        let answer = self.viewer.request(Method::GET, path).send().await.unwrap();
        if answer.status() == StatusCode::NOT_FOUND {
            return None;
        }
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        Some(answer.json().await.unwrap())
    }

    /// Whether a page lists a post or comment.
    async fn lists(&self, path: &str, id: u64) -> bool {
        self.page(path).await.is_some_and(|page| {
            page["items"].as_array().unwrap().iter().any(|item| {
                [&item["id"], &item["post"]["id"], &item["comment"]["id"]].iter().any(|found| **found == id)
            })
        })
    }

    async fn is_visible(&self, view: &str) -> bool {
        let post = self.post;
        match view {
            "home" => self.lists("/api/timeline/posts/followings", post).await,
            "ranked" => self.lists("/api/timeline/posts/most-popular?window=day", post).await,
            "author" => self.lists(&format!("/api/timeline/members/{}/posts", self.author.id), post).await,
            "tag" => self.lists(&format!("/api/timeline/tags/{}/posts", self.tag), post).await,
            "thread" => self.lists(&format!("/api/posts/{}/comments", self.host_post), self.comment).await,
            "counts" => {
                let on = self.page(&format!("/api/posts/{}", self.host_post)).await.unwrap();
                let counts = [on["likeCount"].as_u64().unwrap(), on["commentCount"].as_u64().unwrap()];
                assert!(counts[0] == counts[1], "only one of like and comment is counted: {counts:?}");
                counts == [1, 1]
            }
            "search" => self.lists("/api/search/posts?q=숨바꼭질", post).await,
            "notifications" => {
                let notifications = self.page("/api/notifications").await.unwrap();
                let unread = self.page("/api/notifications/unread-count").await.unwrap();
                let items = notifications["items"].as_array().unwrap();
                assert_eq!(unread["count"], items.len(), "the unread count equals the list");
                items.iter().any(|item| item["type"] == "LIKE_POST")
            }
            "events" => {
                let page = self.page("/api/events?limit=100").await.unwrap();
                let created = |event: &&Value| event["type"] == "dailyfeed.post.created";
                page["items"].as_array().unwrap().iter().filter(created).any(|event| event["data"]["postId"] == post)
            }
            other => panic!("{other} is a stream"),
        }
    }

    /// Whether a stream does not retract the author's post.
    async fn keeps_post(&self, stream: &mut Stream) -> bool {
        let mark = self.viewer.post("끝").await;
        let mut retracted = false;
        loop {
            let event: Event = stream.next().await.expect("the stream is open");
            match event.name.as_str() {
                "post.created" if event.data["id"] == mark => break,
                "post.deleted" if event.data["id"] == self.post => retracted = true,
                _ => {}
            }
        }
        !retracted
    }
}

/// Waits until a view has the expected visibility.
async fn wait_for_visibility(world: &World, view: &str, expected: bool, change: Change) {
    let polling = async {
        while world.is_visible(view).await != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(TIMEOUT, polling).await;
    assert!(in_time.is_ok(), "{change:?}: {view} should be {}", if expected { "visible" } else { "hidden" });
}

async fn row(change: Change) {
    let (_, expected) = TABLE.into_iter().find(|(of, _)| *of == change).unwrap();
    let mut world = World::new().await;
    for view in VIEWS.into_iter().filter(|view| !view.contains("stream")) {
        wait_for_visibility(&world, view, true, change).await;
    }
    world.apply(change).await;
    for (view, expected) in VIEWS.into_iter().zip(expected).filter(|(view, _)| !view.contains("stream")) {
        wait_for_visibility(&world, view, expected, change).await;
    }
    let cursor = world.cursor.clone();
    let mut open = std::mem::replace(&mut world.stream, world.viewer.stream(Some(&cursor)).await);
    assert_eq!(world.keeps_post(&mut open).await, expected[8], "{change:?}: open stream");
    let mut replayed = world.viewer.stream(Some(&cursor)).await;
    assert_eq!(world.keeps_post(&mut replayed).await, expected[9], "{change:?}: replayed stream");
    // The visibility does not change again.
    for (view, expected) in VIEWS.into_iter().zip(expected).filter(|(view, _)| !view.contains("stream")) {
        assert_eq!(world.is_visible(view).await, expected, "{change:?}: {view} once more");
    }
    world.server.shutdown().await;
}

#[test]
fn the_table_has_every_change_and_view() {
    let mut changes: Vec<Change> = TABLE.iter().map(|(change, _)| *change).collect();
    changes.dedup();
    assert_eq!((changes.len(), VIEWS.len()), (6, 11));
}

macro_rules! rows {
    ($($name:ident: $change:expr),* $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            row($change).await;
        })*
    };
}

rows! {
    a_block_hides_everything: Change::Block,
    a_mute_hides_posts_in_feeds: Change::Mute,
    deleted_content_is_hidden_everywhere: Change::Delete,
    a_deactivation_hides_everything: Change::Deactivate,
    an_unfollow_changes_the_home_feed_only: Change::Unfollow,
    privacy_hides_posts_and_not_comments_elsewhere: Change::Private,
}
