//! A disk that is full: nothing ends, reads are served, writes say so, and all goes on once there is room.
use crate::{
    common::Member,
    disk::Disk,
    served::Served,
    support::{NONE, eventually, ids, problem, until},
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection};

/// Two members of whom one follows the other, and what there is to read.
struct Scene {
    author: Member,
    reader: Member,
    posts: Vec<u64>,
}

impl Scene {
    async fn set(served: &Served) -> Self {
        let (author, reader) = (served.member().await, served.member().await);
        reader.follow(&author).await;
        let mut posts = Vec::new();
        for number in 0..5 {
            posts.insert(0, author.post(&format!("글 {number} {}", "가나다 ".repeat(200))).await);
        }
        reader.like(posts[0]).await;
        eventually(&author, "/api/notifications", |told| ids(told).len() == 2).await;
        Self { author, reader, posts }
    }

    async fn reads(&self, served: &Served) {
        let (author, reader) = (served.here(&self.author), served.here(&self.reader));
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

/// Posts until that is refused, then on for a while: refused is refused, and nothing else happens. Returns how many were
/// taken while there was some room left.
async fn refused(served: &mut Served, author: &Member) -> usize {
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
    served.runs();
    taken
}

/// After which there is room again: everything that could not be done can be done.
async fn goes_on(served: &Served, scene: &Scene) {
    let (author, reader) = (served.here(&scene.author), served.here(&scene.reader));
    let body = json!({"content": "바람개비"});
    let post = until(async || {
        let answer = author.send(Method::POST, "/api/posts", body.clone()).await;
        if answer.status() == 201 { answer.json::<Value>().await.unwrap()["id"].as_u64() } else { None }
    })
    .await;
    until(async || (served.readiness().await == json!({"status": "UP"})).then_some(())).await;
    reader.like(post).await;
    assert_eq!(ids(&reader.get("/api/timeline/posts/followings").await)[0], post);
    eventually(&author, "/api/notifications", |told| told["items"][0]["postId"] == post).await;
    eventually(&author, "/api/search/posts?q=바람개비", |page| !page["items"].as_array().unwrap().is_empty()).await;
    let dead_letters: Value = served.get(format!("{}/admin/deadletters", served.admin)).await.json().await.unwrap();
    assert_eq!(ids(&dead_letters), NONE, "nothing becomes a dead letter for want of room");
    assert!(!served.log().contains("event moved to the dead letters"));
}

async fn fills_up_while_it_runs(disk: Disk) {
    let aside = tempfile::tempdir().unwrap();
    let mut served = Served::on(disk.path(), "true", aside.path().join("log")).await;
    let scene = Scene::set(&served).await;
    disk.fill(Some(served.id()));
    refused(&mut served, &scene.author).await;
    scene.reads(&served).await;
    assert!(served.log().contains(disk.words()), "the log says why");
    disk.empty(Some(served.id()));
    goes_on(&served, &scene).await;
    served.stop().await;
}

/// Folds the logs of both databases into their files, as the last who closes them does: whoever opens them next needs room.
async fn fold_logs(disk: &Disk) {
    for name in ["dailyfeed.db", "activity.db"] {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(disk.path().join(name));
        let mut database = options.connect().await.unwrap();
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut database).await.unwrap();
        database.close().await.unwrap();
        assert!(!disk.path().join(format!("{name}-shm")).exists());
    }
}

async fn is_full_at_the_start(disk: Disk, end: &str) {
    let aside = tempfile::tempdir().unwrap();
    let mut served = Served::on(disk.path(), "true", aside.path().join("log")).await;
    let scene = Scene::set(&served).await;
    served.signal(end).await;
    served.ended().await;
    if end == "-TERM" {
        fold_logs(&disk).await;
    }
    disk.fill(None);
    let mut served = Served::on(disk.path(), &disk.first(), aside.path().join("log2")).await;
    served.readiness().await;
    scene.reads(&served).await;
    let author = served.here(&scene.author);
    refused(&mut served, &author).await;
    scene.reads(&served).await;
    if disk.takes_nothing() {
        no_login(&served, &scene).await;
    }
    assert!(served.log().contains(disk.words()), "the log says why");
    served.runs();
    disk.empty(Some(served.id()));
    goes_on(&served, &scene).await;
    served.stop().await;
}

async fn no_login(served: &Served, scene: &Scene) {
    let login = json!({"email": scene.author.email, "password": "Passw0rd!"});
    let url = format!("{}/api/authentication/login", served.base);
    problem(crate::common::client().post(url).json(&login).send().await.unwrap(), 503, "UNAVAILABLE").await;
}

#[tokio::test]
async fn a_disk_that_fills_up_ends_nothing() {
    fills_up_while_it_runs(Disk::new()).await;
}

#[tokio::test]
async fn files_that_may_not_grow_end_nothing() {
    fills_up_while_it_runs(Disk::of_limited_files()).await;
}

#[tokio::test]
async fn a_start_on_a_full_disk_serves_reads_after_an_end_in_order() {
    is_full_at_the_start(Disk::new(), "-TERM").await;
}

#[tokio::test]
async fn a_start_on_a_full_disk_serves_reads_after_a_hard_end() {
    is_full_at_the_start(Disk::new(), "-KILL").await;
}

#[tokio::test]
async fn a_start_with_files_that_may_not_grow_serves_reads() {
    is_full_at_the_start(Disk::of_limited_files(), "-TERM").await;
}

/// The database has room, the file of activities beside it has not.
#[tokio::test]
async fn activities_without_room_are_told_once_there_is_some() {
    let disk = Disk::new();
    let data = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(disk.path().join("activity.db"), data.path().join("activity.db")).unwrap();
    let mut served = Served::on(data.path(), "true", data.path().join("log")).await;
    let scene = Scene::set(&served).await;
    disk.fill(Some(served.id()));
    let degraded = async || (served.readiness().await["status"] == "degraded").then_some(());
    let mut liked = Vec::new();
    let begun = std::time::Instant::now();
    while degraded().await.is_none() {
        assert!(begun.elapsed() < crate::common::PATIENCE, "the disk was never full");
        let posted = scene.author.send(Method::POST, "/api/posts", json!({"content": "글"})).await;
        if posted.status() == 201 {
            liked.push(posted.json::<Value>().await.unwrap()["id"].as_u64().unwrap());
            scene.reader.send(Method::PUT, &format!("/api/posts/{}/like", liked[liked.len() - 1]), Value::Null).await;
        }
    }
    served.runs();
    scene.reads(&served).await;
    assert!(served.log().contains(disk.words()), "the log says why");
    disk.empty(Some(served.id()));
    goes_on(&served, &scene).await;
    let log = served.log();
    assert!(!log.contains("non-zero transaction depth"), "{log}");
    served.stop().await;
}
