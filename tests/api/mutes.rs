//! A mute: the muter's feeds are quieter, and nobody else notices.
use crate::{
    common::Member,
    support::{NONE, all, eventually, fields, ids, member},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn mute(who: &Member, whom: &Member, body: Value) {
    who.ok(Method::PUT, &format!("/api/members/{}/mute", whom.id), body).await;
}

#[tokio::test]
async fn a_mute_hides_from_feeds_alone() {
    let (who, whom) = (member().await, member().await);
    who.follow(&whom).await;
    let theirs = whom.post("시끄러운 글").await;
    let theirs_too = whom.comment(theirs, None, "시끄러운 댓글").await;
    mute(&who, &whom, Value::Null).await;
    assert_eq!(ids(&who.get("/api/timeline/posts/followings").await), NONE);
    assert!(!ids(&who.get("/api/timeline/posts/recent?limit=100").await).contains(&theirs));
    assert_eq!(who.get(&format!("/api/posts/{theirs}")).await["id"], theirs);
    assert_eq!(ids(&who.get(&format!("/api/posts/{theirs}/comments")).await), [theirs_too]);
    assert_eq!(ids(&who.get(&format!("/api/timeline/members/{}/posts", whom.id)).await), [theirs]);
    let seen = who.get(&format!("/api/members/{}", whom.id)).await;
    assert_eq!((&seen["muted"], &seen["following"]), (&true.into(), &true.into()));
}

#[tokio::test]
async fn who_is_muted_notices_nothing() {
    let (who, whom) = (member().await, member().await);
    let mine = who.post("글").await;
    whom.follow(&who).await;
    mute(&who, &whom, Value::Null).await;
    assert_eq!(ids(&whom.get("/api/timeline/posts/followings").await), [mine]);
    let seen = whom.get(&format!("/api/members/{}", who.id)).await;
    assert_eq!((&seen["muted"], &seen["following"]), (&false.into(), &true.into()));
    whom.like(mine).await;
    // A mute takes nothing off counts.
    eventually(&who, &format!("/api/posts/{mine}"), |post| post["likeCount"] == 1).await;
}

#[tokio::test]
async fn lifting_a_mute_shows_what_was_written_meanwhile() {
    let (who, whom) = (member().await, member().await);
    who.follow(&whom).await;
    mute(&who, &whom, Value::Null).await;
    let theirs = whom.post("글").await;
    assert_eq!(ids(&who.get("/api/timeline/posts/followings").await), NONE);
    for _ in 0..2 {
        who.delete(&format!("/api/members/{}/mute", whom.id)).await;
    }
    eventually(&who, "/api/timeline/posts/followings", |page| ids(page) == [theirs]).await;
}

#[tokio::test]
async fn a_mute_ends_by_itself() {
    let (who, whom) = (member().await, member().await);
    who.follow(&whom).await;
    let theirs = whom.post("글").await;
    mute(&who, &whom, json!({"expiresIn": 2})).await;
    assert_eq!(ids(&who.get("/api/timeline/posts/followings").await), NONE);
    assert_eq!(all(&who, "/api/members/me/mutes", 9).await, [whom.id]);
    eventually(&who, "/api/timeline/posts/followings", |page| ids(page) == [theirs]).await;
    assert_eq!(all(&who, "/api/members/me/mutes", 9).await, NONE);
    assert_eq!(who.get(&format!("/api/members/{}", whom.id)).await["muted"], false);
}

#[tokio::test]
async fn a_second_mute_sets_another_end() {
    let (who, whom) = (member().await, member().await);
    who.follow(&whom).await;
    let theirs = whom.post("글").await;
    mute(&who, &whom, Value::Null).await;
    mute(&who, &whom, json!({"expiresIn": 1})).await;
    eventually(&who, "/api/timeline/posts/followings", |page| ids(page) == [theirs]).await;
}

#[tokio::test]
async fn mutes_are_listed_newest_first_to_their_owner() {
    let who = member().await;
    let mut others = Vec::new();
    for number in 0..4 {
        let other = member().await;
        mute(&who, &other, if number % 2 == 0 { Value::Null } else { json!({"expiresIn": 600}) }).await;
        others.insert(0, other.id);
    }
    assert_eq!(all(&who, "/api/members/me/mutes", 3).await, others);
}

#[tokio::test]
async fn what_is_no_time_is_refused() {
    let (who, whom) = (member().await, member().await);
    let path = format!("/api/members/{}/mute", whom.id);
    for (time, code) in
        [(json!(0), "OUT_OF_RANGE"), (json!(40_000_000), "OUT_OF_RANGE"), (json!("1h"), "INVALID_FORMAT")]
    {
        let refused = who.refused(Method::PUT, &path, json!({"expiresIn": time}), 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&refused), [("expiresIn".to_owned(), code.to_owned())]);
    }
    who.refused(Method::PUT, &path, json!([]), 400, "MALFORMED_REQUEST").await;
    assert_eq!(all(&who, "/api/members/me/mutes", 9).await, NONE);
}

#[tokio::test]
async fn nobody_mutes_themself_or_nobody() {
    let who = member().await;
    let path = format!("/api/members/{}/mute", who.id);
    let refused = who.refused(Method::PUT, &path, Value::Null, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&refused), [("id".to_owned(), "ONESELF".to_owned())]);
    who.refused(Method::PUT, "/api/members/1/mute", Value::Null, 404, "MEMBER_NOT_FOUND").await;
}
