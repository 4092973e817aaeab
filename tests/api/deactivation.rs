//! Deactivation: a deactivated member is hidden in every view and restored completely by a login within 30 days.
use crate::{
    common::{Member, PASSWORD},
    signup::{send, valid_signup},
    support::{NONE, all, ids, member, problem},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Two members who follow each other. The first, later deactivated, has a post with a tag, and a comment and a like on
/// the other's post.
struct Pair {
    deactivated: Member,
    other: Member,
    tag: String,
    post: u64,
    /// The post of the other member.
    on: u64,
    comment: u64,
}

async fn pair() -> Pair {
    let (deactivated, other) = (member().await, member().await);
    other.follow(&deactivated).await;
    deactivated.follow(&other).await;
    let tag = format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..10]);
    let post = deactivated.post(&format!("떠날 사람의 글 #{tag}")).await;
    let on = other.post("남는 글").await;
    let comment = deactivated.comment(on, None, "떠날 사람의 댓글").await;
    deactivated.like(on).await;
    Pair { deactivated, other, tag, post, on, comment }
}

impl Pair {
    /// Returns the feeds, lists and counts that the other member reads.
    async fn visible(&self) -> Value {
        let Self { deactivated, other, tag, on, .. } = self;
        let me = other.me().await;
        let post = other.get(&format!("/api/posts/{on}")).await;
        let authors = format!("/api/timeline/members/{}/posts", deactivated.id);
        let query = json!({"ids": [deactivated.id]});
        json!({
            "home": ids(&other.get("/api/timeline/posts/followings").await),
            "tag": all(other, &format!("/api/timeline/tags/{tag}/posts"), 10).await,
            "author": other.call(Method::GET, &authors, None).await.as_u16(),
            "post": other.call(Method::GET, &format!("/api/posts/{}", self.post), None).await.as_u16(),
            "comments": all(other, &format!("/api/posts/{on}/comments"), 10).await,
            "likers": all(other, &format!("/api/posts/{on}/likes"), 10).await,
            "counts": [post["likeCount"], post["commentCount"], me["followerCount"], me["followingCount"]],
            "followers": all(other, &format!("/api/members/{}/followers", other.id), 10).await,
            "followings": all(other, &format!("/api/members/{}/followings", other.id), 10).await,
            "summaries": ids(&other.ok(Method::POST, "/api/members/query", query).await),
        })
    }
}

#[tokio::test]
async fn a_deactivated_member_is_in_no_list_and_no_count() {
    let pair = pair().await;
    pair.deactivated.deactivate().await;
    let hidden = json!({"home": [pair.on], "tag": [], "author": 404, "post": 404, "comments": [],
        "likers": [], "counts": [0, 0, 0, 0], "followers": [], "followings": [], "summaries": []});
    assert_eq!(pair.visible().await, hidden);
}

#[tokio::test]
async fn a_restored_member_has_everything_again() {
    let mut pair = pair().await;
    let before = pair.visible().await;
    assert_eq!(before["counts"], json!([1, 1, 1, 1]));
    pair.deactivated.deactivate().await;
    pair.deactivated.log_in().await;
    assert_eq!(pair.visible().await, before);
    assert_eq!(pair.deactivated.me().await["postCount"], 1);
}

#[tokio::test]
async fn a_deactivated_member_cannot_be_followed_liked_or_answered() {
    let Pair { deactivated, other, post, comment, .. } = pair().await;
    deactivated.deactivate().await;
    let follow = format!("/api/members/{}/follow", deactivated.id);
    other.refused(Method::PUT, &follow, Value::Null, 404, "MEMBER_NOT_FOUND").await;
    other.refused(Method::PUT, &format!("/api/posts/{post}/like"), Value::Null, 404, "POST_NOT_FOUND").await;
    let reply = json!({"content": "답"});
    other.refused(Method::POST, &format!("/api/posts/{post}/comments"), reply, 404, "POST_NOT_FOUND").await;
    let like = format!("/api/comments/{comment}/like");
    other.refused(Method::PUT, &like, Value::Null, 404, "COMMENT_NOT_FOUND").await;
}

#[tokio::test]
async fn texts_of_a_deactivated_member_are_hidden_even_above_a_reply() {
    let Pair { deactivated, other, on, comment, .. } = pair().await;
    other.comment(on, Some(comment), "남는 답").await;
    deactivated.deactivate().await;
    for path in [format!("/api/posts/{on}/comments"), format!("/api/members/{}/comments", other.id)] {
        let text = other.get(&path).await.to_string();
        assert!(!text.contains("떠날 사람") && !text.contains(&deactivated.id.to_string()), "{text}");
    }
}

#[tokio::test]
async fn a_deactivated_member_is_not_recommended() {
    let (who, between, deactivated) = (member().await, member().await, member().await);
    who.follow(&between).await;
    between.follow(&deactivated).await;
    let network = "/api/members/recommendations?strategy=network";
    assert_eq!(all(&who, network, 10).await, [deactivated.id]);
    deactivated.deactivate().await;
    assert_eq!(all(&who, network, 10).await, NONE);
    let newest = who.get("/api/members/recommendations?strategy=newest&limit=100").await;
    assert!(!ids(&newest).contains(&deactivated.id));
}

#[tokio::test]
async fn email_and_handle_stay_reserved_for_a_deactivated_member() {
    let deactivated = member().await;
    let handle = deactivated.handle().await;
    deactivated.deactivate().await;
    let mut newcomer = valid_signup();
    newcomer["email"] = deactivated.email.as_str().into();
    problem(send(&newcomer).await, 409, "MEMBER_ALREADY_EXISTS").await;
    let mut newcomer = valid_signup();
    newcomer["handle"] = handle.into();
    problem(send(&newcomer).await, 409, "MEMBER_HANDLE_ALREADY_EXISTS").await;
}

#[tokio::test]
async fn a_wrong_password_does_not_restore_a_member() {
    let (deactivated, other) = (member().await, member().await);
    deactivated.deactivate().await;
    let login = json!({"email": deactivated.email, "password": "Wr0ngpass!"});
    let answer = crate::common::client()
        .post(format!("{}/api/authentication/login", deactivated.base))
        .json(&login)
        .send()
        .await;
    problem(answer.unwrap(), 401, "LOGIN_FAILED").await;
    let path = format!("/api/members/{}", deactivated.id);
    other.refused(Method::GET, &path, Value::Null, 404, "MEMBER_NOT_FOUND").await;
}

#[tokio::test]
async fn two_concurrent_logins_restore_once() {
    let pair = pair().await;
    let before = pair.visible().await;
    pair.deactivated.deactivate().await;
    let (mut one, mut two) = (pair.deactivated.clone(), pair.deactivated.clone());
    futures::future::join(one.log_in(), two.log_in()).await;
    assert_eq!(pair.visible().await, before, "counted once");
    assert_eq!((one.me().await["id"].as_u64(), two.me().await["id"].as_u64()), (Some(one.id), Some(one.id)));
}

#[tokio::test]
async fn deactivation_needs_a_body() {
    let who = member().await;
    let path = "/api/authentication/deactivate";
    who.refused(Method::DELETE, path, json!({}), 422, "VALIDATION_FAILED").await;
    let answer = who.send(Method::DELETE, path, Value::Null).await;
    assert!([400, 415, 422].contains(&answer.status().as_u16()));
    assert_eq!(who.me().await["id"], who.id);
    let login = json!({"email": who.email, "password": PASSWORD});
    assert_eq!(who.send(Method::POST, "/api/authentication/login", login).await.status(), 200);
}
