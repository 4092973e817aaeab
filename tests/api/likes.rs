//! Likes of posts: counts, lists, repeats, concurrency.
use crate::support::{all, member, problem};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn liking_twice_counts_once() {
    let (who, fan) = (member().await, member().await);
    let path = format!("/api/posts/{}/like", who.post("글").await);
    for _ in 0..2 {
        assert_eq!(fan.ok(Method::PUT, &path, Value::Null).await, json!({"liked": true, "likeCount": 1}));
    }
    for _ in 0..2 {
        assert_eq!(fan.ok(Method::DELETE, &path, Value::Null).await, json!({"liked": false, "likeCount": 0}));
    }
}

#[tokio::test]
async fn liked_is_per_viewer() {
    let (who, fan) = (member().await, member().await);
    let path = format!("/api/posts/{}", who.post("글").await);
    fan.ok(Method::PUT, &format!("{path}/like"), Value::Null).await;
    assert_eq!(fan.get(&path).await["liked"], true);
    let visible = who.get(&path).await;
    assert_eq!((&visible["liked"], &visible["likeCount"]), (&json!(false), &json!(1)));
    fan.ok(Method::DELETE, &format!("{path}/like"), Value::Null).await;
    assert_eq!(fan.get(&path).await["liked"], false);
}

#[tokio::test]
async fn likers_are_newest_first() {
    let who = member().await;
    let post = who.post("글").await;
    let mut fans = Vec::new();
    for _ in 0..5 {
        let fan = member().await;
        fan.ok(Method::PUT, &format!("/api/posts/{post}/like"), Value::Null).await;
        fans.insert(0, fan.id);
    }
    assert_eq!(all(&who, &format!("/api/posts/{post}/likes"), 2).await, fans);
}

#[tokio::test]
async fn forty_concurrent_likes_of_eight_members_count_eight() {
    let who = member().await;
    let post = who.post("글").await;
    let mut fans = Vec::new();
    for _ in 0..8 {
        fans.push(member().await);
    }
    let path = format!("/api/posts/{post}/like");
    let likes = fans.iter().flat_map(|fan| (0..5).map(|_| fan.ok(Method::PUT, &path, Value::Null)));
    futures::future::join_all(likes).await;
    let end = fans[0].ok(Method::PUT, &path, Value::Null).await;
    assert_eq!(end["likeCount"], 8);
}

#[tokio::test]
async fn an_unknown_post_or_comment_cannot_be_liked() {
    let who = member().await;
    problem(who.send(Method::PUT, "/api/posts/1/like", Value::Null).await, 404, "POST_NOT_FOUND").await;
    problem(who.send(Method::PUT, "/api/comments/1/like", Value::Null).await, 404, "COMMENT_NOT_FOUND").await;
}

#[tokio::test]
async fn a_like_is_in_the_authors_next_read() {
    let who = member().await;
    let post = who.post("글").await;
    who.get("/api/timeline/posts/mine").await;
    who.ok(Method::PUT, &format!("/api/posts/{post}/like"), Value::Null).await;
    let mine = who.get("/api/timeline/posts/mine").await;
    assert_eq!((&mine["items"][0]["liked"], &mine["items"][0]["likeCount"]), (&json!(true), &json!(1)));
}
