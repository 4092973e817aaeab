//! Pages of every list: limits, cursors, foreign and altered cursors, empty lists.
use crate::{
    common::Member,
    support::{ids, member, problem},
};
use reqwest::Method;
use serde_json::Value;

/// A member with at least four items in every list.
struct Full {
    who: Member,
    post: u64,
    comment: u64,
    tag: String,
}

async fn full() -> Full {
    let who = member().await;
    let tag = format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..10]);
    let post = who.post(&format!("글 #{tag}")).await;
    let comment = who.comment(post, None, "댓글").await;
    for number in 0..3 {
        let other = member().await;
        who.follow(&other).await;
        other.follow(&who).await;
        other.like(post).await;
        who.post(&format!("글 {number} #{tag}")).await;
        who.comment(post, None, &format!("댓글 {number}")).await;
        who.comment(post, Some(comment), &format!("답 {number}")).await;
        other.follow(&member().await).await;
    }
    Full { who, post, comment, tag }
}

impl Full {
    /// Returns the paths of all lists.
    fn lists(&self) -> Vec<String> {
        let Self { who: Member { id, .. }, post, comment, tag, .. } = self;
        [
            "/api/timeline/posts/followings".to_owned(),
            "/api/timeline/posts/recent".to_owned(),
            "/api/timeline/posts/mine".to_owned(),
            format!("/api/timeline/members/{id}/posts"),
            format!("/api/timeline/tags/{tag}/posts"),
            format!("/api/members/{id}/followers"),
            format!("/api/members/{id}/followings"),
            format!("/api/members/{id}/comments"),
            format!("/api/posts/{post}/likes"),
            format!("/api/posts/{post}/comments"),
            format!("/api/comments/{comment}/replies"),
            "/api/members/recommendations?strategy=newest".to_owned(),
            "/api/members/recommendations?strategy=network".to_owned(),
        ]
        .into()
    }
}

/// Adds a query parameter to a path.
fn with(path: &str, parameter: &str) -> String {
    format!("{path}{}{parameter}", if path.contains('?') { '&' } else { '?' })
}

#[tokio::test]
async fn every_list_has_pages_of_1_to_100() {
    let full = full().await;
    for list in full.lists() {
        for limit in ["0", "101", "-1", "1.5", "x", "99999999999999999999"] {
            let path = with(&list, &format!("limit={limit}"));
            full.who.refused(Method::GET, &path, Value::Null, 422, "VALIDATION_FAILED").await;
        }
        full.who.get(&with(&list, "limit=100")).await;
    }
}

#[tokio::test]
async fn every_list_continues_at_its_cursor() {
    let full = full().await;
    for list in full.lists() {
        let whole = ids(&full.who.get(&with(&list, "limit=3")).await);
        assert_eq!(whole.len(), 3, "{list}");
        let first = full.who.get(&with(&list, "limit=1")).await;
        let cursor = first["nextCursor"].as_str().unwrap_or_else(|| panic!("{list} has more"));
        let rest = full.who.get(&with(&list, &format!("limit=2&cursor={cursor}"))).await;
        // Other tests add members and posts to the shared server, so these two lists may have changed.
        if !list.contains("newest") && !list.contains("recent") {
            assert_eq!([ids(&first), ids(&rest)].concat(), whole, "{list}");
        }
        assert!(!ids(&rest).contains(&ids(&first)[0]), "{list}");
    }
}

#[tokio::test]
async fn no_list_accepts_a_malformed_cursor() {
    let full = full().await;
    for list in full.lists() {
        for cursor in ["x", "AAAA", "eyJpZCI6MX0", "0", "-1", "null", "%F0%9F%98%80", "a%20b", "..%2F"] {
            let answer = full.who.send(Method::GET, &with(&list, &format!("cursor={cursor}")), Value::Null).await;
            problem(answer, 400, "CURSOR_INVALID").await;
        }
    }
}

#[tokio::test]
async fn no_list_accepts_the_cursor_of_another_list() {
    let full = full().await;
    let lists = full.lists();
    let mut cursors = Vec::new();
    for list in &lists {
        let page = full.who.get(&with(list, "limit=1")).await;
        cursors.push(page["nextCursor"].as_str().unwrap().to_owned());
    }
    for (at, list) in lists.iter().enumerate() {
        for (from, cursor) in cursors.iter().enumerate().filter(|(from, _)| *from != at) {
            let answer = full.who.send(Method::GET, &with(list, &format!("cursor={cursor}")), Value::Null).await;
            // `mine` and the author feed of the same member are one list.
            let same = ["mine", "members/"].iter().all(|part| lists[at].contains(part) || lists[from].contains(part));
            if !(same && answer.status() == 200) {
                assert_eq!(answer.status(), 400, "{list} accepted a cursor of {}", lists[from]);
                problem(answer, 400, "CURSOR_INVALID").await;
            }
        }
    }
}

#[tokio::test]
async fn a_truncated_cursor_is_refused() {
    let full = full().await;
    let page = full.who.get("/api/timeline/posts/mine?limit=1").await;
    let cursor = page["nextCursor"].as_str().unwrap();
    for end in 1..cursor.len() {
        let path = format!("/api/timeline/posts/mine?cursor={}", &cursor[..end]);
        full.who.refused(Method::GET, &path, Value::Null, 400, "CURSOR_INVALID").await;
    }
}

#[tokio::test]
async fn a_cursor_with_one_changed_character_is_refused() {
    let full = full().await;
    let page = full.who.get("/api/timeline/posts/followings?limit=1").await;
    let cursor = page["nextCursor"].as_str().unwrap();
    for at in 0..cursor.len() - 1 {
        let mut changed = cursor.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let path = format!("/api/timeline/posts/followings?cursor={}", String::from_utf8(changed).unwrap());
        full.who.refused(Method::GET, &path, Value::Null, 400, "CURSOR_INVALID").await;
    }
}

#[tokio::test]
async fn the_default_page_has_20_items() {
    let who = member().await;
    let mut written = Vec::new();
    for number in 0..25 {
        written.insert(0, who.post(&format!("글 {number}")).await);
    }
    let first = who.get("/api/timeline/posts/mine").await;
    assert_eq!(ids(&first), written[..20]);
    let cursor = first["nextCursor"].as_str().unwrap();
    let rest = who.get(&format!("/api/timeline/posts/mine?cursor={cursor}")).await;
    assert_eq!(ids(&rest), written[20..]);
    assert_eq!(rest["nextCursor"], Value::Null);
}

#[tokio::test]
async fn a_cursor_can_be_used_twice() {
    let full = full().await;
    for list in full.lists().iter().filter(|list| !list.contains("newest")) {
        let page = full.who.get(&with(list, "limit=1")).await;
        let path = with(list, &format!("limit=1&cursor={}", page["nextCursor"].as_str().unwrap()));
        assert_eq!(ids(&full.who.get(&path).await), ids(&full.who.get(&path).await), "{list}");
    }
}

#[tokio::test]
async fn lists_of_unknown_members_posts_and_comments_are_not_found() {
    let who = member().await;
    for (path, code) in [
        ("/api/timeline/members/1/posts", "MEMBER_NOT_FOUND"),
        ("/api/members/1/followers", "MEMBER_NOT_FOUND"),
        ("/api/members/1/followings", "MEMBER_NOT_FOUND"),
        ("/api/members/1/comments", "MEMBER_NOT_FOUND"),
        ("/api/posts/1/likes", "POST_NOT_FOUND"),
        ("/api/posts/1/comments", "POST_NOT_FOUND"),
        ("/api/comments/1/replies", "COMMENT_NOT_FOUND"),
    ] {
        who.refused(Method::GET, path, Value::Null, 404, code).await;
    }
}

#[tokio::test]
async fn the_lists_of_a_new_member_are_empty_pages() {
    let who = member().await;
    let post = who.post("글").await;
    let comment = who.comment(post, None, "댓글").await;
    for path in [
        format!("/api/members/{}/followers", who.id),
        format!("/api/members/{}/followings", who.id),
        format!("/api/posts/{post}/likes"),
        format!("/api/comments/{comment}/replies"),
        "/api/members/recommendations?strategy=network".to_owned(),
        "/api/timeline/tags/nobody_wrote_this/posts".to_owned(),
    ] {
        let page = who.get(&path).await;
        assert_eq!((ids(&page), &page["nextCursor"]), (vec![], &Value::Null), "{path}");
    }
}

#[tokio::test]
async fn every_feed_has_a_stream_cursor() {
    let full = full().await;
    for list in full.lists().iter().filter(|list| list.contains("timeline")) {
        assert!(full.who.get(list).await["streamCursor"].is_string(), "{list}");
    }
}
