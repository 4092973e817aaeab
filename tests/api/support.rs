//! One server for all tests that need no configuration of their own, and what they say to it.
use crate::common::Member;
use dailyfeed::{app::Server, config::Config};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::{path::PathBuf, sync::OnceLock, time::Duration};

/// A server of a test's own, with its folder.
pub(crate) struct Own {
    pub(crate) server: Server,
    pub(crate) base: String,
    pub(crate) folder: tempfile::TempDir,
}

impl Own {
    /// Starts on a folder, which may hold what another server left.
    pub(crate) async fn on(folder: tempfile::TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::for_tests(folder.path());
        change(&mut config);
        let start = async {
            loop {
                // The store closes a moment after the last of its handles is gone.
                match Server::start(config.clone()).await {
                    Ok(server) => return server,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let server = tokio::time::timeout(crate::common::PATIENCE, start).await.expect("it starts");
        let base = format!("http://{}", server.api_address());
        Self { server, base, folder }
    }

    /// Ends the server and starts another on what it left, after a change to the folder.
    pub(crate) async fn again(self, between: impl AsyncFnOnce(&std::path::Path)) -> Self {
        let Self { server, folder, .. } = self;
        server.shutdown().await;
        between(folder.path()).await;
        Self::on(folder, |_| {}).await
    }

    /// A newcomer on this server.
    pub(crate) async fn member(&self) -> Member {
        Member::sign_up(&crate::common::client(), &self.base).await
    }
}

/// Starts a server with a changed configuration.
pub(crate) async fn own(change: impl FnOnce(&mut Config)) -> Own {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(folder.path());
    change(&mut config);
    let server = Server::start(config).await.unwrap();
    let base = format!("http://{}", server.api_address());
    Own { server, base, folder }
}

/// The shared server, which lives as long as the process: the API's address, the operator's, and the folder.
pub(crate) fn shared() -> &'static (String, String, PathBuf) {
    static SHARED: OnceLock<(String, String, PathBuf)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let own = own(|_| {}).await;
                let admin = format!("http://{}", own.server.admin_address());
                tell.send((own.base.clone(), admin, own.folder.path().to_owned())).unwrap();
                std::future::pending::<()>().await;
            });
        });
        told.recv().unwrap()
    })
}

/// No ids.
pub(crate) const NONE: [u64; 0] = [];

pub(crate) fn base() -> &'static str {
    &shared().0
}

/// A newcomer on the shared server.
pub(crate) async fn member() -> Member {
    Member::sign_up(&crate::common::client(), base()).await
}

/// Asserts status and code of a problem, and that it is one in full; returns it.
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

/// The fields that a 422 names.
pub(crate) fn fields(problem: &Value) -> Vec<(String, String)> {
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    let errors = problem["errors"].as_array().expect("errors");
    assert!(errors.iter().all(|error| error["detail"].as_str().is_some_and(|text| !text.is_empty())));
    errors.iter().map(|error| (text(error, "field"), text(error, "code"))).collect()
}

/// Looks again and again until what is looked for is there.
pub(crate) async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::common::PATIENCE, looking).await.expect("it comes to pass")
}

/// Waits until an answer has what is looked for.
pub(crate) async fn eventually(member: &Member, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until(async || Some(member.get(path).await).filter(&wanted)).await
}

impl Member {
    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> Response {
        let mut request = self.request(method, path);
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// Sends and returns the JSON of a success.
    pub(crate) async fn ok(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.send(method, path, body).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// Sends, and holds the refusal against what it should be.
    pub(crate) async fn refused(&self, method: Method, path: &str, body: Value, status: u16, code: &str) -> Value {
        problem(self.send(method, path, body).await, status, code).await
    }

    pub(crate) async fn like(&self, post: u64) {
        self.ok(Method::PUT, &format!("/api/posts/{post}/like"), Value::Null).await;
    }

    pub(crate) async fn delete(&self, path: &str) {
        assert_eq!(self.call(Method::DELETE, path, None).await, StatusCode::NO_CONTENT, "{path}");
    }

    pub(crate) async fn unfollow(&self, other: &Member) {
        self.delete(&format!("/api/members/{}/follow", other.id)).await;
    }

    pub(crate) async fn block(&self, other: &Member) {
        self.ok(Method::PUT, &format!("/api/members/{}/block", other.id), Value::Null).await;
    }

    /// Leaves until the next login.
    pub(crate) async fn leave(&self) {
        let body = json!({"password": crate::common::PASSWORD});
        let left = self.send(Method::DELETE, "/api/authentication/deactivate", body).await;
        assert_eq!(left.status(), StatusCode::NO_CONTENT);
    }

    pub(crate) async fn follow(&self, other: &Member) {
        let status = self.call(Method::PUT, &format!("/api/members/{}/follow", other.id), None).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }

    pub(crate) async fn comment(&self, post: u64, parent: Option<u64>, content: &str) -> u64 {
        let body = json!({"content": content, "parentId": parent});
        let comment = self.ok(Method::POST, &format!("/api/posts/{post}/comments"), body).await;
        comment["id"].as_u64().unwrap()
    }

    pub(crate) async fn me(&self) -> Value {
        self.get("/api/members/me").await
    }

    pub(crate) async fn handle(&self) -> String {
        self.me().await["handle"].as_str().unwrap().to_owned()
    }
}

/// The ids of a page's items.
pub(crate) fn ids(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
}

/// Every item of a list, page by page, with no item twice.
pub(crate) async fn all(member: &Member, path: &str, limit: usize) -> Vec<u64> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    let sign = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = member.get(&format!("{path}{sign}limit={limit}{cursor}")).await;
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
