//! Retractions of posts that become hidden from a stream's member, and `post.counts` events.
use crate::{
    audience::post_for,
    common::{Event, Member, Stream, TIMEOUT},
    stream::{next, ready},
    support::member,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Signs up a follower with an open stream that has delivered a post of the author.
async fn with_delivered_post() -> (Member, Member, u64, Stream) {
    let (who, author) = (member().await, member().await);
    who.follow(&author).await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let post = author.post("보이는 글").await;
    assert_eq!(created(&next(&mut stream).await), post);
    (who, author, post, stream)
}

/// Waits for the next event other than `post.counts`, and `top3.changed`, which other tests on the shared server cause.
async fn next_except_counts(stream: &mut Stream) -> Event {
    loop {
        let event = next(stream).await;
        if event.name != "post.counts" && event.name != "top3.changed" {
            return event;
        }
    }
}

/// Asserts that an event is a new post. Returns its id.
fn created(event: &Event) -> u64 {
    assert_eq!(event.name, "post.created", "{event:?}");
    event.data["id"].as_u64().unwrap()
}

/// Asserts that an event is the retraction of a hidden post. Returns its id.
fn hidden(event: &Event) -> u64 {
    assert_eq!((event.name.as_str(), &event.data["reason"]), ("post.deleted", &"hidden".into()), "{event:?}");
    event.data["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_block_by_either_member_retracts_posts() {
    let (who, author, post, mut stream) = with_delivered_post().await;
    who.block(&author).await;
    assert_eq!(hidden(&next_except_counts(&mut stream).await), post);
    let (who, author, post, mut stream) = with_delivered_post().await;
    author.block(&who).await;
    assert_eq!(hidden(&next_except_counts(&mut stream).await), post);
    author.post("안 보이는 글").await;
    let mine = who.post("내 글").await;
    assert_eq!(created(&next_except_counts(&mut stream).await), mine);
}

#[tokio::test]
async fn a_mute_retracts_posts() {
    let (who, author, post, mut stream) = with_delivered_post().await;
    who.ok(Method::PUT, &format!("/api/members/{}/mute", author.id), Value::Null).await;
    assert_eq!(hidden(&next_except_counts(&mut stream).await), post);
    author.post("안 들리는 글").await;
    let mine = who.post("내 글").await;
    assert_eq!(created(&next_except_counts(&mut stream).await), mine);
}

#[tokio::test]
async fn a_deactivation_retracts_posts() {
    let (_who, author, post, mut stream) = with_delivered_post().await;
    author.deactivate().await;
    assert_eq!(hidden(&next_except_counts(&mut stream).await), post);
}

#[tokio::test]
async fn private_posts_are_retracted_and_followers_only_posts_are_not() {
    let (_who, author, post, mut stream) = with_delivered_post().await;
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    let next_post = author.post("팔로워에게").await;
    assert_eq!(created(&next_except_counts(&mut stream).await), next_post);
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
    let mut retracted =
        [hidden(&next_except_counts(&mut stream).await), hidden(&next_except_counts(&mut stream).await)];
    retracted.sort_unstable();
    assert_eq!(retracted, [post, next_post]);
}

#[tokio::test]
async fn removing_a_follower_retracts_followers_only_posts() {
    let (who, author, post, mut stream) = with_delivered_post().await;
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    author.delete(&format!("/api/members/me/followers/{}", who.id)).await;
    assert_eq!(hidden(&next_except_counts(&mut stream).await), post);
}

#[tokio::test]
async fn an_unfollow_of_a_public_author_retracts_nothing() {
    let (who, author, _post, mut stream) = with_delivered_post().await;
    who.unfollow(&author).await;
    author.post("더는 안 보이는 글").await;
    let mine = who.post("내 글").await;
    assert_eq!(created(&next_except_counts(&mut stream).await), mine);
}

#[tokio::test]
async fn an_unfollow_finds_followers_only_posts_below_many_public_ones() {
    let (who, author) = (member().await, member().await);
    who.follow(&author).await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let post = post_for(&author, "followers", "팔로워에게").await;
    for number in 0..110 {
        author.post(&format!("글 {number}")).await;
    }
    for _ in 0..111 {
        created(&next_except_counts(&mut stream).await);
    }
    who.unfollow(&author).await;
    assert_eq!(hidden(&next_except_counts(&mut stream).await), post);
    let mine = who.post("내 글").await;
    assert_eq!(created(&next_except_counts(&mut stream).await), mine);
}

#[tokio::test]
async fn a_withdrawn_mention_reveals_no_post_to_a_stranger_of_a_closed_author() {
    let (who, author) = (member().await, member().await);
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let text = format!("@{} 글", who.handle().await);
    let (edited, deleted) = (post_for(&author, "mentioned", &text).await, post_for(&author, "mentioned", &text).await);
    author.ok(Method::PUT, &format!("/api/posts/{edited}"), json!({"content": "글"})).await;
    author.delete(&format!("/api/posts/{deleted}")).await;
    let mine = who.post("내 글").await;
    loop {
        let event = next_except_counts(&mut stream).await;
        if event.name.starts_with("post.") {
            assert_eq!(created(&event), mine);
            return;
        }
    }
}

#[tokio::test]
async fn posts_hidden_while_disconnected_are_retracted_after_the_resumption() {
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
    assert_eq!(hidden(&next_except_counts(&mut stream).await), post);
    assert_eq!(created(&next_except_counts(&mut stream).await), mine);
}

#[tokio::test]
async fn a_stream_resumed_after_a_retraction_does_not_repeat_it() {
    let (who, author, post, mut stream) = with_delivered_post().await;
    who.block(&author).await;
    let last = next_except_counts(&mut stream).await;
    assert_eq!(hidden(&last), post);
    drop(stream);
    let mine = who.post("내 글").await;
    let mut stream = who.stream(Some(&last.id)).await;
    ready(&mut stream).await;
    assert_eq!(created(&next_except_counts(&mut stream).await), mine);
}

/// Waits for the counts event of a post with these likes and comments; skips others.
async fn counts(stream: &mut Stream, post: u64, wanted: (u64, u64)) -> Event {
    let look = async {
        loop {
            let event = next(stream).await;
            let data = &event.data;
            let got = (data["likeCount"].as_u64(), data["commentCount"].as_u64());
            if event.name == "post.counts" && data["id"] == post && got == (Some(wanted.0), Some(wanted.1)) {
                return event;
            }
        }
    };
    tokio::time::timeout(TIMEOUT, look).await.expect("the counts arrive")
}

#[tokio::test]
async fn counts_of_a_delivered_post_arrive() {
    let (who, author, post, mut stream) = with_delivered_post().await;
    who.like(post).await;
    counts(&mut stream, post, (1, 0)).await;
    author.comment(post, None, "댓글").await;
    let event = counts(&mut stream, post, (1, 1)).await;
    assert!(event.data["viewCount"].is_u64());
}

#[tokio::test]
async fn counts_of_a_post_of_the_feed_page_arrive() {
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
async fn counts_of_other_posts_arrive_once_they_were_read() {
    let (who, stranger) = (member().await, member().await);
    let (read, unread) = (stranger.post("본 글").await, stranger.post("안 본 글").await);
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    who.get(&format!("/api/posts/{read}")).await;
    for post in [unread, read] {
        stranger.like(post).await;
    }
    loop {
        let event = next(&mut stream).await;
        assert_eq!((event.name.as_str(), &event.data["id"]), ("post.counts", &read.into()));
        if event.data["likeCount"] == 1 {
            break;
        }
    }
}

#[tokio::test]
async fn counts_of_a_post_arrive_at_most_once_a_second() {
    let (who, author, post, mut stream) = with_delivered_post().await;
    let path = format!("/api/posts/{post}/like");
    let begun = std::time::Instant::now();
    for _ in 0..30 {
        author.ok(Method::PUT, &path, Value::Null).await;
        author.ok(Method::DELETE, &path, Value::Null).await;
    }
    who.like(post).await;
    let mut events = 0;
    loop {
        let event = next(&mut stream).await;
        events += 1;
        if event.data["likeCount"] == 1 && who.get(&format!("/api/posts/{post}")).await["likeCount"] == 1 {
            break;
        }
    }
    let seconds = begun.elapsed().as_secs() + 2;
    assert!(events <= seconds, "{events} in {seconds} s");
}

#[tokio::test]
async fn counts_exclude_blocked_members() {
    let (who, author, post, mut stream) = with_delivered_post().await;
    let other = member().await;
    who.block(&other).await;
    other.like(post).await;
    author.like(post).await;
    counts(&mut stream, post, (1, 0)).await;
}
