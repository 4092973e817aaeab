//! Refusals, resets, limits, heartbeats and ends of live streams.
use crate::{
    common::{Member, Stream},
    stream::{created, next, ready},
    support::{base, member, problem, start_server},
};
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_cursor_of_another_epoch_gets_a_reset() {
    let other = start_server(|_| {}).await;
    let there = Member::sign_up(&crate::common::client(), &other.base).await;
    let foreign = there.get("/api/timeline/posts/mine").await["streamCursor"].as_str().unwrap().to_owned();
    other.app.shutdown().await;
    let who = member().await;
    let mut stream = who.stream(Some(&foreign)).await;
    ready(&mut stream).await;
    let event = next(&mut stream).await;
    assert_eq!((event.name.as_str(), &event.data["reason"]), ("reset", &json!("unknown")));
    assert!(event.data.as_object().unwrap().contains_key("restCursor"));
    let post = who.post("그 뒤의 글").await;
    assert_eq!(created(&mut stream).await, post, "the stream continues from now");
}

#[tokio::test]
async fn more_events_than_replay_max_get_a_reset() {
    let server = start_server(|config| config.stream.replay_max = 5).await;
    let who = Member::sign_up(&crate::common::client(), &server.base).await;
    let cursor = who.get("/api/timeline/posts/mine").await["streamCursor"].as_str().unwrap().to_owned();
    for number in 0..7 {
        who.post(&format!("글 {number}")).await;
    }
    let mut stream = who.stream(Some(&cursor)).await;
    ready(&mut stream).await;
    let event = next(&mut stream).await;
    assert_eq!((event.name.as_str(), &event.data["reason"]), ("reset", &json!("too_far")));
    drop(stream);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_malformed_cursor_is_refused_before_the_first_byte() {
    let answer = member().await.request(Method::GET, "/api/timeline/stream?cursor=garbage").send().await.unwrap();
    problem(answer, 400, "CURSOR_INVALID").await;
}

#[tokio::test]
async fn an_event_id_of_other_bytes_than_ascii_is_refused_as_any_malformed_one() {
    for id in [&b"garbage"[..], "\u{d55c}\u{ae00}".as_bytes(), b"\xff\xfe", b"caf\xe9", b"a\tb"] {
        let who = member().await;
        let id = reqwest::header::HeaderValue::from_bytes(id).unwrap();
        for path in ["/api/timeline/stream", "/api/events"] {
            let request = who.request(Method::GET, path).header("accept", "text/event-stream");
            let answer = request.header("last-event-id", id.clone()).send().await.unwrap();
            problem(answer, 400, "CURSOR_INVALID").await;
            if id.to_str().is_ok() {
                continue;
            }
            // Such a request does not redeem its ticket.
            let ticket = who.ok(Method::POST, "/api/timeline/stream/ticket", Value::Null).await;
            let url = format!("{}{path}?ticket={}", who.base, ticket["ticket"].as_str().unwrap());
            let request = crate::common::client().get(&url).header("accept", "text/event-stream");
            let refused = request.try_clone().unwrap().header("last-event-id", id.clone()).send().await.unwrap();
            problem(refused, 400, "CURSOR_INVALID").await;
            // An empty header is none.
            let opened = request.header("last-event-id", "").send().await.unwrap();
            assert_eq!(opened.status(), 200);
            ready(&mut crate::common::Stream::of(opened)).await;
        }
    }
    for cursor in ["%ff%fe", "%ED%95%9C", "caf%E9"] {
        let url = format!("/api/timeline/stream?cursor={cursor}");
        member().await.refused(Method::GET, &url, Value::Null, 400, "CURSOR_INVALID").await;
    }
}

#[tokio::test]
async fn a_stream_without_a_token_is_refused_before_the_first_byte() {
    let answer = crate::common::client().get(format!("{}/api/timeline/stream", base())).send().await.unwrap();
    problem(answer, 401, "BEARER_TOKEN_MISSING").await;
}

#[tokio::test]
async fn a_ticket_opens_one_stream() {
    let who = member().await;
    let ticket = who.ok(Method::POST, "/api/timeline/stream/ticket", Value::Null).await;
    assert_eq!(ticket["expiresIn"], 30);
    let url = format!("{}/api/timeline/stream?ticket={}", base(), ticket["ticket"].as_str().unwrap());
    let mut stream = Stream::of(crate::common::client().get(&url).send().await.unwrap());
    ready(&mut stream).await;
    let post = who.post("글").await;
    assert_eq!(created(&mut stream).await, post);
    assert_eq!(crate::common::client().get(&url).send().await.unwrap().status(), 401, "the ticket is used");
    let unknown = format!("{}/api/timeline/stream?ticket=made-up", base());
    assert_eq!(crate::common::client().get(unknown).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_heartbeat_has_a_cursor_that_resumes() {
    let server = start_server(|config| config.stream.heartbeat_seconds = 1).await;
    let http = crate::common::client();
    let (who, stranger) = (Member::sign_up(&http, &server.base).await, Member::sign_up(&http, &server.base).await);
    let answer = who.request(Method::GET, "/api/timeline/stream").send().await.unwrap();
    let before = answer.headers().len();
    assert!(before > 0);
    stranger.post("지나가는 글").await;
    let mut body = answer.bytes_stream();
    let mut text = String::new();
    while !text.contains(": cursor=") {
        let chunk = tokio::time::timeout(crate::common::TIMEOUT, body.next()).await.unwrap();
        text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
    }
    let cursor = text.split(": cursor=").nth(1).unwrap().lines().next().unwrap().to_owned();
    drop(body);
    let post = who.post("글").await;
    let mut stream = who.stream(Some(&cursor)).await;
    ready(&mut stream).await;
    assert_eq!(created(&mut stream).await, post);
    drop(stream);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_revoked_token_ends_its_stream_within_five_seconds() {
    let who = member().await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let revoked = Instant::now();
    who.call(Method::POST, "/api/authentication/logout", None).await;
    while stream.next().await.is_some() {}
    assert!(revoked.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn streams_per_member_are_limited() {
    let server = start_server(|config| config.stream.per_member_max = 2).await;
    let who = Member::sign_up(&crate::common::client(), &server.base).await;
    let (mut first, mut second) = (who.stream(None).await, who.stream(None).await);
    ready(&mut first).await;
    ready(&mut second).await;
    let third = who.request(Method::GET, "/api/timeline/stream").send().await.unwrap();
    problem(third, 429, "TOO_MANY_REQUESTS").await;
    drop(first);
    let reopened =
        async { while who.request(Method::GET, "/api/timeline/stream").send().await.unwrap().status() != 200 {} };
    tokio::time::timeout(crate::common::TIMEOUT, reopened).await.expect("a stream permit is free again");
    drop(second);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_slow_stream_is_closed_and_resumes_without_a_gap() {
    let server = start_server(|config| config.stream.buffer_max = 4).await;
    let http = crate::common::client();
    let (who, friend) = (Member::sign_up(&http, &server.base).await, Member::sign_up(&http, &server.base).await);
    who.follow(&friend).await;
    let mut stream = who.stream(None).await;
    let mut last = ready(&mut stream).await;
    // The client reads nothing: the connection fills up, then the stream's buffer, and the server closes the stream.
    let text = "가".repeat(4_900);
    let mut posts = Vec::new();
    for number in 0..400 {
        posts.push(friend.post(&format!("{number} {text}")).await);
    }
    let mut received = Vec::new();
    let mut closed = 0;
    while received.len() < posts.len() {
        match stream.next().await {
            Some(event) => {
                last.clone_from(&event.id);
                if event.name == "post.created" {
                    received.push(event.data["id"].as_u64().unwrap());
                }
            }
            None => {
                closed += 1;
                stream = who.stream(Some(&last)).await;
            }
        }
    }
    assert_eq!(received, posts);
    assert!(closed > 0, "the server never closed the stream");
    drop(stream);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_sends_bye_and_takes_less_than_five_seconds() {
    let server = start_server(|_| {}).await;
    let who = Member::sign_up(&crate::common::client(), &server.base).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = who.stream(None).await;
        ready(&mut stream).await;
        streams.push(stream);
    }
    let begun = Instant::now();
    let ending = tokio::spawn(server.app.shutdown());
    for stream in &mut streams {
        let event = next(stream).await;
        assert_eq!(event.name, "bye");
        assert!(event.data["reconnectAfterMs"].as_u64().is_some());
        assert!(stream.next().await.is_none());
    }
    ending.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}
