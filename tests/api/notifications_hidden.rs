//! Notifications that are hidden by blocks, mutes, deactivation or privacy, and rebuilds of the activity database.
use crate::{
    activities::types,
    common::Member,
    notifications::{mark, unread},
    support::{NONE, TestServer, all, eventually, ids, member, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};

const LIST: &str = "/api/notifications";

async fn set_relation(who: &Member, relation: &str, other: &Member) {
    who.ok(Method::PUT, &format!("/api/members/{}/{relation}", other.id), Value::Null).await;
}

#[tokio::test]
async fn a_block_hides_notifications_both_ways() {
    let (one, other) = (member().await, member().await);
    other.like(one.post("글").await).await;
    one.like(other.post("글").await).await;
    set_relation(&one, "block", &other).await;
    assert_eq!((ids(&one.get(LIST).await), unread(&one).await), (vec![], 0));
    // The other member's list changes once the projection has applied the event.
    eventually(&other, LIST, |notifications| ids(notifications).is_empty()).await;
    one.delete(&format!("/api/members/{}/block", other.id)).await;
    assert_eq!(types(&one.get(LIST).await), ["LIKE_POST"]);
}

#[tokio::test]
async fn a_block_ends_follows_and_retracts_their_notifications() {
    let (one, other) = (member().await, member().await);
    other.follow(&one).await;
    set_relation(&one, "block", &other).await;
    one.delete(&format!("/api/members/{}/block", other.id)).await;
    assert_eq!(ids(&one.get(LIST).await), NONE, "the follow has ended");
}

#[tokio::test]
async fn a_mute_hides_notifications_of_the_muter_only() {
    let (one, other) = (member().await, member().await);
    other.like(one.post("글").await).await;
    one.like(other.post("글").await).await;
    set_relation(&one, "mute", &other).await;
    assert_eq!((ids(&one.get(LIST).await), unread(&one).await), (vec![], 0));
    assert_eq!(unread(&other).await, 1);
    one.delete(&format!("/api/members/{}/mute", other.id)).await;
    assert_eq!(unread(&one).await, 1);
}

#[tokio::test]
async fn notifications_of_a_deactivated_member_are_hidden_until_the_restore() {
    let (author, mut fan) = (member().await, member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    fan.comment(post, None, "댓글").await;
    assert_eq!(unread(&author).await, 2);
    fan.deactivate().await;
    eventually(&author, LIST, |notifications| ids(notifications).is_empty()).await;
    assert_eq!(unread(&author).await, 0);
    fan.log_in().await;
    eventually(&author, LIST, |notifications| ids(notifications).len() == 2).await;
}

#[tokio::test]
async fn notifications_of_a_hidden_post_are_hidden() {
    let (author, one, other) = (member().await, member().await, member().await);
    let post = author.post("글").await;
    let comment = one.comment(post, None, "댓글").await;
    other.comment(post, Some(comment), "답글").await;
    assert_eq!(types(&one.get(LIST).await), ["REPLY"]);
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
    eventually(&one, LIST, |notifications| ids(notifications).is_empty()).await;
    assert_eq!(unread(&one).await, 0);
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PUBLIC"})).await;
    eventually(&one, LIST, |notifications| ids(notifications).len() == 1).await;
}

#[tokio::test]
async fn hidden_notifications_do_not_shorten_pages() {
    let (author, shown, hidden) = (member().await, member().await, member().await);
    let mut expected = Vec::new();
    for number in 0..12 {
        let post = author.post(&format!("글 {number}")).await;
        if number % 4 == 0 {
            shown.like(post).await;
        } else {
            hidden.like(post).await;
        }
    }
    set_relation(&author, "mute", &hidden).await;
    let whole = author.get(LIST).await;
    expected.extend(ids(&whole));
    assert_eq!(expected.len(), 3);
    for limit in [1, 2, 3] {
        let first = author.get(&format!("{LIST}?limit={limit}")).await;
        assert_eq!(ids(&first).len(), limit);
        assert_eq!(all(&author, LIST, limit).await, expected);
    }
}

/// Starts a server with a member who has one read and one unread notification. Returns both and the list.
async fn with_notifications() -> (TestServer, Member, Value) {
    let server = start_server(|_| {}).await;
    let (author, fan) = (server.member().await, server.member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    mark(&author, ids(&author.get(LIST).await)[0]).await;
    fan.comment(post, None, "댓글").await;
    fan.follow(&author).await;
    fan.unfollow(&author).await;
    let list = author.get(LIST).await;
    assert_eq!((types(&list), unread(&author).await), (vec!["COMMENT", "LIKE_POST"], 1));
    (server, author, list)
}

async fn assert_unchanged_after(between: impl AsyncFnOnce(&std::path::Path)) {
    let (server, mut author, list) = with_notifications().await;
    let log = author.get("/api/activities").await;
    let server = server.restart(between).await;
    (author.base, author.http) = (server.base.clone(), crate::common::client());
    assert_eq!(eventually(&author, LIST, |notifications| ids(notifications).len() == 2).await, list);
    assert_eq!(eventually(&author, "/api/activities", |now| ids(now) == ids(&log)).await, log);
    assert_eq!(unread(&author).await, 1);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_restart_does_not_change_notifications() {
    assert_unchanged_after(async |_| {}).await;
}

#[tokio::test]
async fn a_missing_activity_database_is_rebuilt() {
    assert_unchanged_after(async |folder| {
        for name in ["activity.db", "activity.db-wal", "activity.db-shm"] {
            let _ = std::fs::remove_file(folder.join(name));
        }
    })
    .await;
}

#[tokio::test]
async fn a_damaged_activity_database_is_set_aside_and_rebuilt() {
    assert_unchanged_after(async |folder| {
        for name in ["activity.db-wal", "activity.db-shm"] {
            let _ = std::fs::remove_file(folder.join(name));
        }
        std::fs::write(folder.join("activity.db"), vec![7; 8_192]).unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_activity_database_of_another_epoch_is_rebuilt() {
    assert_unchanged_after(async |folder| {
        tamper(folder, "UPDATE reader SET epoch = (epoch + 1) % 1000, position = 1").await;
    })
    .await;
}

#[tokio::test]
async fn an_activity_database_ahead_of_the_log_is_rebuilt() {
    assert_unchanged_after(async |folder| {
        tamper(folder, "UPDATE reader SET position = 1000000").await;
    })
    .await;
}

/// Runs a statement on the activity database, past the server.
pub(crate) async fn tamper(folder: &std::path::Path, statement: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.join("activity.db"))
        .busy_timeout(crate::common::TIMEOUT);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&pool).await.unwrap();
    pool.close().await;
}
