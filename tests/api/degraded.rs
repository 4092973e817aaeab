//! Parts that the core can do without fail alone: their routes say so, everything else goes on, and they come back.
use crate::{
    common::{Member, PASSWORD},
    notifications_hidden::tamper,
    pictures::jpeg,
    support::{Own, eventually, ids, own, problem, until},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection};
use std::{fs, path::PathBuf};

async fn readiness(own: &Own) -> Value {
    let answer = crate::common::client().get(format!("{}/health/ready", own.base)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "requests are welcome");
    answer.json().await.unwrap()
}

async fn parts(own: &Own, wanted: &[&str]) {
    let wanted =
        if wanted.is_empty() { json!({"status": "UP"}) } else { json!({"status": "degraded", "parts": wanted}) };
    until(async || (readiness(own).await == wanted).then_some(())).await;
}

/// Asserts that the answer says that a part is down.
async fn down(answer: Response) {
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait >= 1);
    problem(answer, 503, "UNAVAILABLE").await;
}

/// Posts, feeds, follows and logins, as if nothing were wrong. Returns the post.
async fn core_works(own: &Own, author: &Member, content: &str) -> u64 {
    let post = author.post(content).await;
    assert_eq!(ids(&author.get("/api/timeline/posts/followings").await)[0], post);
    let mut reader = own.member().await;
    reader.follow(author).await;
    assert_eq!(ids(&reader.get("/api/timeline/posts/followings").await)[0], post);
    reader.like(post).await;
    reader.log_in().await;
    let login = json!({"email": author.email, "password": PASSWORD});
    let answer =
        crate::common::client().post(format!("{}/api/authentication/login", own.base)).json(&login).send().await;
    assert_eq!(answer.unwrap().status(), 200);
    post
}

async fn search(who: &Member, word: &str) -> Response {
    who.send(Method::GET, &format!("/api/search/posts?q={word}"), Value::Null).await
}

async fn found(who: &Member, word: &str, count: usize) {
    until(async || {
        let answer = search(who, word).await;
        if answer.status() != 200 {
            return None;
        }
        let page: Value = answer.json().await.unwrap();
        (page["items"].as_array().unwrap().len() == count).then_some(())
    })
    .await;
}

/// Puts a file where the folder or the file was, so that nothing can be kept there. Returns what it was.
fn block(own: &Own, name: &str) -> (PathBuf, PathBuf) {
    let (path, aside) = (own.folder.path().join(name), own.folder.path().join(format!("{name}.aside")));
    fs::rename(&path, &aside).unwrap();
    fs::write(&path, "in the way").unwrap();
    (path, aside)
}

#[tokio::test]
async fn a_search_folder_that_cannot_be_used_is_trouble_of_searches_alone() {
    let own = own(|_| {}).await;
    let author = own.member().await;
    author.post("첫 바람개비").await;
    found(&author, "바람개비", 1).await;
    parts(&own, &[]).await;
    let (path, aside) = block(&own, "search");
    author.post("둘째 바람개비").await;
    parts(&own, &["search"]).await;
    down(search(&author, "바람개비").await).await;
    for path in ["/api/search/comments?q=바람", "/api/search/members?q=바람"] {
        down(author.send(Method::GET, path, Value::Null).await).await;
    }
    for round in 0..8 {
        core_works(&own, &author, &format!("바람개비 {round}")).await;
    }
    assert_eq!(readiness(&own).await["parts"], json!(["search"]), "it stays down, and stays alone");
    fs::remove_file(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    parts(&own, &[]).await;
    found(&author, "바람개비", 10).await;
}

#[tokio::test]
async fn a_search_folder_that_is_removed_is_made_again() {
    let own = own(|_| {}).await;
    let author = own.member().await;
    author.post("첫 바람개비").await;
    found(&author, "바람개비", 1).await;
    fs::remove_dir_all(own.folder.path().join("search")).unwrap();
    core_works(&own, &author, "둘째 바람개비").await;
    found(&author, "바람개비", 2).await;
    parts(&own, &[]).await;
    until(async || own.folder.path().join("search/live").exists().then_some(())).await;
}

#[tokio::test]
async fn a_start_without_side_stores_serves_the_rest() {
    let own = own(|_| {}).await;
    let author = own.member().await;
    author.post("첫 바람개비").await;
    found(&author, "바람개비", 1).await;
    let names = ["search", "images", "activity.db"];
    let own = own
        .again(async |folder| {
            for name in names {
                fs::rename(folder.join(name), folder.join(format!("{name}.aside"))).unwrap();
            }
            fs::write(folder.join("search"), "in the way").unwrap();
            fs::write(folder.join("images"), "in the way").unwrap();
            fs::create_dir(folder.join("activity.db")).unwrap();
        })
        .await;
    let author = Member { base: own.base.clone(), ..author };
    parts(&own, &["images", "search", "activity"]).await;
    let post = core_works(&own, &author, "둘째 바람개비").await;
    down(search(&author, "바람개비").await).await;
    for path in ["/api/notifications", "/api/notifications/unread-count", "/api/activities"] {
        down(author.send(Method::GET, path, Value::Null).await).await;
    }
    down(author.send_image("post", &jpeg(8, 8)).await).await;
    for name in ["search", "images"] {
        fs::remove_file(own.folder.path().join(name)).unwrap();
    }
    fs::remove_dir(own.folder.path().join("activity.db")).unwrap();
    parts(&own, &[]).await;
    found(&author, "바람개비", 2).await;
    let told = eventually(&author, "/api/notifications", |told| !ids(told).is_empty()).await;
    assert!(told["items"].as_array().unwrap().iter().any(|item| item["postId"] == post), "{told}");
}

#[tokio::test]
async fn images_that_cannot_be_kept_are_refused_until_they_can() {
    let own = own(|_| {}).await;
    let author = own.member().await;
    let (path, _) = block(&own, "images");
    let send = async || author.send_image("post", &jpeg(8, 8)).await;
    down(send().await).await;
    parts(&own, &["images"]).await;
    down(send().await).await;
    core_works(&own, &author, "글").await;
    fs::remove_file(path).unwrap();
    parts(&own, &[]).await;
    let sent = send().await;
    assert_eq!(sent.status(), 201);
    let sent: Value = sent.json().await.unwrap();
    let shown = author.send(Method::GET, sent["url"].as_str().unwrap(), Value::Null).await;
    assert_eq!(shown.status(), 200);
}

/// Activities that cannot be written because somebody else has the file locked.
#[tokio::test]
async fn a_store_that_cannot_be_written_buries_nothing() {
    let own = own(|_| {}).await;
    let (author, fan) = (own.member().await, own.member().await);
    let post = author.post("글").await;
    author.get("/api/activities").await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(own.folder.path().join("activity.db"));
    let mut other = options.busy_timeout(crate::common::PATIENCE).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    fan.like(post).await;
    parts(&own, &["activity"]).await;
    down(author.send(Method::GET, "/api/notifications", Value::Null).await).await;
    core_works(&own, &author, "둘째").await;
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    parts(&own, &[]).await;
    let told = eventually(&author, "/api/notifications", |told| ids(told).len() >= 3).await;
    assert!(told["items"].as_array().unwrap().iter().any(|item| item["type"] == "LIKE_POST" && item["postId"] == post));
    let dead_letters = format!("http://{}/admin/deadletters", own.server.admin_address());
    let dead_letters: Value = crate::common::client().get(dead_letters).send().await.unwrap().json().await.unwrap();
    assert_eq!(ids(&dead_letters), crate::support::NONE);
}

#[tokio::test]
async fn a_table_that_is_missing_is_no_fault_of_events() {
    let own = own(|_| {}).await;
    let (author, fan) = (own.member().await, own.member().await);
    let post = author.post("글").await;
    author.get("/api/activities").await;
    tamper(own.folder.path(), "ALTER TABLE activities RENAME TO elsewhere").await;
    fan.like(post).await;
    parts(&own, &["activity"]).await;
    core_works(&own, &author, "둘째").await;
    tamper(own.folder.path(), "ALTER TABLE elsewhere RENAME TO activities").await;
    parts(&own, &[]).await;
    eventually(&author, "/api/notifications", |told| ids(told).len() >= 3).await;
    let dead_letters = format!("http://{}/admin/deadletters", own.server.admin_address());
    let dead_letters: Value = crate::common::client().get(dead_letters).send().await.unwrap().json().await.unwrap();
    assert_eq!(ids(&dead_letters), crate::support::NONE);
}

#[tokio::test]
async fn a_file_of_activities_that_is_damaged_is_made_again_while_the_server_runs() {
    let own = own(|_| {}).await;
    let (author, fan) = (own.member().await, own.member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    eventually(&author, "/api/notifications", |told| ids(told).len() == 1).await;
    for name in ["activity.db", "activity.db-wal"] {
        let path = own.folder.path().join(name);
        let length = fs::metadata(&path).unwrap().len();
        fs::write(&path, vec![7; usize::try_from(length).unwrap()]).unwrap();
    }
    core_works(&own, &author, "둘째").await;
    let told = until(async || {
        let answer = author.send(Method::GET, "/api/notifications", Value::Null).await;
        if answer.status() != 200 {
            return None;
        }
        Some(answer.json::<Value>().await.unwrap()).filter(|told| ids(told).len() == 3)
    })
    .await;
    assert!(told["items"].as_array().unwrap().iter().any(|item| item["type"] == "LIKE_POST" && item["postId"] == post));
    parts(&own, &[]).await;
}
