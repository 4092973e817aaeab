//! Normalisation of tags and handles in feeds, profiles and searches; and posts with tags of earlier rules.
use crate::{
    search::{encoded, found, search, word},
    support::{NONE, eventually, ids, member, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Percent-encodes a text for a path segment.
fn segment(text: &str) -> String {
    encoded(text).replace('+', "%20")
}

/// Converts ASCII characters to full width.
fn wide(text: &str) -> String {
    let wide = |c: char| if c.is_ascii_graphic() { char::from_u32(u32::from(c) + 0xFEE0).unwrap() } else { c };
    text.chars().map(wide).collect()
}

#[tokio::test]
async fn equivalent_tags_are_one_tag() {
    let who = member().await;
    let tag = format!("t{}", word());
    let mut posts = Vec::new();
    for written in [format!("#{tag}"), format!("＃{}", wide(&tag)), format!("#{}", tag.to_uppercase())] {
        posts.push(who.post(&format!("{written} 좋다")).await);
    }
    posts.reverse();
    for given in
        [tag.clone(), format!("#{tag}"), format!("＃{tag}"), tag.to_uppercase(), wide(&tag), format!("#{}", wide(&tag))]
    {
        let path = format!("/api/timeline/tags/{}/posts", segment(&given));
        let feed = eventually(&who, &path, |feed| ids(feed).len() == 3).await;
        assert_eq!(ids(&feed), posts, "{given}");
        let page = search(&who, "post", &format!("sort=recent&tag={}", encoded(&given))).await;
        assert_eq!(found(&page, "post"), posts, "{given}");
        let page = search(&who, "post", &format!("author={}&q={}", who.id, encoded(&given))).await;
        assert_eq!(found(&page, "post").len(), 3, "{given}");
    }
}

#[tokio::test]
async fn an_invalid_tag_is_refused_in_feeds_and_searches() {
    let who = member().await;
    for given in ["#", "##a", "a b", "2026", "a-b", "\u{3164}", "·a", "😀", "a@b"] {
        for path in [
            format!("/api/timeline/tags/{}/posts", segment(given)),
            format!("/api/search/posts?tag={}", encoded(given)),
        ] {
            let refused = who.refused(Method::GET, &path, Value::Null, 422, "VALIDATION_FAILED").await;
            assert_eq!(refused["errors"][0]["field"], "tag", "{given}");
        }
    }
}

#[tokio::test]
async fn a_cursor_of_a_tag_feed_is_valid_for_equivalent_tags() {
    let who = member().await;
    let tag = format!("t{}", word());
    for _ in 0..3 {
        who.post(&format!("#{tag}")).await;
    }
    let path = |given: &str| format!("/api/timeline/tags/{}/posts?limit=2", segment(given));
    let first = eventually(&who, &path(&tag), |feed| !feed["nextCursor"].is_null()).await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = who.get(&format!("{}&cursor={cursor}", path(&wide(&tag)))).await;
    assert_eq!(ids(&second).len(), 1);
}

#[tokio::test]
async fn equivalent_handles_are_one_handle() {
    let (who, other) = (member().await, member().await);
    let handle = other.handle().await;
    let post = other.post("글").await;
    for given in [handle.clone(), handle.to_uppercase(), wide(&handle)] {
        assert_eq!(who.get(&format!("/api/members/@{}", segment(&given))).await["id"], other.id, "{given}");
        let page = search(&who, "post", &format!("author={}", encoded(&format!("@{given}")))).await;
        assert_eq!(found(&page, "post"), [post], "{given}");
        let mentioning = who.ok(Method::POST, "/api/posts", json!({"content": format!("안녕 @{given}님")})).await;
        assert_eq!(mentioning["mentions"][0]["handle"], handle.as_str(), "{given}");
        assert_eq!(mentioning["mentions"][0]["end"], 4 + handle.len());
    }
}

#[tokio::test]
async fn a_search_for_invisible_characters_finds_nothing() {
    let who = member().await;
    who.post("글").await;
    for given in ["", " ", "\u{200B}", "\u{3164}", "\u{2800}\u{FEFF}", "\u{AD}", "\n\t"] {
        for kind in ["posts", "comments", "members"] {
            let page = who.get(&format!("/api/search/{kind}?q={}", encoded(given))).await;
            assert_eq!(page["items"], json!([]), "{kind} {given:?}");
        }
    }
}

#[tokio::test]
async fn the_user_agent_of_a_session_is_one_line() {
    let who = member().await;
    let agent = reqwest::header::HeaderValue::from_bytes("전화기\t\u{202E}하나\u{85}".as_bytes()).unwrap();
    let body = json!({"email": who.email, "password": crate::common::PASSWORD});
    let url = format!("{}/api/authentication/login", who.base);
    assert_eq!(who.http.post(url).header("user-agent", agent).json(&body).send().await.unwrap().status(), 200);
    let sessions = who.get("/api/authentication/sessions").await;
    assert!(sessions.to_string().contains("\"전화기하나\""), "{sessions}");
}

/// Runs a statement on the main database, past the server.
async fn tamper(folder: &std::path::Path, statement: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.join("dailyfeed.db"))
        .busy_timeout(crate::common::TIMEOUT);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&pool).await.unwrap();
    pool.close().await;
}

/// The server rebuilds tags that an earlier version stored under other rules.
#[tokio::test]
async fn tags_of_older_versions_are_rebuilt() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    let (wide, link) = (who.post("＃ｒｕｓｔ 좋다").await, who.post("https://a.example/x #진짜").await);
    let (id, token) = (who.id, who.token.clone());
    let server = server
        .restart(async |folder| {
            tamper(folder, "UPDATE posts SET tags = '[{\"tag\":\"ｒｕｓｔ\",\"start\":0,\"end\":5}]'").await;
            tamper(folder, "DELETE FROM post_tags").await;
            tamper(folder, "INSERT INTO post_tags SELECT 'ｒｕｓｔ', id FROM posts").await;
            tamper(folder, "DELETE FROM meta WHERE name = 'markup'").await;
        })
        .await;
    let who = crate::common::Member { base: server.base.clone(), id, token, ..who };
    assert_eq!(ids(&who.get(&format!("/api/timeline/tags/{}/posts", segment("rust"))).await), [wide]);
    assert_eq!(ids(&who.get(&format!("/api/timeline/tags/{}/posts", segment("진짜"))).await), [link]);
    assert_eq!(who.get(&format!("/api/posts/{link}")).await["tags"][0]["start"], 20);
    let none = who.get(&format!("/api/timeline/tags/{}/posts", segment("없다"))).await;
    assert_eq!(ids(&none), NONE);
    server.app.shutdown().await;
}
