//! What each decision between two members does to each place where something can be seen: every cell is decided here,
//! and every view obeys. `domain/visibility.rs` is the rule; this is the table that it has to make true.
#[expect(dead_code, reason = "other tests need the rest of it")]
mod common;

use common::{Event, Member, PATIENCE, Stream};
use dailyfeed::{app::Server, config::Config};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// The viewer blocks the author.
    Block,
    /// The viewer mutes the author.
    Mute,
    /// The author deletes the post and the comment, and takes the like back.
    Delete,
    /// The author leaves.
    Deactivate,
    /// The viewer unfollows the author.
    Unfollow,
    /// The author's posts are for nobody else any more.
    Private,
}

/// Where it may be seen, in the order of the table's columns.
const PLACES: [&str; 11] = [
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

/// Whether what the author did can still be seen there. On streams: whether what was shown stays.
const TABLE: [(Deed, [bool; 11]); 6] = [
    //                 home   ranked author tag    thread counts search notes  open   replay events
    (Deed::Block, [false, false, false, false, false, false, false, false, false, false, false]),
    // A mute hides what is served (tag feeds too), not what is asked for, and takes nothing off counts.
    (Deed::Mute, [false, false, true, false, true, true, true, false, false, false, false]),
    (Deed::Delete, [false, false, false, false, false, false, false, false, false, false, false]),
    (Deed::Deactivate, [false, false, false, false, false, false, false, false, false, false, false]),
    // The author's posts are for everybody: they leave the home feed alone, and nothing is taken back.
    (Deed::Unfollow, [false, true, true, true, true, true, true, true, true, true, true]),
    // Privacy hides posts and not their author: comments and likes elsewhere stay.
    (Deed::Private, [false, false, false, false, true, true, false, true, false, false, false]),
];

/// A small world: a viewer who follows an author, and a host on whose post the author has commented.
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
    /// Of the moment when the author's post had been shown.
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

    async fn happens(&self, deed: Deed) {
        let (viewer, author) = (&self.viewer, &self.author);
        let of_author = |what: &str| format!("/api/members/{}/{what}", author.id);
        match deed {
            Deed::Block => drop(send(viewer, Method::PUT, &of_author("block"), Value::Null).await),
            Deed::Mute => drop(send(viewer, Method::PUT, &of_author("mute"), Value::Null).await),
            Deed::Unfollow => drop(send(viewer, Method::DELETE, &of_author("follow"), Value::Null).await),
            Deed::Private => {
                drop(send(author, Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await);
            }
            Deed::Deactivate => {
                let password = json!({"password": common::PASSWORD});
                drop(send(author, Method::DELETE, "/api/authentication/deactivate", password).await);
            }
            Deed::Delete => {
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

    /// The JSON of a page; nothing where it is not found.
    async fn look(&self, path: &str) -> Option<Value> {
        let answer = self.viewer.request(Method::GET, path).send().await.unwrap();
        if answer.status() == StatusCode::NOT_FOUND {
            return None;
        }
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        Some(answer.json().await.unwrap())
    }

    /// Whether a page has something of the author's.
    async fn lists(&self, path: &str, id: u64) -> bool {
        self.look(path).await.is_some_and(|page| {
            page["items"].as_array().unwrap().iter().any(|item| {
                [&item["id"], &item["post"]["id"], &item["comment"]["id"]].iter().any(|found| **found == id)
            })
        })
    }

    async fn seen(&self, place: &str) -> bool {
        let post = self.post;
        match place {
            "home" => self.lists("/api/timeline/posts/followings", post).await,
            "ranked" => self.lists("/api/timeline/posts/most-popular?window=day", post).await,
            "author" => self.lists(&format!("/api/timeline/members/{}/posts", self.author.id), post).await,
            "tag" => self.lists(&format!("/api/timeline/tags/{}/posts", self.tag), post).await,
            "thread" => self.lists(&format!("/api/posts/{}/comments", self.host_post), self.comment).await,
            "counts" => {
                let on = self.look(&format!("/api/posts/{}", self.host_post)).await.unwrap();
                let counts = [on["likeCount"].as_u64().unwrap(), on["commentCount"].as_u64().unwrap()];
                assert!(counts[0] == counts[1], "one of the two is counted: {counts:?}");
                counts == [1, 1]
            }
            "search" => self.lists("/api/search/posts?q=숨바꼭질", post).await,
            "notifications" => {
                let told = self.look("/api/notifications").await.unwrap();
                let unread = self.look("/api/notifications/unread-count").await.unwrap();
                let items = told["items"].as_array().unwrap();
                assert_eq!(unread["count"], items.len(), "unread is what is there");
                items.iter().any(|item| item["type"] == "LIKE_POST")
            }
            "events" => {
                let page = self.look("/api/events?limit=100").await.unwrap();
                let created = |event: &&Value| event["type"] == "dailyfeed.post.created";
                page["items"].as_array().unwrap().iter().filter(created).any(|event| event["data"]["postId"] == post)
            }
            other => panic!("{other} is a stream"),
        }
    }

    /// Whether a stream lets stand what the author's post and like had put on the screen.
    async fn stays(&self, stream: &mut Stream) -> bool {
        let mark = self.viewer.post("끝").await;
        let mut taken = false;
        loop {
            let event: Event = stream.next().await.expect("the stream goes on");
            match event.name.as_str() {
                "post.created" if event.data["id"] == mark => break,
                "post.deleted" if event.data["id"] == self.post => taken = true,
                _ => {}
            }
        }
        !taken
    }
}

/// Looks until it is so.
async fn comes_to(world: &World, place: &str, expected: bool, deed: Deed) {
    let looking = async {
        while world.seen(place).await != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, looking).await;
    assert!(in_time.is_ok(), "{deed:?}: {place} should be {}", if expected { "seen" } else { "hidden" });
}

async fn row(deed: Deed) {
    let (_, expected) = TABLE.into_iter().find(|(of, _)| *of == deed).unwrap();
    let mut world = World::new().await;
    for place in PLACES.into_iter().filter(|place| !place.contains("stream")) {
        comes_to(&world, place, true, deed).await;
    }
    world.happens(deed).await;
    for (place, expected) in PLACES.into_iter().zip(expected).filter(|(place, _)| !place.contains("stream")) {
        comes_to(&world, place, expected, deed).await;
    }
    let cursor = world.cursor.clone();
    let mut open = std::mem::replace(&mut world.stream, world.viewer.stream(Some(&cursor)).await);
    assert_eq!(world.stays(&mut open).await, expected[8], "{deed:?}: open stream");
    let mut replayed = world.viewer.stream(Some(&cursor)).await;
    assert_eq!(world.stays(&mut replayed).await, expected[9], "{deed:?}: replayed stream");
    // What was to be seen stays so when everything has settled.
    for (place, expected) in PLACES.into_iter().zip(expected).filter(|(place, _)| !place.contains("stream")) {
        assert_eq!(world.seen(place).await, expected, "{deed:?}: {place} once more");
    }
    world.server.shutdown().await;
}

#[test]
fn every_cell_is_decided() {
    let mut deeds: Vec<Deed> = TABLE.iter().map(|(deed, _)| *deed).collect();
    deeds.dedup();
    assert_eq!((deeds.len(), PLACES.len()), (6, 11));
}

macro_rules! rows {
    ($($name:ident: $deed:expr),* $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            row($deed).await;
        })*
    };
}

rows! {
    a_block_hides_everything: Deed::Block,
    a_mute_hides_what_is_served: Deed::Mute,
    what_is_deleted_is_gone: Deed::Delete,
    who_leaves_takes_everything_along: Deed::Deactivate,
    an_unfollow_empties_the_home_feed_alone: Deed::Unfollow,
    private_posts_are_gone_and_their_author_is_not: Deed::Private,
}
