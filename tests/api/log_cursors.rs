//! Cursors of notifications, activities and dead letters: they name the epoch of the log, as those of feeds do.
use crate::{
    common::Member,
    support::{eventually, problem, start_server},
};
use dailyfeed::domain::{
    Epoch,
    cursor::{ListKind, encode_log_cursor},
};
use reqwest::Method;
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use std::path::Path;

const LISTS: [&str; 3] =
    ["/api/notifications?limit=1", "/api/notifications?group=true&limit=1", "/api/activities?limit=1"];

/// Begins another epoch, as a restored backup does.
async fn begin_epoch(folder: &Path) {
    let url = format!("sqlite://{}", folder.join("dailyfeed.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let update = "UPDATE meta SET value = (value + 1) % 1000000 WHERE name = 'epoch'";
    sqlx::query(update).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_cursor_of_another_epoch_has_expired_in_each_list_of_positions() {
    let server = start_server(|_| {}).await;
    let (author, fan) = (server.member().await, server.member().await);
    for text in ["하나", "둘"] {
        fan.like(author.post(text).await).await;
    }
    eventually(&author, "/api/notifications", |page| page["items"].as_array().unwrap().len() == 2).await;
    let mut pages = Vec::new();
    for list in LISTS {
        let cursor = author.get(list).await["nextCursor"].as_str().unwrap().to_owned();
        let page = format!("{list}&cursor={cursor}");
        assert!(!author.get(&page).await["items"].as_array().unwrap().is_empty(), "{list}");
        pages.push(page);
    }
    let server = server.restart(begin_epoch).await;
    let author = Member { base: server.base.clone(), ..author };
    for page in pages {
        author.refused(Method::GET, &page, Value::Null, 400, "CURSOR_EXPIRED").await;
    }
    let foreign = encode_log_cursor(ListKind::DeadLetters, 0, Epoch(u32::MAX), [5, 0]);
    let dead_letters = server.admin(Method::GET, &format!("/admin/deadletters?cursor={foreign}")).await;
    problem(dead_letters, 400, "CURSOR_EXPIRED").await;
    server.app.shutdown().await;
}
