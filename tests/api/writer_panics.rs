//! A command that panics in the database writer: it fails alone, and too many of them end the process.
use crate::{common::Member, process::Process};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

/// Gives the status in every receipt a type that no statement writes: a repeated request panics when it reads it.
async fn spoil_receipts(server: &Process) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(server.folder().join("dailyfeed.db"))
        .busy_timeout(crate::common::TIMEOUT);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE receipts SET status = 'no number'").execute(&mut database).await.unwrap();
    database.close().await.unwrap();
}

fn repeated_request(who: &Member) -> RequestBuilder {
    who.request(Method::POST, "/api/posts").header("Idempotency-Key", "again").json(&json!({"content": "글"}))
}

#[tokio::test]
async fn a_command_that_panics_fails_alone_and_the_sixth_ends_the_process() {
    let mut server = Process::start(&[]).await;
    let who = server.member().await;
    assert_eq!(repeated_request(&who).send().await.unwrap().status(), StatusCode::CREATED);
    spoil_receipts(&server).await;
    for _ in 0..5 {
        assert_eq!(repeated_request(&who).send().await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        who.post("다음 글").await;
    }
    assert_eq!(who.call(Method::GET, "/health/ready", None).await, StatusCode::OK);
    let metrics = crate::common::client().get(format!("{}/metrics", server.admin)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.lines().any(|line| line == "dailyfeed_writer_panics_total 5"), "{metrics}");
    // The answer may be lost with the process.
    let _ = repeated_request(&who).send().await;
    assert!(!server.ended().await.success(), "too many failures");
}
