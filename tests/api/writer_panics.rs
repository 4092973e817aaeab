//! A command that panics in the database writer: it fails alone, and too many of them end the process.
use crate::process::Process;
use reqwest::{Method, StatusCode};
use sqlx::{Connection, SqliteConnection};

/// Gives the like count of every post a type that no statement writes: a like that is set already panics on it.
async fn spoil_like_counts(server: &Process) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(server.folder().join("dailyfeed.db"))
        .busy_timeout(crate::common::TIMEOUT);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE posts SET like_count = x'07'").execute(&mut database).await.unwrap();
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_command_that_panics_fails_alone_and_the_sixth_ends_the_process() {
    let mut server = Process::start(&[]).await;
    let who = server.member().await;
    let post = who.post("글").await;
    let path = format!("/api/posts/{post}/like");
    who.like(post).await;
    spoil_like_counts(&server).await;
    for _ in 0..5 {
        assert_eq!(who.call(Method::PUT, &path, None).await, StatusCode::SERVICE_UNAVAILABLE);
        who.post("다음 글").await;
    }
    assert_eq!(who.call(Method::GET, "/health/ready", None).await, StatusCode::OK);
    let metrics = crate::common::client().get(format!("{}/metrics", server.admin)).send().await.unwrap();
    assert!(metrics.text().await.unwrap().lines().any(|line| line == "dailyfeed_writer_panics_total 5"));
    // The answer may be lost with the process.
    let _ = who.request(Method::PUT, &path).send().await;
    assert!(!server.ended().await.success(), "too many failures");
}
