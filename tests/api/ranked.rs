//! Ranked feeds: what they order by, in which windows, and what a viewer sees of them. Each case has its own server,
//! because a ranking is of everything.
use crate::{
    common::Member,
    support::{Own, eventually, fields, ids, own, problem},
};
use reqwest::Method;
use serde_json::{Value, json};

const POPULAR: &str = "/api/timeline/posts/most-popular";
const COMMENTED: &str = "/api/timeline/posts/most-commented";

/// Waits until a ranking begins like this.
async fn begins(who: &Member, path: &str, wanted: &[u64]) -> Value {
    eventually(who, path, |page| ids(page).starts_with(wanted)).await
}

async fn members<const N: usize>(own: &Own) -> [Member; N] {
    let mut members = Vec::with_capacity(N);
    for _ in 0..N {
        members.push(own.member().await);
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
async fn popularity_is_views_and_twice_the_likes() {
    let own = own(|_| {}).await;
    let [author, a, b, c] = members(&own).await;
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
        begins(&author, &format!("{POPULAR}?window={window}"), &[both, viewed, liked, quiet]).await;
    }
    assert_eq!(ids(&author.get(POPULAR).await), [both, viewed, liked, quiet]);
}

#[tokio::test]
async fn an_authors_own_views_make_nothing_popular() {
    let own = own(|_| {}).await;
    let [author, fan] = members(&own).await;
    let (own_view, seen, newer) = (author.post("하나").await, author.post("둘").await, author.post("셋").await);
    view(&author, own_view).await;
    view(&fan, seen).await;
    view(&fan, seen).await;
    begins(&author, POPULAR, &[seen, newer, own_view]).await;
}

#[tokio::test]
async fn of_equals_the_newer_is_first() {
    let own = own(|_| {}).await;
    let [author, fan] = members(&own).await;
    let (older, newer) = (author.post("먼저").await, author.post("나중").await);
    for post in [newer, older] {
        fan.like(post).await;
        fan.comment(post, None, "댓글").await;
    }
    let newest = author.post("조용한 글").await;
    begins(&author, POPULAR, &[newer, older, newest]).await;
    begins(&author, COMMENTED, &[newer, older, newest]).await;
}

#[tokio::test]
async fn most_commented_counts_comments_that_can_be_seen() {
    let own = own(|_| {}).await;
    let [author, fan] = members(&own).await;
    let (three, two, gone) = (author.post("셋").await, author.post("둘").await, author.post("지운 것").await);
    let top = fan.comment(three, None, "댓글").await;
    let reply = author.comment(three, Some(top), "답글").await;
    fan.comment(three, Some(reply), "답글의 답글").await;
    for _ in 0..2 {
        fan.comment(two, None, "댓글").await;
    }
    let mut comments = Vec::new();
    for _ in 0..4 {
        comments.push(fan.comment(gone, None, "댓글").await);
    }
    begins(&author, COMMENTED, &[gone, three, two]).await;
    for comment in &comments[1..] {
        fan.delete(&format!("/api/comments/{comment}")).await;
    }
    for window in ["day", "week", "all"] {
        begins(&author, &format!("{COMMENTED}?window={window}"), &[three, two, gone]).await;
    }
}

#[tokio::test]
async fn what_nobody_looked_at_is_ranked_by_age() {
    let own = own(|_| {}).await;
    let [author] = members(&own).await;
    assert_eq!(ids(&author.get(POPULAR).await), crate::support::NONE);
    let mut posts = Vec::new();
    for number in 0..5 {
        posts.insert(0, author.post(&format!("글 {number}")).await);
    }
    for path in [POPULAR, COMMENTED] {
        let page = begins(&author, path, &posts).await;
        assert_eq!((ids(&page), &page["nextCursor"]), (posts.clone(), &Value::Null));
    }
}

#[tokio::test]
async fn a_like_that_is_withdrawn_counts_no_more() {
    let own = own(|_| {}).await;
    let [author, fan] = members(&own).await;
    let (older, newer) = (author.post("먼저").await, author.post("나중").await);
    fan.like(older).await;
    begins(&author, POPULAR, &[older, newer]).await;
    fan.ok(Method::DELETE, &format!("/api/posts/{older}/like"), Value::Null).await;
    begins(&author, POPULAR, &[newer, older]).await;
}

#[tokio::test]
async fn a_deleted_post_is_gone_from_the_next_read() {
    let own = own(|_| {}).await;
    let [author, fan] = members(&own).await;
    let (first, second) = (author.post("하나").await, author.post("둘").await);
    fan.like(first).await;
    begins(&author, POPULAR, &[first, second]).await;
    author.delete(&format!("/api/posts/{first}")).await;
    assert_eq!(ids(&author.get(POPULAR).await), [second]);
    assert_eq!(ids(&author.get(COMMENTED).await), [second]);
}

#[tokio::test]
async fn blocks_and_mutes_hide_from_those_they_concern_alone() {
    let own = own(|_| {}).await;
    let [author, other, blocker, muter, fan] = members(&own).await;
    let (hidden, shown) = (author.post("가려질 글").await, other.post("보이는 글").await);
    fan.like(hidden).await;
    begins(&fan, POPULAR, &[hidden, shown]).await;
    blocker.ok(Method::PUT, &format!("/api/members/{}/block", author.id), Value::Null).await;
    muter.ok(Method::PUT, &format!("/api/members/{}/mute", author.id), Value::Null).await;
    let of_blocker = blocker.post("차단한 이의 글").await;
    for who in [&blocker, &muter] {
        begins(who, POPULAR, &[of_blocker, shown]).await;
        assert!(!ids(&who.get(POPULAR).await).contains(&hidden));
    }
    // The one who is blocked sees nothing of the blocker either.
    begins(&fan, POPULAR, &[hidden, of_blocker, shown]).await;
    assert_eq!(ids(&author.get(POPULAR).await), [hidden, shown]);
}

#[tokio::test]
async fn posts_for_followers_are_ranked_for_followers() {
    let own = own(|_| {}).await;
    let [author, follower, stranger] = members(&own).await;
    follower.follow(&author).await;
    let (theirs, other) = (author.post("팔로워만").await, stranger.post("모두").await);
    follower.like(theirs).await;
    begins(&stranger, POPULAR, &[theirs, other]).await;
    author.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    eventually(&stranger, POPULAR, |page| ids(page) == [other]).await;
    assert_eq!(ids(&follower.get(POPULAR).await), [theirs, other]);
    assert_eq!(ids(&author.get(POPULAR).await), [theirs, other]);
}

#[tokio::test]
async fn who_leaves_takes_posts_and_likes_along_and_brings_them_back() {
    let own = own(|_| {}).await;
    let [author, mut fan] = members(&own).await;
    let (older, newer) = (author.post("먼저").await, author.post("나중").await);
    let of_fan = fan.post("팬의 글").await;
    fan.like(older).await;
    fan.comment(older, None, "댓글").await;
    author.like(of_fan).await;
    begins(&author, POPULAR, &[of_fan, older, newer]).await;
    begins(&author, COMMENTED, &[older, of_fan, newer]).await;
    fan.leave().await;
    eventually(&author, POPULAR, |page| ids(page) == [newer, older]).await;
    eventually(&author, COMMENTED, |page| ids(page) == [newer, older]).await;
    fan.log_in().await;
    begins(&author, POPULAR, &[of_fan, older, newer]).await;
    begins(&author, COMMENTED, &[older, of_fan, newer]).await;
}

#[tokio::test]
async fn a_restart_changes_no_ranking() {
    let own = own(|_| {}).await;
    let [author, fan] = members(&own).await;
    let posts = [author.post("하나").await, author.post("둘").await, author.post("셋").await];
    fan.like(posts[1]).await;
    view(&fan, posts[0]).await;
    fan.comment(posts[0], None, "댓글").await;
    begins(&author, POPULAR, &[posts[1], posts[0], posts[2]]).await;
    begins(&author, COMMENTED, &[posts[0], posts[2], posts[1]]).await;
    let own = own.again(async |_| {}).await;
    let author = Member { base: own.base.clone(), ..author };
    // The first answer after the start is whole.
    for window in ["day", "week", "all"] {
        let ranked = ids(&author.get(&format!("{POPULAR}?window={window}")).await);
        assert_eq!(ranked, [posts[1], posts[0], posts[2]], "{window}");
    }
    assert_eq!(ids(&author.get(COMMENTED).await), [posts[0], posts[2], posts[1]]);
}

#[tokio::test]
async fn other_windows_are_refused() {
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
async fn rankings_are_for_members() {
    for path in [POPULAR, COMMENTED, "/api/timeline/daily-top3"] {
        let answer = crate::common::client().get(format!("{}{path}", crate::support::base())).send().await.unwrap();
        problem(answer, 401, "BEARER_TOKEN_MISSING").await;
    }
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let own = own(|_| {}).await;
    let [author, fan] = members(&own).await;
    let (older, newer) = (author.post("먼저").await, author.post("나중").await);
    let before = begins(&author, POPULAR, &[newer, older]).await;
    let version = etag(&author, POPULAR).await;
    // Something else happens, and moves the stream's cursor.
    fan.follow(&author).await;
    let moved = |page: &Value| page["streamCursor"] != before["streamCursor"];
    eventually(&author, POPULAR, moved).await;
    let ask = |version: String| author.request(Method::GET, POPULAR).header("if-none-match", version);
    let known = ask(version.clone()).send().await.unwrap();
    assert_eq!(known.status(), 304);
    assert_eq!(known.headers()["etag"], version.as_str());
    fan.like(older).await;
    begins(&author, POPULAR, &[older, newer]).await;
    assert_eq!(ask(version).send().await.unwrap().status(), 200);
    // One member's page is no other's.
    assert_ne!(etag(&fan, POPULAR).await, etag(&author, POPULAR).await);
}

#[tokio::test]
async fn a_stream_goes_on_where_a_ranked_page_was_read() {
    let own = own(|_| {}).await;
    let [author] = members(&own).await;
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
