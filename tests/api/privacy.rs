//! Posts for followers, posts for nobody, and the requests that go with them.
use crate::{
    common::Member,
    support::{NONE, all, fields, ids, member},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn privacy(who: &Member, level: &str) {
    let me = who.ok(Method::PATCH, "/api/members/me", json!({"privacy": level})).await;
    assert_eq!(me["privacy"], level);
}

/// Asks to follow, which has to wait.
async fn ask(who: &Member, whom: &Member) {
    let answer = who.send(Method::PUT, &format!("/api/members/{}/follow", whom.id), Value::Null).await;
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({"requested": true}));
}

fn request(of: &Member) -> String {
    format!("/api/members/me/follow-requests/{}", of.id)
}

#[tokio::test]
async fn posts_for_followers_are_for_followers() {
    let (author, fan, stranger) = (member().await, member().await, member().await);
    fan.follow(&author).await;
    privacy(&author, "FOLLOWERS").await;
    let tag = format!("비밀{}", author.id);
    let post = author.post(&format!("우리끼리 #{tag}")).await;
    let path = format!("/api/posts/{post}");
    assert_eq!(ids(&fan.get("/api/timeline/posts/followings").await), [post]);
    assert_eq!(fan.get(&path).await["id"], post);
    stranger.refused(Method::GET, &path, Value::Null, 404, "POST_NOT_FOUND").await;
    for feed in [format!("/api/timeline/members/{}/posts", author.id), format!("/api/timeline/tags/{tag}/posts")] {
        assert_eq!((ids(&fan.get(&feed).await), ids(&stranger.get(&feed).await)), (vec![post], vec![]), "{feed}");
    }
    assert!(!ids(&stranger.get("/api/timeline/posts/recent?limit=100").await).contains(&post));
    assert_eq!(stranger.get(&format!("/api/members/{}", author.id)).await["privacy"], "FOLLOWERS");
}

#[tokio::test]
async fn what_hangs_on_a_hidden_post_is_hidden_too() {
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
async fn private_posts_are_for_their_author() {
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
async fn a_newcomer_asks_and_is_let_in() {
    let (author, asker) = (member().await, member().await);
    privacy(&author, "FOLLOWERS").await;
    let post = author.post("글").await;
    for _ in 0..2 {
        ask(&asker, &author).await;
    }
    let seen = asker.get(&format!("/api/members/{}", author.id)).await;
    assert_eq!(
        (&seen["requested"], &seen["following"], &seen["followerCount"]),
        (&true.into(), &false.into(), &0.into())
    );
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, [asker.id]);
    for _ in 0..2 {
        assert_eq!(author.call(Method::PUT, &request(&asker), None).await, 204);
    }
    let seen = asker.get(&format!("/api/members/{}", author.id)).await;
    assert_eq!(
        (&seen["requested"], &seen["following"], &seen["followerCount"]),
        (&false.into(), &true.into(), &1.into())
    );
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, NONE);
    crate::support::eventually(&asker, "/api/timeline/posts/followings", |page| ids(page) == [post]).await;
    // Who follows already asks for nothing.
    asker.follow(&author).await;
}

#[tokio::test]
async fn a_request_is_declined_and_may_be_made_again() {
    let (author, asker) = (member().await, member().await);
    privacy(&author, "PRIVATE").await;
    ask(&asker, &author).await;
    for _ in 0..2 {
        author.delete(&request(&asker)).await;
    }
    assert_eq!(asker.get(&format!("/api/members/{}", author.id)).await["requested"], false);
    author.refused(Method::PUT, &request(&asker), Value::Null, 404, "FOLLOW_REQUEST_NOT_FOUND").await;
    ask(&asker, &author).await;
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, [asker.id]);
}

#[tokio::test]
async fn a_request_is_withdrawn_by_unfollowing() {
    let (author, asker) = (member().await, member().await);
    privacy(&author, "FOLLOWERS").await;
    ask(&asker, &author).await;
    asker.unfollow(&author).await;
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, NONE);
    author.refused(Method::PUT, &request(&asker), Value::Null, 404, "FOLLOW_REQUEST_NOT_FOUND").await;
}

#[tokio::test]
async fn requests_are_listed_newest_first() {
    let author = member().await;
    privacy(&author, "FOLLOWERS").await;
    let mut askers = Vec::new();
    for _ in 0..5 {
        let asker = member().await;
        ask(&asker, &author).await;
        askers.insert(0, asker.id);
    }
    assert_eq!(all(&author, "/api/members/me/follow-requests", 2).await, askers);
}

#[tokio::test]
async fn who_opens_up_lets_everybody_in_who_has_asked() {
    let (author, one, other) = (member().await, member().await, member().await);
    privacy(&author, "FOLLOWERS").await;
    for asker in [&one, &other] {
        ask(asker, &author).await;
    }
    privacy(&author, "PUBLIC").await;
    assert_eq!(all(&author, &format!("/api/members/{}/followers", author.id), 9).await, [other.id, one.id]);
    assert_eq!(author.me().await["followerCount"], 2);
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, NONE);
}

#[tokio::test]
async fn between_the_two_closed_levels_requests_wait() {
    let (author, asker) = (member().await, member().await);
    privacy(&author, "FOLLOWERS").await;
    ask(&asker, &author).await;
    privacy(&author, "PRIVATE").await;
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, [asker.id]);
}

#[tokio::test]
async fn followers_from_before_stay_and_can_be_removed() {
    let (author, fan) = (member().await, member().await);
    fan.follow(&author).await;
    privacy(&author, "FOLLOWERS").await;
    let post = author.post("글").await;
    assert_eq!(ids(&fan.get("/api/timeline/posts/followings").await), [post]);
    for _ in 0..2 {
        author.delete(&format!("/api/members/me/followers/{}", fan.id)).await;
    }
    fan.refused(Method::GET, &format!("/api/posts/{post}"), Value::Null, 404, "POST_NOT_FOUND").await;
    assert_eq!((&author.me().await["followerCount"], &fan.me().await["followingCount"]), (&0.into(), &0.into()));
    ask(&fan, &author).await;
}

#[tokio::test]
async fn a_block_ends_a_request() {
    let (author, asker) = (member().await, member().await);
    privacy(&author, "FOLLOWERS").await;
    ask(&asker, &author).await;
    author.block(&asker).await;
    assert_eq!(all(&author, "/api/members/me/follow-requests", 9).await, NONE);
    author.delete(&format!("/api/members/{}/block", asker.id)).await;
    assert_eq!(asker.get(&format!("/api/members/{}", author.id)).await["requested"], false);
}

#[tokio::test]
async fn other_levels_are_refused() {
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
async fn a_request_of_nobody_is_not_found() {
    let who = member().await;
    who.refused(Method::PUT, "/api/members/me/follow-requests/1", Value::Null, 404, "FOLLOW_REQUEST_NOT_FOUND").await;
    who.delete("/api/members/me/follow-requests/1").await;
    who.delete("/api/members/me/followers/1").await;
}

#[tokio::test]
async fn paging_and_searching_tell_nothing_of_what_is_private() {
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
