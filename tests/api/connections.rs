//! Places for connections: a share for each address, and none for those that only stay.
use crate::{
    common::Member,
    support::{Own, own},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
};

/// An HTTP/2 connection that answers every ping, and how it ends.
struct Line {
    send: http2::SendRequest<Empty<Bytes>>,
    ends: JoinHandle<hyper::Result<()>>,
    base: String,
}

impl Line {
    async fn open(own: &Own) -> Self {
        let stream = TcpStream::connect(own.server.api_address()).await.unwrap();
        let (send, line) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        Self { send, ends: tokio::spawn(line), base: own.base.clone() }
    }

    async fn get(&mut self, path: &str, token: &str) -> Response<Incoming> {
        let request = Request::get(format!("{}{path}", self.base)).header("authorization", format!("Bearer {token}"));
        self.send.send_request(request.body(Empty::new()).unwrap()).await.unwrap()
    }

    async fn looks(&mut self) {
        let answer = self.get("/health/live", "").await;
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    }

    /// Waits until the server has closed it.
    async fn closes(self) {
        tokio::time::timeout(crate::common::PATIENCE, self.ends).await.expect("it is closed").unwrap().ok();
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_an_open_stream_is_not() {
    let own = own(|config| config.http.idle_timeout_ms = 400).await;
    let who = own.member().await;
    let mut streaming = Line::open(&own).await;
    let mut stream = streaming.get("/api/timeline/stream", &who.token).await.into_body();
    assert!(stream.frame().await.unwrap().unwrap().data_ref().unwrap().len() > 10);
    for _ in 0..3 {
        let mut idle = Line::open(&own).await;
        idle.looks().await;
        idle.closes().await;
    }
    let mut kept_alive = TcpStream::connect(own.server.api_address()).await.unwrap();
    kept_alive.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut heard = Vec::new();
    tokio::time::timeout(crate::common::PATIENCE, kept_alive.read_to_end(&mut heard)).await.unwrap().unwrap();
    assert!(heard.starts_with(b"HTTP/1.1 200"));

    let post = who.post("아직 열려 있다").await;
    let mut told = String::new();
    while !told.contains(&post.to_string()) {
        let frame = tokio::time::timeout(crate::common::PATIENCE, stream.frame()).await.unwrap().unwrap().unwrap();
        told.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_idle_too() {
    let own = own(|config| config.http.idle_timeout_ms = 400).await;
    let who = own.member().await;
    who.post(&"가나다라 ".repeat(900)).await;
    let stream = TcpStream::connect(own.server.api_address()).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(0);
    let (send, line) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let mut line = Line { send, ends: tokio::spawn(line), base: own.base.clone() };
    let never_read = line.get("/api/timeline/posts/mine", &who.token).await;
    assert_eq!(never_read.status(), 200);
    line.closes().await;
    drop(never_read);
    own.server.shutdown().await;
}

#[tokio::test]
async fn idle_connections_give_their_places_back_when_there_are_none() {
    let own = own(|config| (config.http.connections_max, config.http.connections_per_address_max) = (4, 100)).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut line = Line::open(&own).await;
        line.looks().await;
        idle.push(line);
    }
    // Signing up takes a place as well, and keeps it.
    let who = own.member().await;
    let newcomer = crate::common::client();
    let url = format!("{}/api/timeline/posts/followings", own.base);
    let answer = newcomer.get(&url).bearer_auth(&who.token).send();
    let answer = tokio::time::timeout(crate::common::PATIENCE, answer).await.expect("a place in time").unwrap();
    assert_eq!(answer.status(), 200);
    // As many as are needed, and no more.
    let closing = idle.into_iter().map(|line| Box::pin(line.closes()));
    futures::future::select_all(closing).await;
    own.server.shutdown().await;
}

/// One request on a connection from that address; nothing where the server closes it unanswered.
async fn ask_from(own: &Own, last: u8) -> Option<(TcpStream, String)> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))).unwrap();
    let mut line = socket.connect(own.server.api_address()).await.ok()?;
    line.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.ok()?;
    let mut heard = vec![0; 1_024];
    let read = tokio::time::timeout(crate::common::PATIENCE, line.read(&mut heard)).await.expect("an end").ok()?;
    heard.truncate(read);
    Some((line, String::from_utf8(heard).unwrap())).filter(|(_, heard)| !heard.is_empty())
}

/// A stream on a connection from that address; nothing where the server closes it unanswered.
async fn stream_from(own: &Own, who: &Member, last: u8) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))).unwrap();
    let mut line = socket.connect(own.server.api_address()).await.ok()?;
    let head = format!("GET /api/timeline/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", who.token);
    line.write_all(head.as_bytes()).await.ok()?;
    let mut heard = vec![0; 4_096];
    let read = tokio::time::timeout(crate::common::PATIENCE, line.read(&mut heard)).await.expect("an end").ok()?;
    heard[..read].starts_with(b"HTTP/1.1 200").then_some(line)
}

#[tokio::test]
async fn an_address_has_its_share_of_the_connections() {
    let own = own(|config| {
        config.http.connections_per_address_max = 2;
        config.http.trusted_proxies = vec!["127.0.0.9/32".to_owned()];
    })
    .await;
    let who = own.member().await;
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(stream_from(&own, &who, 5).await.expect("within its share"));
    }
    assert!(ask_from(&own, 5).await.is_none(), "more than its share");
    assert!(ask_from(&own, 6).await.is_some(), "others have theirs");
    let mut proxied = Vec::new();
    for _ in 0..5 {
        proxied.push(ask_from(&own, 9).await.expect("a proxy speaks for many").0);
    }
    open.clear();
    crate::support::until(async || ask_from(&own, 5).await.map(drop)).await;
    own.server.shutdown().await;
}

#[tokio::test]
async fn an_idle_connection_gives_way_to_a_newcomer_of_its_address() {
    let own = own(|config| config.http.connections_per_address_max = 2).await;
    let mut first = ask_from(&own, 5).await.unwrap().0;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(ask_from(&own, 5).await.expect("an idle one gives way").0);
    }
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(crate::common::PATIENCE, first.read_to_end(&mut rest)).await;
    assert!(ended.expect("it is closed").is_ok_and(|bytes| bytes == 0));
    own.server.shutdown().await;
}

#[tokio::test]
async fn one_address_does_not_have_every_place_by_default() {
    let own = own(|config| config.http.connections_max = 8).await;
    let who: Member = own.member().await;
    let mut open = Vec::new();
    while let Some(line) = stream_from(&own, &who, 5).await {
        open.push(line);
        assert!(open.len() <= 6, "three quarters");
    }
    assert_eq!(open.len(), 6);
    assert!(ask_from(&own, 6).await.is_some());
    own.server.shutdown().await;
}
