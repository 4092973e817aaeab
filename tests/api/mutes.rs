//! Mutes: the muted member is hidden in the muter's feeds only; mutes expire and are invisible to others.
use crate::{
    common::Member,
    support::{NONE, all, eventually, fields, ids, member},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn mute(muter: &Member, muted: &Member, body: Value) {
    muter.ok(Method::PUT, &format!("/api/members/{}/mute", muted.id), body).await;
}

#[tokio::test]
async fn a_mute_hides_posts_in_feeds_only() {
    let (muter, muted) = (member().await, member().await);
    muter.follow(&muted).await;
    let theirs = muted.post("시끄러운 글").await;
    let theirs_too = muted.comment(theirs, None, "시끄러운 댓글").await;
    mute(&muter, &muted, Value::Null).await;
    assert_eq!(ids(&muter.get("/api/timeline/posts/followings").await), NONE);
    assert!(!ids(&muter.get("/api/timeline/posts/recent?limit=100").await).contains(&theirs));
    assert_eq!(muter.get(&format!("/api/posts/{theirs}")).await["id"], theirs);
    assert_eq!(ids(&muter.get(&format!("/api/posts/{theirs}/comments")).await), [theirs_too]);
    assert_eq!(ids(&muter.get(&format!("/api/timeline/members/{}/posts", muted.id)).await), [theirs]);
    let visible = muter.get(&format!("/api/members/{}", muted.id)).await;
    assert_eq!((&visible["muted"], &visible["following"]), (&true.into(), &true.into()));
}

#[tokio::test]
async fn a_mute_is_invisible_to_the_muted_member() {
    let (muter, muted) = (member().await, member().await);
    let mine = muter.post("글").await;
    muted.follow(&muter).await;
    mute(&muter, &muted, Value::Null).await;
    assert_eq!(ids(&muted.get("/api/timeline/posts/followings").await), [mine]);
    let visible = muted.get(&format!("/api/members/{}", muter.id)).await;
    assert_eq!((&visible["muted"], &visible["following"]), (&false.into(), &true.into()));
    muted.like(mine).await;
    // A mute does not change counts.
    eventually(&muter, &format!("/api/posts/{mine}"), |post| post["likeCount"] == 1).await;
}

#[tokio::test]
async fn lifting_a_mute_shows_posts_of_the_meantime() {
    let (muter, muted) = (member().await, member().await);
    muter.follow(&muted).await;
    mute(&muter, &muted, Value::Null).await;
    let theirs = muted.post("글").await;
    assert_eq!(ids(&muter.get("/api/timeline/posts/followings").await), NONE);
    for _ in 0..2 {
        muter.delete(&format!("/api/members/{}/mute", muted.id)).await;
    }
    eventually(&muter, "/api/timeline/posts/followings", |page| ids(page) == [theirs]).await;
}

#[tokio::test]
async fn a_mute_expires() {
    let (muter, muted) = (member().await, member().await);
    muter.follow(&muted).await;
    let theirs = muted.post("글").await;
    mute(&muter, &muted, json!({"expiresIn": 2})).await;
    assert_eq!(ids(&muter.get("/api/timeline/posts/followings").await), NONE);
    assert_eq!(all(&muter, "/api/members/me/mutes", 9).await, [muted.id]);
    eventually(&muter, "/api/timeline/posts/followings", |page| ids(page) == [theirs]).await;
    assert_eq!(all(&muter, "/api/members/me/mutes", 9).await, NONE);
    assert_eq!(muter.get(&format!("/api/members/{}", muted.id)).await["muted"], false);
}

#[tokio::test]
async fn a_second_mute_replaces_the_expiry() {
    let (muter, muted) = (member().await, member().await);
    muter.follow(&muted).await;
    let theirs = muted.post("글").await;
    mute(&muter, &muted, Value::Null).await;
    mute(&muter, &muted, json!({"expiresIn": 1})).await;
    eventually(&muter, "/api/timeline/posts/followings", |page| ids(page) == [theirs]).await;
}

#[tokio::test]
async fn mutes_are_listed_newest_first_to_their_owner() {
    let muter = member().await;
    let mut others = Vec::new();
    for number in 0..4 {
        let other = member().await;
        mute(&muter, &other, if number % 2 == 0 { Value::Null } else { json!({"expiresIn": 600}) }).await;
        others.insert(0, other.id);
    }
    assert_eq!(all(&muter, "/api/members/me/mutes", 3).await, others);
}

#[tokio::test]
async fn an_invalid_expiry_is_refused() {
    let (muter, muted) = (member().await, member().await);
    let path = format!("/api/members/{}/mute", muted.id);
    for (time, code) in
        [(json!(0), "OUT_OF_RANGE"), (json!(40_000_000), "OUT_OF_RANGE"), (json!("1h"), "INVALID_FORMAT")]
    {
        let refused = muter.refused(Method::PUT, &path, json!({"expiresIn": time}), 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&refused), [("expiresIn".to_owned(), code.to_owned())]);
    }
    muter.refused(Method::PUT, &path, json!([]), 400, "MALFORMED_REQUEST").await;
    assert_eq!(all(&muter, "/api/members/me/mutes", 9).await, NONE);
}

#[tokio::test]
async fn muting_oneself_or_an_unknown_member_is_refused() {
    let muter = member().await;
    let path = format!("/api/members/{}/mute", muter.id);
    let refused = muter.refused(Method::PUT, &path, Value::Null, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&refused), [("id".to_owned(), "ONESELF".to_owned())]);
    muter.refused(Method::PUT, "/api/members/1/mute", Value::Null, 404, "MEMBER_NOT_FOUND").await;
}
