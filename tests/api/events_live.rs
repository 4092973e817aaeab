//! Public events as they happen.
use crate::{
    common::{Event, Member, Stream},
    events::{EVENTS, ask, assert_valid, now, open, since},
    support::{Own, base, member, own, problem},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// The next event that one of these members caused.
async fn next_by(stream: &mut Stream, by: &[&Member]) -> Event {
    loop {
        let event = stream.next().await.expect("the stream is open");
        if by.iter().any(|member| event.data["data"]["memberId"] == member.id) {
            return event;
        }
    }
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens() {
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
    let (mut seen, mut last) = (Vec::new(), from);
    // Cut off again and again; by header and by query in turn.
    while seen.len() < posts.len() {
        let mut stream = if seen.len() % 2 == 0 {
            open(&reader, &format!("?cursor={last}")).await
        } else {
            let request = reader.request(Method::GET, &format!("{EVENTS}?cursor=ignored"));
            let request = request.header("accept", "text/event-stream").header("last-event-id", &last);
            Stream::of(request.send().await.unwrap())
        };
        let ready = stream.next().await.unwrap();
        assert_eq!((&*ready.name, &ready.id), ("ready", &last));
        for _ in 0..37.min(posts.len() - seen.len()) {
            let event = next_by(&mut stream, &[&who]).await;
            seen.push(event.data["data"]["postId"].as_u64().unwrap());
            last = event.id;
        }
    }
    assert_eq!(seen, posts);
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
    // And the other way round.
    let page = who.get(&format!("{EVENTS}?cursor={from}&limit=100")).await;
    let mut stream = open(&who, &format!("?cursor={}", page["nextCursor"].as_str().unwrap())).await;
    let third = who.post("셋").await;
    let mut posts = Vec::new();
    while posts.last() != Some(&third) {
        posts.push(next_by(&mut stream, &[&who]).await.data["data"]["postId"].as_u64().unwrap());
    }
    let known = page["items"].as_array().unwrap().iter().filter(|event| event["data"]["memberId"] == who.id).count();
    assert_eq!(known + posts.len(), 3, "nothing twice and nothing missing");
}

#[tokio::test]
async fn a_cursor_of_another_log_gets_a_reset() {
    let other: Own = own(|_| {}).await;
    let foreign = now(&other.member().await).await;
    let who = member().await;
    let mut stream = open(&who, &format!("?cursor={foreign}")).await;
    assert_eq!(stream.next().await.unwrap().name, "ready");
    let reset = stream.next().await.unwrap();
    assert_eq!((&*reset.name, reset.data), ("reset", json!({"reason": "unknown", "restCursor": null})));
    let post = who.post("글").await;
    assert_eq!(next_by(&mut stream, &[&who]).await.data["data"]["postId"], post);
    let refused = ask(&who, &format!("{EVENTS}?cursor=nonsense"), "text/event-stream").await;
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
async fn a_post_of_somebody_who_has_just_gone_private_is_not_told() {
    let (reader, who) = (member().await, member().await);
    let mut stream = open(&reader, "").await;
    for round in 0..5 {
        who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
        who.post("숨은 글").await;
        who.ok(Method::PATCH, "/api/members/me", json!({"bio": format!("끝 {round}")})).await;
        for _ in 0..2 {
            assert_eq!(next_by(&mut stream, &[&who]).await.name, "dailyfeed.member.updated");
        }
        // Nothing of before is told once it may be seen again: the stream has passed it.
        who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PUBLIC"})).await;
        assert_eq!(next_by(&mut stream, &[&who]).await.name, "dailyfeed.member.updated");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let who = member().await;
    let mut other_device = who.clone();
    other_device.log_in().await;
    let (mut ends, mut stays) = (open(&other_device, "").await, open(&who, "").await);
    assert_eq!(other_device.call(Method::POST, "/api/authentication/logout", None).await, 204);
    let drain = async { while ends.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), drain).await.expect("the stream ends within five seconds");
    let post = who.post("여전히").await;
    assert_eq!(next_by(&mut stays, &[&who]).await.data["data"]["postId"], post);
}

#[tokio::test]
async fn a_member_has_so_many_streams_and_no_more() {
    let own = own(|config| config.stream.per_member_max = 2).await;
    let (who, other) = (own.member().await, own.member().await);
    let first = open(&who, "").await;
    let _second = open(&who, "").await;
    let refused = ask(&who, EVENTS, "text/event-stream").await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429, "TOO_MANY_REQUESTS").await;
    open(&other, "").await;
    drop(first);
    crate::support::until(async || ask(&who, EVENTS, "text/event-stream").await.status().is_success().then_some(()))
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
async fn a_stream_says_bye_when_the_server_ends() {
    let own = own(|_| {}).await;
    let who = own.member().await;
    let mut stream = open(&who, "").await;
    assert_eq!(stream.next().await.unwrap().name, "ready");
    let ending = tokio::spawn(own.server.shutdown());
    let bye = stream.next().await.unwrap();
    assert_eq!(bye.name, "bye");
    assert!(bye.data["reconnectAfterMs"].as_u64() >= Some(1_000));
    assert!(stream.next().await.is_none());
    ending.await.unwrap();
}
