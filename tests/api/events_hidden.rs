//! Public events that are hidden from a viewer: private kinds, blocks, mutes, followers-only posts, deletions.
use crate::{
    events::{now, since, types},
    support::{eventually, member},
};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn private_kinds_are_no_public_events() {
    let (reader, who, other) = (member().await, member().await, member().await);
    let from = now(&reader).await;
    for relation in ["mute", "block"] {
        who.ok(Method::PUT, &format!("/api/members/{}/{relation}", other.id), Value::Null).await;
    }
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    let third = member().await;
    third.ok(Method::PUT, &format!("/api/members/{}/follow", who.id), Value::Null).await;
    let post = other.post("글").await;
    third.get(&format!("/api/posts/{post}")).await;
    eventually(&third, "/api/activities?type=POST_READ", |log| !crate::support::ids(log).is_empty()).await;
    who.delete(&format!("/api/members/me/follow-requests/{}", third.id)).await;
    let mut again = who.clone();
    again.log_in().await;
    other.post("끝").await;
    let visible = types(&reader, &from, &[&who, &other, &third], 4).await;
    assert_eq!(visible, ["member.updated", "member.signedup", "post.created", "post.created"]);
}

#[tokio::test]
async fn events_of_blocked_and_muted_members_are_hidden() {
    let (reader, blocked, muted, shown) = (member().await, member().await, member().await, member().await);
    let from = now(&reader).await;
    reader.ok(Method::PUT, &format!("/api/members/{}/block", blocked.id), Value::Null).await;
    reader.ok(Method::PUT, &format!("/api/members/{}/mute", muted.id), Value::Null).await;
    for who in [&blocked, &muted] {
        who.post("글").await;
        shown.follow(who).await;
    }
    let post = shown.post("글").await;
    muted.like(post).await;
    reader.post("끝").await;
    let all = [&blocked, &muted, &shown, &reader];
    assert_eq!(types(&reader, &from, &all, 2).await, ["post.created", "post.created"]);
    // All six events are visible to another member.
    assert_eq!(types(&shown, &from, &[&blocked, &muted, &shown], 6).await.len(), 6);
}

#[tokio::test]
async fn events_of_followers_only_posts_are_visible_to_followers_only() {
    let (author, follower, stranger) = (member().await, member().await, member().await);
    follower.follow(&author).await;
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    let from = now(&author).await;
    let post = author.post("글").await;
    follower.like(post).await;
    author.delete(&format!("/api/posts/{}", author.post("지울 글").await)).await;
    let both = [&author, &follower];
    assert_eq!(types(&follower, &from, &both, 3).await, ["post.created", "post.liked", "post.deleted"]);
    stranger.post("끝").await;
    assert_eq!(types(&stranger, &from, &[&author, &follower, &stranger], 1).await, ["post.created"]);
}

#[tokio::test]
async fn a_deleted_post_or_comment_keeps_only_its_deletion_event() {
    let (reader, author) = (member().await, member().await);
    let from = now(&reader).await;
    let (post, kept) = (author.post("글").await, author.post("남는 글").await);
    author.like(post).await;
    let comment = author.comment(kept, None, "댓글").await;
    author.delete(&format!("/api/comments/{comment}")).await;
    author.delete(&format!("/api/posts/{post}")).await;
    let expected = ["post.created", "comment.deleted", "post.deleted"];
    let visible = types(&reader, &from, &[&author], 3).await;
    assert_eq!(visible, expected);
}

#[tokio::test]
async fn events_of_a_deactivated_member_are_hidden() {
    let (reader, author) = (member().await, member().await);
    let from = now(&reader).await;
    author.post("글").await;
    author.deactivate().await;
    crate::support::until(async || since(&reader, &from, 100, &[&author]).await.is_empty().then_some(())).await;
}
