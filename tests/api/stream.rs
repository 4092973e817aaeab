//! The live stream.
use crate::{
    common::{Event, Stream},
    support::{ids, member},
};
use futures::StreamExt;
use reqwest::Method;
use serde_json::json;

pub(crate) async fn next(stream: &mut Stream) -> Event {
    stream.next().await.expect("the stream goes on")
}

/// The stream's first event, which says where it stands.
pub(crate) async fn ready(stream: &mut Stream) -> String {
    let event = next(stream).await;
    assert_eq!(event.name, "ready");
    assert_eq!(event.data["cursor"], event.id.as_str());
    event.id
}

pub(crate) async fn created(stream: &mut Stream) -> u64 {
    created_event(stream).await.data["id"].as_u64().unwrap()
}

/// The next event, which is a new post. What others do to the day's best is told to everybody, and passed over.
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
async fn a_stream_says_first_where_it_stands() {
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
async fn posts_of_the_followed_and_ones_own_arrive_and_nobody_elses() {
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
async fn a_post_arrives_as_it_is_in_rest() {
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
async fn changes_and_deletions_arrive() {
    let (who, friend) = (member().await, member().await);
    who.follow(&friend).await;
    let id = friend.post("글").await;
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
        let mut written = Vec::new();
        for number in 0..3 {
            written.push(friend.post(&format!("글 {round}.{number}")).await);
        }
        // One is read, then the line is cut: the other two come after the resumption, and nothing twice.
        let event = next(&mut stream).await;
        assert_eq!(event.data["id"], written[0]);
        last.clone_from(&event.id);
        drop(stream);
        stream = who.stream(Some(&last)).await;
        assert_eq!(ready(&mut stream).await, last);
        for id in &written[1..] {
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
async fn the_header_wins_over_the_query() {
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
async fn a_follow_shows_in_the_open_stream_and_an_unfollow_too() {
    let (who, friend) = (member().await, member().await);
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    friend.post("아직 안 보이는 글").await;
    who.follow(&friend).await;
    // The follow is in the stream's list once the reader's own next read is answered.
    who.get("/api/timeline/posts/followings").await;
    let seen = friend.post("보이는 글").await;
    assert_eq!(created(&mut stream).await, seen);
    who.call(Method::DELETE, &format!("/api/members/{}/follow", friend.id), None).await;
    who.get("/api/timeline/posts/followings").await;
    friend.post("다시 안 보이는 글").await;
    let end = who.post("끝").await;
    assert_eq!(created(&mut stream).await, end);
}
