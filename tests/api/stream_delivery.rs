//! Which events a live stream delivers to which member, and which cursors and tickets open it.
use crate::{
    common::{Event, Stream},
    stream::{created, next, ready},
    support::{base, ids, member, problem, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Collects all events before the post `mark`.
async fn events_until(stream: &mut Stream, mark: u64) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = next(stream).await;
        if event.name == "post.created" && event.data["id"] == mark {
            return events;
        }
        events.push(event);
    }
}

#[tokio::test]
async fn own_edits_and_deletions_arrive_in_order() {
    let who = member().await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let id = who.post("글").await;
    let path = format!("/api/posts/{id}");
    who.ok(Method::PUT, &path, json!({"content": "고친 글"})).await;
    who.delete(&path).await;
    let mark = who.post("끝").await;
    let events = events_until(&mut stream, mark).await;
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    // The stream may leave out events of a post that was deleted before they were sent, but not change their order.
    assert!(
        [
            &["post.created", "post.updated", "post.deleted"][..],
            &["post.created", "post.deleted"],
            &["post.deleted"],
            &[]
        ]
        .contains(&names.as_slice()),
        "{names:?}"
    );
    assert!(events.iter().all(|event| event.data["id"] == id));
}

#[tokio::test]
async fn edits_and_deletions_of_other_members_do_not_arrive() {
    let (who, friend, stranger) = (member().await, member().await, member().await);
    who.follow(&friend).await;
    let (theirs, strange) = (friend.post("글").await, stranger.post("글").await);
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    who.unfollow(&friend).await;
    who.get("/api/timeline/posts/followings").await;
    for (author, id) in [(&friend, theirs), (&stranger, strange)] {
        let path = format!("/api/posts/{id}");
        author.ok(Method::PUT, &path, json!({"content": "고친 글"})).await;
        author.delete(&path).await;
    }
    let mark = who.post("끝").await;
    let events = events_until(&mut stream, mark).await;
    assert!(events.is_empty(), "{events:?}");
}

#[tokio::test]
async fn a_deleted_post_is_not_replayed() {
    let (who, friend) = (member().await, member().await);
    who.follow(&friend).await;
    let mut stream = who.stream(None).await;
    let cursor = ready(&mut stream).await;
    drop(stream);
    let (deleted, kept) = (friend.post("지울 비밀").await, friend.post("남을 글").await);
    friend.delete(&format!("/api/posts/{deleted}")).await;
    let mut stream = who.stream(Some(&cursor)).await;
    ready(&mut stream).await;
    let mark = who.post("끝").await;
    let events = events_until(&mut stream, mark).await;
    assert!(events.iter().all(|event| !event.data.to_string().contains("비밀")), "{events:?}");
    assert_eq!(events.iter().filter(|event| event.data["id"] == kept && event.name == "post.created").count(), 1);
}

#[tokio::test]
async fn posts_of_a_deactivated_member_are_not_replayed() {
    let (who, friend) = (member().await, member().await);
    who.follow(&friend).await;
    let mut stream = who.stream(None).await;
    let cursor = ready(&mut stream).await;
    drop(stream);
    friend.post("떠난 사람의 글").await;
    friend.deactivate().await;
    let mut stream = who.stream(Some(&cursor)).await;
    ready(&mut stream).await;
    let mark = who.post("끝").await;
    let events = events_until(&mut stream, mark).await;
    assert!(events.iter().all(|event| !event.data.to_string().contains("떠난 사람")), "{events:?}");
}

#[tokio::test]
async fn a_stream_resumes_from_the_id_of_every_event() {
    let who = member().await;
    let mut stream = who.stream(None).await;
    let mut cursors = vec![ready(&mut stream).await];
    let mut posts = Vec::new();
    for number in 0..8 {
        posts.push(who.post(&format!("글 {number}")).await);
        let event = next(&mut stream).await;
        assert_eq!(event.data["id"], posts[number]);
        cursors.push(event.id);
    }
    for (number, cursor) in cursors.iter().enumerate() {
        let mut again = who.stream(Some(cursor)).await;
        ready(&mut again).await;
        for id in &posts[number..] {
            assert_eq!(created(&mut again).await, *id, "from cursor {number}");
        }
    }
    let mut once = cursors.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), cursors.len(), "no id twice");
}

#[tokio::test]
async fn the_stream_cursor_of_every_feed_opens_the_stream() {
    let who = member().await;
    who.post("글 #스트림").await;
    let feeds = ["posts/followings", "posts/recent", "posts/mine", "tags/스트림/posts"].map(str::to_owned);
    for feed in feeds.into_iter().chain([format!("members/{}/posts", who.id)]) {
        let page = who.get(&format!("/api/timeline/{feed}")).await;
        let post = who.post("다음 글").await;
        let mut stream = who.stream(page["streamCursor"].as_str()).await;
        ready(&mut stream).await;
        assert_eq!(created(&mut stream).await, post, "{feed}");
    }
}

#[tokio::test]
async fn the_stream_cursor_of_a_later_page_is_that_of_the_first() {
    let who = member().await;
    for number in 0..4 {
        who.post(&format!("글 {number}")).await;
    }
    let first = who.get("/api/timeline/posts/followings?limit=2").await;
    let between = who.post("사이의 글").await;
    let path = format!("/api/timeline/posts/followings?limit=2&cursor={}", first["nextCursor"].as_str().unwrap());
    let second = who.get(&path).await;
    assert!(!ids(&second).contains(&between));
    let mut stream = who.stream(second["streamCursor"].as_str()).await;
    ready(&mut stream).await;
    assert_eq!(created(&mut stream).await, between, "no page has the post, so the stream has it");
}

#[tokio::test]
async fn a_feed_cursor_does_not_resume_a_stream() {
    let who = member().await;
    who.post("하나").await;
    who.post("둘").await;
    let page = who.get("/api/timeline/posts/mine?limit=1").await;
    let path = format!("/api/timeline/stream?cursor={}", page["nextCursor"].as_str().unwrap());
    let answer = who.send(Method::GET, &path, Value::Null).await;
    match answer.status().as_u16() {
        400 => drop(problem(answer, 400, "CURSOR_INVALID").await),
        status => {
            assert_eq!(status, 200);
            let mut stream = Stream::of(answer);
            ready(&mut stream).await;
            assert_eq!(next(&mut stream).await.name, "reset");
        }
    }
}

#[tokio::test]
async fn every_device_of_a_member_gets_every_post() {
    let (who, friend) = (member().await, member().await);
    who.follow(&friend).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = who.stream(None).await;
        ready(&mut stream).await;
        streams.push(stream);
    }
    let posts = [friend.post("하나").await, who.post("둘").await];
    for stream in &mut streams {
        for post in posts {
            assert_eq!(created(stream).await, post);
        }
    }
}

#[tokio::test]
async fn one_post_reaches_every_follower() {
    let author = member().await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        let follower = member().await;
        follower.follow(&author).await;
        let mut stream = follower.stream(None).await;
        ready(&mut stream).await;
        streams.push(stream);
    }
    let post = author.post("모두에게").await;
    for stream in &mut streams {
        assert_eq!(created(stream).await, post);
    }
}

#[tokio::test]
async fn liked_is_per_viewer_on_a_stream() {
    let (who, friend) = (member().await, member().await);
    who.follow(&friend).await;
    let id = friend.post("글").await;
    who.like(id).await;
    let (mut reader, mut author) = (who.stream(None).await, friend.stream(None).await);
    ready(&mut reader).await;
    ready(&mut author).await;
    friend.ok(Method::PUT, &format!("/api/posts/{id}"), json!({"content": "고친 글"})).await;
    for (stream, liked) in [(&mut reader, true), (&mut author, false)] {
        let event = next(stream).await;
        assert_eq!((event.name.as_str(), &event.data["liked"]), ("post.updated", &json!(liked)));
        assert_eq!(event.data["likeCount"], 1);
    }
}

#[tokio::test]
async fn one_of_ten_concurrent_uses_of_a_ticket_succeeds() {
    let who = member().await;
    let ticket = who.ok(Method::POST, "/api/timeline/stream/ticket", Value::Null).await;
    let url = format!("{}/api/timeline/stream?ticket={}", base(), ticket["ticket"].as_str().unwrap());
    let client = crate::common::client();
    let answers = futures::future::join_all((0..10).map(|_| client.get(&url).send())).await;
    let opened = answers.iter().filter(|answer| answer.as_ref().unwrap().status() == 200).count();
    assert_eq!(opened, 1);
    for answer in answers.into_iter().map(Result::unwrap).filter(|answer| answer.status() != 200) {
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_ticket_needs_a_token_and_is_no_access_token() {
    let answer = crate::common::client().post(format!("{}/api/timeline/stream/ticket", base())).send().await.unwrap();
    problem(answer, 401, "BEARER_TOKEN_MISSING").await;
    let who = member().await;
    let ticket = who.ok(Method::POST, "/api/timeline/stream/ticket", Value::Null).await;
    let ticket = ticket["ticket"].as_str().unwrap();
    let me =
        crate::common::client().get(format!("{}/api/members/me", base())).bearer_auth(ticket).send().await.unwrap();
    problem(me, 401, "INVALID_TOKEN").await;
    let me = crate::common::client().get(format!("{}/api/members/me?ticket={ticket}", base())).send().await.unwrap();
    problem(me, 401, "BEARER_TOKEN_MISSING").await;
}

#[tokio::test]
async fn a_stream_by_ticket_resumes_by_header_or_query() {
    let who = member().await;
    let cursor = who.get("/api/timeline/posts/mine").await["streamCursor"].as_str().unwrap().to_owned();
    let missed = who.post("놓친 글").await;
    for by_header in [false, true] {
        let ticket = who.ok(Method::POST, "/api/timeline/stream/ticket", Value::Null).await;
        let url = format!("{}/api/timeline/stream?ticket={}", base(), ticket["ticket"].as_str().unwrap());
        let request = match by_header {
            true => crate::common::client().get(url).header("last-event-id", &cursor),
            false => crate::common::client().get(format!("{url}&cursor={cursor}")),
        };
        let mut stream = Stream::of(request.send().await.unwrap());
        ready(&mut stream).await;
        assert_eq!(created(&mut stream).await, missed);
    }
}

#[tokio::test]
async fn a_stream_sends_auth_expiring_before_its_token_expires() {
    let server = start_server(|config| config.authentication.access_token_seconds = 61).await;
    let who = server.member().await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let event = next(&mut stream).await;
    assert_eq!(event.name, "auth.expiring");
    assert!(event.data["expiresAt"].as_str().unwrap().ends_with('Z'));
    drop(stream);
    server.app.shutdown().await;
}
