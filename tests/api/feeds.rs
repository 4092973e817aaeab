//! Feeds (home, recent, mine, by author, by tag) and their cursors.
use crate::support::{NONE, all, ids, member, problem, start_server};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn the_home_feed_has_posts_of_followed_members_and_oneself_newest_first() {
    let (who, friend, stranger) = (member().await, member().await, member().await);
    let older = friend.post("이전 글").await;
    who.follow(&friend).await;
    let mine = who.post("내 글").await;
    stranger.post("남의 글").await;
    let newer = friend.post("새 글").await;
    let feed = crate::support::eventually(&who, "/api/timeline/posts/followings", |feed| ids(feed).len() == 3).await;
    assert_eq!(ids(&feed), [newer, mine, older]);
    assert_eq!(feed["nextCursor"], Value::Null);
    assert!(feed["streamCursor"].is_string());
}

#[tokio::test]
async fn a_new_post_is_in_the_authors_next_read() {
    let who = member().await;
    for number in 0..30 {
        let id = who.post(&format!("글 {number}")).await;
        for feed in ["followings", "mine", "recent"] {
            let page = who.get(&format!("/api/timeline/posts/{feed}?limit=100")).await;
            assert!(ids(&page).contains(&id), "{feed} after post {number}");
        }
    }
}

#[tokio::test]
async fn following_and_unfollowing_take_effect_on_the_next_read() {
    let (who, friend) = (member().await, member().await);
    let post = friend.post("글").await;
    for _ in 0..5 {
        who.follow(&friend).await;
        assert_eq!(ids(&who.get("/api/timeline/posts/followings").await), [post]);
        who.call(Method::DELETE, &format!("/api/members/{}/follow", friend.id), None).await;
        assert_eq!(ids(&who.get("/api/timeline/posts/followings").await), NONE);
    }
}

#[tokio::test]
async fn pages_of_the_home_feed_repeat_and_skip_nothing() {
    let (who, friend) = (member().await, member().await);
    who.follow(&friend).await;
    let mut written = Vec::new();
    for number in 0..23 {
        let author = if number % 2 == 0 { &who } else { &friend };
        written.insert(0, author.post(&format!("글 {number}")).await);
    }
    crate::support::eventually(&who, "/api/timeline/posts/followings?limit=100", |feed| ids(feed).len() == 23).await;
    for limit in [1, 5, 22, 23, 100] {
        assert_eq!(all(&who, "/api/timeline/posts/followings", limit).await, written, "limit {limit}");
    }
}

#[tokio::test]
async fn posts_created_while_paging_are_not_on_later_pages() {
    let who = member().await;
    let mut written = Vec::new();
    for number in 0..6 {
        written.insert(0, who.post(&format!("글 {number}")).await);
    }
    let first = who.get("/api/timeline/posts/mine?limit=3").await;
    who.post("사이에 쓴 글").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = who.get(&format!("/api/timeline/posts/mine?limit=3&cursor={cursor}")).await;
    assert_eq!([ids(&first), ids(&second)].concat(), written);
}

#[tokio::test]
async fn mine_and_the_author_feed_have_the_same_posts() {
    let (who, other) = (member().await, member().await);
    let (a, b) = (who.post("하나").await, who.post("둘").await);
    other.post("남").await;
    assert_eq!(all(&who, "/api/timeline/posts/mine", 1).await, [b, a]);
    assert_eq!(all(&other, &format!("/api/timeline/members/{}/posts", who.id), 1).await, [b, a]);
}

#[tokio::test]
async fn the_feed_of_an_unknown_member_is_not_found() {
    let answer = member().await.send(Method::GET, "/api/timeline/members/1/posts", Value::Null).await;
    problem(answer, 404, "MEMBER_NOT_FOUND").await;
}

#[tokio::test]
async fn the_recent_feed_has_posts_of_all_members_newest_first() {
    let (who, other) = (member().await, member().await);
    let theirs = other.post("글").await;
    let mine = who.post("글").await;
    let found = ids(&who.get("/api/timeline/posts/recent?limit=100").await);
    assert!(found.contains(&theirs) && found.contains(&mine));
    assert!(found.windows(2).all(|pair| pair[0] > pair[1]));
}

#[tokio::test]
async fn a_tag_feed_ignores_case_and_width() {
    let who = member().await;
    let tag = format!("꼬리{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let mut written = Vec::new();
    for text in [format!("#{tag} 하나"), format!("둘 #{}", tag.to_uppercase()), format!("셋 ＃{tag}")] {
        written.insert(0, who.post(&text).await);
    }
    who.post(&format!("{tag} 표시 없음")).await;
    assert_eq!(all(&who, &format!("/api/timeline/tags/{tag}/posts"), 2).await, written);
    assert_eq!(ids(&who.get("/api/timeline/tags/nobody_uses_this/posts").await), NONE);
}

#[tokio::test]
async fn an_edit_moves_a_post_between_tags() {
    let who = member().await;
    let tag = |n: u8| format!("t{n}{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let (before, after) = (tag(1), tag(2));
    let id = who.post(&format!("#{before}")).await;
    who.ok(Method::PUT, &format!("/api/posts/{id}"), json!({"content": format!("#{after}")})).await;
    assert_eq!(ids(&who.get(&format!("/api/timeline/tags/{before}/posts")).await), NONE);
    assert_eq!(ids(&who.get(&format!("/api/timeline/tags/{after}/posts")).await), [id]);
}

#[tokio::test]
async fn the_limit_is_1_to_100() {
    let who = member().await;
    for limit in ["0", "101", "-1", "many"] {
        let answer = who.send(Method::GET, &format!("/api/timeline/posts/mine?limit={limit}"), Value::Null).await;
        problem(answer, 422, "VALIDATION_FAILED").await;
    }
    for limit in [1, 100] {
        who.get(&format!("/api/timeline/posts/mine?limit={limit}")).await;
    }
}

#[tokio::test]
async fn an_empty_feed_is_an_empty_page() {
    let feed = member().await.get("/api/timeline/posts/followings").await;
    assert_eq!((ids(&feed), &feed["nextCursor"]), (vec![], &Value::Null));
}

#[tokio::test]
async fn malformed_and_altered_cursors_are_refused() {
    let who = member().await;
    for number in 0..3 {
        who.post(&format!("글 {number}")).await;
    }
    let page = who.get("/api/timeline/posts/mine?limit=1").await;
    let real = page["nextCursor"].as_str().unwrap();
    let changed = format!("{}{}", &real[..real.len() - 2], if real.ends_with("AA") { "BB" } else { "AA" });
    let long = "A".repeat(5_000);
    for cursor in ["x", "AAAA", "%00", &real[1..], &changed, &long, "한글"] {
        let answer = who.send(Method::GET, &format!("/api/timeline/posts/mine?cursor={cursor}"), Value::Null).await;
        problem(answer, 400, "CURSOR_INVALID").await;
    }
}

#[tokio::test]
async fn a_cursor_is_valid_only_for_its_feed_and_viewer() {
    let (who, other) = (member().await, member().await);
    for number in 0..3 {
        who.post(&format!("글 {number}")).await;
    }
    let page = who.get("/api/timeline/posts/followings?limit=1").await;
    let cursor = page["nextCursor"].as_str().unwrap();
    for path in ["mine", "recent"] {
        let answer = who.send(Method::GET, &format!("/api/timeline/posts/{path}?cursor={cursor}"), Value::Null).await;
        problem(answer, 400, "CURSOR_INVALID").await;
    }
    let answer = other.send(Method::GET, &format!("/api/timeline/posts/followings?cursor={cursor}"), Value::Null).await;
    problem(answer, 400, "CURSOR_INVALID").await;
    let stream = page["streamCursor"].as_str().unwrap();
    let answer = who.send(Method::GET, &format!("/api/timeline/posts/followings?cursor={stream}"), Value::Null).await;
    problem(answer, 400, "CURSOR_INVALID").await;
}

#[tokio::test]
async fn a_cursor_of_another_epoch_has_expired() {
    let other = start_server(|_| {}).await;
    let http = crate::common::client();
    let there = crate::common::Member::sign_up(&http, &other.base).await;
    there.post("하나").await;
    there.post("둘").await;
    let page = there.get("/api/timeline/posts/recent?limit=1").await;
    let cursor = page["nextCursor"].as_str().unwrap();
    let answer =
        member().await.send(Method::GET, &format!("/api/timeline/posts/recent?cursor={cursor}"), Value::Null).await;
    problem(answer, 400, "CURSOR_EXPIRED").await;
    other.app.shutdown().await;
}

#[tokio::test]
async fn feeds_continue_from_the_database_beyond_the_window() {
    // 300 bytes: a window of five posts.
    let server = start_server(|config| config.timeline.window_bytes_max = 300).await;
    let http = crate::common::client();
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(crate::common::Member::sign_up(&http, &server.base).await);
    }
    let [who, friend, stranger] = &members[..] else { unreachable!() };
    who.follow(friend).await;
    let (mut home, mut recent, mut mine) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..30 {
        let author = [who, friend, stranger][number % 3];
        let id = author.post(&format!("글 {number} #창")).await;
        recent.insert(0, id);
        if number % 3 < 2 {
            home.insert(0, id);
        }
        if number % 3 == 0 {
            mine.insert(0, id);
        }
    }
    crate::support::eventually(who, "/api/timeline/posts/recent?limit=100", |feed| ids(feed).len() == 30).await;
    for limit in [1, 4, 7, 100] {
        assert_eq!(all(who, "/api/timeline/posts/followings", limit).await, home, "home by {limit}");
        assert_eq!(all(who, "/api/timeline/posts/recent", limit).await, recent, "recent by {limit}");
        assert_eq!(all(who, "/api/timeline/posts/mine", limit).await, mine, "mine by {limit}");
        assert_eq!(all(who, "/api/timeline/tags/창/posts", limit).await, recent, "tag by {limit}");
    }
    server.app.shutdown().await;
}
