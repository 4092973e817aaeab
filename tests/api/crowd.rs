//! Many connections and few files: what is idle gives way, what is served stays, and stores keep their files.
use crate::{
    served::Served,
    stream::{next, ready},
    support::{ids, until},
};
use std::{fs, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Connects, and does not ask for anything yet.
async fn connect(served: &Served) -> TcpStream {
    TcpStream::connect(served.base.trim_start_matches("http://")).await.unwrap()
}

/// Asks, and leaves the connection open.
async fn ask(connection: &mut TcpStream) -> bool {
    let request = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut answer = vec![0; 4_096];
    if connection.write_all(request).await.is_err() {
        return false;
    }
    let read = tokio::time::timeout(crate::common::PATIENCE, connection.read(&mut answer)).await.unwrap();
    read.is_ok_and(|bytes| answer[..bytes].starts_with(b"HTTP/1.1 200"))
}

#[tokio::test]
async fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::on(folder.path(), "ulimit -Sn 128 && ulimit -Hn 700", folder.path().join("log")).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", served.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<&str> = line.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
    assert_eq!(numbers, ["700", "700"], "{line}");
    served.stop().await;
}

#[tokio::test]
async fn idle_connections_give_way_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::on(folder.path(), "ulimit -n 256", folder.path().join("log")).await;
    let (author, reader) = (served.member().await, served.member().await);
    reader.follow(&author).await;
    let mut stream = reader.stream(None).await;
    ready(&mut stream).await;
    let mut idle = Vec::new();
    // Some have asked for something before, some have not.
    for number in 0..600 {
        let mut connection = connect(&served).await;
        if number % 4 == 0 {
            assert!(ask(&mut connection).await, "a newcomer is served");
        }
        idle.push(connection);
    }
    let fresh = served.here(&author);
    let fresh = crate::common::Member { http: crate::common::client(), ..fresh };
    let post = fresh.post("글").await;
    assert_eq!(next(&mut stream).await.data["id"], post, "who is served stays");
    assert_eq!(ids(&fresh.get("/api/timeline/posts/followings").await), [post]);
    // The index has its files too.
    until(async || {
        let found = fresh.get(&format!("/api/search/posts?q={}", "글")).await;
        (found["items"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    assert_eq!(served.readiness().await["status"], "UP");
    let open = fs::read_dir(format!("/proc/{}/fd", served.id())).unwrap().count();
    assert!(open < 256, "{open} files are open");
    served.runs();
    served.stop().await;
}

#[tokio::test]
async fn a_connection_that_pauses_is_kept_while_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::on(folder.path(), "ulimit -n 256", folder.path().join("log")).await;
    let mut pausing = connect(&served).await;
    assert!(ask(&mut pausing).await);
    let mut others = Vec::new();
    for _ in 0..40 {
        let mut other = connect(&served).await;
        assert!(ask(&mut other).await);
        others.push(other);
    }
    // Longer than what makes a connection idle; the others go on asking meanwhile.
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(1_500) {
        for other in &mut others {
            assert!(ask(other).await);
        }
    }
    assert!(ask(&mut pausing).await, "it was closed without need");
    served.stop().await;
}
