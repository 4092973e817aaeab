//! One form for tags and handles, wherever they are asked for; and the tags of posts from before a change of rules.
use crate::{
    search::{encoded, found, search, word},
    support::{NONE, eventually, ids, member, own},
};
use reqwest::Method;
use serde_json::{Value, json};

/// As in a path.
fn segment(text: &str) -> String {
    encoded(text).replace('+', "%20")
}

/// Its letters in full width.
fn wide(text: &str) -> String {
    let wide = |c: char| if c.is_ascii_graphic() { char::from_u32(u32::from(c) + 0xFEE0).unwrap() } else { c };
    text.chars().map(wide).collect()
}

#[tokio::test]
async fn a_tag_is_found_in_every_spelling() {
    let who = member().await;
    let tag = format!("t{}", word());
    let mut posts = Vec::new();
    for written in [format!("#{tag}"), format!("＃{}", wide(&tag)), format!("#{}", tag.to_uppercase())] {
        posts.push(who.post(&format!("{written} 좋다")).await);
    }
    posts.reverse();
    for asked in
        [tag.clone(), format!("#{tag}"), format!("＃{tag}"), tag.to_uppercase(), wide(&tag), format!("#{}", wide(&tag))]
    {
        let path = format!("/api/timeline/tags/{}/posts", segment(&asked));
        let feed = eventually(&who, &path, |feed| ids(feed).len() == 3).await;
        assert_eq!(ids(&feed), posts, "{asked}");
        let page = search(&who, "post", &format!("sort=recent&tag={}", encoded(&asked))).await;
        assert_eq!(found(&page, "post"), posts, "{asked}");
        let page = search(&who, "post", &format!("author={}&q={}", who.id, encoded(&asked))).await;
        assert_eq!(found(&page, "post").len(), 3, "{asked}");
    }
}

#[tokio::test]
async fn what_could_be_no_tag_is_refused_wherever_it_is_asked_for() {
    let who = member().await;
    for asked in ["#", "##a", "a b", "2026", "a-b", "\u{3164}", "·a", "😀", "a@b"] {
        for path in [
            format!("/api/timeline/tags/{}/posts", segment(asked)),
            format!("/api/search/posts?tag={}", encoded(asked)),
        ] {
            let refused = who.refused(Method::GET, &path, Value::Null, 422, "VALIDATION_FAILED").await;
            assert_eq!(refused["errors"][0]["field"], "tag", "{asked}");
        }
    }
}

#[tokio::test]
async fn a_tag_feed_pages_whatever_the_spelling() {
    let who = member().await;
    let tag = format!("t{}", word());
    for _ in 0..3 {
        who.post(&format!("#{tag}")).await;
    }
    let path = |asked: &str| format!("/api/timeline/tags/{}/posts?limit=2", segment(asked));
    let first = eventually(&who, &path(&tag), |feed| !feed["nextCursor"].is_null()).await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = who.get(&format!("{}&cursor={cursor}", path(&wide(&tag)))).await;
    assert_eq!(ids(&second).len(), 1);
}

#[tokio::test]
async fn a_handle_is_found_in_every_spelling() {
    let (who, other) = (member().await, member().await);
    let handle = other.handle().await;
    let post = other.post("글").await;
    for asked in [handle.clone(), handle.to_uppercase(), wide(&handle)] {
        assert_eq!(who.get(&format!("/api/members/@{}", segment(&asked))).await["id"], other.id, "{asked}");
        let page = search(&who, "post", &format!("author={}", encoded(&format!("@{asked}")))).await;
        assert_eq!(found(&page, "post"), [post], "{asked}");
        let written = who.ok(Method::POST, "/api/posts", json!({"content": format!("안녕 @{asked}님")})).await;
        assert_eq!(written["mentions"][0]["handle"], handle.as_str(), "{asked}");
        assert_eq!(written["mentions"][0]["end"], 4 + handle.len());
    }
}

#[tokio::test]
async fn a_search_for_what_shows_nothing_finds_nothing() {
    let who = member().await;
    who.post("글").await;
    for asked in ["", " ", "\u{200B}", "\u{3164}", "\u{2800}\u{FEFF}", "\u{AD}", "\n\t"] {
        for kind in ["posts", "comments", "members"] {
            let page = who.get(&format!("/api/search/{kind}?q={}", encoded(asked))).await;
            assert_eq!(page["items"], json!([]), "{kind} {asked:?}");
        }
    }
}

#[tokio::test]
async fn a_devices_name_is_one_line() {
    let who = member().await;
    let agent = reqwest::header::HeaderValue::from_bytes("전화기\t\u{202E}하나\u{85}".as_bytes()).unwrap();
    let body = json!({"email": who.email, "password": crate::common::PASSWORD});
    let url = format!("{}/api/authentication/login", who.base);
    assert_eq!(who.http.post(url).header("user-agent", agent).json(&body).send().await.unwrap().status(), 200);
    let sessions = who.get("/api/authentication/sessions").await;
    assert!(sessions.to_string().contains("\"전화기하나\""), "{sessions}");
}

/// Changes the database behind the server's back.
async fn tamper(folder: &std::path::Path, statement: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.join("dailyfeed.db"))
        .busy_timeout(crate::common::PATIENCE);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&pool).await.unwrap();
    pool.close().await;
}

/// What an earlier version of the program has stored is found by the rules of this one.
#[tokio::test]
async fn the_tags_of_old_posts_are_found_anew() {
    let own = own(|_| {}).await;
    let who = own.member().await;
    let (wide, link) = (who.post("＃ｒｕｓｔ 좋다").await, who.post("https://a.example/x #진짜").await);
    let (id, token) = (who.id, who.token.clone());
    let own = own
        .again(async |folder| {
            tamper(folder, "UPDATE posts SET tags = '[{\"tag\":\"ｒｕｓｔ\",\"start\":0,\"end\":5}]'").await;
            tamper(folder, "DELETE FROM post_tags").await;
            tamper(folder, "INSERT INTO post_tags SELECT 'ｒｕｓｔ', id FROM posts").await;
            tamper(folder, "DELETE FROM meta WHERE name = 'markup'").await;
        })
        .await;
    let who = crate::common::Member { base: own.base.clone(), id, token, ..who };
    assert_eq!(ids(&who.get(&format!("/api/timeline/tags/{}/posts", segment("rust"))).await), [wide]);
    assert_eq!(ids(&who.get(&format!("/api/timeline/tags/{}/posts", segment("진짜"))).await), [link]);
    assert_eq!(who.get(&format!("/api/posts/{link}")).await["tags"][0]["start"], 20);
    let none = who.get(&format!("/api/timeline/tags/{}/posts", segment("없다"))).await;
    assert_eq!(ids(&none), NONE);
    own.server.shutdown().await;
}
