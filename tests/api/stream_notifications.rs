//! Notifications on a live stream: told, taken back, and marked as read on every device.
use crate::{
    common::{Event, Member, Stream},
    stream::{next, ready},
    support::{eventually, ids, member, own},
};
use reqwest::Method;
use serde_json::{Value, json};

/// A member with an open stream, and somebody else.
async fn listening() -> (Member, Member, Stream) {
    let (me, other) = (member().await, member().await);
    let mut stream = me.stream(None).await;
    ready(&mut stream).await;
    (me, other, stream)
}

/// The next event that is neither about counts nor about posts.
async fn notice(stream: &mut Stream) -> Event {
    loop {
        let event = next(stream).await;
        if !event.name.starts_with("post.") && event.name != "top3.changed" {
            return event;
        }
    }
}

fn told(event: &Event, kind: &str, actor: &Member) -> u64 {
    assert_eq!((event.name.as_str(), &event.data["type"]), ("notification", &kind.into()), "{event:?}");
    assert_eq!(event.data["actor"]["id"], actor.id);
    event.data["id"].as_u64().unwrap()
}

fn retracted(event: &Event) -> u64 {
    assert_eq!(event.name, "notification.retracted", "{event:?}");
    event.data["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_like_is_told_and_its_end_takes_it_back() {
    let (me, other, mut stream) = listening().await;
    let post = me.post("글").await;
    other.like(post).await;
    let event = notice(&mut stream).await;
    let id = told(&event, "LIKE_POST", &other);
    assert_eq!((&event.data["postId"], &event.data["unread"]), (&post.into(), &true.into()));
    other.ok(Method::DELETE, &format!("/api/posts/{post}/like"), Value::Null).await;
    assert_eq!(retracted(&notice(&mut stream).await), id);
    other.like(post).await;
    assert_ne!(told(&notice(&mut stream).await, "LIKE_POST", &other), id);
}

#[tokio::test]
async fn comments_replies_and_likes_of_comments_are_told() {
    let (me, other, mut stream) = listening().await;
    let post = me.post("글").await;
    let comment = other.comment(post, None, "댓글").await;
    let event = notice(&mut stream).await;
    let first = told(&event, "COMMENT", &other);
    assert_eq!((&event.data["postId"], &event.data["commentId"]), (&post.into(), &comment.into()));
    let mine = me.comment(post, Some(comment), "내 답글").await;
    let reply = other.comment(post, Some(mine), "답글의 답글").await;
    let event = notice(&mut stream).await;
    told(&event, "REPLY", &other);
    assert_eq!(event.data["commentId"], reply);
    other.ok(Method::PUT, &format!("/api/comments/{mine}/like"), Value::Null).await;
    told(&notice(&mut stream).await, "LIKE_COMMENT", &other);
    other.delete(&format!("/api/comments/{comment}")).await;
    assert_eq!(retracted(&notice(&mut stream).await), first);
}

#[tokio::test]
async fn who_is_named_is_told_until_the_text_names_them_no_more() {
    let (me, other, mut stream) = listening().await;
    let name = format!("@{}", me.handle().await);
    let post = other.post(&format!("{name} 안녕")).await;
    let id = told(&notice(&mut stream).await, "MENTION", &other);
    other.ok(Method::PUT, &format!("/api/posts/{post}"), json!({"content": "아무도 아님"})).await;
    assert_eq!(retracted(&notice(&mut stream).await), id);
    let host = member().await.post("글").await;
    let comment = other.comment(host, None, &format!("{name} 여기")).await;
    let event = notice(&mut stream).await;
    let id = told(&event, "MENTION", &other);
    assert_eq!((&event.data["postId"], &event.data["commentId"]), (&host.into(), &comment.into()));
    other.delete(&format!("/api/comments/{comment}")).await;
    assert_eq!(retracted(&notice(&mut stream).await), id);
}

#[tokio::test]
async fn a_follow_is_told_and_an_unfollow_takes_it_back() {
    let (me, other, mut stream) = listening().await;
    other.follow(&me).await;
    let id = told(&notice(&mut stream).await, "FOLLOW", &other);
    other.unfollow(&me).await;
    assert_eq!(retracted(&notice(&mut stream).await), id);
}

#[tokio::test]
async fn a_request_is_told_to_one_side_and_its_acceptance_to_the_other() {
    let (me, other, mut mine) = listening().await;
    let mut theirs = other.stream(None).await;
    ready(&mut theirs).await;
    me.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    other.send(Method::PUT, &format!("/api/members/{}/follow", me.id), Value::Null).await;
    let id = told(&notice(&mut mine).await, "FOLLOW_REQUEST", &other);
    me.ok(Method::PUT, &format!("/api/members/me/follow-requests/{}", other.id), Value::Null).await;
    assert_eq!(retracted(&notice(&mut mine).await), id);
    told(&notice(&mut theirs).await, "FOLLOW_ACCEPTED", &me);
    // The follow that this made is no news to the member who accepted it.
    let post = me.post("글").await;
    other.like(post).await;
    told(&notice(&mut mine).await, "LIKE_POST", &other);
}

#[tokio::test]
async fn a_declined_and_a_withdrawn_request_are_taken_back() {
    let (me, other, mut stream) = listening().await;
    me.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
    for by_me in [true, false] {
        other.send(Method::PUT, &format!("/api/members/{}/follow", me.id), Value::Null).await;
        let id = told(&notice(&mut stream).await, "FOLLOW_REQUEST", &other);
        if by_me {
            me.delete(&format!("/api/members/me/follow-requests/{}", other.id)).await;
        } else {
            other.unfollow(&me).await;
        }
        assert_eq!(retracted(&notice(&mut stream).await), id);
    }
}

#[tokio::test]
async fn ones_own_acts_and_those_of_the_muted_are_not_told() {
    let (me, other, mut stream) = listening().await;
    let muted = member().await;
    me.ok(Method::PUT, &format!("/api/members/{}/mute", muted.id), Value::Null).await;
    let post = me.post("글").await;
    me.like(post).await;
    me.comment(post, None, "내 댓글").await;
    muted.like(post).await;
    muted.follow(&me).await;
    other.like(post).await;
    told(&notice(&mut stream).await, "LIKE_POST", &other);
}

#[tokio::test]
async fn a_block_takes_back_what_the_other_did() {
    let (me, other, mut stream) = listening().await;
    let post = me.post("글").await;
    other.like(post).await;
    let like = told(&notice(&mut stream).await, "LIKE_POST", &other);
    other.comment(post, None, "댓글").await;
    let comment = told(&notice(&mut stream).await, "COMMENT", &other);
    me.block(&other).await;
    let gone = [retracted(&notice(&mut stream).await), retracted(&notice(&mut stream).await)];
    assert_eq!(gone, [comment, like]);
    assert_eq!(me.get("/api/notifications").await["items"], json!([]));
}

#[tokio::test]
async fn a_stream_and_the_list_name_the_same_notifications() {
    let (me, other, mut stream) = listening().await;
    let post = me.post("글").await;
    other.like(post).await;
    other.follow(&me).await;
    other.comment(post, None, "댓글").await;
    let mut streamed = Vec::new();
    for _ in 0..3 {
        streamed.insert(0, notice(&mut stream).await.data);
    }
    let page = eventually(&me, "/api/notifications", |page| ids(page).len() == 3).await;
    assert_eq!(page["items"], json!(streamed));
}

#[tokio::test]
async fn what_was_done_while_the_line_was_cut_comes_once_on_return() {
    let (me, other, mut stream) = listening().await;
    let post = me.post("글").await;
    other.like(post).await;
    let event = notice(&mut stream).await;
    let first = told(&event, "LIKE_POST", &other);
    drop(stream);
    other.comment(post, None, "댓글").await;
    other.ok(Method::DELETE, &format!("/api/posts/{post}/like"), Value::Null).await;
    let mut stream = me.stream(Some(&event.id)).await;
    ready(&mut stream).await;
    told(&notice(&mut stream).await, "COMMENT", &other);
    assert_eq!(retracted(&notice(&mut stream).await), first);
    other.follow(&me).await;
    told(&notice(&mut stream).await, "FOLLOW", &other);
}

#[tokio::test]
async fn what_is_read_on_one_device_is_read_on_the_other() {
    let (me, other, mut stream) = listening().await;
    let mut second = me.stream(None).await;
    ready(&mut second).await;
    other.follow(&me).await;
    let id = told(&notice(&mut stream).await, "FOLLOW", &other);
    told(&notice(&mut second).await, "FOLLOW", &other);
    me.ok(Method::PUT, "/api/notifications/marker", json!({"lastReadId": id})).await;
    for device in [&mut stream, &mut second] {
        let event = notice(device).await;
        assert_eq!((event.name.as_str(), &event.data), ("notification.marker", &json!({"lastReadId": id})));
    }
    other.unfollow(&me).await;
    other.follow(&me).await;
    retracted(&notice(&mut stream).await);
    assert_eq!(notice(&mut stream).await.data["unread"], true);
}

#[tokio::test]
async fn everybody_hears_that_the_best_of_the_day_are_others() {
    let own = own(|_| {}).await;
    let (author, fan, stranger) = (own.member().await, own.member().await, own.member().await);
    let mut stream = stranger.stream(None).await;
    ready(&mut stream).await;
    let post = author.post("오늘의 글").await;
    fan.like(post).await;
    let event = next(&mut stream).await;
    assert_eq!(event.name, "top3.changed");
    let day = stranger.get(&format!("/api/timeline/daily-top3?date={}", event.data["date"].as_str().unwrap())).await;
    assert_eq!((day["items"].as_array().unwrap().len(), &day["items"][0]["post"]["id"]), (1, &post.into()));
    // Who was cut off hears of it on return.
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
    own.server.shutdown().await;
}

#[tokio::test]
async fn others_hear_nothing_of_it() {
    let (me, other, _stream) = listening().await;
    let stranger = member().await;
    let mut theirs = stranger.stream(None).await;
    ready(&mut theirs).await;
    let post = me.post("글").await;
    other.like(post).await;
    other.follow(&me).await;
    other.follow(&stranger).await;
    told(&notice(&mut theirs).await, "FOLLOW", &other);
}
