//! Ranked feeds (most popular, most commented): scores, time windows, visibility, ETags. Each test has its own server,
//! because a ranking covers all posts.
use crate::{
    common::Member,
    support::{TestServer, eventually, fields, ids, problem, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};

const POPULAR: &str = "/api/timeline/posts/most-popular";
const COMMENTED: &str = "/api/timeline/posts/most-commented";

/// Waits until a ranking starts with these posts.
async fn wait_until_starts_with(who: &Member, path: &str, wanted: &[u64]) -> Value {
    eventually(who, path, |page| ids(page).starts_with(wanted)).await
}

async fn members<const N: usize>(server: &TestServer) -> [Member; N] {
    let mut members = Vec::with_capacity(N);
    for _ in 0..N {
        members.push(server.member().await);
    }
    members.try_into().unwrap_or_else(|_| unreachable!())
}

async fn view(who: &Member, post: u64) {
    who.get(&format!("/api/posts/{post}")).await;
}

async fn etag(who: &Member, path: &str) -> String {
    let answer = who.send(Method::GET, path, Value::Null).await;
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn popularity_is_views_plus_twice_the_likes() {
    let server = start_server(|_| {}).await;
    let [author, a, b, c] = members(&server).await;
    let (viewed, liked, both, quiet) = (
        author.post("셋이 봄").await,
        author.post("하나가 좋아함").await,
        author.post("둘 다").await,
        author.post("글").await,
    );
    for who in [&a, &b, &c] {
        view(who, viewed).await;
    }
    a.like(liked).await;
    a.like(both).await;
    for who in [&a, &b] {
        view(who, both).await;
    }
    for window in ["day", "week", "all"] {
        wait_until_starts_with(&author, &format!("{POPULAR}?window={window}"), &[both, viewed, liked, quiet]).await;
    }
    assert_eq!(ids(&author.get(POPULAR).await), [both, viewed, liked, quiet]);
}

#[tokio::test]
async fn views_of_the_author_do_not_count() {
    let server = start_server(|_| {}).await;
    let [author, fan] = members(&server).await;
    let (own_view, viewed, newer) = (author.post("하나").await, author.post("둘").await, author.post("셋").await);
    view(&author, own_view).await;
    view(&fan, viewed).await;
    view(&fan, viewed).await;
    wait_until_starts_with(&author, POPULAR, &[viewed, newer, own_view]).await;
}

#[tokio::test]
async fn equal_scores_are_ordered_newest_first() {
    let server = start_server(|_| {}).await;
    let [author, fan] = members(&server).await;
    let (older, newer) = (author.post("먼저").await, author.post("나중").await);
    for post in [newer, older] {
        fan.like(post).await;
        fan.comment(post, None, "댓글").await;
    }
    let newest = author.post("조용한 글").await;
    wait_until_starts_with(&author, POPULAR, &[newer, older, newest]).await;
    wait_until_starts_with(&author, COMMENTED, &[newer, older, newest]).await;
}

#[tokio::test]
async fn most_commented_counts_visible_comments() {
    let server = start_server(|_| {}).await;
    let [author, fan] = members(&server).await;
    let (three, two, emptied) = (author.post("셋").await, author.post("둘").await, author.post("지운 것").await);
    let top = fan.comment(three, None, "댓글").await;
    let reply = author.comment(three, Some(top), "답글").await;
    fan.comment(three, Some(reply), "답글의 답글").await;
    for _ in 0..2 {
        fan.comment(two, None, "댓글").await;
    }
    let mut comments = Vec::new();
    for _ in 0..4 {
        comments.push(fan.comment(emptied, None, "댓글").await);
    }
    wait_until_starts_with(&author, COMMENTED, &[emptied, three, two]).await;
    for comment in &comments[1..] {
        fan.delete(&format!("/api/comments/{comment}")).await;
    }
    for window in ["day", "week", "all"] {
        wait_until_starts_with(&author, &format!("{COMMENTED}?window={window}"), &[three, two, emptied]).await;
    }
}

#[tokio::test]
async fn posts_without_views_and_likes_are_ordered_newest_first() {
    let server = start_server(|_| {}).await;
    let [author] = members(&server).await;
    assert_eq!(ids(&author.get(POPULAR).await), crate::support::NONE);
    let mut posts = Vec::new();
    for number in 0..5 {
        posts.insert(0, author.post(&format!("글 {number}")).await);
    }
    for path in [POPULAR, COMMENTED] {
        let page = wait_until_starts_with(&author, path, &posts).await;
        assert_eq!((ids(&page), &page["nextCursor"]), (posts.clone(), &Value::Null));
    }
}

#[tokio::test]
async fn an_undone_like_does_not_count() {
    let server = start_server(|_| {}).await;
    let [author, fan] = members(&server).await;
    let (older, newer) = (author.post("먼저").await, author.post("나중").await);
    fan.like(older).await;
    wait_until_starts_with(&author, POPULAR, &[older, newer]).await;
    fan.ok(Method::DELETE, &format!("/api/posts/{older}/like"), Value::Null).await;
    wait_until_starts_with(&author, POPULAR, &[newer, older]).await;
}

#[tokio::test]
async fn a_deleted_post_is_hidden_on_the_next_read() {
    let server = start_server(|_| {}).await;
    let [author, fan] = members(&server).await;
    let (first, second) = (author.post("하나").await, author.post("둘").await);
    fan.like(first).await;
    wait_until_starts_with(&author, POPULAR, &[first, second]).await;
    author.delete(&format!("/api/posts/{first}")).await;
    assert_eq!(ids(&author.get(POPULAR).await), [second]);
    assert_eq!(ids(&author.get(COMMENTED).await), [second]);
}

#[tokio::test]
async fn blocks_and_mutes_hide_ranked_posts_from_the_members_concerned() {
    let server = start_server(|_| {}).await;
    let [author, other, blocker, muter, fan] = members(&server).await;
    let (hidden, shown) = (author.post("가려질 글").await, other.post("보이는 글").await);
    fan.like(hidden).await;
    wait_until_starts_with(&fan, POPULAR, &[hidden, shown]).await;
    blocker.ok(Method::PUT, &format!("/api/members/{}/block", author.id), Value::Null).await;
    muter.ok(Method::PUT, &format!("/api/members/{}/mute", author.id), Value::Null).await;
    let of_blocker = blocker.post("차단한 이의 글").await;
    for who in [&blocker, &muter] {
        wait_until_starts_with(who, POPULAR, &[of_blocker, shown]).await;
        assert!(!ids(&who.get(POPULAR).await).contains(&hidden));
    }
    // The blocker's posts are hidden from the blocked member as well.
    wait_until_starts_with(&fan, POPULAR, &[hidden, of_blocker, shown]).await;
    assert_eq!(ids(&author.get(POPULAR).await), [hidden, shown]);
}

#[tokio::test]
async fn followers_only_posts_are_ranked_for_followers_only() {
    let server = start_server(|_| {}).await;
    let [author, follower, stranger] = members(&server).await;
    follower.follow(&author).await;
    let (theirs, other) = (author.post("팔로워만").await, stranger.post("모두").await);
    follower.like(theirs).await;
    wait_until_starts_with(&stranger, POPULAR, &[theirs, other]).await;
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    eventually(&stranger, POPULAR, |page| ids(page) == [other]).await;
    assert_eq!(ids(&follower.get(POPULAR).await), [theirs, other]);
    assert_eq!(ids(&author.get(POPULAR).await), [theirs, other]);
}

#[tokio::test]
async fn posts_likes_and_comments_of_a_deactivated_member_do_not_count_until_the_restore() {
    let server = start_server(|_| {}).await;
    let [author, mut fan] = members(&server).await;
    let (older, newer) = (author.post("먼저").await, author.post("나중").await);
    let of_fan = fan.post("팬의 글").await;
    fan.like(older).await;
    fan.comment(older, None, "댓글").await;
    author.like(of_fan).await;
    wait_until_starts_with(&author, POPULAR, &[of_fan, older, newer]).await;
    wait_until_starts_with(&author, COMMENTED, &[older, of_fan, newer]).await;
    fan.deactivate().await;
    eventually(&author, POPULAR, |page| ids(page) == [newer, older]).await;
    eventually(&author, COMMENTED, |page| ids(page) == [newer, older]).await;
    fan.log_in().await;
    wait_until_starts_with(&author, POPULAR, &[of_fan, older, newer]).await;
    wait_until_starts_with(&author, COMMENTED, &[older, of_fan, newer]).await;
}

#[tokio::test]
async fn a_restart_does_not_change_rankings() {
    let server = start_server(|_| {}).await;
    let [author, fan] = members(&server).await;
    let posts = [author.post("하나").await, author.post("둘").await, author.post("셋").await];
    fan.like(posts[1]).await;
    view(&fan, posts[0]).await;
    fan.comment(posts[0], None, "댓글").await;
    wait_until_starts_with(&author, POPULAR, &[posts[1], posts[0], posts[2]]).await;
    wait_until_starts_with(&author, COMMENTED, &[posts[0], posts[2], posts[1]]).await;
    let server = server.restart(async |_| {}).await;
    let author = Member { base: server.base.clone(), ..author };
    // The first response after the start is complete.
    for window in ["day", "week", "all"] {
        let ranked = ids(&author.get(&format!("{POPULAR}?window={window}")).await);
        assert_eq!(ranked, [posts[1], posts[0], posts[2]], "{window}");
    }
    assert_eq!(ids(&author.get(COMMENTED).await), [posts[0], posts[2], posts[1]]);
}

#[tokio::test]
async fn unknown_windows_and_limits_are_refused() {
    let who = crate::support::member().await;
    for window in ["month", "DAY", "", "day%20"] {
        for path in [POPULAR, COMMENTED] {
            let answer = who.send(Method::GET, &format!("{path}?window={window}"), Value::Null).await;
            let problem = problem(answer, 422, "VALIDATION_FAILED").await;
            assert_eq!(fields(&problem), [("window".to_owned(), "UNKNOWN_VALUE".to_owned())]);
        }
    }
    for limit in ["0", "101"] {
        let answer = who.send(Method::GET, &format!("{POPULAR}?limit={limit}"), Value::Null).await;
        problem(answer, 422, "VALIDATION_FAILED").await;
    }
}

#[tokio::test]
async fn rankings_need_a_token() {
    for path in [POPULAR, COMMENTED, "/api/timeline/daily-top3"] {
        let answer = crate::common::client().get(format!("{}{path}", crate::support::base())).send().await.unwrap();
        problem(answer, 401, "BEARER_TOKEN_MISSING").await;
    }
}

#[tokio::test]
async fn an_unchanged_page_gets_304() {
    let server = start_server(|_| {}).await;
    let [author, fan] = members(&server).await;
    let (older, newer) = (author.post("먼저").await, author.post("나중").await);
    let before = wait_until_starts_with(&author, POPULAR, &[newer, older]).await;
    let version = etag(&author, POPULAR).await;
    // An unrelated event moves the stream cursor.
    fan.follow(&author).await;
    let moved = |page: &Value| page["streamCursor"] != before["streamCursor"];
    eventually(&author, POPULAR, moved).await;
    let request = |version: String| author.request(Method::GET, POPULAR).header("if-none-match", version);
    let known = request(version.clone()).send().await.unwrap();
    assert_eq!(known.status(), 304);
    assert_eq!(known.headers()["etag"], version.as_str());
    fan.like(older).await;
    wait_until_starts_with(&author, POPULAR, &[older, newer]).await;
    assert_eq!(request(version).send().await.unwrap().status(), 200);
    // The ETag depends on the viewer.
    assert_ne!(etag(&fan, POPULAR).await, etag(&author, POPULAR).await);
}

#[tokio::test]
async fn a_stream_opens_from_the_cursor_of_a_ranked_page() {
    let server = start_server(|_| {}).await;
    let [author] = members(&server).await;
    author.post("먼저").await;
    let page = author.get(POPULAR).await;
    let later = author.post("나중").await;
    let mut stream = author.stream(page["streamCursor"].as_str()).await;
    loop {
        let event = stream.next().await.expect("the post");
        if event.name == "post.created" {
            assert_eq!(event.data["id"], later);
            break;
        }
    }
}
