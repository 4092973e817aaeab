//! Limits of connections: idle timeout, the share of one address, and idle connections closed under pressure.
use crate::{
    common::Member,
    support::{TestServer, start_server},
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

/// An HTTP/2 connection that answers every ping, with the task that drives it.
struct Connection {
    send: http2::SendRequest<Empty<Bytes>>,
    driver: JoinHandle<hyper::Result<()>>,
    base: String,
}

impl Connection {
    async fn open(server: &TestServer) -> Self {
        let stream = TcpStream::connect(server.app.api_address()).await.unwrap();
        let (send, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        Self { send, driver: tokio::spawn(connection), base: server.base.clone() }
    }

    async fn get(&mut self, path: &str, token: &str) -> Response<Incoming> {
        let request = Request::get(format!("{}{path}", self.base)).header("authorization", format!("Bearer {token}"));
        self.send.send_request(request.body(Empty::new()).unwrap()).await.unwrap()
    }

    async fn request_liveness(&mut self) {
        let answer = self.get("/health/live", "").await;
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    }

    /// Waits until the server has closed the connection.
    async fn wait_closed(self) {
        tokio::time::timeout(crate::common::TIMEOUT, self.driver).await.expect("it is closed").unwrap().ok();
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_an_open_stream_stays() {
    let server = start_server(|config| config.http.idle_timeout_ms = 400).await;
    let who = server.member().await;
    let mut streaming = Connection::open(&server).await;
    let mut stream = streaming.get("/api/timeline/stream", &who.token).await.into_body();
    assert!(stream.frame().await.unwrap().unwrap().data_ref().unwrap().len() > 10);
    for _ in 0..3 {
        let mut idle = Connection::open(&server).await;
        idle.request_liveness().await;
        idle.wait_closed().await;
    }
    let mut kept_alive = TcpStream::connect(server.app.api_address()).await.unwrap();
    kept_alive.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut received = Vec::new();
    tokio::time::timeout(crate::common::TIMEOUT, kept_alive.read_to_end(&mut received)).await.unwrap().unwrap();
    assert!(received.starts_with(b"HTTP/1.1 200"));

    let post = who.post("아직 열려 있다").await;
    let mut events = String::new();
    while !events.contains(&post.to_string()) {
        let frame = tokio::time::timeout(crate::common::TIMEOUT, stream.frame()).await.unwrap().unwrap().unwrap();
        events.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_connection_whose_client_reads_nothing_is_idle() {
    let server = start_server(|config| config.http.idle_timeout_ms = 400).await;
    let who = server.member().await;
    who.post(&"가나다라 ".repeat(900)).await;
    let stream = TcpStream::connect(server.app.api_address()).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(0);
    let (send, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let mut connection = Connection { send, driver: tokio::spawn(connection), base: server.base.clone() };
    let never_read = connection.get("/api/timeline/posts/mine", &who.token).await;
    assert_eq!(never_read.status(), 200);
    connection.wait_closed().await;
    drop(never_read);
    server.app.shutdown().await;
}

#[tokio::test]
async fn idle_connections_are_closed_when_no_permit_is_free() {
    let server =
        start_server(|config| (config.http.connections_max, config.http.connections_per_address_max) = (4, 100)).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut connection = Connection::open(&server).await;
        connection.request_liveness().await;
        idle.push(connection);
    }
    // The client of the signup takes a permit as well, and keeps it.
    let who = server.member().await;
    let newcomer = crate::common::client();
    let url = format!("{}/api/timeline/posts/followings", server.base);
    let answer = newcomer.get(&url).bearer_auth(&who.token).send();
    let answer =
        tokio::time::timeout(crate::common::TIMEOUT, answer).await.expect("a connection permit in time").unwrap();
    assert_eq!(answer.status(), 200);
    // The server closes only as many connections as it needs.
    let closing = idle.into_iter().map(|connection| Box::pin(connection.wait_closed()));
    futures::future::select_all(closing).await;
    server.app.shutdown().await;
}

/// Sends one request on a new connection from 127.0.0.`last`. Returns `None` if the server closes it unanswered.
async fn request_from(server: &TestServer, last: u8) -> Option<(TcpStream, String)> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))).unwrap();
    let mut connection = socket.connect(server.app.api_address()).await.ok()?;
    connection.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.ok()?;
    let mut received = vec![0; 1_024];
    let read =
        tokio::time::timeout(crate::common::TIMEOUT, connection.read(&mut received)).await.expect("an end").ok()?;
    received.truncate(read);
    Some((connection, String::from_utf8(received).unwrap())).filter(|(_, received)| !received.is_empty())
}

/// Opens a stream on a new connection from 127.0.0.`last`. Returns `None` if the server closes it unanswered.
async fn stream_from(server: &TestServer, who: &Member, last: u8) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))).unwrap();
    let mut connection = socket.connect(server.app.api_address()).await.ok()?;
    let head = format!("GET /api/timeline/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", who.token);
    connection.write_all(head.as_bytes()).await.ok()?;
    let mut received = vec![0; 4_096];
    let read =
        tokio::time::timeout(crate::common::TIMEOUT, connection.read(&mut received)).await.expect("an end").ok()?;
    received[..read].starts_with(b"HTTP/1.1 200").then_some(connection)
}

#[tokio::test]
async fn one_address_cannot_exceed_its_share_of_connections() {
    let server = start_server(|config| {
        config.http.connections_per_address_max = 2;
        config.http.trusted_proxies = vec!["127.0.0.9/32".to_owned()];
    })
    .await;
    let who = server.member().await;
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(stream_from(&server, &who, 5).await.expect("within its share"));
    }
    assert!(request_from(&server, 5).await.is_none(), "more than its share");
    assert!(request_from(&server, 6).await.is_some(), "another address has its own share");
    let mut proxied = Vec::new();
    for _ in 0..5 {
        proxied.push(request_from(&server, 9).await.expect("a trusted proxy has no share").0);
    }
    open.clear();
    crate::support::until(async || request_from(&server, 5).await.map(drop)).await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_for_a_new_one_of_the_same_address() {
    let server = start_server(|config| config.http.connections_per_address_max = 2).await;
    let mut first = request_from(&server, 5).await.unwrap().0;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(request_from(&server, 5).await.expect("the server closes an idle connection instead").0);
    }
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(crate::common::TIMEOUT, first.read_to_end(&mut rest)).await;
    assert!(ended.expect("it is closed").is_ok_and(|bytes| bytes == 0));
    server.app.shutdown().await;
}

#[tokio::test]
async fn the_default_share_of_one_address_is_three_quarters() {
    let server = start_server(|config| config.http.connections_max = 8).await;
    let who: Member = server.member().await;
    let mut open = Vec::new();
    while let Some(connection) = stream_from(&server, &who, 5).await {
        open.push(connection);
        assert!(open.len() <= 6, "one address gets three quarters of the permits");
    }
    assert_eq!(open.len(), 6);
    assert!(request_from(&server, 6).await.is_some());
    server.app.shutdown().await;
}
