//! Privacy levels of members (`FOLLOWERS`, `PRIVATE`, `PUBLIC`) and follow requests.
use crate::{
    common::Member,
    support::{NONE, all, eventually, fields, ids, member},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn privacy(who: &Member, level: &str) {
    let me = who.ok(Method::PATCH, "/api/members/me", json!({"privacy": level})).await;
    assert_eq!(me["privacy"], level);
}

/// Sends a follow request and asserts 202.
async fn request_follow(who: &Member, author: &Member) {
    let answer = who.send(Method::PUT, &format!("/api/members/{}/follow", author.id), Value::Null).await;
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({"requested": true}));
}

fn request_path(of: &Member) -> String {
    format!("/api/members/me/follow-requests/{}", of.id)
}

#[tokio::test]
async fn followers_only_posts_are_visible_to_followers_only() {
    let (author, fan, stranger) = (member().await, member().await, member().await);
    fan.follow(&author).await;
    privacy(&author, "FOLLOWERS").await;
    let tag = format!("비밀{}", author.id);
    let post = author.post(&format!("우리끼리 #{tag}")).await;
    let path = format!("/api/posts/{post}");
    eventually(&fan, "/api/timeline/posts/followings", |page| ids(page) == [post]).await;
    assert_eq!(fan.get(&path).await["id"], post);
    stranger.refused(Method::GET, &path, Value::Null, 404, "POST_NOT_FOUND").await;
    for feed in [format!("/api/timeline/members/{}/posts", author.id), format!("/api/timeline/tags/{tag}/posts")] {
        assert_eq!((ids(&fan.get(&feed).await), ids(&stranger.get(&feed).await)), (vec![post], vec![]), "{feed}");
    }
    assert!(!ids(&stranger.get("/api/timeline/posts/recent?limit=100").await).contains(&post));
    assert_eq!(stranger.get(&format!("/api/members/{}", author.id)).await["privacy"], "FOLLOWERS");
}

#[tokio::test]
async fn comments_and_likes_of_a_hidden_post_are_hidden() {
    let (author, fan, stranger) = (member().await, member().await, member().await);
    fan.follow(&author).await;
    privacy(&author, "FOLLOWERS").await;
    let post = author.post("글").await;
    let comment = fan.comment(post, None, "댓글").await;
    for path in [format!("/api/posts/{post}/comments"), format!("/api/posts/{post}/likes")] {
        stranger.refused(Method::GET, &path, Value::Null, 404, "POST_NOT_FOUND").await;
    }
    for path in [format!("/api/comments/{comment}"), format!("/api/comments/{comment}/replies")] {
        stranger.refused(Method::GET, &path, Value::Null, 404, "COMMENT_NOT_FOUND").await;
    }
    assert_eq!(ids(&stranger.get(&format!("/api/members/{}/comments", fan.id)).await), NONE);
    assert_eq!(ids(&author.get(&format!("/api/members/{}/comments", fan.id)).await), [comment]);
    let body = json!({"content": "안녕"});
    stranger.refused(Method::POST, &format!("/api/posts/{post}/comments"), body, 404, "POST_NOT_FOUND").await;
    stranger.refused(Method::PUT, &format!("/api/posts/{post}/like"), Value::Null, 404, "POST_NOT_FOUND").await;
    stranger
        .refused(Method::PUT, &format!("/api/comments/{comment}/like"), Value::Null, 404, "COMMENT_NOT_FOUND")
        .await;
}

#[tokio::test]
async fn private_posts_are_visible_to_their_author_only() {
    let (author, fan) = (member().await, member().await);
    fan.follow(&author).await;
    let post = author.post("일기").await;
    privacy(&author, "PRIVATE").await;
    fan.refused(Method::GET, &format!("/api/posts/{post}"), Value::Null, 404, "POST_NOT_FOUND").await;
    assert_eq!(ids(&fan.get("/api/timeline/posts/followings").await), NONE);
    assert_eq!(ids(&author.get("/api/timeline/posts/mine").await), [post]);
    assert_eq!(author.get(&format!("/api/posts/{post}")).await["id"], post);
    privacy(&author, "PUBLIC").await;
    assert_eq!(fan.get(&format!("/api/posts/{post}")).await["id"], post);
}

#[tokio::test]
async fn a_follow_request_can_be_accepted() {
    let (author, requester) = (member().await, member().await);
    privacy(&author, "FOLLOWERS").await;
    let post = author.post("글").await;
    for _ in 0..2 {
        request_follow(&requester, &author).await;
    }
    let profile = requester.get(&format!("/api/members/{}", author.id)).await;
    assert_eq!(
        (&profile["requested"], &profile["following"], &profile["followerCount"]),
        (&true.into(), &false.into(), &0.into())
    );
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, [requester.id]);
    for _ in 0..2 {
        assert_eq!(author.call(Method::PUT, &request_path(&requester), None).await, 204);
    }
    let profile = requester.get(&format!("/api/members/{}", author.id)).await;
    assert_eq!(
        (&profile["requested"], &profile["following"], &profile["followerCount"]),
        (&false.into(), &true.into(), &1.into())
    );
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, NONE);
    eventually(&requester, "/api/timeline/posts/followings", |page| ids(page) == [post]).await;
    // A repeated follow of a follower succeeds without a request.
    requester.follow(&author).await;
}

#[tokio::test]
async fn a_declined_request_can_be_repeated() {
    let (author, requester) = (member().await, member().await);
    privacy(&author, "PRIVATE").await;
    request_follow(&requester, &author).await;
    for _ in 0..2 {
        author.delete(&request_path(&requester)).await;
    }
    assert_eq!(requester.get(&format!("/api/members/{}", author.id)).await["requested"], false);
    author.refused(Method::PUT, &request_path(&requester), Value::Null, 404, "FOLLOW_REQUEST_NOT_FOUND").await;
    request_follow(&requester, &author).await;
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, [requester.id]);
}

#[tokio::test]
async fn an_unfollow_withdraws_a_request() {
    let (author, requester) = (member().await, member().await);
    privacy(&author, "FOLLOWERS").await;
    request_follow(&requester, &author).await;
    requester.unfollow(&author).await;
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, NONE);
    author.refused(Method::PUT, &request_path(&requester), Value::Null, 404, "FOLLOW_REQUEST_NOT_FOUND").await;
}

#[tokio::test]
async fn requests_are_listed_newest_first() {
    let author = member().await;
    privacy(&author, "FOLLOWERS").await;
    let mut requesters = Vec::new();
    for _ in 0..5 {
        let requester = member().await;
        request_follow(&requester, &author).await;
        requesters.insert(0, requester.id);
    }
    assert_eq!(all(&author, "/api/members/me/follow-requests", 2).await, requesters);
}

#[tokio::test]
async fn going_public_accepts_all_requests() {
    let (author, one, other) = (member().await, member().await, member().await);
    privacy(&author, "FOLLOWERS").await;
    for requester in [&one, &other] {
        request_follow(requester, &author).await;
    }
    privacy(&author, "PUBLIC").await;
    assert_eq!(all(&author, &format!("/api/members/{}/followers", author.id), 9).await, [other.id, one.id]);
    assert_eq!(author.me().await["followerCount"], 2);
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, NONE);
}

#[tokio::test]
async fn requests_stay_open_between_the_two_closed_levels() {
    let (author, requester) = (member().await, member().await);
    privacy(&author, "FOLLOWERS").await;
    request_follow(&requester, &author).await;
    privacy(&author, "PRIVATE").await;
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, [requester.id]);
}

#[tokio::test]
async fn earlier_followers_stay_and_can_be_removed() {
    let (author, fan) = (member().await, member().await);
    fan.follow(&author).await;
    privacy(&author, "FOLLOWERS").await;
    let post = author.post("글").await;
    eventually(&fan, "/api/timeline/posts/followings", |page| ids(page) == [post]).await;
    for _ in 0..2 {
        author.delete(&format!("/api/members/me/followers/{}", fan.id)).await;
    }
    fan.refused(Method::GET, &format!("/api/posts/{post}"), Value::Null, 404, "POST_NOT_FOUND").await;
    assert_eq!((&author.me().await["followerCount"], &fan.me().await["followingCount"]), (&0.into(), &0.into()));
    request_follow(&fan, &author).await;
}

#[tokio::test]
async fn a_block_ends_a_request() {
    let (author, requester) = (member().await, member().await);
    privacy(&author, "FOLLOWERS").await;
    request_follow(&requester, &author).await;
    author.block(&requester).await;
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, NONE);
    author.delete(&format!("/api/members/{}/block", requester.id)).await;
    assert_eq!(requester.get(&format!("/api/members/{}", author.id)).await["requested"], false);
}

#[tokio::test]
async fn unknown_privacy_levels_are_refused() {
    let who = member().await;
    for (level, code) in [
        (json!("public"), "UNKNOWN_VALUE"),
        (json!("FRIENDS"), "UNKNOWN_VALUE"),
        (json!(1), "INVALID_FORMAT"),
        (Value::Null, "REQUIRED"),
    ] {
        let refused =
            who.refused(Method::PATCH, "/api/members/me", json!({"privacy": level}), 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&refused), [("privacy".to_owned(), code.to_owned())], "{level}");
    }
    assert_eq!(who.me().await["privacy"], "PUBLIC");
}

#[tokio::test]
async fn an_unknown_request_is_not_found() {
    let who = member().await;
    who.refused(Method::PUT, "/api/members/me/follow-requests/1", Value::Null, 404, "FOLLOW_REQUEST_NOT_FOUND").await;
    who.delete("/api/members/me/follow-requests/1").await;
    who.delete("/api/members/me/followers/1").await;
}

#[tokio::test]
async fn pages_and_searches_reveal_nothing_about_private_posts() {
    let (author, stranger) = (member().await, member().await);
    let word = format!("비밀낱말{}", author.id);
    for _ in 0..20 {
        author.post(&word).await;
    }
    let search = format!("/api/search/posts?author={}&q={word}&limit=1", author.id);
    crate::support::eventually(&stranger, &search, |page| !page["items"].as_array().unwrap().is_empty()).await;
    privacy(&author, "PRIVATE").await;
    for path in [search, format!("/api/timeline/members/{}/posts?limit=1", author.id)] {
        let nothing = |page: &Value| page["items"] == json!([]) && page["nextCursor"].is_null();
        crate::support::eventually(&stranger, &path, nothing).await;
    }
}
