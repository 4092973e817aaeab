//! Posts that others may not see: they take no place of visible posts in rankings and in the top three of a day, and no
//! cursor tells of them.
use crate::{
    audience::post_for,
    common::Member,
    ranking_windows::{Past, ago},
    support::{all, eventually, ids, problem, start_server},
    top3::{TOP3, scores},
};
use dailyfeed::domain::{
    CalendarDay, PostAudience, Privacy, RANKED_MAX, RankingPeriod, TOP_KEPT, Timestamp,
    cursor::{ListKind, decode_list_cursor, encode_list_cursor},
};
use jiff::tz::TimeZone;
use reqwest::Method;
use serde_json::Value;

const POPULAR: &str = "/api/timeline/posts/most-popular";
const COMMENTED: &str = "/api/timeline/posts/most-commented";
const LIST: ListKind = ListKind::MostCommented;
const SCOPE: u64 = RankingPeriod::Day as u64;

/// Returns the page of one post after a cursor.
fn after(cursor: &str) -> String {
    format!("{COMMENTED}?limit=1&cursor={cursor}")
}

/// Asserts that a page has one post, and returns it with the next cursor.
fn one(page: &Value) -> (u64, Option<&str>) {
    assert_eq!(ids(page).len(), 1);
    (ids(page)[0], page["nextCursor"].as_str())
}

#[tokio::test]
async fn fifty_posts_for_their_author_take_no_place_in_the_top3() {
    let server = start_server(|_| {}).await;
    let (author, other, stranger) = (server.member().await, server.member().await, server.member().await);
    let mut hidden = Vec::new();
    for _ in 0..=TOP_KEPT {
        let post = post_for(&author, "self", "나만").await;
        author.comment(post, None, "댓글").await;
        hidden.push((post, 3));
    }
    let shown = other.post("모두").await;
    stranger.like(shown).await;
    for who in [&stranger, &other] {
        eventually(who, TOP3, |top| scores(top) == [(shown, 2)]).await;
    }
    assert_eq!(scores(&author.get(TOP3).await), hidden[..3]);
}

#[tokio::test]
async fn a_frozen_day_keeps_the_posts_for_everybody() {
    let past = Past::new().await;
    let (author, private, fan) = (past.member().await, past.member().await, past.member().await);
    past.set_privacy(private, Privacy::Private).await;
    let day = CalendarDay::at(ago(5 * 24 * 60), &TimeZone::get("Asia/Seoul").unwrap()).unwrap();
    let noon = Timestamp(day.begin.0 + 12 * 3_600_000);
    for _ in 0..=TOP_KEPT {
        let post = past.post(private, day.begin).await;
        past.comment(fan, post, noon).await;
    }
    let shown = past.post(author, day.begin).await;
    past.like(fan, shown, noon).await;
    let server = past.start("Asia/Seoul").await;
    let who = server.member().await;
    let path = format!("{TOP3}?date={}", day.date);
    let before = who.get(&path).await;
    assert_eq!((scores(&before), before["frozen"].as_bool()), (vec![(shown, 2)], Some(true)));
    // The second answer is read from the stored day.
    let server = server.restart(async |_| {}).await;
    let who = Member { base: server.base.clone(), ..who };
    assert_eq!(who.get(&path).await, before);
}

#[tokio::test]
async fn a_thousand_hidden_posts_take_no_place_in_a_ranking() {
    let past = Past::new().await;
    let (author, private, fan) = (past.member().await, past.member().await, past.member().await);
    let shown = past.post(author, ago(600)).await;
    past.liked_posts(author, fan, PostAudience::Own, RANKED_MAX / 2).await;
    past.liked_posts(private, fan, PostAudience::Public, RANKED_MAX / 2).await;
    past.set_privacy(private, Privacy::Private).await;
    let server = past.start("Asia/Seoul").await;
    let who = server.member().await;
    // By likes, and as one of the newest without a comment.
    for path in [POPULAR, COMMENTED] {
        for window in ["day", "week", "all"] {
            let page = who.get(&format!("{path}?window={window}")).await;
            assert_eq!((ids(&page), &page["nextCursor"]), (vec![shown], &Value::Null), "{path} {window}");
        }
    }
}

#[tokio::test]
async fn pages_and_cursors_are_the_same_with_hidden_posts_between() {
    let server = start_server(|_| {}).await;
    let (author, stranger) = (server.member().await, server.member().await);
    let last_hidden = post_for(&author, "self", "나만").await;
    let second = author.post("모두").await;
    let hidden = post_for(&author, "followers", "팔로워만").await;
    let first = author.post("모두").await;
    for (post, comments) in [(second, 1), (hidden, 2), (first, 3)] {
        for _ in 0..comments {
            author.comment(post, None, "댓글").await;
        }
    }
    let whole = [first, hidden, second, last_hidden];
    eventually(&author, COMMENTED, |page| ids(page) == whole).await;
    assert_eq!(all(&author, COMMENTED, 1).await, whole);

    let page = stranger.get(&format!("{COMMENTED}?limit=1")).await;
    let (shown, cursor) = one(&page);
    let cursor = cursor.unwrap();
    let [generation, last] = decode_list_cursor(cursor, LIST, SCOPE).unwrap();
    assert_eq!((shown, last), (first, first), "the cursor names the last visible post");
    for limit in [2, 3, 20] {
        let page = stranger.get(&format!("{COMMENTED}?limit={limit}")).await;
        assert_eq!((ids(&page), &page["nextCursor"]), (vec![first, second], &Value::Null), "only hidden posts follow");
    }
    assert_eq!(one(&stranger.get(&after(cursor)).await), (second, None));

    // An invented cursor gets the same answer for a hidden post as for one that does not exist.
    let invented = |post: u64| after(&encode_list_cursor(LIST, SCOPE, [generation, post]));
    for post in [hidden, last_hidden, 7] {
        problem(stranger.send(Method::GET, &invented(post), Value::Null).await, 400, "CURSOR_EXPIRED").await;
    }
    assert_eq!(one(&author.get(&invented(hidden)).await).0, second);
    // The list goes on after a post that was deleted meanwhile.
    author.delete(&format!("/api/posts/{first}")).await;
    assert_eq!(one(&stranger.get(&after(cursor)).await), (second, None));
}
