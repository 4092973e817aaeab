//! Notifications on a live stream: delivery, retractions, the marker of read notifications, and `top3.changed`.
use crate::{
    common::{Event, Member, Stream},
    stream::{next, ready},
    support::{eventually, ids, member, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Signs up two members, the first with an open stream.
async fn with_stream() -> (Member, Member, Stream) {
    let (me, other) = (member().await, member().await);
    let mut stream = me.stream(None).await;
    ready(&mut stream).await;
    (me, other, stream)
}

/// Waits for the next event other than `post.*` and `top3.changed`.
async fn next_notification(stream: &mut Stream) -> Event {
    loop {
        let event = next(stream).await;
        if !event.name.starts_with("post.") && event.name != "top3.changed" {
            return event;
        }
    }
}

/// Asserts that an event is a notification of this type and actor. Returns its id.
fn assert_notification(event: &Event, kind: &str, actor: &Member) -> u64 {
    assert_eq!((event.name.as_str(), &event.data["type"]), ("notification", &kind.into()), "{event:?}");
    assert_eq!(event.data["actor"]["id"], actor.id);
    event.data["id"].as_u64().unwrap()
}

/// Asserts that an event is a retraction. Returns the notification's id.
fn retracted(event: &Event) -> u64 {
    assert_eq!(event.name, "notification.retracted", "{event:?}");
    event.data["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_like_notifies_and_an_unlike_retracts() {
    let (me, other, mut stream) = with_stream().await;
    let post = me.post("글").await;
    other.like(post).await;
    let event = next_notification(&mut stream).await;
    let id = assert_notification(&event, "LIKE_POST", &other);
    assert_eq!((&event.data["postId"], &event.data["unread"]), (&post.into(), &true.into()));
    other.ok(Method::DELETE, &format!("/api/posts/{post}/like"), Value::Null).await;
    assert_eq!(retracted(&next_notification(&mut stream).await), id);
    other.like(post).await;
    assert_ne!(assert_notification(&next_notification(&mut stream).await, "LIKE_POST", &other), id);
}

#[tokio::test]
async fn comments_replies_and_likes_of_comments_notify() {
    let (me, other, mut stream) = with_stream().await;
    let post = me.post("글").await;
    let comment = other.comment(post, None, "댓글").await;
    let event = next_notification(&mut stream).await;
    let first = assert_notification(&event, "COMMENT", &other);
    assert_eq!((&event.data["postId"], &event.data["commentId"]), (&post.into(), &comment.into()));
    let mine = me.comment(post, Some(comment), "내 답글").await;
    let reply = other.comment(post, Some(mine), "답글의 답글").await;
    let event = next_notification(&mut stream).await;
    assert_notification(&event, "REPLY", &other);
    assert_eq!(event.data["commentId"], reply);
    other.ok(Method::PUT, &format!("/api/comments/{mine}/like"), Value::Null).await;
    assert_notification(&next_notification(&mut stream).await, "LIKE_COMMENT", &other);
    other.delete(&format!("/api/comments/{comment}")).await;
    assert_eq!(retracted(&next_notification(&mut stream).await), first);
}

#[tokio::test]
async fn a_mention_notifies_until_it_is_edited_out_or_deleted() {
    let (me, other, mut stream) = with_stream().await;
    let name = format!("@{}", me.handle().await);
    let post = other.post(&format!("{name} 안녕")).await;
    let id = assert_notification(&next_notification(&mut stream).await, "MENTION", &other);
    other.ok(Method::PUT, &format!("/api/posts/{post}"), json!({"content": "아무도 아님"})).await;
    assert_eq!(retracted(&next_notification(&mut stream).await), id);
    let host = member().await.post("글").await;
    let comment = other.comment(host, None, &format!("{name} 여기")).await;
    let event = next_notification(&mut stream).await;
    let id = assert_notification(&event, "MENTION", &other);
    assert_eq!((&event.data["postId"], &event.data["commentId"]), (&host.into(), &comment.into()));
    other.delete(&format!("/api/comments/{comment}")).await;
    assert_eq!(retracted(&next_notification(&mut stream).await), id);
}

#[tokio::test]
async fn a_follow_notifies_and_an_unfollow_retracts() {
    let (me, other, mut stream) = with_stream().await;
    other.follow(&me).await;
    let id = assert_notification(&next_notification(&mut stream).await, "FOLLOW", &other);
    other.unfollow(&me).await;
    assert_eq!(retracted(&next_notification(&mut stream).await), id);
}

#[tokio::test]
async fn a_follow_request_notifies_one_member_and_its_acceptance_the_other() {
    let (me, other, mut mine) = with_stream().await;
    let mut theirs = other.stream(None).await;
    ready(&mut theirs).await;
    me.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    other.send(Method::PUT, &format!("/api/members/{}/follow", me.id), Value::Null).await;
    let id = assert_notification(&next_notification(&mut mine).await, "FOLLOW_REQUEST", &other);
    me.ok(Method::PUT, &format!("/api/members/me/follow-requests/{}", other.id), Value::Null).await;
    assert_eq!(retracted(&next_notification(&mut mine).await), id);
    assert_notification(&next_notification(&mut theirs).await, "FOLLOW_ACCEPTED", &me);
    // The accepting member gets no notification of the resulting follow.
    let post = me.post("글").await;
    other.like(post).await;
    assert_notification(&next_notification(&mut mine).await, "LIKE_POST", &other);
}

#[tokio::test]
async fn declined_and_withdrawn_requests_are_retracted() {
    let (me, other, mut stream) = with_stream().await;
    me.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
    for by_me in [true, false] {
        other.send(Method::PUT, &format!("/api/members/{}/follow", me.id), Value::Null).await;
        let id = assert_notification(&next_notification(&mut stream).await, "FOLLOW_REQUEST", &other);
        if by_me {
            me.delete(&format!("/api/members/me/follow-requests/{}", other.id)).await;
        } else {
            other.unfollow(&me).await;
        }
        assert_eq!(retracted(&next_notification(&mut stream).await), id);
    }
}

#[tokio::test]
async fn own_actions_and_those_of_muted_members_do_not_notify() {
    let (me, other, mut stream) = with_stream().await;
    let muted = member().await;
    me.ok(Method::PUT, &format!("/api/members/{}/mute", muted.id), Value::Null).await;
    let post = me.post("글").await;
    me.like(post).await;
    me.comment(post, None, "내 댓글").await;
    muted.like(post).await;
    muted.follow(&me).await;
    other.like(post).await;
    assert_notification(&next_notification(&mut stream).await, "LIKE_POST", &other);
}

#[tokio::test]
async fn a_block_retracts_notifications_of_the_blocked_member() {
    let (me, other, mut stream) = with_stream().await;
    let post = me.post("글").await;
    other.like(post).await;
    let like = assert_notification(&next_notification(&mut stream).await, "LIKE_POST", &other);
    other.comment(post, None, "댓글").await;
    let comment = assert_notification(&next_notification(&mut stream).await, "COMMENT", &other);
    me.block(&other).await;
    let retractions =
        [retracted(&next_notification(&mut stream).await), retracted(&next_notification(&mut stream).await)];
    assert_eq!(retractions, [comment, like]);
    assert_eq!(me.get("/api/notifications").await["items"], json!([]));
}

#[tokio::test]
async fn the_stream_and_the_list_have_the_same_notifications() {
    let (me, other, mut stream) = with_stream().await;
    let post = me.post("글").await;
    other.like(post).await;
    other.follow(&me).await;
    other.comment(post, None, "댓글").await;
    let mut streamed = Vec::new();
    for _ in 0..3 {
        streamed.insert(0, next_notification(&mut stream).await.data);
    }
    let page = eventually(&me, "/api/notifications", |page| ids(page).len() == 3).await;
    assert_eq!(page["items"], json!(streamed));
}

#[tokio::test]
async fn notifications_and_retractions_are_replayed_once_after_a_resumption() {
    let (me, other, mut stream) = with_stream().await;
    let post = me.post("글").await;
    other.like(post).await;
    let event = next_notification(&mut stream).await;
    let first = assert_notification(&event, "LIKE_POST", &other);
    drop(stream);
    other.comment(post, None, "댓글").await;
    other.ok(Method::DELETE, &format!("/api/posts/{post}/like"), Value::Null).await;
    let mut stream = me.stream(Some(&event.id)).await;
    ready(&mut stream).await;
    assert_notification(&next_notification(&mut stream).await, "COMMENT", &other);
    assert_eq!(retracted(&next_notification(&mut stream).await), first);
    other.follow(&me).await;
    assert_notification(&next_notification(&mut stream).await, "FOLLOW", &other);
}

#[tokio::test]
async fn the_marker_is_sent_to_every_device() {
    let (me, other, mut stream) = with_stream().await;
    let mut second = me.stream(None).await;
    ready(&mut second).await;
    other.follow(&me).await;
    let id = assert_notification(&next_notification(&mut stream).await, "FOLLOW", &other);
    assert_notification(&next_notification(&mut second).await, "FOLLOW", &other);
    me.ok(Method::PUT, "/api/notifications/marker", json!({"lastReadId": id})).await;
    for device in [&mut stream, &mut second] {
        let event = next_notification(device).await;
        assert_eq!((event.name.as_str(), &event.data), ("notification.marker", &json!({"lastReadId": id})));
    }
    other.unfollow(&me).await;
    other.follow(&me).await;
    retracted(&next_notification(&mut stream).await);
    assert_eq!(next_notification(&mut stream).await.data["unread"], true);
}

#[tokio::test]
async fn every_stream_gets_top3_changed() {
    let server = start_server(|_| {}).await;
    let (author, fan, stranger) = (server.member().await, server.member().await, server.member().await);
    let mut stream = stranger.stream(None).await;
    ready(&mut stream).await;
    let post = author.post("오늘의 글").await;
    fan.like(post).await;
    let event = next(&mut stream).await;
    assert_eq!(event.name, "top3.changed");
    let day = stranger.get(&format!("/api/timeline/daily-top3?date={}", event.data["date"].as_str().unwrap())).await;
    assert_eq!((day["items"].as_array().unwrap().len(), &day["items"][0]["post"]["id"]), (1, &post.into()));
    // A resumed stream gets the change as well.
    drop(stream);
    let other = author.post("더 좋은 글").await;
    for who in [&fan, &stranger] {
        who.like(other).await;
    }
    let mut stream = stranger.stream(Some(&event.id)).await;
    ready(&mut stream).await;
    loop {
        let event = next(&mut stream).await;
        if event.name == "top3.changed" {
            break;
        }
        assert_eq!(event.name, "post.counts", "{event:?}");
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn other_members_get_no_notification() {
    let (me, other, _stream) = with_stream().await;
    let stranger = member().await;
    let mut theirs = stranger.stream(None).await;
    ready(&mut theirs).await;
    let post = me.post("글").await;
    other.like(post).await;
    other.follow(&me).await;
    other.follow(&stranger).await;
    assert_notification(&next_notification(&mut theirs).await, "FOLLOW", &other);
}
