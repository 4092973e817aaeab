//! Paging while posts, follows and likes change: pages repeat and skip nothing, and hidden items disappear at once.
use crate::{
    common::Member,
    support::{eventually, ids, member, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};

const HOME: &str = "/api/timeline/posts/followings";

/// Signs up a reader who follows an author with `count` posts. Returns both and the posts, newest first.
async fn author_with_posts(count: usize) -> (Member, Member, Vec<u64>) {
    let (who, friend) = (member().await, member().await);
    who.follow(&friend).await;
    let mut posts = Vec::new();
    for number in 0..count {
        posts.insert(0, friend.post(&format!("글 {number}")).await);
    }
    if let Some(post) = posts.first() {
        wait_until_newest(&who, *post).await;
    }
    (who, friend, posts)
}

/// Waits until a reader's home feed has another member's post: only the author reads own writes at once.
async fn wait_until_newest(who: &Member, post: u64) {
    eventually(who, &format!("{HOME}?limit=1"), |page| ids(page) == [post]).await;
}

/// Reads the first page, makes a change, and reads the remaining pages.
async fn page_around(who: &Member, path: &str, limit: usize, change: impl AsyncFnOnce()) -> (Vec<u64>, Vec<u64>) {
    let first = who.get(&format!("{path}?limit={limit}")).await;
    change().await;
    let (mut rest, mut cursor) = (Vec::new(), first["nextCursor"].as_str().map(str::to_owned));
    while let Some(next) = cursor {
        let page = who.get(&format!("{path}?limit={limit}&cursor={next}")).await;
        rest.extend(ids(&page));
        cursor = page["nextCursor"].as_str().map(str::to_owned);
    }
    (ids(&first), rest)
}

#[tokio::test]
async fn deleting_the_post_at_the_cursor_shifts_nothing() {
    let (who, friend, posts) = author_with_posts(6).await;
    let delete = async || friend.delete(&format!("/api/posts/{}", posts[1])).await;
    let (first, rest) = page_around(&who, HOME, 2, delete).await;
    assert_eq!((first, rest), (posts[..2].to_vec(), posts[2..].to_vec()));
}

#[tokio::test]
async fn a_post_deleted_between_pages_is_on_no_later_page() {
    let (who, friend, posts) = author_with_posts(6).await;
    let delete = async || friend.delete(&format!("/api/posts/{}", posts[3])).await;
    let (_, rest) = page_around(&who, HOME, 2, delete).await;
    assert_eq!(rest, [posts[2], posts[4], posts[5]]);
}

#[tokio::test]
async fn a_page_of_deleted_posts_does_not_end_the_feed() {
    let (who, friend, posts) = author_with_posts(9).await;
    let delete = async || {
        for id in &posts[2..8] {
            friend.delete(&format!("/api/posts/{id}")).await;
        }
    };
    let (_, rest) = page_around(&who, HOME, 2, delete).await;
    assert_eq!(rest, [posts[8]]);
}

#[tokio::test]
async fn an_author_unfollowed_between_pages_is_on_no_later_page() {
    let (who, friend, _) = author_with_posts(6).await;
    let mine = who.post("내 글").await;
    wait_until_newest(&who, friend.post("나중 글").await).await;
    let (first, rest) = page_around(&who, HOME, 1, async || who.unfollow(&friend).await).await;
    assert_eq!(first.len(), 1);
    assert_eq!(rest, [mine]);
}

#[tokio::test]
async fn an_author_deactivated_between_pages_is_on_no_later_page() {
    let (who, friend, _) = author_with_posts(4).await;
    let (_, rest) = page_around(&who, HOME, 2, async || friend.deactivate().await).await;
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn an_author_followed_between_pages_repeats_nothing() {
    let (who, _, posts) = author_with_posts(4).await;
    let late = member().await;
    let theirs = late.post("글").await;
    let (first, rest) = page_around(&who, HOME, 2, async || who.follow(&late).await).await;
    let mut listed = [first, rest].concat();
    listed.retain(|id| *id != theirs);
    assert_eq!(listed, posts);
    assert!(ids(&who.get(HOME).await).contains(&theirs));
}

#[tokio::test]
async fn likes_and_edits_between_pages_shift_nothing() {
    let (who, friend, posts) = author_with_posts(6).await;
    let change = async || {
        for id in &posts {
            who.like(*id).await;
            friend.ok(Method::PUT, &format!("/api/posts/{id}"), json!({"content": "고친 글"})).await;
        }
    };
    let (first, rest) = page_around(&who, HOME, 2, change).await;
    assert_eq!([first, rest].concat(), posts);
}

#[tokio::test]
async fn comments_deleted_between_pages_shift_nothing() {
    let who = member().await;
    let post = who.post("글").await;
    let mut comments = Vec::new();
    for number in 0..6 {
        comments.push(who.comment(post, None, &format!("댓글 {number}")).await);
    }
    let path = format!("/api/posts/{post}/comments");
    let change = async || {
        who.delete(&format!("/api/comments/{}", comments[0])).await;
        who.delete(&format!("/api/comments/{}", comments[1])).await;
    };
    let (first, rest) = page_around(&who, &path, 2, change).await;
    assert_eq!([first, rest].concat(), comments);
}

#[tokio::test]
async fn unfollows_between_pages_shift_nothing() {
    let who = member().await;
    let mut followers = Vec::new();
    for _ in 0..6 {
        let other = member().await;
        other.follow(&who).await;
        followers.insert(0, other);
    }
    let path = format!("/api/members/{}/followers", who.id);
    let (_, rest) = page_around(&who, &path, 2, async || followers[0].unfollow(&who).await).await;
    assert_eq!(rest, followers[2..].iter().map(|other| other.id).collect::<Vec<_>>());
}

#[tokio::test]
async fn unlikes_between_pages_shift_nothing() {
    let who = member().await;
    let post = who.post("글").await;
    let mut fans = Vec::new();
    for _ in 0..5 {
        let fan = member().await;
        fan.like(post).await;
        fans.insert(0, fan);
    }
    let path = format!("/api/posts/{post}/likes");
    let unlike = async || drop(fans[1].ok(Method::DELETE, &format!("/api/posts/{post}/like"), Value::Null).await);
    let (_, rest) = page_around(&who, &path, 2, unlike).await;
    assert_eq!(rest, fans[2..].iter().map(|fan| fan.id).collect::<Vec<_>>());
}

#[tokio::test]
async fn cursors_stay_valid_after_a_restart() {
    let first = start_server(|_| {}).await;
    let (mut who, friend) = (first.member().await, first.member().await);
    who.follow(&friend).await;
    let mut posts = Vec::new();
    for number in 0..6 {
        posts.insert(0, [&who, &friend][number % 2].post(&format!("글 {number}")).await);
    }
    let page = who.get(&format!("{HOME}?limit=2")).await;
    let cursor = page["nextCursor"].as_str().unwrap();
    let second = first.restart(async |_| {}).await;
    who.base.clone_from(&second.base);
    let rest = who.get(&format!("{HOME}?cursor={cursor}")).await;
    assert_eq!([ids(&page), ids(&rest)].concat(), posts);
    let mut stream = who.stream(page["streamCursor"].as_str()).await;
    crate::stream::ready(&mut stream).await;
    let newest = who.post("다시 시작한 뒤의 글").await;
    assert_eq!(crate::stream::created(&mut stream).await, newest);
    drop(stream);
    second.app.shutdown().await;
}

#[tokio::test]
async fn the_author_reads_own_writes_at_once() {
    let (who, friend) = (member().await, member().await);
    friend.follow(&who).await;
    for number in 0..20 {
        let id = who.post(&format!("글 {number}")).await;
        let (mine, post) = (who.get("/api/timeline/posts/mine").await, who.get(&format!("/api/posts/{id}")).await);
        assert_eq!((ids(&mine)[0], &mine["items"][0]), (id, &post));
        who.delete(&format!("/api/posts/{id}")).await;
        assert!(!ids(&who.get(HOME).await).contains(&id));
        assert!(!ids(&friend.get(HOME).await).contains(&id), "deleted for every viewer at once");
    }
}

#[tokio::test]
async fn liked_is_per_viewer_on_a_shared_page() {
    let (who, fan, _) = author_with_posts(0).await;
    let posts = [fan.post("하나").await, fan.post("둘").await, fan.post("셋").await];
    who.like(posts[1]).await;
    fan.like(posts[2]).await;
    let liked = |page: &Value| -> Vec<u64> {
        let items = page["items"].as_array().unwrap().iter();
        items.filter(|post| post["liked"] == true).map(|post| post["id"].as_u64().unwrap()).collect()
    };
    let path = format!("/api/timeline/members/{}/posts", fan.id);
    for _ in 0..2 {
        assert_eq!(liked(&who.get(&path).await), [posts[1]]);
        assert_eq!(liked(&fan.get(&path).await), [posts[2]]);
    }
}

#[tokio::test]
async fn the_recent_feed_hides_a_deactivated_member_and_deleted_posts() {
    let server = start_server(|_| {}).await;
    let (who, other, deactivated) = (server.member().await, server.member().await, server.member().await);
    let (one, hidden, two) = (who.post("하나").await, deactivated.post("떠날 글").await, other.post("둘").await);
    let recent = "/api/timeline/posts/recent";
    assert_eq!(ids(&who.get(recent).await), [two, hidden, one]);
    deactivated.deactivate().await;
    assert_eq!(ids(&who.get(recent).await), [two, one]);
    other.delete(&format!("/api/posts/{two}")).await;
    assert_eq!(ids(&who.get(recent).await), [one]);
    server.app.shutdown().await;
}
