//! A full disk: the process keeps running and serves reads, writes get 503, and the server recovers once there is room.
use crate::{
    common::Member,
    limited_disk::Disk,
    limited_server::LimitedServer,
    support::{NONE, eventually, ids, problem, until},
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection};

/// An author, a follower, and the posts that they can read.
struct Scene {
    author: Member,
    reader: Member,
    posts: Vec<u64>,
}

impl Scene {
    async fn create(server: &LimitedServer) -> Self {
        let (author, reader) = (server.member().await, server.member().await);
        reader.follow(&author).await;
        let mut posts = Vec::new();
        for number in 0..5 {
            posts.insert(0, author.post(&format!("글 {number} {}", "가나다 ".repeat(200))).await);
        }
        reader.like(posts[0]).await;
        eventually(&author, "/api/notifications", |notifications| ids(notifications).len() == 2).await;
        Self { author, reader, posts }
    }

    async fn assert_reads(&self, server: &LimitedServer) {
        let (author, reader) = (server.reconnect(&self.author), server.reconnect(&self.reader));
        let feed = ids(&reader.get("/api/timeline/posts/followings?limit=100").await);
        assert!(feed.ends_with(&self.posts), "{feed:?}");
        for path in [
            format!("/api/posts/{}", self.posts[0]),
            "/api/members/me".to_owned(),
            format!("/api/members/{}/followers", author.id),
            "/api/timeline/posts/recent".to_owned(),
            "/api/timeline/posts/mine".to_owned(),
        ] {
            author.get(&path).await;
        }
    }
}

/// Creates posts until the server answers 503, then 30 more. Asserts that the process still runs. Returns how many
/// posts were created.
async fn post_until_refused(server: &mut LimitedServer, author: &Member) -> usize {
    let post = async || author.send(Method::POST, "/api/posts", json!({"content": "가나다 ".repeat(1_000)})).await;
    let mut taken = 0;
    let answer = loop {
        let answer = post().await;
        if answer.status() != 201 {
            break answer;
        }
        taken += 1;
        assert!(taken < 20_000, "the disk was never full");
    };
    assert!(answer.headers().contains_key("retry-after"));
    problem(answer, 503, "UNAVAILABLE").await;
    for _ in 0..30 {
        taken += usize::from(post().await.status() == 201);
    }
    server.assert_runs();
    taken
}

/// Asserts that everything works again after the disk was freed.
async fn assert_recovers(server: &LimitedServer, scene: &Scene) {
    let (author, reader) = (server.reconnect(&scene.author), server.reconnect(&scene.reader));
    let body = json!({"content": "바람개비"});
    let post = until(async || {
        let answer = author.send(Method::POST, "/api/posts", body.clone()).await;
        if answer.status() == 201 { answer.json::<Value>().await.unwrap()["id"].as_u64() } else { None }
    })
    .await;
    until(async || (server.readiness().await == json!({"status": "UP"})).then_some(())).await;
    reader.like(post).await;
    assert_eq!(ids(&reader.get("/api/timeline/posts/followings").await)[0], post);
    eventually(&author, "/api/notifications", |notifications| notifications["items"][0]["postId"] == post).await;
    eventually(&author, "/api/search/posts?q=바람개비", |page| !page["items"].as_array().unwrap().is_empty()).await;
    let dead_letters: Value = server.get(format!("{}/admin/deadletters", server.admin)).await.json().await.unwrap();
    assert_eq!(ids(&dead_letters), NONE, "a full disk adds no dead letter");
    assert!(!server.log().contains("event moved to the dead letters"));
}

async fn fill_while_the_server_runs(disk: Disk) {
    let aside = tempfile::tempdir().unwrap();
    let mut server = LimitedServer::start(disk.path(), "true", aside.path().join("log")).await;
    let scene = Scene::create(&server).await;
    disk.fill(Some(server.id()));
    post_until_refused(&mut server, &scene.author).await;
    scene.assert_reads(&server).await;
    assert!(server.log().contains(disk.error_text()), "the log has the cause");
    disk.empty(Some(server.id()));
    assert_recovers(&server, &scene).await;
    server.stop().await;
}

/// Checkpoints the WAL of both databases into their files, as the last connection does when it closes.
async fn fold_logs(disk: &Disk) {
    for name in ["dailyfeed.db", "activity.db"] {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(disk.path().join(name));
        let mut database = options.connect().await.unwrap();
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut database).await.unwrap();
        database.close().await.unwrap();
        assert!(!disk.path().join(format!("{name}-shm")).exists());
    }
}

async fn start_on_a_full_disk(disk: Disk, end: &str) {
    let aside = tempfile::tempdir().unwrap();
    let mut server = LimitedServer::start(disk.path(), "true", aside.path().join("log")).await;
    let scene = Scene::create(&server).await;
    server.signal(end).await;
    server.wait().await;
    if end == "-TERM" {
        fold_logs(&disk).await;
    }
    disk.fill(None);
    let mut server = LimitedServer::start(disk.path(), &disk.shell_prefix(), aside.path().join("log2")).await;
    server.readiness().await;
    scene.assert_reads(&server).await;
    let author = server.reconnect(&scene.author);
    post_until_refused(&mut server, &author).await;
    scene.assert_reads(&server).await;
    if disk.refuses_every_write() {
        assert_login_unavailable(&server, &scene).await;
    }
    assert!(server.log().contains(disk.error_text()), "the log has the cause");
    server.assert_runs();
    disk.empty(Some(server.id()));
    assert_recovers(&server, &scene).await;
    server.stop().await;
}

async fn assert_login_unavailable(server: &LimitedServer, scene: &Scene) {
    let login = json!({"email": scene.author.email, "password": "Passw0rd!"});
    let url = format!("{}/api/authentication/login", server.base);
    problem(crate::common::client().post(url).json(&login).send().await.unwrap(), 503, "UNAVAILABLE").await;
}

#[tokio::test]
async fn a_disk_that_fills_up_does_not_end_the_server() {
    fill_while_the_server_runs(Disk::new()).await;
}

#[tokio::test]
async fn a_file_size_limit_does_not_end_the_server() {
    fill_while_the_server_runs(Disk::of_limited_files()).await;
}

#[tokio::test]
async fn a_start_on_a_full_disk_after_sigterm_serves_reads() {
    start_on_a_full_disk(Disk::new(), "-TERM").await;
}

#[tokio::test]
async fn a_start_on_a_full_disk_after_sigkill_serves_reads() {
    start_on_a_full_disk(Disk::new(), "-KILL").await;
}

#[tokio::test]
async fn a_start_under_a_file_size_limit_serves_reads() {
    start_on_a_full_disk(Disk::of_limited_files(), "-TERM").await;
}

/// The main database has room; the activity database does not.
#[tokio::test]
async fn activities_on_a_full_disk_are_applied_once_there_is_room() {
    let disk = Disk::new();
    let data = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(disk.path().join("activity.db"), data.path().join("activity.db")).unwrap();
    let mut server = LimitedServer::start(data.path(), "true", data.path().join("log")).await;
    let scene = Scene::create(&server).await;
    disk.fill(Some(server.id()));
    let degraded = async || (server.readiness().await["status"] == "degraded").then_some(());
    let mut liked = Vec::new();
    let begun = std::time::Instant::now();
    while degraded().await.is_none() {
        assert!(begun.elapsed() < crate::common::TIMEOUT, "the disk was never full");
        let posted = scene.author.send(Method::POST, "/api/posts", json!({"content": "글"})).await;
        if posted.status() == 201 {
            liked.push(posted.json::<Value>().await.unwrap()["id"].as_u64().unwrap());
            scene.reader.send(Method::PUT, &format!("/api/posts/{}/like", liked[liked.len() - 1]), Value::Null).await;
        }
    }
    server.assert_runs();
    scene.assert_reads(&server).await;
    assert!(server.log().contains(disk.error_text()), "the log has the cause");
    disk.empty(Some(server.id()));
    assert_recovers(&server, &scene).await;
    let log = server.log();
    assert!(!log.contains("non-zero transaction depth"), "{log}");
    server.stop().await;
}
