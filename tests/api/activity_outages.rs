//! An activity store that is away or locked: the log reader stands still, loses nothing and adds no dead letter; the
//! lag and the health of the part show it.
use crate::{
    notifications_hidden::tamper,
    process::Process,
    support::{NONE, eventually, ids, until},
};
use serde_json::Value;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

async fn admin(server: &Process, path: &str) -> String {
    let answer = crate::common::client().get(format!("{}{path}", server.admin)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.unwrap()
}

/// Returns the lag of the log reader, by the metric.
async fn lag(server: &Process) -> Option<f64> {
    let text = admin(server, "/metrics").await;
    let line = text.lines().find_map(|line| line.strip_prefix("dailyfeed_activity_lag_events "))?;
    Some(line.trim().parse().unwrap())
}

async fn parts_down(server: &Process) -> Value {
    let answer = crate::common::client().get(format!("{}/health/ready", server.base)).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["parts"].clone()
}

/// Locks the database against other writers until it is rolled back.
async fn lock(server: &Process) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(server.folder().join("activity.db"));
    let mut other = options.busy_timeout(crate::common::TIMEOUT).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    other
}

/// Likes five posts during an outage that `begin` starts and `end` ends. Asserts that the outage shows, and that
/// afterwards the author has every notification and there is no dead letter.
async fn outlive<T>(server: &Process, begin: impl AsyncFnOnce() -> T, end: impl AsyncFnOnce(T)) {
    let (author, fan) = (server.member().await, server.member().await);
    let mut posts = Vec::new();
    for _ in 0..5 {
        posts.push(author.post("글").await);
    }
    author.get("/api/activities").await;
    let outage = begin().await;
    for post in &posts {
        fan.like(*post).await;
    }
    until(async || (parts_down(server).await == serde_json::json!(["activity"])).then_some(())).await;
    // Every attempt measures the lag anew, so it reaches all five.
    until(async || lag(server).await.filter(|lag| *lag >= 5.0)).await;
    let letters: Value = serde_json::from_str(&admin(server, "/admin/deadletters").await).unwrap_or_default();
    assert!(letters.is_null() || ids(&letters) == NONE, "{letters}");
    end(outage).await;
    until(async || parts_down(server).await.as_array().is_none_or(Vec::is_empty).then_some(())).await;
    let list = eventually(&author, "/api/notifications", |list| ids(list).len() == 5).await;
    let liked = list["items"].as_array().unwrap().iter().rev();
    assert!(liked.map(|item| item["postId"].as_u64().unwrap()).eq(posts), "each once, in order: {list}");
    until(async || lag(server).await.filter(|lag| *lag == 0.0)).await;
    let letters: Value = serde_json::from_str(&admin(server, "/admin/deadletters").await).unwrap();
    assert_eq!(ids(&letters), NONE);
}

#[tokio::test]
async fn a_locked_store_delays_notifications_and_buries_none() {
    let server = Process::start(&[]).await;
    let end = async |mut other: SqliteConnection| {
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
        other.close().await.unwrap();
    };
    outlive(&server, async || lock(&server).await, end).await;
    server.stop().await;
}

#[tokio::test]
async fn a_store_that_cannot_say_its_position_shows_its_lag() {
    let server = Process::start(&[]).await;
    let rename = async |statement: &str| tamper(server.folder(), statement).await;
    outlive(
        &server,
        async || rename("ALTER TABLE reader RENAME TO elsewhere").await,
        async |()| rename("ALTER TABLE elsewhere RENAME TO reader").await,
    )
    .await;
    server.stop().await;
}
