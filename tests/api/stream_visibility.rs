//! What a stream takes back when its member may not see it any more, and what it tells of counts.
use crate::{
    common::{Event, Member, PATIENCE, Stream},
    stream::{next, ready},
    support::member,
};
use reqwest::Method;
use serde_json::{Value, json};

/// A follower with an open stream that has shown a post of the author.
async fn watching() -> (Member, Member, u64, Stream) {
    let (who, author) = (member().await, member().await);
    who.follow(&author).await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let post = author.post("보이는 글").await;
    assert_eq!(created(&next(&mut stream).await), post);
    (who, author, post, stream)
}

/// The next event that is not about counts.
async fn beside_counts(stream: &mut Stream) -> Event {
    loop {
        let event = next(stream).await;
        if event.name != "post.counts" {
            return event;
        }
    }
}

fn created(event: &Event) -> u64 {
    assert_eq!(event.name, "post.created", "{event:?}");
    event.data["id"].as_u64().unwrap()
}

fn hidden(event: &Event) -> u64 {
    assert_eq!((event.name.as_str(), &event.data["reason"]), ("post.deleted", &"hidden".into()), "{event:?}");
    event.data["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_block_takes_back_what_was_shown_whoever_blocks() {
    let (who, author, post, mut stream) = watching().await;
    who.block(&author).await;
    assert_eq!(hidden(&beside_counts(&mut stream).await), post);
    let (who, author, post, mut stream) = watching().await;
    author.block(&who).await;
    assert_eq!(hidden(&beside_counts(&mut stream).await), post);
    author.post("안 보이는 글").await;
    let mine = who.post("내 글").await;
    assert_eq!(created(&beside_counts(&mut stream).await), mine);
}

#[tokio::test]
async fn a_mute_takes_back_what_was_shown() {
    let (who, author, post, mut stream) = watching().await;
    who.ok(Method::PUT, &format!("/api/members/{}/mute", author.id), Value::Null).await;
    assert_eq!(hidden(&beside_counts(&mut stream).await), post);
    author.post("안 들리는 글").await;
    let mine = who.post("내 글").await;
    assert_eq!(created(&beside_counts(&mut stream).await), mine);
}

#[tokio::test]
async fn an_author_who_leaves_takes_everything_along() {
    let (_who, author, post, mut stream) = watching().await;
    author.leave().await;
    assert_eq!(hidden(&beside_counts(&mut stream).await), post);
}

#[tokio::test]
async fn posts_that_become_private_are_taken_back_and_those_for_followers_are_not() {
    let (_who, author, post, mut stream) = watching().await;
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    let next_post = author.post("팔로워에게").await;
    assert_eq!(created(&beside_counts(&mut stream).await), next_post);
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
    let mut gone = [hidden(&beside_counts(&mut stream).await), hidden(&beside_counts(&mut stream).await)];
    gone.sort_unstable();
    assert_eq!(gone, [post, next_post]);
}

#[tokio::test]
async fn a_follower_who_is_removed_loses_what_was_for_followers() {
    let (who, author, post, mut stream) = watching().await;
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    author.delete(&format!("/api/members/me/followers/{}", who.id)).await;
    assert_eq!(hidden(&beside_counts(&mut stream).await), post);
}

#[tokio::test]
async fn an_unfollow_of_an_open_author_takes_nothing_back() {
    let (who, author, _post, mut stream) = watching().await;
    who.unfollow(&author).await;
    author.post("더는 안 보이는 글").await;
    let mine = who.post("내 글").await;
    assert_eq!(created(&beside_counts(&mut stream).await), mine);
}

#[tokio::test]
async fn what_was_hidden_while_the_line_was_cut_is_taken_back_on_return() {
    let (who, author) = (member().await, member().await);
    who.follow(&author).await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let post = author.post("보이는 글").await;
    let shown = next(&mut stream).await;
    assert_eq!(created(&shown), post);
    drop(stream);
    who.block(&author).await;
    let mine = who.post("내 글").await;
    let mut stream = who.stream(Some(&shown.id)).await;
    ready(&mut stream).await;
    assert_eq!(hidden(&beside_counts(&mut stream).await), post);
    assert_eq!(created(&beside_counts(&mut stream).await), mine);
}

#[tokio::test]
async fn a_resumed_stream_after_the_last_of_it_does_not_repeat_it() {
    let (who, author, post, mut stream) = watching().await;
    who.block(&author).await;
    let last = beside_counts(&mut stream).await;
    assert_eq!(hidden(&last), post);
    drop(stream);
    let mine = who.post("내 글").await;
    let mut stream = who.stream(Some(&last.id)).await;
    ready(&mut stream).await;
    assert_eq!(created(&beside_counts(&mut stream).await), mine);
}

/// The next counts of a post that are as expected; others may come before.
async fn counts(stream: &mut Stream, post: u64, wanted: (u64, u64)) -> Event {
    let look = async {
        loop {
            let event = next(stream).await;
            let data = &event.data;
            let told = (data["likeCount"].as_u64(), data["commentCount"].as_u64());
            if event.name == "post.counts" && data["id"] == post && told == (Some(wanted.0), Some(wanted.1)) {
                return event;
            }
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("the counts come")
}

#[tokio::test]
async fn counts_of_a_post_that_was_shown_are_told() {
    let (who, author, post, mut stream) = watching().await;
    who.like(post).await;
    counts(&mut stream, post, (1, 0)).await;
    author.comment(post, None, "댓글").await;
    let told = counts(&mut stream, post, (1, 1)).await;
    assert!(told.data["viewCount"].is_u64());
}

#[tokio::test]
async fn counts_of_what_stood_in_the_feed_already_are_told() {
    let (who, author) = (member().await, member().await);
    who.follow(&author).await;
    let post = author.post("먼저 쓴 글").await;
    let page = who.get("/api/timeline/posts/followings").await;
    let mut stream = who.stream(page["streamCursor"].as_str()).await;
    ready(&mut stream).await;
    author.like(post).await;
    counts(&mut stream, post, (1, 0)).await;
}

#[tokio::test]
async fn counts_of_a_strangers_post_are_told_once_it_was_looked_at() {
    let (who, stranger) = (member().await, member().await);
    let (looked_at, unseen) = (stranger.post("본 글").await, stranger.post("안 본 글").await);
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    who.get(&format!("/api/posts/{looked_at}")).await;
    for post in [unseen, looked_at] {
        stranger.like(post).await;
    }
    loop {
        let event = next(&mut stream).await;
        assert_eq!((event.name.as_str(), &event.data["id"]), ("post.counts", &looked_at.into()));
        if event.data["likeCount"] == 1 {
            break;
        }
    }
}

#[tokio::test]
async fn a_post_that_everybody_likes_is_told_of_once_a_second() {
    let (who, author, post, mut stream) = watching().await;
    let path = format!("/api/posts/{post}/like");
    let begun = std::time::Instant::now();
    for _ in 0..30 {
        author.ok(Method::PUT, &path, Value::Null).await;
        author.ok(Method::DELETE, &path, Value::Null).await;
    }
    who.like(post).await;
    let mut told = 0;
    loop {
        let event = next(&mut stream).await;
        told += 1;
        if event.data["likeCount"] == 1 && who.get(&format!("/api/posts/{post}")).await["likeCount"] == 1 {
            break;
        }
    }
    let seconds = begun.elapsed().as_secs() + 2;
    assert!(told <= seconds, "{told} in {seconds} s");
}

#[tokio::test]
async fn counts_leave_out_those_who_are_blocked() {
    let (who, author, post, mut stream) = watching().await;
    let other = member().await;
    who.block(&other).await;
    other.like(post).await;
    author.like(post).await;
    counts(&mut stream, post, (1, 0)).await;
}
