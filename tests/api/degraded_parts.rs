//! Degraded parts: search, images and activity fail without the core, answer 503, and recover by themselves.
use crate::{
    common::{Member, PASSWORD},
    image_fixtures::jpeg,
    notifications_hidden::tamper,
    support::{NONE, TestServer, eventually, ids, problem, start_server, until},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection};
use std::{fs, path::PathBuf};

async fn readiness(server: &TestServer) -> Value {
    let answer = crate::common::client().get(format!("{}/health/ready", server.base)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "the server accepts requests");
    answer.json().await.unwrap()
}

pub(crate) async fn wait_for_degraded_parts(server: &TestServer, wanted: &[&str]) {
    let wanted =
        if wanted.is_empty() { json!({"status": "UP"}) } else { json!({"status": "degraded", "parts": wanted}) };
    until(async || (readiness(server).await == wanted).then_some(())).await;
}

/// Asserts that the response is the 503 of a degraded part.
async fn assert_unavailable(answer: Response) {
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait >= 1);
    problem(answer, 503, "UNAVAILABLE").await;
}

/// Asserts that the failure of the part added no dead letter.
async fn assert_no_dead_letters(server: &TestServer) {
    let dead_letters: Value = server.admin(Method::GET, "/admin/deadletters").await.json().await.unwrap();
    assert_eq!(ids(&dead_letters), NONE);
}

/// Asserts that a page of notifications holds one of a like of the post.
fn assert_notifies_of_like(notifications: &Value, post: u64) {
    let mut items = notifications["items"].as_array().unwrap().iter();
    assert!(items.any(|item| item["type"] == "LIKE_POST" && item["postId"] == post), "{notifications}");
}

/// Asserts that posts, feeds, follows and logins work. Returns the new post.
async fn assert_core_works(server: &TestServer, author: &Member, content: &str) -> u64 {
    let post = author.post(content).await;
    assert_eq!(ids(&author.get("/api/timeline/posts/followings").await)[0], post);
    let mut reader = server.member().await;
    reader.follow(author).await;
    assert_eq!(ids(&reader.get("/api/timeline/posts/followings").await)[0], post);
    reader.like(post).await;
    reader.log_in().await;
    let login = json!({"email": author.email, "password": PASSWORD});
    let answer =
        crate::common::client().post(format!("{}/api/authentication/login", server.base)).json(&login).send().await;
    assert_eq!(answer.unwrap().status(), 200);
    post
}

async fn search(who: &Member, word: &str) -> Response {
    who.send(Method::GET, &format!("/api/search/posts?q={word}"), Value::Null).await
}

async fn wait_until_found(who: &Member, word: &str, count: usize) {
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

/// Replaces a folder or file by a file that makes it unusable. Returns its path and the path of the moved original.
pub(crate) fn obstruct(server: &TestServer, name: &str) -> (PathBuf, PathBuf) {
    let (path, aside) = (server.folder.path().join(name), server.folder.path().join(format!("{name}.aside")));
    fs::rename(&path, &aside).unwrap();
    fs::write(&path, "in the way").unwrap();
    (path, aside)
}

#[tokio::test]
async fn an_unusable_search_folder_degrades_only_search() {
    let server = start_server(|_| {}).await;
    let author = server.member().await;
    author.post("첫 바람개비").await;
    wait_until_found(&author, "바람개비", 1).await;
    wait_for_degraded_parts(&server, &[]).await;
    let (path, aside) = obstruct(&server, "search");
    author.post("둘째 바람개비").await;
    wait_for_degraded_parts(&server, &["search"]).await;
    assert_unavailable(search(&author, "바람개비").await).await;
    for path in ["/api/search/comments?q=바람", "/api/search/members?q=바람"] {
        assert_unavailable(author.send(Method::GET, path, Value::Null).await).await;
    }
    for round in 0..8 {
        assert_core_works(&server, &author, &format!("바람개비 {round}")).await;
    }
    assert_eq!(readiness(&server).await["parts"], json!(["search"]), "search stays degraded, and no other part is");
    fs::remove_file(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    wait_for_degraded_parts(&server, &[]).await;
    wait_until_found(&author, "바람개비", 10).await;
}

#[tokio::test]
async fn a_commit_that_failed_in_a_quiet_moment_is_repeated() {
    let server = start_server(|_| {}).await;
    let author = server.member().await;
    author.post("첫 바람개비").await;
    wait_until_found(&author, "바람개비", 1).await;
    let (path, aside) = obstruct(&server, "search");
    author.post("둘째 바람개비").await;
    wait_for_degraded_parts(&server, &["search"]).await;
    // From here on no event is written.
    fs::remove_file(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    wait_until_found(&author, "바람개비", 2).await;
    let status: Value = server.admin(Method::GET, "/admin/search").await.json().await.unwrap();
    assert_eq!(status["lagEvents"], 0, "{status}");
}

#[tokio::test]
async fn a_removed_search_folder_is_rebuilt() {
    let server = start_server(|_| {}).await;
    let author = server.member().await;
    author.post("첫 바람개비").await;
    wait_until_found(&author, "바람개비", 1).await;
    fs::remove_dir_all(server.folder.path().join("search")).unwrap();
    assert_core_works(&server, &author, "둘째 바람개비").await;
    wait_until_found(&author, "바람개비", 2).await;
    wait_for_degraded_parts(&server, &[]).await;
    until(async || server.folder.path().join("search/live").exists().then_some(())).await;
}

#[tokio::test]
async fn a_start_without_the_files_of_parts_serves_the_core() {
    let server = start_server(|_| {}).await;
    let author = server.member().await;
    author.post("첫 바람개비").await;
    wait_until_found(&author, "바람개비", 1).await;
    let names = ["search", "images", "activity.db"];
    let server = server
        .restart(async |folder| {
            for name in names {
                fs::rename(folder.join(name), folder.join(format!("{name}.aside"))).unwrap();
            }
            fs::write(folder.join("search"), "in the way").unwrap();
            fs::write(folder.join("images"), "in the way").unwrap();
            fs::create_dir(folder.join("activity.db")).unwrap();
        })
        .await;
    let author = Member { base: server.base.clone(), ..author };
    wait_for_degraded_parts(&server, &["images", "search", "activity"]).await;
    let post = assert_core_works(&server, &author, "둘째 바람개비").await;
    assert_unavailable(search(&author, "바람개비").await).await;
    for path in ["/api/notifications", "/api/notifications/unread-count", "/api/activities"] {
        assert_unavailable(author.send(Method::GET, path, Value::Null).await).await;
    }
    assert_unavailable(author.send_image("post", &jpeg(8, 8)).await).await;
    for name in ["search", "images"] {
        fs::remove_file(server.folder.path().join(name)).unwrap();
    }
    fs::remove_dir(server.folder.path().join("activity.db")).unwrap();
    wait_for_degraded_parts(&server, &[]).await;
    wait_until_found(&author, "바람개비", 2).await;
    let notifications = eventually(&author, "/api/notifications", |notifications| !ids(notifications).is_empty()).await;
    assert!(notifications["items"].as_array().unwrap().iter().any(|item| item["postId"] == post), "{notifications}");
}

#[tokio::test]
async fn uploads_are_refused_while_images_cannot_be_stored() {
    let server = start_server(|_| {}).await;
    let author = server.member().await;
    let (path, _) = obstruct(&server, "images");
    let send = async || author.send_image("post", &jpeg(8, 8)).await;
    assert_unavailable(send().await).await;
    wait_for_degraded_parts(&server, &["images"]).await;
    assert_unavailable(send().await).await;
    assert_core_works(&server, &author, "글").await;
    fs::remove_file(path).unwrap();
    wait_for_degraded_parts(&server, &[]).await;
    let sent = send().await;
    assert_eq!(sent.status(), 201);
    let sent: Value = sent.json().await.unwrap();
    let shown = author.send(Method::GET, sent["url"].as_str().unwrap(), Value::Null).await;
    assert_eq!(shown.status(), 200);
}

/// Another connection locks the activity database, so writes to it fail.
#[tokio::test]
async fn a_locked_activity_database_adds_no_dead_letter() {
    let server = start_server(|_| {}).await;
    let (author, fan) = (server.member().await, server.member().await);
    let post = author.post("글").await;
    author.get("/api/activities").await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(server.folder.path().join("activity.db"));
    let mut other = options.busy_timeout(crate::common::TIMEOUT).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    fan.like(post).await;
    wait_for_degraded_parts(&server, &["activity"]).await;
    assert_unavailable(author.send(Method::GET, "/api/notifications", Value::Null).await).await;
    assert_core_works(&server, &author, "둘째").await;
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    wait_for_degraded_parts(&server, &[]).await;
    let notifications = eventually(&author, "/api/notifications", |notifications| ids(notifications).len() >= 3).await;
    assert_notifies_of_like(&notifications, post);
    assert_no_dead_letters(&server).await;
}

#[tokio::test]
async fn a_missing_table_adds_no_dead_letter() {
    let server = start_server(|_| {}).await;
    let (author, fan) = (server.member().await, server.member().await);
    let post = author.post("글").await;
    author.get("/api/activities").await;
    tamper(server.folder.path(), "ALTER TABLE activities RENAME TO elsewhere").await;
    fan.like(post).await;
    wait_for_degraded_parts(&server, &["activity"]).await;
    assert_core_works(&server, &author, "둘째").await;
    tamper(server.folder.path(), "ALTER TABLE elsewhere RENAME TO activities").await;
    wait_for_degraded_parts(&server, &[]).await;
    eventually(&author, "/api/notifications", |notifications| ids(notifications).len() >= 3).await;
    assert_no_dead_letters(&server).await;
}

#[tokio::test]
async fn a_damaged_activity_database_is_rebuilt_while_the_server_runs() {
    let server = start_server(|_| {}).await;
    let (author, fan) = (server.member().await, server.member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    eventually(&author, "/api/notifications", |notifications| ids(notifications).len() == 1).await;
    for name in ["activity.db", "activity.db-wal"] {
        let path = server.folder.path().join(name);
        let length = fs::metadata(&path).unwrap().len();
        fs::write(&path, vec![7; usize::try_from(length).unwrap()]).unwrap();
    }
    assert_core_works(&server, &author, "둘째").await;
    let notifications = until(async || {
        let answer = author.send(Method::GET, "/api/notifications", Value::Null).await;
        if answer.status() != 200 {
            return None;
        }
        Some(answer.json::<Value>().await.unwrap()).filter(|notifications| ids(notifications).len() == 3)
    })
    .await;
    assert_notifies_of_like(&notifications, post);
    wait_for_degraded_parts(&server, &[]).await;
}
