//! Departures with many rows: a member leaves and returns at once for everybody, the counters follow in steps, and
//! others write meanwhile. The same for a member with many follow requests who goes public.
use crate::{
    common::Member,
    support::{NONE, TestServer, all, eventually, ids, start_server, until},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

/// Members who follow, posts that the member likes, or pending requests: several steps each.
const MANY: u64 = 1_800;

/// Runs statements on the database of a stopped server.
async fn change(folder: &Path, statements: &[String]) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("dailyfeed.db"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    for statement in statements {
        sqlx::query(sqlx::AssertSqlSafe(statement.as_str())).execute(&pool).await.unwrap();
    }
    pool.close().await;
}

/// The numbers from 1 to a maximum as the table `n(i)`.
fn numbers(max: u64) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {max})")
}

/// Inserts members with the ids 1 to `max`.
fn crowd(max: u64) -> String {
    format!(
        "{} INSERT INTO members (id, email, email_key, handle, handle_key, password_hash, member_name, created_at) \
        SELECT i, 'c' || i, 'c' || i, 'crowd' || i, 'crowd' || i, '', 'crowd', 0 FROM n",
        numbers(max)
    )
}

/// Asserts that `dailyfeed audit` finds no drift. Returns whether it names open departures.
async fn audit(folder: &Path) -> bool {
    let audit = tokio::process::Command::new(env!("CARGO_BIN_EXE_dailyfeed"))
        .arg("audit")
        .env("DAILYFEED_DATA_DIR", folder)
        .current_dir(folder)
        .output();
    let audit = audit.await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&audit.stdout), String::from_utf8_lossy(&audit.stderr));
    assert!(audit.status.success() && out.trim() == "drift 0", "{out}{err}");
    err.contains("open departures")
}

/// Two members. The first is followed by `MANY` members, likes `MANY` posts of the other and has comments.
struct Popular {
    server: TestServer,
    popular: Member,
    other: Member,
    thread: u64,
    /// A comment of the popular member above a reply of the other one.
    above: u64,
    reply: u64,
}

async fn popular() -> Popular {
    let server = start_server(|_| {}).await;
    let (popular, other) = (server.member().await, server.member().await);
    let thread = other.post("이야기").await;
    let above = popular.comment(thread, None, "위 댓글").await;
    let reply = other.comment(thread, Some(above), "답").await;
    popular.comment(thread, Some(reply), "끝 댓글").await;
    popular.comment(thread, None, "홀로 댓글").await;
    other.follow(&popular).await;
    popular.post("떠날 글").await;
    let (numbers, popular_id, other_id) = (numbers(MANY), popular.id, other.id);
    let statements = [
        crowd(MANY),
        format!("{numbers} INSERT INTO follows (id, follower_id, followee_id) SELECT i, i, {popular_id} FROM n"),
        "UPDATE members SET following_count = 1 WHERE handle = 'crowd' || id".to_owned(),
        format!("UPDATE members SET follower_count = follower_count + {MANY} WHERE id = {popular_id}"),
        format!(
            "{numbers} INSERT INTO posts (id, author_id, position, content, created_at, like_count) \
            SELECT i, {other_id}, 1, 'old', i, 1 FROM n"
        ),
        format!("UPDATE members SET post_count = post_count + {MANY} WHERE id = {other_id}"),
        format!("{numbers} INSERT INTO post_likes (id, post_id, member_id) SELECT i, i, {popular_id} FROM n"),
    ];
    let server = server.restart(async |folder| change(folder, &statements).await).await;
    let moved = |member: Member| Member { base: server.base.clone(), ..member };
    Popular { popular: moved(popular), other: moved(other), server, thread, above, reply }
}

impl Popular {
    /// Returns everything that the other member reads of the popular one, without the counters that follow in steps.
    async fn visible(&self) -> Value {
        let Self { popular, other, thread, above, reply, .. } = self;
        let mut comments = other.get(&format!("/api/posts/{thread}/comments")).await;
        let replies = other.get(&format!("/api/comments/{reply}/replies")).await;
        json!({
            "profile": other.call(Method::GET, &format!("/api/members/{}", popular.id), None).await.as_u16(),
            "home": ids(&other.get("/api/timeline/posts/followings?limit=2").await),
            "comments": comments["items"].take(),
            "above": other.get(&format!("/api/comments/{above}")).await,
            "replies": ids(&replies),
            "likers": ids(&other.get("/api/posts/7/likes").await),
            "followings": all(other, &format!("/api/members/{}/followings", other.id), 9).await,
            "found": other.call(Method::GET, &format!("/api/members/{}/comments", popular.id), None).await.as_u16(),
        })
    }

    /// Waits until the counters of all rows have followed, asserting after each look that the member shows as `visible`
    /// and that another member writes.
    async fn settle(&self, visible: &Value, counted: u64) {
        let newest = format!("/api/posts/{MANY}");
        let last_follower = format!("/api/members/{MANY}");
        until(async || {
            assert_eq!(self.visible().await, *visible);
            let written = self.other.send(Method::POST, "/api/posts", json!({"content": "사이에"})).await.status();
            assert_eq!(written, 201, "a write of another member");
            let id = self.other.get("/api/timeline/posts/followings?limit=1").await["items"][0]["id"].clone();
            self.other.delete(&format!("/api/posts/{id}")).await;
            audit(self.server.folder.path()).await;
            let likes = self.other.get(&newest).await["likeCount"].clone();
            let followings = self.other.get(&last_follower).await["followingCount"].clone();
            (likes == counted && followings == counted).then_some(())
        })
        .await;
        // Cached posts show the final counts too.
        for id in [1, 2, MANY / 2, MANY - 1] {
            eventually(&self.other, &format!("/api/posts/{id}"), |post| post["likeCount"] == counted).await;
        }
    }
}

#[tokio::test]
async fn a_popular_member_leaves_and_returns_at_once_and_counters_follow() {
    let mut world = popular().await;
    let before = world.visible().await;
    assert_eq!(before["profile"], 200);
    assert!(
        before["comments"].to_string().contains("홀로") && before["likers"] == json!([world.popular.id]),
        "{before}"
    );
    for id in [1, MANY / 2, MANY] {
        world.other.get(&format!("/api/posts/{id}")).await;
    }
    world.popular.deactivate().await;
    let without = world.visible().await;
    assert_eq!(
        (&without["profile"], &without["likers"], &without["followings"]),
        (&json!(404), &json!(NONE), &json!(NONE))
    );
    assert!(!without.to_string().contains("댓글") && !without.to_string().contains("떠날"), "{without}");
    assert_eq!(without["above"]["replyCount"], 1, "the reply of the other member");
    world.settle(&without, 0).await;

    world.popular.log_in().await;
    assert_eq!(world.visible().await, before, "everything at once");
    world.settle(&before, 1).await;
    assert_eq!(world.popular.me().await["followerCount"], MANY + 1);
    world.server.app.shutdown().await;
    assert!(!audit(world.server.folder.path()).await, "no departure is open");
}

#[tokio::test]
async fn a_departure_that_a_process_left_goes_on_at_the_next_start() {
    let Popular { server, popular, other, .. } = popular().await;
    let statements = [
        format!("UPDATE members SET deactivated_at = unixepoch() * 1000 WHERE id = {}", popular.id),
        format!("INSERT INTO departures (member_id, leaving, phase, after_id) VALUES ({}, 1, 0, 0)", popular.id),
    ];
    let server = server
        .restart(async |folder| {
            change(folder, &statements).await;
            assert!(audit(folder).await, "a departure is open");
        })
        .await;
    let other = Member { base: server.base.clone(), ..other };
    other.refused(Method::GET, &format!("/api/members/{}", popular.id), Value::Null, 404, "MEMBER_NOT_FOUND").await;
    eventually(&other, &format!("/api/posts/{MANY}"), |post| post["likeCount"] == 0).await;
    eventually(&other, &format!("/api/members/{MANY}"), |member| member["followingCount"] == 0).await;
    server.app.shutdown().await;
    assert!(!audit(server.folder.path()).await, "no departure is open");
}

#[tokio::test]
async fn many_requests_are_accepted_while_others_write() {
    // One less than the limit, and one that is made below.
    const REQUESTS: u64 = 9_999;
    let server = start_server(|_| {}).await;
    let (closed, waiting, other) = (server.member().await, server.member().await, server.member().await);
    closed.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    let statements = [
        crowd(REQUESTS),
        format!(
            "{} INSERT INTO follow_requests (id, requester_id, target_id) SELECT i, i, {} FROM n",
            numbers(REQUESTS),
            closed.id
        ),
    ];
    let server = server.restart(async |folder| change(folder, &statements).await).await;
    let [closed, waiting, other] = [closed, waiting, other].map(|who| Member { base: server.base.clone(), ..who });
    let follow = format!("/api/members/{}/follow", closed.id);
    // The newest request, which is accepted last.
    assert_eq!(waiting.call(Method::PUT, &follow, None).await.as_u16(), 202);
    closed.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PUBLIC"})).await;
    assert!(closed.me().await["followerCount"].as_u64().unwrap() < REQUESTS, "not all in one commit");
    waiting.follow(&closed).await;
    let path = format!("/api/members/{}", closed.id);
    assert_eq!(waiting.get(&path).await["following"], true, "a pending request is accepted by a follow");
    let mut written = 0;
    until(async || {
        other.post("사이에").await;
        written += 1;
        (closed.me().await["followerCount"] == REQUESTS + 1).then_some(())
    })
    .await;
    assert!(written > 1);
    assert_eq!(ids(&closed.get("/api/members/me/follow-requests").await), NONE);
    server.app.shutdown().await;
    audit(server.folder.path()).await;
}
