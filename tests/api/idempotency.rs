//! `Idempotency-Key`: a repeated request changes nothing and gets the stored response, byte for byte.
use crate::{
    common::Member,
    support::{base, ids, member, problem, start_server},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn post(who: &Member, key: &str, content: &str) -> Response {
    let request = who.request(Method::POST, "/api/posts").header("idempotency-key", key);
    request.json(&json!({"content": content})).send().await.unwrap()
}

#[tokio::test]
async fn a_hundred_concurrent_repeats_create_one_post() {
    let who = member().await;
    let answers = futures::future::join_all((0..100).map(|_| post(&who, "key-1", "글"))).await;
    let mut bodies = Vec::new();
    for answer in answers {
        assert_eq!(answer.status(), 201);
        let location = answer.headers()["location"].clone();
        bodies.push((location, answer.text().await.unwrap()));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(ids(&who.get("/api/timeline/posts/mine").await).len(), 1);
    assert_eq!(who.me().await["postCount"], 1);
}

#[tokio::test]
async fn a_repeat_after_an_edit_gets_the_first_response() {
    let who = member().await;
    let first = post(&who, "key-2", "글").await.text().await.unwrap();
    let id = serde_json::from_str::<Value>(&first).unwrap()["id"].clone();
    who.ok(Method::PUT, &format!("/api/posts/{id}"), json!({"content": "바뀐 글"})).await;
    who.ok(Method::PUT, &format!("/api/posts/{id}/like"), Value::Null).await;
    assert_eq!(post(&who, "key-2", "글").await.text().await.unwrap(), first);
}

#[tokio::test]
async fn a_key_with_another_body_is_refused() {
    let who = member().await;
    assert_eq!(post(&who, "key-3", "글").await.status(), 201);
    problem(post(&who, "key-3", "다른 글").await, 422, "IDEMPOTENCY_KEY_REUSED").await;
}

#[tokio::test]
async fn a_key_is_valid_per_member() {
    let (who, other) = (member().await, member().await);
    let first: Value = post(&who, "key-4", "글").await.json().await.unwrap();
    let second: Value = post(&other, "key-4", "글").await.json().await.unwrap();
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn without_a_key_every_request_creates_a_post() {
    let who = member().await;
    assert_ne!(who.post("글").await, who.post("글").await);
}

#[tokio::test]
async fn a_refused_request_does_not_use_the_key() {
    let who = member().await;
    assert_eq!(post(&who, "key-5", " ").await.status(), 422);
    assert_eq!(post(&who, "key-5", "글").await.status(), 201);
}

#[tokio::test]
async fn a_key_has_1_to_64_visible_characters() {
    let who = member().await;
    assert_eq!(post(&who, &"k".repeat(64), "글").await.status(), 201);
    for bad in ["k".repeat(65), String::new(), "a b".to_owned()] {
        problem(post(&who, &bad, "글").await, 400, "MALFORMED_REQUEST").await;
    }
}

#[tokio::test]
async fn repeated_comments_are_one_comment() {
    let who = member().await;
    let on = who.post("글").await;
    let comment = || async {
        let path = format!("/api/posts/{on}/comments");
        let request = who.request(Method::POST, &path).header("idempotency-key", "c");
        request.json(&json!({"content": "댓글"})).send().await.unwrap().text().await.unwrap()
    };
    let answers = futures::future::join_all((0..20).map(|_| comment())).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(who.get(&format!("/api/posts/{on}")).await["commentCount"], 1);
}

#[tokio::test]
async fn a_repeated_signup_gets_the_first_response() {
    let handle = format!("s{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
    let who = json!({"email": format!("{handle}@example.com"), "password": "Passw0rd!", "handle": handle, "memberName": "이름"});
    let sign_up = || async {
        let request = crate::common::client()
            .post(format!("{}/api/authentication/signup", base()))
            .header("idempotency-key", "s");
        let answer = request.json(&who).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let first = sign_up().await;
    assert_eq!(first.0, 201);
    assert_eq!(sign_up().await, first);
}

#[tokio::test]
async fn receipts_survive_a_restart() {
    let first = start_server(|_| {}).await;
    let mut who = Member::sign_up(&crate::common::client(), &first.base).await;
    let before = post(&who, "key", "글").await.text().await.unwrap();
    let second = first.restart(async |_| {}).await;
    who.base.clone_from(&second.base);
    assert_eq!(post(&who, "key", "글").await.text().await.unwrap(), before);
    second.app.shutdown().await;
}

#[tokio::test]
async fn a_key_of_a_post_does_not_replay_for_a_comment() {
    let who = member().await;
    let first: Value = post(&who, "key-6", "글").await.json().await.unwrap();
    let path = format!("/api/posts/{}/comments", first["id"]);
    let request = who.request(Method::POST, &path).header("idempotency-key", "key-6");
    let answer = request.json(&json!({"content": "글"})).send().await.unwrap();
    match answer.status().as_u16() {
        201 => assert_eq!(answer.json::<Value>().await.unwrap()["postId"], first["id"], "a comment, not the post"),
        _ => drop(problem(answer, 422, "IDEMPOTENCY_KEY_REUSED").await),
    }
}

#[tokio::test]
async fn a_key_does_not_replay_for_a_comment_on_another_post() {
    let who = member().await;
    let posts = [who.post("하나").await, who.post("둘").await];
    let comment = async |on: u64| {
        let request = who.request(Method::POST, &format!("/api/posts/{on}/comments"));
        request.header("idempotency-key", "key-7").json(&json!({"content": "댓글"})).send().await.unwrap()
    };
    assert_eq!(comment(posts[0]).await.status(), 201);
    let answer = comment(posts[1]).await;
    match answer.status().as_u16() {
        201 => assert_eq!(answer.json::<Value>().await.unwrap()["postId"], posts[1]),
        _ => drop(problem(answer, 422, "IDEMPOTENCY_KEY_REUSED").await),
    }
}

#[tokio::test]
async fn one_of_several_concurrent_bodies_under_one_key_is_created() {
    let who = member().await;
    let contents: Vec<String> = (0..20).map(|number| format!("글 {number}")).collect();
    let answers = futures::future::join_all(contents.iter().map(|content| post(&who, "key-8", content))).await;
    let mut created = 0;
    for answer in answers {
        match answer.status().as_u16() {
            201 => created += 1,
            409 => drop(problem(answer, 409, "IDEMPOTENCY_IN_PROGRESS").await),
            _ => drop(problem(answer, 422, "IDEMPOTENCY_KEY_REUSED").await),
        }
    }
    assert_eq!(created, 1);
    assert_eq!(who.me().await["postCount"], 1);
}

#[tokio::test]
async fn a_404_does_not_use_the_key() {
    let who = member().await;
    let comment = async |on: u64| {
        let request = who.request(Method::POST, &format!("/api/posts/{on}/comments"));
        request.header("idempotency-key", "key-9").json(&json!({"content": "댓글"})).send().await.unwrap()
    };
    problem(comment(1).await, 404, "POST_NOT_FOUND").await;
    assert_eq!(comment(who.post("글").await).await.status(), 201);
}

#[tokio::test]
async fn a_repeat_after_the_deletion_creates_nothing() {
    let who = member().await;
    let first = post(&who, "key-10", "글").await.text().await.unwrap();
    let id = serde_json::from_str::<Value>(&first).unwrap()["id"].clone();
    who.delete(&format!("/api/posts/{id}")).await;
    assert_eq!(post(&who, "key-10", "글").await.text().await.unwrap(), first);
    assert_eq!(who.me().await["postCount"], 0);
    who.refused(Method::GET, &format!("/api/posts/{id}"), Value::Null, 404, "POST_NOT_FOUND").await;
}

#[tokio::test]
async fn keys_are_case_sensitive() {
    let who = member().await;
    let first: Value = post(&who, "Key-11", "글").await.json().await.unwrap();
    let second: Value = post(&who, "key-11", "글").await.json().await.unwrap();
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn every_post_route_accepts_a_key() {
    let who = member().await;
    for (path, body) in [
        ("/api/members/query", json!({"ids": [1]})),
        ("/api/timeline/stream/ticket", Value::Null),
        ("/api/token/refresh", Value::Null),
        ("/api/authentication/logout", Value::Null),
    ] {
        let mut request = who.request(Method::POST, path).header("idempotency-key", "key-12");
        if !body.is_null() {
            request = request.json(&body);
        }
        let status = request.send().await.unwrap().status();
        assert!(status.is_success(), "{path}: {status}");
    }
}
