//! `Idempotency-Key`: a repeat is harmless and gets the same answer, byte for byte.
use crate::{
    common::Member,
    support::{base, ids, member, own, problem},
};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

async fn post(who: &Member, key: &str, content: &str) -> Response {
    let request = who.request(Method::POST, "/api/posts").header("idempotency-key", key);
    request.json(&json!({"content": content})).send().await.unwrap()
}

#[tokio::test]
async fn a_hundred_copies_at_once_make_one_post() {
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
async fn a_repeat_after_changes_gets_the_first_answer() {
    let who = member().await;
    let first = post(&who, "key-2", "글").await.text().await.unwrap();
    let id = serde_json::from_str::<Value>(&first).unwrap()["id"].clone();
    who.ok(Method::PUT, &format!("/api/posts/{id}"), json!({"content": "바뀐 글"})).await;
    who.ok(Method::PUT, &format!("/api/posts/{id}/like"), Value::Null).await;
    assert_eq!(post(&who, "key-2", "글").await.text().await.unwrap(), first);
}

#[tokio::test]
async fn a_key_used_for_something_else_is_refused() {
    let who = member().await;
    assert_eq!(post(&who, "key-3", "글").await.status(), 201);
    problem(post(&who, "key-3", "다른 글").await, 422, "IDEMPOTENCY_KEY_REUSED").await;
}

#[tokio::test]
async fn a_key_belongs_to_its_member() {
    let (who, other) = (member().await, member().await);
    let first: Value = post(&who, "key-4", "글").await.json().await.unwrap();
    let second: Value = post(&other, "key-4", "글").await.json().await.unwrap();
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn without_a_key_every_request_is_a_post() {
    let who = member().await;
    assert_ne!(who.post("글").await, who.post("글").await);
}

#[tokio::test]
async fn a_refused_request_keeps_no_key() {
    let who = member().await;
    assert_eq!(post(&who, "key-5", " ").await.status(), 422);
    assert_eq!(post(&who, "key-5", "글").await.status(), 201);
}

#[tokio::test]
async fn keys_are_visible_and_at_most_64_characters() {
    let who = member().await;
    assert_eq!(post(&who, &"k".repeat(64), "글").await.status(), 201);
    for bad in ["k".repeat(65), String::new(), "a b".to_owned()] {
        problem(post(&who, &bad, "글").await, 400, "MALFORMED_REQUEST").await;
    }
}

#[tokio::test]
async fn comments_are_repeated_too() {
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
async fn a_sign_up_is_repeated_too() {
    let handle = format!("s{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
    let who = json!({"email": format!("{handle}@example.com"), "password": "Passw0rd!", "handle": handle, "memberName": "이름"});
    let sign_up = || async {
        let request =
            Client::new().post(format!("{}/api/authentication/signup", base())).header("idempotency-key", "s");
        let answer = request.json(&who).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let first = sign_up().await;
    assert_eq!(first.0, 201);
    assert_eq!(sign_up().await, first);
}

#[tokio::test]
async fn a_key_is_known_after_a_restart() {
    let first = own(|_| {}).await;
    let mut who = Member::sign_up(&Client::new(), &first.base).await;
    let before = post(&who, "key", "글").await.text().await.unwrap();
    let (folder, server) = (first.folder, first.server);
    server.shutdown().await;
    let config = dailyfeed::config::Config::for_tests(folder.path());
    let start = async {
        loop {
            // The store closes a moment after the last of its handles is gone.
            match dailyfeed::app::Server::start(config.clone()).await {
                Ok(server) => return server,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let second = tokio::time::timeout(crate::common::PATIENCE, start).await.expect("it starts again");
    who.base = format!("http://{}", second.api_address());
    assert_eq!(post(&who, "key", "글").await.text().await.unwrap(), before);
    second.shutdown().await;
}
