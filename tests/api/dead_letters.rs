//! Dead letters: events that the activity store cannot apply are stored, listed, redriven and dropped.
use crate::{
    activities::types,
    common::Member,
    events::assert_valid,
    notifications_hidden::tamper,
    support::{NONE, TestServer, eventually, ids, problem, start_server, until},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const LIST: &str = "/admin/deadletters";

/// A server whose activity store refuses likes of one post, with the author of the post and a member who likes it.
struct Poisoned {
    server: TestServer,
    author: Member,
    fan: Member,
    post: u64,
}

impl Poisoned {
    async fn start() -> Self {
        let server = start_server(|_| {}).await;
        let (author, fan) = (server.member().await, server.member().await);
        let post = author.post("글").await;
        author.get("/api/activities").await;
        let this = Self { server, author, fan, post };
        // Kind 5 is a like of a post, kind 6 an unlike.
        this.poison(&format!("new.kind = 5 AND new.post_id = {post}")).await;
        this
    }

    async fn poison(&self, when: &str) {
        let trigger = format!(
            "CREATE TRIGGER poison BEFORE INSERT ON activities WHEN {when} BEGIN SELECT RAISE(ABORT, 'poison'); END"
        );
        tamper(self.server.folder.path(), &trigger).await;
    }

    async fn heal(&self) {
        tamper(self.server.folder.path(), "DROP TRIGGER poison").await;
    }

    async fn call(&self, method: Method, path: &str) -> Response {
        self.server.admin(method, path).await
    }

    async fn json(&self, method: Method, path: &str) -> Value {
        let answer = self.call(method, path).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// Waits until the list has `count` dead letters and returns it.
    async fn dead_letters(&self, count: usize) -> Value {
        until(async || Some(self.json(Method::GET, LIST).await).filter(|list| ids(list).len() == count)).await
    }

    async fn redrive(&self, which: &str) -> Value {
        self.json(Method::POST, &format!("{LIST}{which}/redrive")).await
    }
}

#[tokio::test]
async fn an_event_that_fails_three_times_becomes_a_dead_letter_and_later_events_are_applied() {
    let poisoned = Poisoned::start().await;
    poisoned.fan.like(poisoned.post).await;
    let comment = poisoned.fan.comment(poisoned.post, None, "댓글").await;
    let notifications =
        eventually(&poisoned.author, "/api/notifications", |notifications| !ids(notifications).is_empty()).await;
    assert_eq!((types(&notifications), &notifications["items"][0]["commentId"]), (vec!["COMMENT"], &json!(comment)));
    assert_eq!(types(&poisoned.fan.get("/api/activities?limit=2").await), ["COMMENT_CREATE", "MEMBER_LOGIN"]);
    let list = poisoned.dead_letters(1).await;
    let dead_letter = &list["items"][0];
    assert_eq!((&dead_letter["kind"], &dead_letter["attempts"]), (&json!("LIKE_POST"), &json!(3)));
    assert!(dead_letter["cause"].as_str().unwrap().contains("poison"), "{dead_letter}");
    assert_eq!(dead_letter["messageKey"], dead_letter["payload"]["id"]);
    assert_eq!(dead_letter["payload"]["data"]["postId"], poisoned.post);
    assert_valid(&dead_letter["payload"]);
    for time in ["firstFailedAt", "lastFailedAt", "nextAttemptAt"] {
        assert_eq!(dead_letter[time].as_str().unwrap().len(), 24, "{time}");
    }
    let one = poisoned.json(Method::GET, &format!("{LIST}/{}", dead_letter["id"])).await;
    assert_eq!((&one, &list["nextCursor"]), (dead_letter, &Value::Null));
}

#[tokio::test]
async fn a_redriven_dead_letter_keeps_its_position_in_the_order() {
    let poisoned = Poisoned::start().await;
    poisoned.fan.like(poisoned.post).await;
    poisoned.fan.comment(poisoned.post, None, "댓글").await;
    let id = ids(&poisoned.dead_letters(1).await)[0];
    poisoned.heal().await;
    assert_eq!(poisoned.redrive(&format!("/{id}")).await, json!({"redriven": 1, "failed": 0}));
    poisoned.dead_letters(0).await;
    assert_eq!(types(&poisoned.author.get("/api/notifications").await), ["COMMENT", "LIKE_POST"]);
    assert_eq!(types(&poisoned.fan.get("/api/activities?limit=2").await), ["COMMENT_CREATE", "LIKE_POST"]);
    let notifications = poisoned.author.get("/api/notifications").await;
    assert_eq!(ids(&notifications)[1], id);
}

#[tokio::test]
async fn a_dead_letter_that_fails_again_stays_with_one_more_attempt() {
    let poisoned = Poisoned::start().await;
    poisoned.fan.like(poisoned.post).await;
    let before = poisoned.dead_letters(1).await["items"][0].clone();
    assert_eq!(poisoned.redrive(&format!("/{}", before["id"])).await, json!({"redriven": 0, "failed": 1}));
    let after = poisoned.dead_letters(1).await["items"][0].clone();
    assert_eq!(after["attempts"], 4);
    assert_eq!(after["firstFailedAt"], before["firstFailedAt"]);
    assert!(after["nextAttemptAt"].as_str() > before["nextAttemptAt"].as_str());
    assert_eq!(ids(&poisoned.author.get("/api/notifications").await), NONE);
}

#[tokio::test]
async fn all_dead_letters_are_redriven_at_once() {
    let poisoned = Poisoned::start().await;
    let others = [poisoned.server.member().await, poisoned.server.member().await];
    for who in others.iter().chain([&poisoned.fan]) {
        who.like(poisoned.post).await;
    }
    let dead_letters = ids(&poisoned.dead_letters(3).await);
    assert!(dead_letters.is_sorted_by(|a, b| a > b), "newest first: {dead_letters:?}");
    let first = poisoned.json(Method::GET, &format!("{LIST}?limit=2")).await;
    let next = first["nextCursor"].as_str().unwrap();
    let second = poisoned.json(Method::GET, &format!("{LIST}?limit=2&cursor={next}")).await;
    assert_eq!([ids(&first), ids(&second)].concat(), dead_letters);
    poisoned.heal().await;
    assert_eq!(poisoned.redrive("").await, json!({"redriven": 3, "failed": 0}));
    assert_eq!(ids(&poisoned.author.get("/api/notifications").await), dead_letters);
    assert_eq!(poisoned.redrive("").await, json!({"redriven": 0, "failed": 0}));
}

#[tokio::test]
async fn a_dropped_dead_letter_is_not_found() {
    let poisoned = Poisoned::start().await;
    poisoned.fan.like(poisoned.post).await;
    let path = format!("{LIST}/{}", ids(&poisoned.dead_letters(1).await)[0]);
    assert_eq!(poisoned.call(Method::DELETE, &path).await.status(), 204);
    for (method, path) in
        [(Method::DELETE, path.clone()), (Method::GET, path.clone()), (Method::POST, format!("{path}/redrive"))]
    {
        problem(poisoned.call(method, &path).await, 404, "DEAD_LETTER_NOT_FOUND").await;
    }
    problem(poisoned.call(Method::GET, &format!("{LIST}/x")).await, 400, "MALFORMED_REQUEST").await;
    poisoned.heal().await;
    assert_eq!(poisoned.redrive("").await["redriven"], 0);
    assert_eq!(ids(&poisoned.author.get("/api/notifications").await), NONE);
}

#[tokio::test]
async fn a_like_undone_before_the_redrive_gives_no_notification() {
    let poisoned = Poisoned::start().await;
    poisoned.fan.like(poisoned.post).await;
    poisoned.dead_letters(1).await;
    poisoned.fan.ok(Method::DELETE, &format!("/api/posts/{}/like", poisoned.post), Value::Null).await;
    assert_eq!(types(&poisoned.fan.get("/api/activities?limit=1").await), ["LIKE_POST_CANCEL"]);
    poisoned.heal().await;
    assert_eq!(poisoned.redrive("").await["redriven"], 1);
    assert_eq!(ids(&poisoned.author.get("/api/notifications").await), NONE);
    assert_eq!(types(&poisoned.fan.get("/api/activities?limit=2").await), ["LIKE_POST_CANCEL", "LIKE_POST"]);
}

#[tokio::test]
async fn a_redriven_unlike_retracts_only_the_older_notification() {
    let poisoned = Poisoned::start().await;
    poisoned.heal().await;
    poisoned.poison(&format!("new.kind = 6 AND new.post_id = {}", poisoned.post)).await;
    poisoned.fan.like(poisoned.post).await;
    poisoned.fan.ok(Method::DELETE, &format!("/api/posts/{}/like", poisoned.post), Value::Null).await;
    poisoned.dead_letters(1).await;
    poisoned.fan.like(poisoned.post).await;
    let notifications =
        eventually(&poisoned.author, "/api/notifications", |notifications| ids(notifications).len() == 2).await;
    poisoned.heal().await;
    assert_eq!(poisoned.redrive("").await["redriven"], 1);
    assert_eq!(ids(&poisoned.author.get("/api/notifications").await), ids(&notifications)[..1]);
}

#[tokio::test]
async fn dead_letters_survive_a_restart() {
    let poisoned = Poisoned::start().await;
    poisoned.fan.like(poisoned.post).await;
    let before = poisoned.dead_letters(1).await;
    let Poisoned { server, author, fan, post } = poisoned;
    let server = server.restart(async |_| {}).await;
    let poisoned = Poisoned { server, author, fan, post };
    assert_eq!(poisoned.dead_letters(1).await, before);
}

#[tokio::test]
async fn dead_letters_are_in_the_metrics_and_not_on_the_public_listener() {
    let poisoned = Poisoned::start().await;
    poisoned.fan.like(poisoned.post).await;
    poisoned.dead_letters(1).await;
    let metrics = poisoned.call(Method::GET, "/metrics").await.text().await.unwrap();
    assert!(metrics.contains("dailyfeed_dead_letters") && metrics.contains("dailyfeed_activity_lag_events"));
    for path in [LIST, "/admin/deadletters/redrive"] {
        let answer = crate::common::client().get(format!("{}{path}", poisoned.server.base)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}
