//! Tickets of `EventSource` streams: one stream per ticket, resumption, end with the session, limit per member.
use crate::{
    common::{Member, Stream},
    stream::{created, created_event, next, ready},
    support::{member, problem, start_server, until},
};
use reqwest::{Method, Response};
use serde_json::Value;

const STREAM: &str = "/api/timeline/stream";

async fn ticket(who: &Member) -> String {
    let ticket = who.ok(Method::POST, "/api/timeline/stream/ticket", Value::Null).await;
    ticket["ticket"].as_str().unwrap().to_owned()
}

/// Requests a stream as a browser does: the ticket in the URL, and the last event id, if any, in a header.
async fn open(who: &Member, path: &str, ticket: &str, last: Option<&str>) -> Response {
    let mut request = crate::common::client().get(format!("{}{path}?ticket={ticket}", who.base));
    request = request.header("accept", "text/event-stream");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    request.send().await.unwrap()
}

async fn opened(who: &Member, ticket: &str, last: Option<&str>) -> Stream {
    let answer = open(who, STREAM, ticket, last).await;
    assert_eq!(answer.status(), 200);
    Stream::of(answer)
}

#[tokio::test]
async fn a_broken_stream_resumes_with_the_same_ticket() {
    let who = member().await;
    let ticket = ticket(&who).await;
    let mut stream = opened(&who, &ticket, None).await;
    let mut last = ready(&mut stream).await;
    for round in 0..5 {
        drop(stream);
        let missed = [who.post(&format!("놓친 글 {round}")).await, who.post("또 하나").await];
        problem(open(&who, STREAM, &ticket, None).await, 401, "INVALID_TOKEN").await;
        stream = opened(&who, &ticket, Some(&last)).await;
        assert_eq!(ready(&mut stream).await, last);
        for post in missed {
            assert_eq!(created(&mut stream).await, post);
        }
        let live = who.post("이어지는 글").await;
        let event = created_event(&mut stream).await;
        assert_eq!(event.data["id"], live);
        last = event.id;
    }
}

#[tokio::test]
async fn a_resumption_closes_the_older_stream_of_the_ticket() {
    let who = member().await;
    let ticket = ticket(&who).await;
    let mut old = opened(&who, &ticket, None).await;
    let last = ready(&mut old).await;
    let mut new = opened(&who, &ticket, Some(&last)).await;
    ready(&mut new).await;
    // A ticket has one stream. Otherwise the old stream would stay open for an hour.
    while old.next().await.is_some() {}
    let post = who.post("글").await;
    assert_eq!(created(&mut new).await, post);
}

#[tokio::test]
async fn a_ticket_resumes_a_stream_of_events() {
    let who = member().await;
    let ticket = ticket(&who).await;
    let mut stream = Stream::of(open(&who, "/api/events", &ticket, None).await);
    let last = ready(&mut stream).await;
    drop(stream);
    problem(open(&who, "/api/events", &ticket, None).await, 401, "INVALID_TOKEN").await;
    let post = who.post("글").await;
    let mut stream = Stream::of(open(&who, "/api/events", &ticket, Some(&last)).await);
    ready(&mut stream).await;
    let mine = async {
        loop {
            let event = next(&mut stream).await;
            if event.data["data"]["postId"] == post {
                return event;
            }
        }
    };
    assert_eq!(mine.await.name, "dailyfeed.post.created");
}

#[tokio::test]
async fn a_ticket_of_an_ended_session_does_not_resume() {
    let who = member().await;
    let ticket = ticket(&who).await;
    let mut stream = opened(&who, &ticket, None).await;
    let last = ready(&mut stream).await;
    drop(stream);
    assert_eq!(who.call(Method::POST, "/api/authentication/logout", None).await, 204);
    assert_eq!(open(&who, STREAM, &ticket, Some(&last)).await.status(), 401);
}

#[tokio::test]
async fn a_ticket_survives_its_token_but_not_its_session() {
    let server = start_server(|config| config.authentication.access_token_seconds = 4).await;
    let mut who = server.member().await;
    let ticket = ticket(&who).await;
    let mut stream = opened(&who, &ticket, None).await;
    let mut last = ready(&mut stream).await;
    while let Some(event) = stream.next().await {
        last = event.id;
    }
    // After five seconds of leeway the token is expired; the ticket is still valid.
    until(async || (who.call(Method::GET, "/api/members/me", None).await == 401).then_some(())).await;
    who.log_in().await;
    let mut stream = opened(&who, &ticket, Some(&last)).await;
    ready(&mut stream).await;
    let post = who.post("글").await;
    let mut event = next(&mut stream).await;
    while event.name == "auth.expiring" {
        event = next(&mut stream).await;
    }
    assert_eq!(event.data["id"], post);
    assert_eq!(who.call(Method::POST, "/api/authentication/logout-all", None).await, 204);
    assert_eq!(open(&who, STREAM, &ticket, Some(&last)).await.status(), 401);
    drop(stream);
    server.app.shutdown().await;
}

#[tokio::test]
async fn the_limit_of_tickets_is_per_member() {
    let (who, greedy) = (member().await, member().await);
    let others = ticket(&who).await;
    let kept = ticket(&greedy).await;
    let mut stream = opened(&greedy, &kept, None).await;
    let last = ready(&mut stream).await;
    let first = ticket(&greedy).await;
    let mut newest = String::new();
    for _ in 0..1_000 {
        newest = ticket(&greedy).await;
    }
    ready(&mut opened(&who, &others, None).await).await;
    problem(open(&greedy, STREAM, &first, None).await, 401, "INVALID_TOKEN").await;
    ready(&mut opened(&greedy, &newest, None).await).await;
    drop(stream);
    ready(&mut opened(&greedy, &kept, Some(&last)).await).await;
}
