//! Helpers of the tests that drive a whole server over HTTP: a client, a member, a stream.
use futures::StreamExt;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

pub(crate) const PASSWORD: &str = "Passw0rd!";
/// Limit of everything that a test waits for. Generous, because the machine may be busy.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// Returns a client with [`TIMEOUT`] for connecting and reading, so that a frozen server fails a test instead of
/// blocking it.
pub(crate) fn client() -> Client {
    client_builder().build().unwrap()
}

/// Returns the builder of [`client`].
pub(crate) fn client_builder() -> reqwest::ClientBuilder {
    Client::builder().connect_timeout(TIMEOUT).read_timeout(TIMEOUT)
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A signed-up member with a token.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) http: Client,
    pub(crate) base: String,
    pub(crate) id: u64,
    pub(crate) email: String,
    pub(crate) token: String,
}

impl Member {
    /// Signs up a member with a unique handle and logs in.
    pub(crate) async fn sign_up(http: &Client, base: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let handle = format!("m{number}_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        let email = format!("{handle}@example.com");
        let who = json!({"email": email, "password": PASSWORD, "handle": handle, "memberName": "시험"});
        let answer = http.post(format!("{base}/api/authentication/signup")).json(&who).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap());
        let member: Value = answer.json().await.unwrap();
        let id = member["id"].as_u64().unwrap();
        let mut member = Self { http: http.clone(), base: base.to_owned(), id, email, token: String::new() };
        member.log_in().await;
        member
    }

    /// Logs in and stores the access token.
    pub(crate) async fn log_in(&mut self) {
        let login = json!({"email": self.email, "password": PASSWORD});
        let url = format!("{}/api/authentication/login", self.base);
        let answer = self.http.post(url).json(&login).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.unwrap();
        self.token = answer["accessToken"].as_str().unwrap().to_owned();
    }

    /// Builds a request with the member's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// Sends a GET, asserts 200, and returns the JSON.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    /// Creates a post and returns its id.
    pub(crate) async fn post(&self, content: &str) -> u64 {
        let answer = self.request(Method::POST, "/api/posts").json(&json!({"content": content}));
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap());
        answer.json::<Value>().await.unwrap()["id"].as_u64().unwrap()
    }

    /// Sends a request and returns the status.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> StatusCode {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap().status()
    }

    /// Opens a live stream that starts after a cursor, or now.
    pub(crate) async fn stream(&self, cursor: Option<&str>) -> Stream {
        let mut request = self.request(Method::GET, "/api/timeline/stream");
        if let Some(cursor) = cursor {
            request = request.header("last-event-id", cursor);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        Stream::of(answer)
    }
}

/// One event of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct Stream {
    body: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    bytes: Vec<u8>,
    events: VecDeque<Event>,
}

impl Stream {
    /// Reads the events of a response.
    pub(crate) fn of(answer: reqwest::Response) -> Self {
        Self { body: answer.bytes_stream().boxed(), bytes: Vec::new(), events: VecDeque::new() }
    }

    /// Waits for the next event, or `None` at the end of the stream. Heartbeats do not extend the timeout.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(TIMEOUT, self.read()).await.expect("an event in time")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let chunk = self.body.next().await;
            // A chunk can end inside a character; an event cannot.
            self.bytes.extend_from_slice(&chunk?.ok()?);
            while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
                let event = parse(std::str::from_utf8(&self.bytes[..end]).expect("UTF-8"));
                self.bytes.drain(..end + 2);
                self.events.extend(event);
            }
        }
    }
}

fn parse(text: &str) -> Option<Event> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.strip_prefix(' ').unwrap_or(line).to_owned())
    };
    let data = field("data")?;
    let id = field("id").unwrap_or_default();
    Some(Event { id, name: field("event")?, data: serde_json::from_str(&data).expect("JSON data") })
}
