//! HEAD requests: the same headers as GET, without views, streams or used tickets.
use crate::{
    common::Stream,
    image_fixtures::jpeg,
    stream::{next, ready},
    support::{eventually, member, start_server},
};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn a_head_counts_no_view() {
    let (who, header_only, reader) = (member().await, member().await, member().await);
    let path = format!("/api/posts/{}", who.post("글").await);
    for _ in 0..3 {
        assert_eq!(header_only.send(Method::HEAD, &path, Value::Null).await.status(), 200);
    }
    reader.get(&path).await;
    let post = eventually(&who, &path, |post| post["viewCount"].as_u64() > Some(0)).await;
    assert_eq!(post["viewCount"], 1, "only the reader's view counts");
    header_only.get(&path).await;
    eventually(&who, &path, |post| post["viewCount"] == 2).await;
}

#[tokio::test]
async fn a_head_has_the_headers_of_a_get() {
    let who = member().await;
    let post = who.post("글").await;
    let comment = who.comment(post, None, "댓글").await;
    for path in [
        format!("/api/posts/{post}"),
        format!("/api/comments/{comment}"),
        "/api/members/me".to_owned(),
        "/api/timeline/posts/mine".to_owned(),
        "/api/nothing".to_owned(),
        "/api/openapi.json".to_owned(),
        "/api/docs/".to_owned(),
    ] {
        let head = who.send(Method::HEAD, &path, Value::Null).await;
        let get = who.send(Method::GET, &path, Value::Null).await;
        assert_eq!(head.status(), get.status(), "{path}");
        for name in ["content-type", "etag", "cache-control", "content-length"] {
            assert_eq!(head.headers().get(name), get.headers().get(name), "{name} of {path}");
        }
        assert!(head.bytes().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_head_of_a_stream_opens_no_stream() {
    let server = start_server(|config| config.stream.per_member_max = 1).await;
    let who = server.member().await;
    let open = who.stream(None).await;
    for path in ["/api/timeline/stream", "/api/events"] {
        let request = who.request(Method::HEAD, path).header("accept", "text/event-stream");
        let head = request.send().await.unwrap();
        assert_eq!(
            (head.status().as_u16(), &head.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        assert_eq!(head.headers()["cache-control"], "no-store");
    }
    drop(open);
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_head_does_not_use_a_ticket() {
    let who = member().await;
    let ticket = who.ok(Method::POST, "/api/timeline/stream/ticket", Value::Null).await["ticket"].clone();
    let url = format!("{}/api/timeline/stream?ticket={}", who.base, ticket.as_str().unwrap());
    let client = crate::common::client();
    assert_eq!(client.head(&url).send().await.unwrap().status(), 200);
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    ready(&mut Stream::of(answer)).await;
}

#[tokio::test]
async fn a_head_needs_a_token() {
    let who = member().await;
    let post = who.post("글").await;
    for path in
        [format!("/api/posts/{post}"), "/api/timeline/stream".to_owned(), "/api/timeline/stream?ticket=x".to_owned()]
    {
        let answer = crate::common::client().head(format!("{}{path}", who.base)).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
}

/// A stream sends counts of the posts that its member was shown. A HEAD counts as showing no post.
#[tokio::test]
async fn a_head_of_a_feed_does_not_subscribe_to_counts() {
    let server = start_server(|_| {}).await;
    let (who, author, fan) = (server.member().await, server.member().await, server.member().await);
    let (passed, read) = (author.post("하나").await, author.post("둘").await);
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    for path in ["/api/timeline/posts/recent".to_owned(), format!("/api/posts/{passed}")] {
        assert_eq!(who.send(Method::HEAD, &path, Value::Null).await.status(), 200);
    }
    who.get(&format!("/api/posts/{read}")).await;
    fan.like(passed).await;
    fan.like(read).await;
    loop {
        let event = next(&mut stream).await;
        if event.name == "post.counts" {
            assert_eq!(event.data["id"], read);
            if event.data["likeCount"] == 1 {
                break;
            }
        }
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_head_of_an_image_has_length_and_range() {
    let who = member().await;
    let image = who.image("post", &jpeg(300, 200)).await;
    let url = format!("{}{}", who.base, image["url"].as_str().unwrap());
    let whole = crate::common::client().get(&url).send().await.unwrap().bytes().await.unwrap().len();
    let head = crate::common::client().head(&url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], whole.to_string().as_str());
    let part = crate::common::client().head(&url).header("range", "bytes=0-9").send().await.unwrap();
    assert_eq!((part.status().as_u16(), &part.headers()["content-length"]), (206, &"10".parse().unwrap()));
    assert!(part.headers()["content-range"].to_str().unwrap().starts_with("bytes 0-9/"));
}
