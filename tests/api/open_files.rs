//! Many connections and few file descriptors: idle connections are closed, active ones and store files stay.
use crate::{
    limited_server::LimitedServer,
    stream::{next, ready},
    support::{ids, until},
};
use std::{fs, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Opens a TCP connection without a request.
async fn connect(server: &LimitedServer) -> TcpStream {
    TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap()
}

/// Sends `GET /health/live` and leaves the connection open. Returns whether the response was 200.
async fn get_liveness(connection: &mut TcpStream) -> bool {
    let request = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut answer = vec![0; 4_096];
    if connection.write_all(request).await.is_err() {
        return false;
    }
    let read = tokio::time::timeout(crate::common::TIMEOUT, connection.read(&mut answer)).await.unwrap();
    read.is_ok_and(|bytes| answer[..bytes].starts_with(b"HTTP/1.1 200"))
}

#[tokio::test]
async fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        LimitedServer::start(folder.path(), "ulimit -Sn 128 && ulimit -Hn 700", folder.path().join("log")).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<&str> = line.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
    assert_eq!(numbers, ["700", "700"], "{line}");
    server.stop().await;
}

#[tokio::test]
async fn under_pressure_only_idle_connections_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = LimitedServer::start(folder.path(), "ulimit -n 256", folder.path().join("log")).await;
    let (author, reader) = (server.member().await, server.member().await);
    reader.follow(&author).await;
    let mut stream = reader.stream(None).await;
    ready(&mut stream).await;
    let mut idle = Vec::new();
    // Every fourth connection has sent a request before; the others have not.
    for number in 0..600 {
        let mut connection = connect(&server).await;
        if number % 4 == 0 {
            assert!(get_liveness(&mut connection).await, "a new connection is served");
        }
        idle.push(connection);
    }
    let fresh = server.reconnect(&author);
    let fresh = crate::common::Member { http: crate::common::client(), ..fresh };
    let post = fresh.post("글").await;
    assert_eq!(next(&mut stream).await.data["id"], post, "the stream stays open");
    assert_eq!(ids(&fresh.get("/api/timeline/posts/followings").await), [post]);
    // The search index can open its files as well.
    until(async || {
        let found = fresh.get(&format!("/api/search/posts?q={}", "글")).await;
        (found["items"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    assert_eq!(server.readiness().await["status"], "UP");
    let open = fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
    assert!(open < 256, "{open} files are open");
    server.assert_runs();
    server.stop().await;
}

#[tokio::test]
async fn a_pausing_connection_stays_open_while_descriptors_are_free() {
    let folder = tempfile::tempdir().unwrap();
    let server = LimitedServer::start(folder.path(), "ulimit -n 256", folder.path().join("log")).await;
    let mut pausing = connect(&server).await;
    assert!(get_liveness(&mut pausing).await);
    let mut others = Vec::new();
    for _ in 0..40 {
        let mut other = connect(&server).await;
        assert!(get_liveness(&mut other).await);
        others.push(other);
    }
    // Longer than the idle timeout; the other connections send requests meanwhile.
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(1_500) {
        for other in &mut others {
            assert!(get_liveness(other).await);
        }
    }
    assert!(get_liveness(&mut pausing).await, "the connection was closed without need");
    server.stop().await;
}
