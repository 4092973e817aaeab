//! `GET /api/events` as JSON pages and CloudEvents batches: order, format, cursors, source.
use crate::{
    common::{Member, Stream},
    support::{base, member, problem, start_server},
};
use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

pub(crate) const EVENTS: &str = "/api/events";
const BATCH: &str = "application/cloudevents-batch+json";

/// Opens a live stream of public events.
pub(crate) async fn open(who: &Member, query: &str) -> Stream {
    let answer = get_as(who, &format!("{EVENTS}{query}"), "text/event-stream").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    Stream::of(answer)
}

pub(crate) async fn get_as(who: &Member, path: &str, accept: &str) -> Response {
    who.request(Method::GET, path).header(header::ACCEPT, accept).send().await.unwrap()
}

/// Returns a cursor at the end of the log.
pub(crate) async fn now(who: &Member) -> String {
    let ready = open(who, "").await.next().await.unwrap();
    assert_eq!((&*ready.name, ready.data["cursor"].as_str()), ("ready", Some(&*ready.id)));
    ready.id
}

/// Lists the events of the members `by` since `cursor` that are visible to the caller, in pages of `limit`, to the end.
pub(crate) async fn since(who: &Member, cursor: &str, limit: usize, by: &[&Member]) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), cursor.to_owned());
    // After a read of the caller's own posts, the projection has applied all writes that were answered before.
    who.get("/api/timeline/posts/mine?limit=1").await;
    loop {
        let page = who.get(&format!("{EVENTS}?limit={limit}&cursor={cursor}")).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        found.extend(
            items.iter().filter(|event| by.iter().any(|member| event["data"]["memberId"] == member.id)).cloned(),
        );
        let next = page["nextCursor"].as_str().expect("every page has a next cursor").to_owned();
        if std::mem::replace(&mut cursor, next) == cursor {
            return found;
        }
    }
}

/// Waits for `count` events of the members `by` since `cursor` and returns their types.
pub(crate) async fn types(who: &Member, cursor: &str, by: &[&Member], count: usize) -> Vec<String> {
    let kinds = crate::support::until(async || {
        let found = since(who, cursor, 100, by).await;
        (found.len() >= count).then_some(found)
    })
    .await;
    kinds.iter().map(|event| event["type"].as_str().unwrap().trim_start_matches("dailyfeed.").to_owned()).collect()
}

/// Panics if the value is not a valid CloudEvent.
pub(crate) fn assert_valid(event: &Value) {
    let schema: Value = serde_json::from_str(include_str!("../golden/cloudevents.json")).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(event).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{event}: {}", errors.join("; "));
}

/// Causes one event of every public kind. Returns the post.
async fn cause_every_event(who: &Member, other: &Member) -> u64 {
    let post = who.post("글").await;
    who.ok(Method::PUT, &format!("/api/posts/{post}"), json!({"content": "수정"})).await;
    who.like(post).await;
    who.ok(Method::DELETE, &format!("/api/posts/{post}/like"), Value::Null).await;
    let comment = who.comment(post, None, "댓글").await;
    let path = format!("/api/comments/{comment}");
    who.ok(Method::PUT, &path, json!({"content": "수정"})).await;
    who.ok(Method::PUT, &format!("{path}/like"), Value::Null).await;
    who.ok(Method::DELETE, &format!("{path}/like"), Value::Null).await;
    who.follow(other).await;
    who.unfollow(other).await;
    who.ok(Method::PATCH, "/api/members/me", json!({"bio": "커피"})).await;
    post
}

const EVERY_TYPE: [&str; 11] = [
    "post.created",
    "post.updated",
    "post.liked",
    "post.unliked",
    "comment.created",
    "comment.updated",
    "comment.liked",
    "comment.unliked",
    "member.followed",
    "member.unfollowed",
    "member.updated",
];

#[tokio::test]
async fn public_events_are_listed_in_log_order() {
    let (reader, who, other) = (member().await, member().await, member().await);
    let from = now(&reader).await;
    cause_every_event(&who, &other).await;
    assert_eq!(types(&reader, &from, &[&who], 11).await, EVERY_TYPE);
}

#[tokio::test]
async fn every_event_is_a_cloud_event() {
    let (who, other) = (member().await, member().await);
    let from = now(&who).await;
    let post = cause_every_event(&who, &other).await;
    let events = since(&who, &from, 100, &[&who]).await;
    assert_eq!(events.len(), 11);
    events.iter().for_each(assert_valid);
    let created = &events[0];
    assert_eq!(created["id"], format!("member_activity:kafka_event:POST_CREATE###{post}###{}", who.id));
    assert_eq!((&created["source"], &created["specversion"]), (&json!("/dailyfeed"), &json!("1.0")));
    assert_eq!(
        (&created["subject"], &created["partitionkey"]),
        (&json!(format!("posts/{post}")), &json!(who.id.to_string()))
    );
    assert_eq!(created["data"], json!({"memberId": who.id, "postId": post}));
    let follow = events.iter().find(|event| event["type"] == "dailyfeed.member.followed").unwrap();
    assert_eq!(follow["data"], json!({"memberId": who.id, "targetMemberId": other.id}));
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len());
}

#[test]
fn the_validator_refuses_invalid_cloud_events() {
    let good =
        json!({"id": "1", "source": "/x", "specversion": "1.0", "type": "t", "time": "2026-01-01T00:00:00.000Z"});
    assert_valid(&good);
    for (name, bad) in [
        ("id", json!("")),
        ("source", json!("a b")),
        ("specversion", json!("2.0")),
        ("time", json!("yesterday")),
        ("partitionKey", json!("x")),
        ("extension", json!({"a": 1})),
        ("type", Value::Null),
    ] {
        let mut event = good.clone();
        event[name] = bad;
        assert!(std::panic::catch_unwind(|| assert_valid(&event)).is_err(), "{name}");
    }
}

#[tokio::test]
async fn pages_of_any_size_list_every_event_once() {
    let (who, other) = (member().await, member().await);
    let from = now(&who).await;
    cause_every_event(&who, &other).await;
    let whole = since(&who, &from, 100, &[&who]).await;
    assert_eq!(whole.len(), 11);
    for limit in [1, 3, 10] {
        assert_eq!(since(&who, &from, limit, &[&who]).await, whole, "limit {limit}");
    }
}

#[tokio::test]
async fn a_cursor_at_the_end_later_lists_new_events() {
    let who = member().await;
    let mut cursor = now(&who).await;
    for number in 0..3 {
        let post = who.post(&format!("글 {number}")).await;
        let events = since(&who, &cursor, 100, &[&who]).await;
        assert_eq!((events.len(), &events[0]["data"]["postId"]), (1, &json!(post)));
        cursor = now(&who).await;
    }
    assert_eq!(since(&who, &cursor, 100, &[&who]).await, [] as [Value; 0]);
}

#[tokio::test]
async fn without_a_cursor_the_list_starts_at_the_oldest_event() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    let post = who.post("글").await;
    let page = who.get(EVENTS).await;
    let types: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["dailyfeed.member.signedup", "dailyfeed.post.created"]);
    assert_eq!(page["items"][1]["data"]["postId"], post);
}

#[tokio::test]
async fn a_batch_is_an_array_with_a_link_to_the_next_page() {
    let who = member().await;
    let from = now(&who).await;
    let posts = [who.post("하나").await, who.post("둘").await];
    let (mut path, mut found) = (format!("{EVENTS}?limit=1&cursor={from}"), Vec::new());
    while found.len() < 2 {
        let answer = get_as(&who, &path, BATCH).await;
        assert_eq!((answer.status(), answer.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, BATCH));
        let link = answer.headers()["link"].to_str().unwrap().to_owned();
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        assert!(path.contains("limit=1&"), "{link}");
        let batch: Vec<Value> = answer.json().await.unwrap();
        assert!(batch.len() <= 1);
        batch.iter().for_each(assert_valid);
        found.extend(batch.into_iter().filter(|event| event["data"]["memberId"] == who.id));
    }
    assert_eq!(found.iter().map(|event| event["data"]["postId"].as_u64().unwrap()).collect::<Vec<_>>(), posts);
}

#[tokio::test]
async fn a_malformed_cursor_is_invalid_and_one_of_another_epoch_has_expired() {
    let who = member().await;
    let list = |cursor: &str| format!("{EVENTS}?cursor={cursor}");
    who.refused(Method::GET, &list("nonsense"), Value::Null, 400, "CURSOR_INVALID").await;
    let feed = who.get("/api/timeline/posts/mine").await["streamCursor"].as_str().unwrap().to_owned();
    who.refused(Method::GET, &list(&feed), Value::Null, 400, "CURSOR_INVALID").await;
    let server = start_server(|_| {}).await;
    let foreign = now(&server.member().await).await;
    who.refused(Method::GET, &list(&foreign), Value::Null, 400, "CURSOR_EXPIRED").await;
    let limit = format!("{EVENTS}?limit=0");
    who.refused(Method::GET, &limit, Value::Null, 422, "VALIDATION_FAILED").await;
}

#[tokio::test]
async fn the_source_is_the_public_url_if_configured() {
    let server = start_server(|config| config.http.public_url = "https://feed.example".to_owned()).await;
    let who = server.member().await;
    let page = who.get(EVENTS).await;
    assert_eq!(page["items"][0]["source"], "https://feed.example");
    assert_valid(&page["items"][0]);
}

#[tokio::test]
async fn every_representation_of_events_needs_a_token() {
    for accept in ["application/json", BATCH, "text/event-stream"] {
        let request = crate::common::client().get(format!("{}{EVENTS}", base())).header(header::ACCEPT, accept);
        problem(request.send().await.unwrap(), 401, "BEARER_TOKEN_MISSING").await;
    }
}
