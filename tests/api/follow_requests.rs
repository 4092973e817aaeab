//! Accepted follow requests: one notification for the requester and none for the acceptor, live, in the list, after a
//! rebuild of the activity store, and after the migration of a log that was written before `FollowBegan`.
use crate::{
    activities,
    common::{Member, Stream},
    events::{now, types},
    notifications_hidden::tamper,
    stream::{next, ready},
    support::{NONE, TestServer, eventually, ids, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, path::Path};

const LIST: &str = "/api/notifications";

async fn set_privacy(who: &Member, privacy: &str) {
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": privacy})).await;
}

async fn request(fan: &Member, who: &Member) {
    assert_eq!(fan.call(Method::PUT, &format!("/api/members/{}/follow", who.id), None).await, 202);
}

async fn accept(who: &Member, fan: &Member) {
    who.ok(Method::PUT, &format!("/api/members/me/follow-requests/{}", fan.id), Value::Null).await;
}

/// Returns the type and the actor of each notification, newest first.
fn notified(list: &Value) -> Vec<(String, u64)> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| (item["type"].as_str().unwrap().to_owned(), item["actor"]["id"].as_u64().unwrap())).collect()
}

/// Returns the next notification of a stream, by type and actor.
async fn next_notified(stream: &mut Stream) -> (String, u64) {
    loop {
        let event = next(stream).await;
        if event.name == "notification" {
            return (event.data["type"].as_str().unwrap().to_owned(), event.data["actor"]["id"].as_u64().unwrap());
        }
    }
}

/// A server with one member whose requests were accepted one by one and by going public, and a follower from then on.
struct Accepted {
    server: TestServer,
    who: Member,
    fans: Vec<Member>,
    follower: Member,
}

impl Accepted {
    async fn start() -> Self {
        let server = start_server(|_| {}).await;
        let who = server.member().await;
        set_privacy(&who, "FOLLOWERS").await;
        let mut fans = Vec::new();
        for _ in 0..5 {
            let fan = server.member().await;
            request(&fan, &who).await;
            fans.push(fan);
        }
        for fan in &fans[..2] {
            accept(&who, fan).await;
        }
        set_privacy(&who, "PUBLIC").await;
        let follower = server.member().await;
        follower.follow(&who).await;
        let accepted = Self { server, who, fans, follower };
        accepted.assert_notifications().await;
        accepted
    }

    /// Asserts one `FOLLOW_ACCEPTED` for each requester, and for the acceptor only the follow without a request.
    async fn assert_notifications(&self) {
        let list = eventually(&self.who, LIST, |list| ids(list) != NONE).await;
        assert_eq!(notified(&list), [("FOLLOW".to_owned(), self.follower.id)]);
        for fan in &self.fans {
            let list = eventually(fan, LIST, |list| ids(list) != NONE).await;
            assert_eq!(notified(&list), [("FOLLOW_ACCEPTED".to_owned(), self.who.id)]);
        }
    }

    async fn assert_activities(&self) {
        for fan in &self.fans {
            eventually(fan, "/api/activities?type=MEMBER_FOLLOW_BEGIN", |log| ids(log).len() == 1).await;
            assert_eq!(ids(&fan.get("/api/activities?type=MEMBER_FOLLOW").await), NONE);
        }
        let log = self.follower.get("/api/activities").await;
        assert_eq!(activities::types(&log)[0], "MEMBER_FOLLOW");
    }

    async fn restart(self, between: impl AsyncFnOnce(&Path)) -> Self {
        let Self { server, mut who, mut fans, mut follower } = self;
        let server = server.restart(between).await;
        for member in fans.iter_mut().chain([&mut who, &mut follower]) {
            member.base.clone_from(&server.base);
        }
        Self { server, who, fans, follower }
    }
}

fn remove_activity_store(folder: &Path) {
    for name in ["activity.db", "activity.db-wal", "activity.db-shm"] {
        let _ = fs::remove_file(folder.join(name));
    }
}

/// Runs statements on the main database of a stopped server.
async fn change_log(folder: &Path, statements: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.join("dailyfeed.db"))
        .busy_timeout(crate::common::TIMEOUT);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(statements).execute(&pool).await.unwrap();
    pool.close().await;
}

/// Makes the log one that was written before `FollowBegan`.
async fn age_log(folder: &Path) {
    change_log(folder, "UPDATE events SET kind = 13 WHERE kind = 38; DELETE FROM _sqlx_migrations WHERE version = 9")
        .await;
}

#[tokio::test]
async fn an_acceptance_notifies_the_requester_alone() {
    let accepted = Accepted::start().await;
    accepted.assert_activities().await;
    accepted.restart(async |_| {}).await.assert_notifications().await;
}

#[tokio::test]
async fn a_rebuild_of_the_activity_store_makes_the_same_notifications() {
    let accepted = Accepted::start().await.restart(async |folder| remove_activity_store(folder)).await;
    accepted.assert_notifications().await;
    accepted.assert_activities().await;
}

#[tokio::test]
async fn a_log_from_before_makes_the_same_notifications() {
    let accepted = Accepted::start().await;
    let accepted = accepted
        .restart(async |folder| {
            age_log(folder).await;
            remove_activity_store(folder);
        })
        .await;
    accepted.assert_notifications().await;
    accepted.assert_activities().await;
}

#[tokio::test]
async fn an_activity_store_from_before_is_migrated_with_its_dead_letters() {
    let accepted = Accepted::start().await;
    let accepted = accepted
        .restart(async |folder| {
            age_log(folder).await;
            for statement in [
                "UPDATE activities SET kind = 13, message_key = replace(message_key, 'FOLLOW_BEGIN', 'FOLLOW') \
                WHERE kind = 38",
                // The newest such follow is a dead letter, as if it had been rejected.
                "INSERT INTO dead_letters SELECT id, message_key, at_ns, kind, member_id, post_id, comment_id, \
                target_id, '{\"id\":\"' || message_key || '\",\"type\":\"dailyfeed.member.followed\"}', 'cause', 3, \
                0, 0, 1 << 50, 0 FROM activities WHERE kind = 13 AND id < (SELECT max(id) FROM activities \
                WHERE kind = 13) ORDER BY id DESC LIMIT 1",
                "DELETE FROM activities WHERE id IN (SELECT id FROM dead_letters)",
                "DELETE FROM _sqlx_migrations WHERE version = 2",
            ] {
                tamper(folder, statement).await;
            }
        })
        .await;
    let letters: Value = accepted.server.admin(Method::GET, "/admin/deadletters").await.json().await.unwrap();
    assert_eq!(ids(&letters).len(), 1, "{letters}");
    let text = letters.to_string();
    assert!(text.contains("MEMBER_FOLLOW_BEGIN###") && text.contains("dailyfeed.member.follow.began"), "{text}");
    let redriven = accepted.server.admin(Method::POST, "/admin/deadletters/redrive").await;
    assert_eq!(redriven.json::<Value>().await.unwrap()["redriven"], 1);
    accepted.assert_notifications().await;
    accepted.assert_activities().await;
}

#[tokio::test]
async fn an_acceptance_is_live_for_the_requester_alone() {
    let server = start_server(|_| {}).await;
    let (who, one, many) = (server.member().await, server.member().await, server.member().await);
    set_privacy(&who, "FOLLOWERS").await;
    for fan in [&one, &many] {
        request(fan, &who).await;
    }
    let mut streams = Vec::new();
    for member in [&who, &one, &many] {
        let mut stream = member.stream(None).await;
        let from = ready(&mut stream).await;
        streams.push((stream, from));
    }
    accept(&who, &one).await;
    set_privacy(&who, "PUBLIC").await;
    let post = who.post("글").await;
    one.like(post).await;
    let like = ("LIKE_POST".to_owned(), one.id);
    assert_eq!(next_notified(&mut streams[0].0).await, like, "no notification of the follows precedes it");
    for (stream, _) in &mut streams[1..] {
        assert_eq!(next_notified(stream).await, ("FOLLOW_ACCEPTED".to_owned(), who.id));
        // The follow that the acceptance began is in force on the open stream.
        loop {
            let event = next(stream).await;
            assert_ne!(event.name, "notification", "{event:?}");
            if event.name == "post.created" {
                assert_eq!(event.data["id"], post);
                break;
            }
        }
    }
    // A stream that resumes reads the same from the log.
    let mut resumed = who.stream(Some(&streams[0].1)).await;
    assert_eq!(next_notified(&mut resumed).await, like);
    one.unfollow(&who).await;
    while next(&mut streams[1].0).await.name != "notification.retracted" {}
}

#[tokio::test]
async fn a_follow_by_acceptance_is_a_public_event() {
    let server = start_server(|_| {}).await;
    let (reader, who, fan) = (server.member().await, server.member().await, server.member().await);
    set_privacy(&who, "FOLLOWERS").await;
    let from = now(&reader).await;
    request(&fan, &who).await;
    accept(&who, &fan).await;
    fan.unfollow(&who).await;
    assert_eq!(types(&reader, &from, &[&fan, &who], 2).await, ["member.follow.began", "member.unfollowed"]);
}
