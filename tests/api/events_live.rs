//! `GET /api/events` as a live stream: resumption, resets, visibility, limits and end.
use crate::{
    common::{Event, Member, Stream},
    events::{EVENTS, assert_valid, get_as, now, open, since},
    support::{TestServer, base, member, problem, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Waits for the next event that one of the members `by` caused.
async fn next_by(stream: &mut Stream, by: &[&Member]) -> Event {
    loop {
        let event = stream.next().await.expect("the stream is open");
        if by.iter().any(|member| event.data["data"]["memberId"] == member.id) {
            return event;
        }
    }
}

#[tokio::test]
async fn new_events_arrive_on_the_stream() {
    let (reader, who) = (member().await, member().await);
    let mut stream = open(&reader, "").await;
    assert_eq!(stream.next().await.unwrap().name, "ready");
    for number in 0..3 {
        let post = who.post(&format!("글 {number}")).await;
        let event = next_by(&mut stream, &[&who]).await;
        assert_eq!((&*event.name, &event.data["data"]["postId"]), ("dailyfeed.post.created", &json!(post)));
        assert_eq!(event.data["type"], event.name);
        assert_valid(&event.data);
    }
}

#[tokio::test]
async fn a_stream_resumes_after_its_last_event() {
    let (reader, who) = (member().await, member().await);
    let from = now(&reader).await;
    let mut posts = Vec::new();
    for number in 0..150 {
        posts.push(who.post(&format!("글 {number}")).await);
    }
    let (mut received, mut last) = (Vec::new(), from);
    // Closes the stream after every 37 events and resumes, in turn by query and by header.
    while received.len() < posts.len() {
        let mut stream = if received.len() % 2 == 0 {
            open(&reader, &format!("?cursor={last}")).await
        } else {
            let request = reader.request(Method::GET, &format!("{EVENTS}?cursor=ignored"));
            let request = request.header("accept", "text/event-stream").header("last-event-id", &last);
            Stream::of(request.send().await.unwrap())
        };
        let ready = stream.next().await.unwrap();
        assert_eq!((&*ready.name, &ready.id), ("ready", &last));
        for _ in 0..37.min(posts.len() - received.len()) {
            let event = next_by(&mut stream, &[&who]).await;
            received.push(event.data["data"]["postId"].as_u64().unwrap());
            last = event.id;
        }
    }
    assert_eq!(received, posts);
}

#[tokio::test]
async fn pages_and_streams_share_their_cursors() {
    let who = member().await;
    let from = now(&who).await;
    let (first, second) = (who.post("하나").await, who.post("둘").await);
    let mut stream = open(&who, &format!("?cursor={from}")).await;
    let event = next_by(&mut stream, &[&who]).await;
    assert_eq!(event.data["data"]["postId"], first);
    let rest = since(&who, &event.id, 100, &[&who]).await;
    assert_eq!((rest.len(), &rest[0]["data"]["postId"]), (1, &json!(second)));
    // The cursor of a page also opens a stream.
    let page = who.get(&format!("{EVENTS}?cursor={from}&limit=100")).await;
    let mut stream = open(&who, &format!("?cursor={}", page["nextCursor"].as_str().unwrap())).await;
    let third = who.post("셋").await;
    let mut posts = Vec::new();
    while posts.last() != Some(&third) {
        posts.push(next_by(&mut stream, &[&who]).await.data["data"]["postId"].as_u64().unwrap());
    }
    let known = page["items"].as_array().unwrap().iter().filter(|event| event["data"]["memberId"] == who.id).count();
    assert_eq!(known + posts.len(), 3, "every event once");
}

#[tokio::test]
async fn a_cursor_of_another_epoch_gets_a_reset() {
    let other: TestServer = start_server(|_| {}).await;
    let foreign = now(&other.member().await).await;
    let who = member().await;
    let mut stream = open(&who, &format!("?cursor={foreign}")).await;
    assert_eq!(stream.next().await.unwrap().name, "ready");
    let reset = stream.next().await.unwrap();
    assert_eq!((&*reset.name, reset.data), ("reset", json!({"reason": "unknown", "restCursor": null})));
    let post = who.post("글").await;
    assert_eq!(next_by(&mut stream, &[&who]).await.data["data"]["postId"], post);
    let refused = get_as(&who, &format!("{EVENTS}?cursor=nonsense"), "text/event-stream").await;
    problem(refused, 400, "CURSOR_INVALID").await;
}

#[tokio::test]
async fn a_block_takes_effect_in_an_open_stream() {
    let (reader, who, shown) = (member().await, member().await, member().await);
    let mut stream = open(&reader, "").await;
    who.post("보이는 글").await;
    next_by(&mut stream, &[&who, &shown]).await;
    reader.ok(Method::PUT, &format!("/api/members/{}/block", who.id), Value::Null).await;
    who.post("숨은 글").await;
    let post = shown.post("글").await;
    assert_eq!(next_by(&mut stream, &[&who, &shown]).await.data["data"]["postId"], post);
}

#[tokio::test]
async fn a_post_after_the_switch_to_private_is_hidden() {
    let (reader, who) = (member().await, member().await);
    let mut stream = open(&reader, "").await;
    for round in 0..5 {
        who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
        who.post("숨은 글").await;
        who.ok(Method::PATCH, "/api/members/me", json!({"bio": format!("끝 {round}")})).await;
        for _ in 0..2 {
            assert_eq!(next_by(&mut stream, &[&who]).await.name, "dailyfeed.member.updated");
        }
        // The stream has passed the hidden post: it does not arrive when the member becomes public again.
        who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PUBLIC"})).await;
        assert_eq!(next_by(&mut stream, &[&who]).await.name, "dailyfeed.member.updated");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let who = member().await;
    let mut other_device = who.clone();
    other_device.log_in().await;
    let (mut ended, mut open_stream) = (open(&other_device, "").await, open(&who, "").await);
    assert_eq!(other_device.call(Method::POST, "/api/authentication/logout", None).await, 204);
    let drain = async { while ended.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), drain).await.expect("the stream ends within five seconds");
    let post = who.post("여전히").await;
    assert_eq!(next_by(&mut open_stream, &[&who]).await.data["data"]["postId"], post);
}

#[tokio::test]
async fn streams_per_member_are_limited() {
    let server = start_server(|config| config.stream.per_member_max = 2).await;
    let (who, other) = (server.member().await, server.member().await);
    let first = open(&who, "").await;
    let _second = open(&who, "").await;
    let refused = get_as(&who, EVENTS, "text/event-stream").await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429, "TOO_MANY_REQUESTS").await;
    open(&other, "").await;
    drop(first);
    crate::support::until(async || get_as(&who, EVENTS, "text/event-stream").await.status().is_success().then_some(()))
        .await;
}

#[tokio::test]
async fn a_ticket_opens_one_stream() {
    let who = member().await;
    let ticket =
        who.ok(Method::POST, "/api/timeline/stream/ticket", Value::Null).await["ticket"].as_str().unwrap().to_owned();
    let with_ticket = async || {
        let url = format!("{}{EVENTS}?ticket={ticket}", base());
        crate::common::client().get(url).header("accept", "text/event-stream").send().await.unwrap()
    };
    let mut stream = Stream::of(with_ticket().await);
    assert_eq!(stream.next().await.unwrap().name, "ready");
    problem(with_ticket().await, 401, "INVALID_TOKEN").await;
}

#[tokio::test]
async fn a_shutdown_sends_bye_and_ends_the_stream() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    let mut stream = open(&who, "").await;
    assert_eq!(stream.next().await.unwrap().name, "ready");
    let ending = tokio::spawn(server.app.shutdown());
    let bye = stream.next().await.unwrap();
    assert_eq!(bye.name, "bye");
    assert!(bye.data["reconnectAfterMs"].as_u64() >= Some(1_000));
    assert!(stream.next().await.is_none());
    ending.await.unwrap();
}
