//! A post with an audience, its viewers, and every place that can show it to them.
use super::{
    common::{self, Member, Stream, TIMEOUT},
    send,
};
use dailyfeed::{app::Server, config::Config};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// The places, in the order of the columns. `act` is a like, which only a viewer of the post may give.
pub(crate) const PLACES: [&str; 19] = [
    "home",
    "recent",
    "ranked",
    "commented",
    "top3",
    "author",
    "tag",
    "post",
    "thread",
    "comment",
    "likes",
    "comments",
    "search",
    "search comments",
    "mention",
    "events",
    "open",
    "replayed",
    "act",
];

/// A change after which a viewer, who follows the author and is named by the post, may no longer see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The viewer unfollows the author.
    Unfollow,
    /// An edit removes the viewer's name from the text.
    Unmention,
    /// The viewer blocks the author.
    Block,
    /// The viewer mutes the author.
    Mute,
    /// The author deletes the post.
    Delete,
    /// The author deactivates the account.
    Deactivate,
    /// The author's privacy becomes PRIVATE.
    Private,
}

/// A viewer, with a stream that was open before the post was written.
pub(crate) struct Viewer {
    pub(crate) member: Member,
    pub(crate) stream: Stream,
    /// Whether the stream has shown the post.
    pub(crate) shown: bool,
    /// The cursor of the stream after that.
    pub(crate) cursor: String,
    /// The cursor of the stream before that.
    pub(crate) opened: String,
}

/// An author's post with an audience, and its viewers.
pub(crate) struct World {
    pub(crate) server: Server,
    _folder: tempfile::TempDir,
    author: Member,
    /// The author first.
    pub(crate) viewers: Vec<Viewer>,
    pub(crate) post: u64,
    comment: u64,
    tag: String,
    audience: &'static str,
}

impl World {
    /// Makes the author and the viewers; each of these follows the author or not, and is named by the post or not.
    pub(crate) async fn new(audience: &'static str, viewers: &[(bool, bool)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(Config::for_tests(folder.path())).await.unwrap();
        let (http, base) = (common::client(), format!("http://{}", server.api_address()));
        let author = Member::sign_up(&http, &base).await;
        let mut members = vec![author.clone()];
        let mut names = String::new();
        for (follows, named) in viewers {
            let viewer = Member::sign_up(&http, &base).await;
            if *follows {
                send(&viewer, Method::PUT, &format!("/api/members/{}/follow", author.id), Value::Null).await;
            }
            if *named {
                let me = viewer.get("/api/members/me").await;
                names = format!("{names} @{}", me["handle"].as_str().unwrap());
            }
            members.push(viewer);
        }
        let mut streams = Vec::new();
        for member in members {
            let mut stream = member.stream(None).await;
            let ready = stream.next().await.unwrap();
            assert_eq!(ready.name, "ready");
            streams.push((member, stream, ready.id));
        }
        let tag = format!("표{}", author.id);
        let text = format!("숨바꼭질 이야기 #{tag}{names}");
        let post = send(&author, Method::POST, "/api/posts", json!({"content": text, "audience": audience})).await;
        assert_eq!(post["audience"], audience);
        let post = post["id"].as_u64().unwrap();
        let comment = json!({"content": "숨바꼭질 댓글"});
        let comment = send(&author, Method::POST, &format!("/api/posts/{post}/comments"), comment).await;
        send(&author, Method::PUT, &format!("/api/posts/{post}/like"), Value::Null).await;
        let mut viewers = Vec::new();
        for (member, mut stream, opened) in streams {
            let read = read_to_own_post(&member, &mut stream, post).await;
            viewers.push(Viewer { member, stream, shown: read.created, cursor: read.cursor, opened });
        }
        let comment = comment["id"].as_u64().unwrap();
        Self { server, _folder: folder, author, viewers, post, comment, tag, audience }
    }

    pub(crate) async fn apply(&self, change: Change) {
        let (viewer, author) = (&self.viewers[1].member, &self.author);
        let of_author = |what: &str| format!("/api/members/{}/{what}", author.id);
        let (who, method, path, body) = match change {
            Change::Unfollow => (viewer, Method::DELETE, of_author("follow"), Value::Null),
            Change::Unmention => {
                let text = format!("숨바꼭질 이야기 #{}", self.tag);
                (author, Method::PUT, format!("/api/posts/{}", self.post), json!({"content": text}))
            }
            Change::Block => (viewer, Method::PUT, of_author("block"), Value::Null),
            Change::Mute => (viewer, Method::PUT, of_author("mute"), Value::Null),
            Change::Delete => (author, Method::DELETE, format!("/api/posts/{}", self.post), Value::Null),
            Change::Deactivate => {
                let password = json!({"password": common::PASSWORD});
                (author, Method::DELETE, "/api/authentication/deactivate".to_owned(), password)
            }
            Change::Private => (author, Method::PATCH, "/api/members/me".to_owned(), json!({"privacy": "PRIVATE"})),
        };
        send(who, method, &path, body).await;
    }

    /// Returns whether a viewer finds the post, or its comment, in a place that is not a stream.
    async fn is_shown(&self, viewer: &Member, place: &str) -> bool {
        let (post, comment) = (self.post, self.comment);
        let lists = async |path: &str, id: u64| lists(viewer, path, id).await;
        match place {
            "home" => lists("/api/timeline/posts/followings", post).await,
            "recent" => lists("/api/timeline/posts/recent", post).await,
            "ranked" => lists("/api/timeline/posts/most-popular?window=day", post).await,
            "commented" => lists("/api/timeline/posts/most-commented?window=day", post).await,
            "top3" => lists("/api/timeline/daily-top3", post).await,
            "author" => lists(&format!("/api/timeline/members/{}/posts", self.author.id), post).await,
            "tag" => lists(&format!("/api/timeline/tags/{}/posts", self.tag), post).await,
            "post" => found(viewer, &format!("/api/posts/{post}")).await.is_some(),
            "thread" => lists(&format!("/api/posts/{post}/comments"), comment).await,
            "comment" => found(viewer, &format!("/api/comments/{comment}")).await.is_some(),
            "likes" => lists(&format!("/api/posts/{post}/likes"), self.author.id).await,
            "comments" => lists(&format!("/api/members/{}/comments", self.author.id), comment).await,
            "search" => lists("/api/search/posts?q=숨바꼭질", post).await,
            "search comments" => lists("/api/search/comments?q=숨바꼭질", comment).await,
            "mention" => {
                let items = viewer.get("/api/notifications").await["items"].take();
                let unread = viewer.get("/api/notifications/unread-count").await["count"].take();
                let items = items.as_array().unwrap();
                assert_eq!(unread, items.len(), "the unread count equals the list");
                items.iter().any(|item| item["type"] == "MENTION" && item["postId"] == post)
            }
            "events" => {
                let page = viewer.get("/api/events?limit=100").await;
                let of_post = page["items"].as_array().unwrap().iter().filter(|event| event["data"]["postId"] == post);
                let types: Vec<_> = of_post.map(|event| event["type"].as_str().unwrap()).collect();
                let created = types.contains(&"dailyfeed.post.created");
                for kind in ["dailyfeed.comment.created", "dailyfeed.post.liked"] {
                    assert_eq!(types.contains(&kind), created, "{kind} goes with its post: {types:?}");
                }
                created
            }
            "act" => {
                let path = format!("/api/posts/{post}/like");
                let [liked, unliked] = [Method::PUT, Method::DELETE].map(|method| viewer.call(method, &path, None));
                let statuses = [liked.await, unliked.await];
                assert!(statuses[0] == statuses[1], "{statuses:?}");
                statuses == [StatusCode::OK; 2]
            }
            other => panic!("{other} is a stream"),
        }
    }

    /// Waits until a place, other than a stream, shows what its cell says.
    async fn wait_for(&self, viewer: &Member, place: &str, cell: char, case: &str) {
        if place == "act" && viewer.id == self.author.id {
            // The author's like is part of what the other places show.
            return;
        }
        let polling = async {
            while self.is_shown(viewer, place).await != (cell == '+') {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(TIMEOUT, polling).await;
        assert!(in_time.is_ok(), "{} post, {case}: {place} should be {cell}", self.audience);
    }

    /// Checks every place but the streams.
    pub(crate) async fn check_places(&self, viewer: &Member, cells: &[char], case: &str) {
        for (place, cell) in PLACES.iter().zip(cells).filter(|(place, _)| !["open", "replayed"].contains(place)) {
            self.wait_for(viewer, place, *cell, case).await;
        }
    }
}

/// Reads a page; `None` on 404.
async fn found(viewer: &Member, path: &str) -> Option<Value> {
    let answer = viewer.request(Method::GET, path).send().await.unwrap();
    if answer.status() == StatusCode::NOT_FOUND {
        return None;
    }
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    Some(answer.json().await.unwrap())
}

/// Returns whether a page lists an item, or a result about it.
async fn lists(viewer: &Member, path: &str, id: u64) -> bool {
    found(viewer, path).await.is_some_and(|page| {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .any(|item| [&item["id"], &item["post"]["id"], &item["comment"]["id"]].iter().any(|one| **one == id))
    })
}

/// The part of a stream up to a post of its own member.
pub(crate) struct StreamPart {
    /// The stream has shown the post.
    pub(crate) created: bool,
    /// The stream has taken the post back.
    pub(crate) taken_back: bool,
    /// The cursor of its end.
    pub(crate) cursor: String,
}

/// Writes a post of the member, and reads the member's stream up to it.
pub(crate) async fn read_to_own_post(member: &Member, stream: &mut Stream, post: u64) -> StreamPart {
    let mark = member.post("끝").await;
    let mut part = StreamPart { created: false, taken_back: false, cursor: String::new() };
    loop {
        let event = stream.next().await.expect("the stream is open");
        part.cursor = event.id;
        match event.name.as_str() {
            "post.created" if event.data["id"] == mark => return part,
            "post.created" if event.data["id"] == post => part.created = true,
            "post.deleted" if event.data["id"] == post => part.taken_back = true,
            _ => {}
        }
    }
}
