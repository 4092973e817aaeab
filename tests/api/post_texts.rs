//! Texts of posts and comments: limits in visible characters, unchanged round trips, and concurrent commands on posts.
use crate::support::{all, ids, member, problem, start_server};
use reqwest::Method;
use serde_json::{Value, json};

const FAMILY: &str = "👨‍👩‍👧‍👦";
/// One Hangul syllable in decomposed form: three code points.
const PARTS: &str = "\u{1100}\u{1161}\u{11A8}";

/// Asserts that a post of `max` characters is accepted and one character more is refused.
async fn assert_limit(text: &str, max: usize) {
    // A family emoji has 25 bytes: the largest post exceeds the default limit of bodies.
    let server = start_server(|config| config.http.body_max_bytes = 1 << 20).await;
    let who = server.member().await;
    let exactly = who.send(Method::POST, "/api/posts", json!({"content": text.repeat(max)})).await;
    assert_eq!(exactly.status(), 201);
    let more = json!({"content": text.repeat(max + 1)});
    who.refused(Method::POST, "/api/posts", more, 422, "POST_CONTENT_TOO_LONG").await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_post_has_at_most_5000_family_emoji() {
    assert_limit(FAMILY, 5_000).await;
}

#[tokio::test]
async fn a_post_has_at_most_5000_decomposed_syllables() {
    assert_limit(PARTS, 5_000).await;
}

#[tokio::test]
async fn a_post_has_at_most_5000_flags() {
    assert_limit("🇰🇷", 5_000).await;
}

#[tokio::test]
async fn a_title_has_at_most_100_family_emoji() {
    let who = member().await;
    let title = |count: usize| json!({"title": FAMILY.repeat(count), "content": "글"});
    assert_eq!(who.send(Method::POST, "/api/posts", title(100)).await.status(), 201);
    who.refused(Method::POST, "/api/posts", title(101), 422, "POST_TITLE_TOO_LONG").await;
}

#[tokio::test]
async fn a_comment_has_at_most_1000_family_emoji() {
    let who = member().await;
    let path = format!("/api/posts/{}/comments", who.post("글").await);
    let content = |count: usize| json!({"content": FAMILY.repeat(count)});
    assert_eq!(who.send(Method::POST, &path, content(1_000)).await.status(), 201);
    who.refused(Method::POST, &path, content(1_001), 422, "COMMENT_CONTENT_TOO_LONG").await;
}

#[tokio::test]
async fn an_edit_has_the_limits_of_a_post() {
    let who = member().await;
    let path = format!("/api/posts/{}", who.post("글").await);
    who.ok(Method::PUT, &path, json!({"title": "제".repeat(100), "content": "가".repeat(5_000)})).await;
    let long = json!({"title": "제".repeat(101), "content": "가"});
    who.refused(Method::PUT, &path, long, 422, "POST_TITLE_TOO_LONG").await;
    assert_eq!(who.get(&path).await["content"], "가".repeat(5_000), "a refused edit changes nothing");
}

#[tokio::test]
async fn an_edit_of_a_comment_has_the_limits_of_a_comment() {
    let who = member().await;
    let post = who.post("글").await;
    let path = format!("/api/comments/{}", who.comment(post, None, "댓글").await);
    who.ok(Method::PUT, &path, json!({"content": "댓".repeat(1_000)})).await;
    who.refused(Method::PUT, &path, json!({"content": "댓".repeat(1_001)}), 422, "COMMENT_CONTENT_TOO_LONG").await;
    who.refused(Method::PUT, &path, json!({"content": "\n"}), 422, "COMMENT_CONTENT_EMPTY").await;
}

#[tokio::test]
async fn html_sql_and_templates_are_plain_text() {
    let who = member().await;
    let content = "<script>alert('x')</script> & \"quotes\" \\ {{7*7}} '; DROP TABLE posts; --\n둘째 줄\t탭";
    let post = who.ok(Method::POST, "/api/posts", json!({"content": content})).await;
    assert_eq!(post["content"], content);
    assert_eq!(who.get(&format!("/api/posts/{}", post["id"])).await["content"], content);
    assert_eq!(who.get("/api/timeline/posts/mine").await["items"][0]["content"], content);
}

#[tokio::test]
async fn text_of_every_script_is_unchanged() {
    let who = member().await;
    for content in ["日本語のテキスト", "مرحبا بالعالم", "नमस्ते", "ไทย", "𝄞 music", "ﬁ ligature", "e\u{301}"]
    {
        let id = who.post(content).await;
        assert_eq!(who.get(&format!("/api/posts/{id}")).await["content"], content);
    }
}

#[tokio::test]
async fn a_lone_surrogate_is_refused() {
    let who = member().await;
    let request = who.request(Method::POST, "/api/posts").header("content-type", "application/json");
    let answer = request.body(r#"{"content": "\ud83d"}"#).send().await.unwrap();
    assert!([400, 422].contains(&answer.status().as_u16()));
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(who.me().await["postCount"], 0);
}

#[tokio::test]
async fn a_title_is_optional() {
    let who = member().await;
    for body in [json!({"content": "글"}), json!({"content": "글", "title": null})] {
        assert_eq!(who.ok(Method::POST, "/api/posts", body).await["title"], Value::Null);
    }
}

#[tokio::test]
async fn null_content_is_refused() {
    let who = member().await;
    let answer = who.send(Method::POST, "/api/posts", json!({"content": null})).await;
    assert!([400, 422].contains(&answer.status().as_u16()));
    assert_eq!(who.me().await["postCount"], 0);
}

#[tokio::test]
async fn an_edit_keeps_author_time_likes_and_comments() {
    let (who, fan) = (member().await, member().await);
    let path = format!("/api/posts/{}", who.post("처음").await);
    let before = who.get(&path).await;
    fan.ok(Method::PUT, &format!("{path}/like"), Value::Null).await;
    fan.comment(before["id"].as_u64().unwrap(), None, "댓글").await;
    let after = who.ok(Method::PUT, &path, json!({"content": "다음"})).await;
    for field in ["id", "author", "createdAt"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!((&after["likeCount"], &after["commentCount"]), (&json!(1), &json!(1)));
    assert_eq!(before["editedAt"], Value::Null);
    assert!(after["editedAt"].is_string());
}

#[tokio::test]
async fn an_edit_does_not_move_a_post_in_feeds() {
    let who = member().await;
    let (older, newer) = (who.post("먼저").await, who.post("나중").await);
    who.ok(Method::PUT, &format!("/api/posts/{older}"), json!({"content": "고친 글"})).await;
    assert_eq!(ids(&who.get("/api/timeline/posts/mine").await), [newer, older]);
}

#[tokio::test]
async fn a_deleted_post_cannot_be_edited() {
    let who = member().await;
    let path = format!("/api/posts/{}", who.post("글").await);
    who.delete(&path).await;
    who.refused(Method::PUT, &path, json!({"content": "x"}), 404, "POST_NOT_FOUND").await;
    who.refused(Method::DELETE, &format!("{path}/like"), Value::Null, 404, "POST_NOT_FOUND").await;
}

#[tokio::test]
async fn fifty_concurrent_posts_are_all_created() {
    let who = member().await;
    let posts = futures::future::join_all((0..50).map(|number| {
        let who = who.clone();
        async move { who.post(&format!("글 {number}")).await }
    }));
    let mut sorted = posts.await;
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(all(&who, "/api/timeline/posts/mine", 20).await, sorted);
    assert_eq!(who.me().await["postCount"], 50);
}

#[tokio::test]
async fn a_later_post_has_a_larger_id() {
    let (who, other) = (member().await, member().await);
    let mut last = 0;
    for number in 0..20 {
        let id = [&who, &other][number % 2].post("글").await;
        assert!(id > last && id < 1 << 53);
        last = id;
    }
}

#[tokio::test]
async fn concurrent_edits_leave_one_of_them_complete() {
    let who = member().await;
    let path = format!("/api/posts/{}", who.post("글").await);
    let edits = (0..20).map(|number| {
        let body = json!({"title": format!("제목 {number}"), "content": format!("글 {number}")});
        who.ok(Method::PUT, &path, body)
    });
    futures::future::join_all(edits).await;
    let post = who.get(&path).await;
    let number = |field: &str| post[field].as_str().unwrap().split(' ').nth(1).unwrap().to_owned();
    assert_eq!(number("title"), number("content"));
}

#[tokio::test]
async fn a_concurrent_deletion_wins_over_an_edit() {
    for _ in 0..5 {
        let who = member().await;
        let path = format!("/api/posts/{}", who.post("글").await);
        let edit = who.send(Method::PUT, &path, json!({"content": "고친 글"}));
        let (edited, deleted) = futures::future::join(edit, who.call(Method::DELETE, &path, None)).await;
        assert_eq!(deleted, 204);
        assert!([200, 404].contains(&edited.status().as_u16()));
        who.refused(Method::GET, &path, Value::Null, 404, "POST_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn ten_concurrent_deletions_delete_once() {
    let who = member().await;
    let (kept, deleted) = (who.post("글").await, who.post("글").await);
    let path = format!("/api/posts/{deleted}");
    let answers = futures::future::join_all((0..10).map(|_| who.call(Method::DELETE, &path, None))).await;
    assert!(answers.iter().all(|status| [204, 404].contains(&status.as_u16())));
    assert!(answers.iter().any(|status| *status == 204));
    assert_eq!(who.me().await["postCount"], 1);
    assert_eq!(ids(&who.get("/api/timeline/posts/mine").await), [kept]);
}

#[tokio::test]
async fn reads_of_a_post_need_a_token() {
    let who = member().await;
    let id = who.post("글").await;
    for path in [format!("/api/posts/{id}"), format!("/api/posts/{id}/comments"), format!("/api/posts/{id}/likes")] {
        let answer = crate::common::client().get(format!("{}{path}", who.base)).send().await.unwrap();
        problem(answer, 401, "BEARER_TOKEN_MISSING").await;
    }
}
