//! Posts of each audience on open and resumed streams and among public events, and what is taken back: by an unfollow, a
//! withdrawn mention, a deletion.
use crate::{
    audience::{AUDIENCES, post_for, settle},
    common::{Event, Member, Stream},
    events::{now, since},
    stream::{next, ready},
    support::member,
};
use reqwest::Method;
use serde_json::{Value, json};

/// The text of a post that marks the end of a stream so far.
const END: &str = "끝";

/// Waits for the next event about a post other than its counts.
async fn next_post_event(stream: &mut Stream) -> Event {
    loop {
        let event = next(stream).await;
        if ["post.created", "post.updated", "post.deleted"].contains(&event.name.as_str()) {
            return event;
        }
    }
}

/// Returns the events about posts until the member's own new post: name, id and reason of each. Skips the new posts that
/// other members wrote for their own streams.
async fn events_until_own_post(who: &Member, stream: &mut Stream) -> Vec<(String, u64, Value)> {
    let mark = who.post(END).await;
    let mut events = Vec::new();
    loop {
        let event = next_post_event(stream).await;
        let id = event.data["id"].as_u64().unwrap();
        if id == mark {
            return events;
        }
        if event.data["content"] == END {
            continue;
        }
        events.push((event.name, id, event.data["reason"].clone()));
    }
}

fn created(post: u64) -> (String, u64, Value) {
    ("post.created".to_owned(), post, Value::Null)
}

fn updated(post: u64) -> (String, u64, Value) {
    ("post.updated".to_owned(), post, Value::Null)
}

fn taken(post: u64, reason: &str) -> (String, u64, Value) {
    ("post.deleted".to_owned(), post, json!(reason))
}

async fn open(who: &Member) -> Stream {
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    stream
}

/// Creates a post for each audience that mentions `mentioned`, in the order of `AUDIENCES`.
async fn posts(author: &Member, mentioned: &Member) -> [u64; 4] {
    let content = format!("글 @{}", mentioned.handle().await);
    let mut posts = [0; 4];
    for (post, audience) in posts.iter_mut().zip(AUDIENCES) {
        *post = post_for(author, audience, &content).await;
    }
    posts
}

#[tokio::test]
async fn a_stream_shows_the_posts_for_its_member() {
    let (author, fan, friend) = (member().await, member().await, member().await);
    for who in [&fan, &friend] {
        who.follow(&author).await;
    }
    let mut streams = [open(&author).await, open(&fan).await, open(&friend).await];
    let cursor = now_on(&fan).await;
    let posts = posts(&author, &friend).await;
    let all = posts.map(created);
    let expected = [vec![0, 1, 2, 3], vec![0, 1], vec![0, 1, 2]]
        .map(|seen| seen.into_iter().map(|at: usize| all[at].clone()).collect::<Vec<_>>());
    for ((who, stream), expected) in [&author, &fan, &friend].into_iter().zip(&mut streams).zip(&expected) {
        assert_eq!(events_until_own_post(who, stream).await, *expected);
    }
    let mut resumed = fan.stream(Some(&cursor)).await;
    ready(&mut resumed).await;
    let first = [next_post_event(&mut resumed).await, next_post_event(&mut resumed).await];
    assert_eq!(first.map(|event| event.data["id"].as_u64().unwrap()), [posts[0], posts[1]]);
}

/// Returns the cursor of a stream that is opened now.
async fn now_on(who: &Member) -> String {
    let mut stream = who.stream(None).await;
    ready(&mut stream).await
}

#[tokio::test]
async fn an_unfollow_takes_back_what_was_for_followers() {
    let (author, fan) = (member().await, member().await);
    fan.follow(&author).await;
    let cursor = now_on(&fan).await;
    let mut stream = open(&fan).await;
    let posts = posts(&author, &fan).await;
    assert_eq!(
        events_until_own_post(&fan, &mut stream).await,
        [created(posts[0]), created(posts[1]), created(posts[2])]
    );
    fan.unfollow(&author).await;
    // The public post and the one that mentions the member stay visible.
    assert_eq!(events_until_own_post(&fan, &mut stream).await, [taken(posts[1], "hidden")]);
    let mut resumed = fan.stream(Some(&cursor)).await;
    ready(&mut resumed).await;
    let own = next_post_event(&mut resumed).await;
    assert_eq!(own.name, "post.created");
    let event = next_post_event(&mut resumed).await;
    assert_eq!((event.name.as_str(), &event.data["id"]), ("post.deleted", &json!(posts[1])));
}

#[tokio::test]
async fn a_removed_follower_and_a_closed_author_take_back_everything() {
    let (author, fan) = (member().await, member().await);
    fan.follow(&author).await;
    let mut stream = open(&fan).await;
    let posts = posts(&author, &fan).await;
    events_until_own_post(&fan, &mut stream).await;
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    assert_eq!(events_until_own_post(&fan, &mut stream).await, [], "a follower sees as much as before");
    author.delete(&format!("/api/members/me/followers/{}", fan.id)).await;
    let taken_back = events_until_own_post(&fan, &mut stream).await;
    assert_eq!(taken_back, [2, 1, 0].map(|at: usize| taken(posts[at], "hidden")));
}

#[tokio::test]
async fn a_mute_takes_back_only_what_was_visible() {
    let (author, stranger) = (member().await, member().await);
    let mut stream = open(&stranger).await;
    let posts = posts(&author, &author).await;
    stranger.ok(Method::PUT, &format!("/api/members/{}/mute", author.id), Value::Null).await;
    assert_eq!(events_until_own_post(&stranger, &mut stream).await, [taken(posts[0], "hidden")]);
}

#[tokio::test]
async fn an_edit_takes_the_post_from_the_unmentioned_and_brings_it_to_the_mentioned() {
    let (author, one, other, fan) = (member().await, member().await, member().await, member().await);
    for who in [&one, &other, &fan] {
        who.follow(&author).await;
    }
    let cursors = [now_on(&one).await, now_on(&other).await];
    let mut streams = [open(&one).await, open(&other).await, open(&fan).await];
    let (to_one, to_other) = (format!("@{} 글", one.handle().await), format!("@{} 글", other.handle().await));
    let post = post_for(&author, "mentioned", &to_one).await;
    let content = |text: &str| json!({"content": text});
    let edit = async |text: &str| author.ok(Method::PUT, &format!("/api/posts/{post}"), content(text)).await;
    for ((who, stream), expected) in
        [&one, &other, &fan].into_iter().zip(&mut streams).zip([vec![created(post)], vec![], vec![]])
    {
        assert_eq!(events_until_own_post(who, stream).await, expected);
    }
    edit(&to_other).await;
    for ((who, stream), expected) in [&one, &other, &fan].into_iter().zip(&mut streams).zip([
        vec![taken(post, "hidden")],
        vec![updated(post)],
        vec![],
    ]) {
        assert_eq!(events_until_own_post(who, stream).await, expected);
    }
    for (who, (cursor, expected)) in
        [&one, &other].into_iter().zip(cursors.iter().zip(["post.deleted", "post.created"]))
    {
        let mut resumed = who.stream(Some(cursor)).await;
        ready(&mut resumed).await;
        let event = loop {
            let event = next_post_event(&mut resumed).await;
            if event.data["id"] == post {
                break event;
            }
        };
        assert_eq!(event.name, expected);
    }
    author.delete(&format!("/api/posts/{post}")).await;
    for ((who, stream), expected) in
        [&one, &other, &fan].into_iter().zip(&mut streams).zip([vec![], vec![taken(post, "deleted")], vec![]])
    {
        assert_eq!(events_until_own_post(who, stream).await, expected);
    }
}

#[tokio::test]
async fn a_deletion_is_reported_to_those_who_saw_the_post() {
    let (author, fan, friend) = (member().await, member().await, member().await);
    for who in [&fan, &friend] {
        who.follow(&author).await;
    }
    let mut streams = [open(&author).await, open(&fan).await, open(&friend).await];
    let posts = posts(&author, &friend).await;
    for (who, stream) in [&author, &fan, &friend].into_iter().zip(&mut streams) {
        events_until_own_post(who, stream).await;
    }
    for post in posts {
        author.delete(&format!("/api/posts/{post}")).await;
    }
    let expected = [vec![0, 1, 2, 3], vec![0, 1], vec![0, 1, 2]];
    for ((who, stream), expected) in [&author, &fan, &friend].into_iter().zip(&mut streams).zip(expected) {
        let expected: Vec<_> = expected.into_iter().map(|at: usize| taken(posts[at], "deleted")).collect();
        assert_eq!(events_until_own_post(who, stream).await, expected);
    }
}

#[tokio::test]
async fn public_events_are_those_of_visible_posts() {
    let (author, stranger, fan, friend) = (member().await, member().await, member().await, member().await);
    fan.follow(&author).await;
    let from = now(&stranger).await;
    let posts = posts(&author, &friend).await;
    for post in posts {
        author.like(post).await;
        author.comment(post, None, "댓글").await;
    }
    let rows: [(&Member, &[usize]); 4] =
        [(&author, &[0, 1, 2, 3]), (&stranger, &[0]), (&fan, &[0, 1]), (&friend, &[0, 2])];
    let seen = async |who: &Member| {
        settle(who).await;
        let events = since(who, &from, 100, &[&author]).await;
        let of = |post: u64| {
            let about = events.iter().filter(|event| event["data"]["postId"] == post);
            about.map(|event| event["type"].as_str().unwrap().trim_start_matches("dailyfeed.").to_owned()).collect()
        };
        posts.map(of)
    };
    for (who, visible) in rows {
        for (at, types) in seen(who).await.into_iter().enumerate() {
            let types: Vec<String> = types;
            let expected: &[&str] =
                if visible.contains(&at) { &["post.created", "post.liked", "comment.created"] } else { &[] };
            assert_eq!(types, expected, "{}", AUDIENCES[at]);
        }
    }
    for post in posts {
        author.delete(&format!("/api/posts/{post}")).await;
    }
    for (who, visible) in rows {
        for (at, types) in seen(who).await.into_iter().enumerate() {
            let types: Vec<String> = types;
            let expected: &[&str] = if visible.contains(&at) { &["post.deleted"] } else { &[] };
            assert_eq!(types, expected, "{}", AUDIENCES[at]);
        }
    }
}

/// Waits for the next notification or retraction: name, type and id.
async fn next_notification(stream: &mut Stream) -> (String, Value, u64) {
    loop {
        let event = next(stream).await;
        if event.name.starts_with("notification") {
            return (event.name, event.data["type"].clone(), event.data["id"].as_u64().unwrap());
        }
    }
}

#[tokio::test]
async fn notifications_go_with_the_post_that_they_are_about() {
    let (author, fan) = (member().await, member().await);
    fan.follow(&author).await;
    let mut stream = open(&fan).await;
    let to_fan = format!("@{} 글", fan.handle().await);
    for (audience, reason) in [("followers", "unfollow"), ("mentioned", "edit")] {
        let post = post_for(&author, audience, &to_fan).await;
        let (_, kind, mention) = next_notification(&mut stream).await;
        assert_eq!(kind, "MENTION");
        let comment = fan.comment(post, None, "댓글").await;
        author.ok(Method::PUT, &format!("/api/comments/{comment}/like"), Value::Null).await;
        let (_, kind, like) = next_notification(&mut stream).await;
        assert_eq!(kind, "LIKE_COMMENT");
        if reason == "unfollow" {
            fan.unfollow(&author).await;
        } else {
            author.ok(Method::PUT, &format!("/api/posts/{post}"), json!({"content": "아무도 아님"})).await;
        }
        let mut retracted = Vec::new();
        for _ in 0..2 {
            let (name, _, id) = next_notification(&mut stream).await;
            assert_eq!(name, "notification.retracted", "{reason}");
            retracted.push(id);
        }
        retracted.sort_unstable();
        assert_eq!(retracted, [mention, like], "{reason}");
        fan.follow(&author).await;
    }
}
