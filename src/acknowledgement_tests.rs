//! Tests of acknowledgements over HTTP that need access to the inside of the server: a projection that stands still,
//! and the position in a write token.
use crate::{app::Server, config::Config, domain::cursor::StreamCursor};
use futures::future::join_all;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::oneshot;

const TIMEOUT: Duration = Duration::from_secs(60);
const PASSWORD: &str = "Passw0rd!";

struct TestServer {
    server: Server,
    http: Client,
    base: String,
    _folder: tempfile::TempDir,
}

struct Member {
    http: Client,
    base: String,
    id: u64,
    token: String,
}

impl TestServer {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_tests(folder.path());
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        let http = Client::builder().connect_timeout(TIMEOUT).read_timeout(TIMEOUT).build().unwrap();
        let base = format!("http://{}", server.api_address());
        Self { server, http, base, _folder: folder }
    }

    async fn member(&self, handle: &str) -> Member {
        let (http, base) = (self.http.clone(), self.base.clone());
        let email = format!("{handle}@example.com");
        let who = json!({"email": email, "password": PASSWORD, "handle": handle, "memberName": "시험"});
        let mut member = Member { http, base, id: 0, token: String::new() };
        member.ok(Method::POST, "/api/authentication/signup", &who).await;
        let login = json!({"email": email, "password": PASSWORD});
        let session = member.ok(Method::POST, "/api/authentication/login", &login).await;
        member.token = session["accessToken"].as_str().unwrap().to_owned();
        member.id = session["member"]["id"].as_u64().unwrap();
        member
    }

    async fn members<const N: usize>(&self, prefix: &str) -> [Member; N] {
        let members = join_all((0..N).map(async |number| self.member(&format!("{prefix}{number}")).await));
        members.await.try_into().unwrap_or_else(|_| panic!("{N} members"))
    }

    /// Makes the projection stand still until the returned sender is used or dropped.
    async fn stall(&self) -> oneshot::Sender<()> {
        let (release, until) = oneshot::channel();
        self.server.stall_projection(until).await.unwrap();
        release
    }
}

impl Member {
    async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = if body.is_null() { request } else { request.json(body) };
        request.send().await.unwrap()
    }

    async fn ok(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.send(method, path, body).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn put(&self, path: &str) {
        self.ok(Method::PUT, path, &Value::Null).await;
    }

    async fn post(&self) -> u64 {
        self.ok(Method::POST, "/api/posts", &json!({"content": "글"})).await["id"].as_u64().unwrap()
    }
}

/// A request whose acknowledgement promises that it is in force, and the status of a repeat once it is.
struct Promise<'a> {
    who: &'a Member,
    method: Method,
    path: String,
    body: Value,
    repeated: u16,
}

impl<'a> Promise<'a> {
    fn new(who: &'a Member, method: Method, path: impl Into<String>) -> Self {
        Self { who, method, path: path.into(), body: Value::Null, repeated: 204 }
    }

    async fn send(&self) -> Response {
        self.who.send(self.method.clone(), &self.path, &self.body).await
    }
}

/// Makes one request for each promise, each by a member of its own.
async fn promises<'a>(star: &Member, members: &'a [Member; 11]) -> Vec<Promise<'a>> {
    let [a, b, c, d, e, f, g, h, i, j, k] = members;
    let relation = |name: &str| format!("/api/members/{}/{name}", star.id);
    b.put(&relation("block")).await;
    d.put(&relation("mute")).await;
    e.put(&relation("follow")).await;
    star.put(&format!("/api/members/{}/follow", f.id)).await;
    for closed in [g, h] {
        closed.ok(Method::PATCH, "/api/members/me", &json!({"privacy": "FOLLOWERS"})).await;
        star.put(&format!("/api/members/{}/follow", closed.id)).await;
    }
    let request = format!("/api/members/me/follow-requests/{}", star.id);
    let post = format!("/api/posts/{}", j.post().await);
    let private = json!({"privacy": "PRIVATE"});
    let promises = vec![
        Promise::new(a, Method::PUT, relation("block")),
        Promise::new(b, Method::DELETE, relation("block")),
        Promise::new(c, Method::PUT, relation("mute")),
        Promise::new(d, Method::DELETE, relation("mute")),
        Promise::new(e, Method::DELETE, relation("follow")),
        Promise::new(f, Method::DELETE, format!("/api/members/me/followers/{}", star.id)),
        Promise::new(g, Method::PUT, request.clone()),
        Promise::new(h, Method::DELETE, request),
        Promise { body: private, repeated: 200, ..Promise::new(i, Method::PATCH, "/api/members/me") },
        Promise { repeated: 404, ..Promise::new(j, Method::DELETE, post) },
        Promise {
            body: json!({"password": PASSWORD}),
            repeated: 401,
            ..Promise::new(k, Method::DELETE, "/api/authentication/deactivate")
        },
    ];
    // Waits until the projection has applied the preparations.
    for member in members {
        member.ok(Method::GET, "/api/timeline/posts/followings", &Value::Null).await;
    }
    promises
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_is_not_in_force_is_never_acknowledged() {
    let server = TestServer::start(|config| config.http.request_timeout_ms = 5_000).await;
    let (star, members) = (server.member("star").await, server.members("member").await);
    let promises = promises(&star, &members).await;
    let release = server.stall().await;
    for (promise, answer) in promises.iter().zip(join_all(promises.iter().map(Promise::send)).await) {
        assert_eq!(answer.status(), 503, "{} {}", promise.method, promise.path);
        assert!(answer.headers().contains_key("retry-after") && !answer.headers().contains_key("x-write-token"));
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "UNAVAILABLE");
    }
    release.send(()).unwrap();
    // Each one was committed, and the repeat finds it in force.
    for promise in &promises {
        let repeat = async {
            loop {
                match promise.send().await {
                    answer if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {}
                    answer => return answer.status().as_u16(),
                }
            }
        };
        let status = tokio::time::timeout(TIMEOUT, repeat).await.expect("the projection continues");
        assert_eq!(status, promise.repeated, "{} {}", promise.method, promise.path);
    }
    server.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_waits_until_its_promise_is_in_force() {
    let server = TestServer::start(|config| config.http.request_timeout_ms = 60_000).await;
    let [author, reader] = server.members("member").await;
    let post = author.post().await;
    reader.put(&format!("/api/members/{}/follow", author.id)).await;
    let home = async || reader.ok(Method::GET, "/api/timeline/posts/followings", &Value::Null).await;
    assert_eq!(home().await["items"][0]["id"], post);
    let release = server.stall().await;
    let path = format!("/api/posts/{post}");
    let delete = author.send(Method::DELETE, &path, &Value::Null);
    let deleted_in_database = async {
        while author.ok(Method::GET, "/api/members/me", &Value::Null).await["postCount"] != 0 {}
        // Ends after the wait for own writes, which is shorter than that of the deletion.
        author.ok(Method::GET, "/api/timeline/posts/mine", &Value::Null).await;
    };
    tokio::pin!(delete);
    tokio::select! {
        answer = &mut delete => panic!("acknowledged with {} before it is in force", answer.status()),
        () = deleted_in_database => {}
    }
    release.send(()).unwrap();
    assert_eq!(delete.await.status(), 204);
    assert_eq!(home().await["items"], json!([]));
    server.server.shutdown().await;
}

/// Returns the position in the token of a response.
fn position(answer: &Response) -> u64 {
    let token = answer.headers()["x-write-token"].to_str().unwrap();
    StreamCursor::decode(token).unwrap().position.0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_write_has_the_position_of_that_write() {
    let server = TestServer::start(|_| {}).await;
    let writers: [Member; 8] = server.members("member").await;
    let body = json!({"content": "글"});
    let create = async |who: &Member| who.send(Method::POST, "/api/posts", &body).await;
    // One after the other: each token is one position ahead of the one before.
    let first = position(&create(&writers[0]).await);
    let second = position(&create(&writers[1]).await);
    assert_eq!((second, position(&create(&writers[0]).await)), (first + 1, first + 2));
    // At the same time: each write has a position of its own.
    let mut positions = Vec::new();
    for _ in 0..10 {
        positions.extend(join_all(writers.iter().map(create)).await.iter().map(position));
    }
    positions.sort_unstable();
    assert!(positions.iter().copied().eq(first + 3..first + 83), "{positions:?}");
    // A like that changes nothing has the newest position.
    let like = format!("/api/posts/{}/like", writers[0].post().await);
    let liked = position(&writers[1].send(Method::PUT, &like, &Value::Null).await);
    let later = position(&create(&writers[0]).await);
    assert_eq!((liked, later), (first + 84, first + 85));
    assert_eq!(position(&writers[1].send(Method::PUT, &like, &Value::Null).await), later);
    server.server.shutdown().await;
}
