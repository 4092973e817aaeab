//! `GET /api/timeline/stream`: the first event, delivery of posts, resumption by cursor; and helpers for streams.
use crate::{
    common::{Event, Stream},
    support::{ids, member},
};
use futures::StreamExt;
use reqwest::Method;
use serde_json::json;

/// Waits for the next event.
pub(crate) async fn next(stream: &mut Stream) -> Event {
    stream.next().await.expect("the stream is open")
}

/// Reads the stream's first event, `ready`, and returns its cursor.
pub(crate) async fn ready(stream: &mut Stream) -> String {
    let event = next(stream).await;
    assert_eq!(event.name, "ready");
    assert_eq!(event.data["cursor"], event.id.as_str());
    event.id
}

/// Waits for the next new post and returns its id.
pub(crate) async fn created(stream: &mut Stream) -> u64 {
    created_event(stream).await.data["id"].as_u64().unwrap()
}

/// Waits for the next event, asserts that it is a new post, and returns it. Skips `top3.changed`, which other tests on
/// the shared server cause.
pub(crate) async fn created_event(stream: &mut Stream) -> Event {
    loop {
        let event = next(stream).await;
        if event.name != "top3.changed" {
            assert_eq!(event.name, "post.created", "{}", event.data);
            return event;
        }
    }
}

#[tokio::test]
async fn a_stream_starts_with_retry_and_ready() {
    let who = member().await;
    let answer = who.request(Method::GET, "/api/timeline/stream").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["x-accel-buffering"], "no");
    let mut body = answer.bytes_stream();
    let mut text = String::new();
    while !text.contains("event: ready") {
        text.push_str(std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap());
    }
    assert!(text.starts_with("retry: "), "{text}");
}

#[tokio::test]
async fn posts_of_followed_members_and_oneself_arrive() {
    let (who, friend, stranger) = (member().await, member().await, member().await);
    who.follow(&friend).await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    stranger.post("남의 글").await;
    let first = friend.post("친구 글").await;
    assert_eq!(created(&mut stream).await, first);
    let second = who.post("내 글").await;
    assert_eq!(created(&mut stream).await, second);
}

#[tokio::test]
async fn a_streamed_post_equals_the_post_of_a_page() {
    let (who, friend) = (member().await, member().await);
    who.follow(&friend).await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let id = friend.post("글 #하나").await;
    let event = next(&mut stream).await;
    assert_eq!(event.data, who.get("/api/timeline/posts/followings").await["items"][0]);
    assert_eq!(event.data["id"], id);
}

#[tokio::test]
async fn edits_and_deletions_arrive() {
    let (who, friend) = (member().await, member().await);
    who.follow(&friend).await;
    let id = friend.post("글").await;
    // The friend's read waits until the projection has applied the post, so the stream begins after it.
    friend.get("/api/timeline/posts/followings").await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    friend.ok(Method::PUT, &format!("/api/posts/{id}"), json!({"content": "바뀐 글"})).await;
    let event = next(&mut stream).await;
    assert_eq!((event.name.as_str(), &event.data["content"]), ("post.updated", &json!("바뀐 글")));
    friend.call(Method::DELETE, &format!("/api/posts/{id}"), None).await;
    let event = next(&mut stream).await;
    assert_eq!((event.name.as_str(), event.data), ("post.deleted", json!({"id": id, "reason": "deleted"})));
}

#[tokio::test]
async fn a_stream_resumes_where_it_stopped() {
    let (who, friend) = (member().await, member().await);
    who.follow(&friend).await;
    let mut stream = who.stream(None).await;
    let mut last = ready(&mut stream).await;
    for round in 0..4 {
        let mut posts = Vec::new();
        for number in 0..3 {
            posts.push(friend.post(&format!("글 {round}.{number}")).await);
        }
        // The stream is closed after the first post: the other two arrive after the resumption, and none twice.
        let event = next(&mut stream).await;
        assert_eq!(event.data["id"], posts[0]);
        last.clone_from(&event.id);
        drop(stream);
        stream = who.stream(Some(&last)).await;
        assert_eq!(ready(&mut stream).await, last);
        for id in &posts[1..] {
            assert_eq!(created(&mut stream).await, *id);
        }
        let mark = friend.post("표시").await;
        let event = next(&mut stream).await;
        assert_eq!(event.data["id"], mark);
        last.clone_from(&event.id);
        drop(stream);
        stream = who.stream(Some(&last)).await;
        ready(&mut stream).await;
    }
}

#[tokio::test]
async fn a_stream_opens_from_the_cursor_of_a_page() {
    let who = member().await;
    who.post("이전 글").await;
    let page = who.get("/api/timeline/posts/followings").await;
    let after = who.post("다음 글").await;
    let cursor = page["streamCursor"].as_str().unwrap();
    let request = who.request(Method::GET, &format!("/api/timeline/stream?cursor={cursor}"));
    let mut stream = Stream::of(request.send().await.unwrap());
    ready(&mut stream).await;
    assert_eq!(created(&mut stream).await, after);
    assert_eq!(ids(&page).len(), 1);
}

#[tokio::test]
async fn last_event_id_takes_precedence_over_the_query() {
    let who = member().await;
    let before = who.get("/api/timeline/posts/mine").await["streamCursor"].as_str().unwrap().to_owned();
    who.post("하나").await;
    let after = who.get("/api/timeline/posts/mine").await["streamCursor"].as_str().unwrap().to_owned();
    let second = who.post("둘").await;
    let request = who.request(Method::GET, &format!("/api/timeline/stream?cursor={before}"));
    let mut stream = Stream::of(request.header("last-event-id", after).send().await.unwrap());
    ready(&mut stream).await;
    assert_eq!(created(&mut stream).await, second);
}

#[tokio::test]
async fn follows_and_unfollows_take_effect_in_an_open_stream() {
    let (who, friend) = (member().await, member().await);
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    friend.post("아직 안 보이는 글").await;
    who.follow(&friend).await;
    // The stream applies the follow before the reader's next read is answered.
    who.get("/api/timeline/posts/followings").await;
    let visible = friend.post("보이는 글").await;
    assert_eq!(created(&mut stream).await, visible);
    who.call(Method::DELETE, &format!("/api/members/{}/follow", friend.id), None).await;
    who.get("/api/timeline/posts/followings").await;
    friend.post("다시 안 보이는 글").await;
    let end = who.post("끝").await;
    assert_eq!(created(&mut stream).await, end);
}
