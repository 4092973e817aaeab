//! Who leaves is in no view; who comes back within 30 days has everything again.
use crate::{
    common::{Member, PASSWORD},
    signup::{send, who},
    support::{NONE, all, ids, member, problem},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Two who follow each other, and what the first of them wrote: a post with a tag, and a comment on the other's post.
struct Pair {
    leaver: Member,
    other: Member,
    tag: String,
    post: u64,
    on: u64,
    comment: u64,
}

async fn pair() -> Pair {
    let (leaver, other) = (member().await, member().await);
    other.follow(&leaver).await;
    leaver.follow(&other).await;
    let tag = format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..10]);
    let post = leaver.post(&format!("떠날 사람의 글 #{tag}")).await;
    let on = other.post("남는 글").await;
    let comment = leaver.comment(on, None, "떠날 사람의 댓글").await;
    leaver.like(on).await;
    Pair { leaver, other, tag, post, on, comment }
}

impl Pair {
    /// What the one who stays sees of the other: feeds, lists and counts.
    async fn seen(&self) -> Value {
        let Self { leaver, other, tag, on, .. } = self;
        let me = other.me().await;
        let post = other.get(&format!("/api/posts/{on}")).await;
        let authors = format!("/api/timeline/members/{}/posts", leaver.id);
        let query = json!({"ids": [leaver.id]});
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
async fn who_leaves_is_in_no_list_and_no_count() {
    let pair = pair().await;
    pair.leaver.leave().await;
    let nothing = json!({"home": [pair.on], "tag": [], "author": 404, "post": 404, "comments": [],
        "likers": [], "counts": [0, 0, 0, 0], "followers": [], "followings": [], "summaries": []});
    assert_eq!(pair.seen().await, nothing);
}

#[tokio::test]
async fn who_comes_back_has_everything_again() {
    let mut pair = pair().await;
    let before = pair.seen().await;
    assert_eq!(before["counts"], json!([1, 1, 1, 1]));
    pair.leaver.leave().await;
    pair.leaver.log_in().await;
    assert_eq!(pair.seen().await, before);
    assert_eq!(pair.leaver.me().await["postCount"], 1);
}

#[tokio::test]
async fn nothing_can_be_done_to_who_has_left() {
    let Pair { leaver, other, post, comment, .. } = pair().await;
    leaver.leave().await;
    let follow = format!("/api/members/{}/follow", leaver.id);
    other.refused(Method::PUT, &follow, Value::Null, 404, "MEMBER_NOT_FOUND").await;
    other.refused(Method::PUT, &format!("/api/posts/{post}/like"), Value::Null, 404, "POST_NOT_FOUND").await;
    let reply = json!({"content": "답"});
    other.refused(Method::POST, &format!("/api/posts/{post}/comments"), reply, 404, "POST_NOT_FOUND").await;
    let like = format!("/api/comments/{comment}/like");
    other.refused(Method::PUT, &like, Value::Null, 404, "COMMENT_NOT_FOUND").await;
}

#[tokio::test]
async fn text_of_who_has_left_is_nowhere_even_above_a_reply() {
    let Pair { leaver, other, on, comment, .. } = pair().await;
    other.comment(on, Some(comment), "남는 답").await;
    leaver.leave().await;
    for path in [format!("/api/posts/{on}/comments"), format!("/api/members/{}/comments", other.id)] {
        let text = other.get(&path).await.to_string();
        assert!(!text.contains("떠날 사람") && !text.contains(&leaver.id.to_string()), "{text}");
    }
}

#[tokio::test]
async fn who_has_left_is_recommended_to_nobody() {
    let (who, between, leaver) = (member().await, member().await, member().await);
    who.follow(&between).await;
    between.follow(&leaver).await;
    let network = "/api/members/recommendations?strategy=network";
    assert_eq!(all(&who, network, 10).await, [leaver.id]);
    leaver.leave().await;
    assert_eq!(all(&who, network, 10).await, NONE);
    let newest = who.get("/api/members/recommendations?strategy=newest&limit=100").await;
    assert!(!ids(&newest).contains(&leaver.id));
}

#[tokio::test]
async fn the_address_and_the_handle_wait_for_who_has_left() {
    let leaver = member().await;
    let handle = leaver.handle().await;
    leaver.leave().await;
    let mut newcomer = who();
    newcomer["email"] = leaver.email.as_str().into();
    problem(send(&newcomer).await, 409, "MEMBER_ALREADY_EXISTS").await;
    let mut newcomer = who();
    newcomer["handle"] = handle.into();
    problem(send(&newcomer).await, 409, "MEMBER_HANDLE_ALREADY_EXISTS").await;
}

#[tokio::test]
async fn a_wrong_password_brings_nobody_back() {
    let (leaver, other) = (member().await, member().await);
    leaver.leave().await;
    let login = json!({"email": leaver.email, "password": "Wr0ngpass!"});
    let answer =
        crate::common::client().post(format!("{}/api/authentication/login", leaver.base)).json(&login).send().await;
    problem(answer.unwrap(), 401, "LOGIN_FAILED").await;
    let path = format!("/api/members/{}", leaver.id);
    other.refused(Method::GET, &path, Value::Null, 404, "MEMBER_NOT_FOUND").await;
}

#[tokio::test]
async fn two_logins_at_once_bring_back_once() {
    let pair = pair().await;
    let before = pair.seen().await;
    pair.leaver.leave().await;
    let (mut one, mut two) = (pair.leaver.clone(), pair.leaver.clone());
    futures::future::join(one.log_in(), two.log_in()).await;
    assert_eq!(pair.seen().await, before, "counted once");
    assert_eq!((one.me().await["id"].as_u64(), two.me().await["id"].as_u64()), (Some(one.id), Some(one.id)));
}

#[tokio::test]
async fn leaving_needs_its_body() {
    let who = member().await;
    let path = "/api/authentication/deactivate";
    who.refused(Method::DELETE, path, json!({}), 422, "VALIDATION_FAILED").await;
    let answer = who.send(Method::DELETE, path, Value::Null).await;
    assert!([400, 415, 422].contains(&answer.status().as_u16()));
    assert_eq!(who.me().await["id"], who.id);
    let login = json!({"email": who.email, "password": PASSWORD});
    assert_eq!(who.send(Method::POST, "/api/authentication/login", login).await.status(), 200);
}
