//! Test helpers: servers in this process (one shared, others with their own configuration), assertions on responses,
//! and the requests of `Member`.
use crate::common::Member;
use dailyfeed::{app::Server, config::Config};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::{path::PathBuf, sync::OnceLock, time::Duration};

/// A server of one test, with its data folder.
pub(crate) struct TestServer {
    pub(crate) app: Server,
    pub(crate) base: String,
    pub(crate) folder: tempfile::TempDir,
}

impl TestServer {
    /// Starts a server on a data folder, which can hold the data of an earlier server.
    pub(crate) async fn start_on(folder: tempfile::TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::for_tests(folder.path());
        change(&mut config);
        let start = async {
            loop {
                // The earlier server releases the store a moment after its last handle is dropped.
                match Server::start(config.clone()).await {
                    Ok(app) => return app,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let app = tokio::time::timeout(crate::common::TIMEOUT, start).await.expect("the server starts");
        let base = format!("http://{}", app.api_address());
        Self { app, base, folder }
    }

    /// Shuts the server down and starts another on its folder, after a change to the folder.
    pub(crate) async fn restart(self, between: impl AsyncFnOnce(&std::path::Path)) -> Self {
        let Self { app, folder, .. } = self;
        app.shutdown().await;
        between(folder.path()).await;
        Self::start_on(folder, |_| {}).await
    }

    /// Sends a request to the admin listener.
    pub(crate) async fn admin(&self, method: Method, path: &str) -> Response {
        let url = format!("http://{}{path}", self.app.admin_address());
        crate::common::client().request(method, url).send().await.unwrap()
    }

    /// Signs up a new member on this server.
    pub(crate) async fn member(&self) -> Member {
        Member::sign_up(&crate::common::client(), &self.base).await
    }
}

/// Starts a server in an empty folder with a changed configuration.
pub(crate) async fn start_server(change: impl FnOnce(&mut Config)) -> TestServer {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(folder.path());
    change(&mut config);
    let app = Server::start(config).await.unwrap();
    let base = format!("http://{}", app.api_address());
    TestServer { app, base, folder }
}

/// Returns base URL, admin URL and data folder of the shared server. The first call starts it; it runs until the
/// process ends.
pub(crate) fn shared() -> &'static (String, String, PathBuf) {
    static SHARED: OnceLock<(String, String, PathBuf)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let server = start_server(|_| {}).await;
                let admin = format!("http://{}", server.app.admin_address());
                sender.send((server.base.clone(), admin, server.folder.path().to_owned())).unwrap();
                std::future::pending::<()>().await;
            });
        });
        receiver.recv().unwrap()
    })
}

/// The empty list of ids.
pub(crate) const NONE: [u64; 0] = [];

/// Returns the base URL of the shared server.
pub(crate) fn base() -> &'static str {
    &shared().0
}

/// Signs up a new member on the shared server.
pub(crate) async fn member() -> Member {
    Member::sign_up(&crate::common::client(), base()).await
}

/// Asserts status and code of a problem, and that it has all members. Returns it.
pub(crate) async fn problem(answer: Response, status: u16, code: &str) -> Value {
    let got = answer.status().as_u16();
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let text = answer.text().await.unwrap();
    assert_eq!(got, status, "{text}");
    assert_eq!(kind.as_deref(), Some("application/problem+json"), "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["code"], code, "{text}");
    assert_eq!(problem["status"], status);
    for field in ["type", "title", "detail", "instance", "traceId"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {text}");
    }
    problem
}

/// Returns field and code of every error of a 422.
pub(crate) fn fields(problem: &Value) -> Vec<(String, String)> {
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    let errors = problem["errors"].as_array().expect("errors");
    assert!(errors.iter().all(|error| error["detail"].as_str().is_some_and(|text| !text.is_empty())));
    errors.iter().map(|error| (text(error, "field"), text(error, "code"))).collect()
}

/// Polls every 5 ms until the closure returns a value. Panics after [`crate::common::TIMEOUT`].
pub(crate) async fn until<T>(mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let polling = async {
        loop {
            if let Some(found) = poll().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::common::TIMEOUT, polling).await.expect("the condition becomes true in time")
}

/// Polls a path until the response has the wanted property. Returns that response.
pub(crate) async fn eventually(member: &Member, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until(async || Some(member.get(path).await).filter(&wanted)).await
}

impl Member {
    /// Sends a request, with a body unless it is null.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> Response {
        let mut request = self.request(method, path);
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// Sends a request, asserts success, and returns the JSON of the response.
    pub(crate) async fn ok(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.send(method, path, body).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// Sends a request and asserts status and code of the problem. Returns it.
    pub(crate) async fn refused(&self, method: Method, path: &str, body: Value, status: u16, code: &str) -> Value {
        problem(self.send(method, path, body).await, status, code).await
    }

    /// Likes a post.
    pub(crate) async fn like(&self, post: u64) {
        self.ok(Method::PUT, &format!("/api/posts/{post}/like"), Value::Null).await;
    }

    /// Sends a DELETE and asserts 204.
    pub(crate) async fn delete(&self, path: &str) {
        assert_eq!(self.call(Method::DELETE, path, None).await, StatusCode::NO_CONTENT, "{path}");
    }

    /// Unfollows a member.
    pub(crate) async fn unfollow(&self, other: &Member) {
        self.delete(&format!("/api/members/{}/follow", other.id)).await;
    }

    /// Blocks a member.
    pub(crate) async fn block(&self, other: &Member) {
        self.ok(Method::PUT, &format!("/api/members/{}/block", other.id), Value::Null).await;
    }

    /// Deactivates this member; the next login restores it.
    pub(crate) async fn deactivate(&self) {
        let body = json!({"password": crate::common::PASSWORD});
        let answer = self.send(Method::DELETE, "/api/authentication/deactivate", body).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// Follows a member without a follow request.
    pub(crate) async fn follow(&self, other: &Member) {
        let status = self.call(Method::PUT, &format!("/api/members/{}/follow", other.id), None).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }

    /// Creates a comment and returns its id.
    pub(crate) async fn comment(&self, post: u64, parent: Option<u64>, content: &str) -> u64 {
        let body = json!({"content": content, "parentId": parent});
        let comment = self.ok(Method::POST, &format!("/api/posts/{post}/comments"), body).await;
        comment["id"].as_u64().unwrap()
    }

    /// Loads the own profile.
    pub(crate) async fn me(&self) -> Value {
        self.get("/api/members/me").await
    }

    /// Loads the own handle.
    pub(crate) async fn handle(&self) -> String {
        self.me().await["handle"].as_str().unwrap().to_owned()
    }
}

/// Returns the ids of a page's items.
pub(crate) fn ids(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
}

/// Reads all pages of a list. Asserts that no item is on two pages, and returns the ids.
pub(crate) async fn all(member: &Member, path: &str, limit: usize) -> Vec<u64> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    let separator = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = member.get(&format!("{path}{separator}limit={limit}{cursor}")).await;
        assert!(page["items"].as_array().unwrap().len() <= limit);
        found.extend(ids(&page));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut once = found.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), found.len(), "an item was on two pages");
    found
}
