//! Events that cannot be taken in: laid aside, listed, driven again, dropped.
use crate::{
    activities::types,
    common::Member,
    events::assert_valid,
    notifications_hidden::tamper,
    support::{NONE, Own, eventually, ids, own, problem, until},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const LIST: &str = "/admin/deadletters";

/// A server whose store refuses likes of one post, with that post's author and somebody who likes it.
struct Poisoned {
    own: Own,
    author: Member,
    fan: Member,
    post: u64,
}

impl Poisoned {
    async fn start() -> Self {
        let own = own(|_| {}).await;
        let (author, fan) = (own.member().await, own.member().await);
        let post = author.post("글").await;
        author.get("/api/activities").await;
        let this = Self { own, author, fan, post };
        // 5 and 6: likes of posts, and likes taken back.
        this.poison(&format!("new.kind = 5 AND new.post_id = {post}")).await;
        this
    }

    async fn poison(&self, when: &str) {
        let trigger = format!(
            "CREATE TRIGGER poison BEFORE INSERT ON activities WHEN {when} BEGIN SELECT RAISE(ABORT, 'poison'); END"
        );
        tamper(self.own.folder.path(), &trigger).await;
    }

    async fn heal(&self) {
        tamper(self.own.folder.path(), "DROP TRIGGER poison").await;
    }

    async fn call(&self, method: Method, path: &str) -> Response {
        let url = format!("http://{}{path}", self.own.server.admin_address());
        crate::common::client().request(method, url).send().await.unwrap()
    }

    async fn json(&self, method: Method, path: &str) -> Value {
        let answer = self.call(method, path).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// The dead letters, once there are so many.
    async fn dead_letters(&self, count: usize) -> Value {
        until(async || Some(self.json(Method::GET, LIST).await).filter(|list| ids(list).len() == count)).await
    }

    async fn redrive(&self, which: &str) -> Value {
        self.json(Method::POST, &format!("{LIST}{which}/redrive")).await
    }
}

#[tokio::test]
async fn an_event_that_fails_three_times_becomes_a_dead_letter_and_the_rest_goes_on() {
    let it = Poisoned::start().await;
    it.fan.like(it.post).await;
    let comment = it.fan.comment(it.post, None, "댓글").await;
    let told = eventually(&it.author, "/api/notifications", |told| !ids(told).is_empty()).await;
    assert_eq!((types(&told), &told["items"][0]["commentId"]), (vec!["COMMENT"], &json!(comment)));
    assert_eq!(types(&it.fan.get("/api/activities?limit=2").await), ["COMMENT_CREATE", "MEMBER_LOGIN"]);
    let list = it.dead_letters(1).await;
    let letter = &list["items"][0];
    assert_eq!((&letter["kind"], &letter["attempts"]), (&json!("LIKE_POST"), &json!(3)));
    assert!(letter["cause"].as_str().unwrap().contains("poison"), "{letter}");
    assert_eq!(letter["messageKey"], letter["payload"]["id"]);
    assert_eq!(letter["payload"]["data"]["postId"], it.post);
    assert_valid(&letter["payload"]);
    for time in ["firstFailedAt", "lastFailedAt", "nextAttemptAt"] {
        assert_eq!(letter[time].as_str().unwrap().len(), 24, "{time}");
    }
    let one = it.json(Method::GET, &format!("{LIST}/{}", letter["id"])).await;
    assert_eq!((&one, &list["nextCursor"]), (letter, &Value::Null));
}

#[tokio::test]
async fn a_letter_driven_again_takes_its_place_in_the_order() {
    let it = Poisoned::start().await;
    it.fan.like(it.post).await;
    it.fan.comment(it.post, None, "댓글").await;
    let id = ids(&it.dead_letters(1).await)[0];
    it.heal().await;
    assert_eq!(it.redrive(&format!("/{id}")).await, json!({"redriven": 1, "failed": 0}));
    it.dead_letters(0).await;
    assert_eq!(types(&it.author.get("/api/notifications").await), ["COMMENT", "LIKE_POST"]);
    assert_eq!(types(&it.fan.get("/api/activities?limit=2").await), ["COMMENT_CREATE", "LIKE_POST"]);
    let told = it.author.get("/api/notifications").await;
    assert_eq!(ids(&told)[1], id);
}

#[tokio::test]
async fn a_letter_that_fails_again_stays_and_counts() {
    let it = Poisoned::start().await;
    it.fan.like(it.post).await;
    let before = it.dead_letters(1).await["items"][0].clone();
    assert_eq!(it.redrive(&format!("/{}", before["id"])).await, json!({"redriven": 0, "failed": 1}));
    let after = it.dead_letters(1).await["items"][0].clone();
    assert_eq!(after["attempts"], 4);
    assert_eq!(after["firstFailedAt"], before["firstFailedAt"]);
    assert!(after["nextAttemptAt"].as_str() > before["nextAttemptAt"].as_str());
    assert_eq!(ids(&it.author.get("/api/notifications").await), NONE);
}

#[tokio::test]
async fn all_dead_letters_are_redriven_at_once() {
    let it = Poisoned::start().await;
    let others = [it.own.member().await, it.own.member().await];
    for who in others.iter().chain([&it.fan]) {
        who.like(it.post).await;
    }
    let dead_letters = ids(&it.dead_letters(3).await);
    assert!(dead_letters.is_sorted_by(|a, b| a > b), "newest first: {dead_letters:?}");
    let first = it.json(Method::GET, &format!("{LIST}?limit=2")).await;
    let next = first["nextCursor"].as_str().unwrap();
    let second = it.json(Method::GET, &format!("{LIST}?limit=2&cursor={next}")).await;
    assert_eq!([ids(&first), ids(&second)].concat(), dead_letters);
    it.heal().await;
    assert_eq!(it.redrive("").await, json!({"redriven": 3, "failed": 0}));
    assert_eq!(ids(&it.author.get("/api/notifications").await), dead_letters);
    assert_eq!(it.redrive("").await, json!({"redriven": 0, "failed": 0}));
}

#[tokio::test]
async fn a_letter_that_was_dropped_is_gone() {
    let it = Poisoned::start().await;
    it.fan.like(it.post).await;
    let path = format!("{LIST}/{}", ids(&it.dead_letters(1).await)[0]);
    assert_eq!(it.call(Method::DELETE, &path).await.status(), 204);
    for (method, path) in
        [(Method::DELETE, path.clone()), (Method::GET, path.clone()), (Method::POST, format!("{path}/redrive"))]
    {
        problem(it.call(method, &path).await, 404, "DEAD_LETTER_NOT_FOUND").await;
    }
    problem(it.call(Method::GET, &format!("{LIST}/x")).await, 400, "MALFORMED_REQUEST").await;
    it.heal().await;
    assert_eq!(it.redrive("").await["redriven"], 0);
    assert_eq!(ids(&it.author.get("/api/notifications").await), NONE);
}

#[tokio::test]
async fn what_was_taken_back_meanwhile_is_not_told_later() {
    let it = Poisoned::start().await;
    it.fan.like(it.post).await;
    it.dead_letters(1).await;
    it.fan.ok(Method::DELETE, &format!("/api/posts/{}/like", it.post), Value::Null).await;
    assert_eq!(types(&it.fan.get("/api/activities?limit=1").await), ["LIKE_POST_CANCEL"]);
    it.heal().await;
    assert_eq!(it.redrive("").await["redriven"], 1);
    assert_eq!(ids(&it.author.get("/api/notifications").await), NONE);
    assert_eq!(types(&it.fan.get("/api/activities?limit=2").await), ["LIKE_POST_CANCEL", "LIKE_POST"]);
}

#[tokio::test]
async fn a_taking_back_driven_again_takes_back_what_is_older_alone() {
    let it = Poisoned::start().await;
    it.heal().await;
    it.poison(&format!("new.kind = 6 AND new.post_id = {}", it.post)).await;
    it.fan.like(it.post).await;
    it.fan.ok(Method::DELETE, &format!("/api/posts/{}/like", it.post), Value::Null).await;
    it.dead_letters(1).await;
    it.fan.like(it.post).await;
    let told = eventually(&it.author, "/api/notifications", |told| ids(told).len() == 2).await;
    it.heal().await;
    assert_eq!(it.redrive("").await["redriven"], 1);
    assert_eq!(ids(&it.author.get("/api/notifications").await), ids(&told)[..1]);
}

#[tokio::test]
async fn dead_letters_survive_a_restart() {
    let it = Poisoned::start().await;
    it.fan.like(it.post).await;
    let before = it.dead_letters(1).await;
    let Poisoned { own, author, fan, post } = it;
    let own = own.again(async |_| {}).await;
    let it = Poisoned { own, author, fan, post };
    assert_eq!(it.dead_letters(1).await, before);
}

#[tokio::test]
async fn dead_letters_are_counted_and_not_shown_in_public() {
    let it = Poisoned::start().await;
    it.fan.like(it.post).await;
    it.dead_letters(1).await;
    let metrics = it.call(Method::GET, "/metrics").await.text().await.unwrap();
    assert!(metrics.contains("dailyfeed_dead_letters") && metrics.contains("dailyfeed_activity_lag_events"));
    for path in [LIST, "/admin/deadletters/redrive"] {
        let answer = crate::common::client().get(format!("{}{path}", it.own.base)).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}
