//! Limits of texts in characters (grapheme clusters) of any size in bytes, and the resulting limits of bodies.
use crate::{
    common::{Member, PASSWORD},
    support::{base, member, problem, start_server},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const FAMILY: &str = "👨‍👩‍👧‍👦";
/// One Hangul syllable in decomposed form: three code points.
const PARTS: &str = "\u{1112}\u{1161}\u{11AB}";
/// A letter with the maximum number of combining marks of a character.
const TALL: &str =
    "a\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30A}\u{30B}\u{30C}\u{30D}\u{30E}";

/// Escapes every UTF-16 unit of a text for JSON.
fn escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

async fn send(who: &Member, method: Method, path: &str, body: String) -> Response {
    who.request(method, path).header("content-type", "application/json").body(body).send().await.unwrap()
}

async fn post(who: &Member, content: &str) -> Response {
    send(who, Method::POST, "/api/posts", format!("{{\"content\":\"{}\"}}", escaped(content))).await
}

#[tokio::test]
async fn a_post_has_5000_characters_of_any_size_even_escaped() {
    let who = member().await;
    for character in ["가", PARTS, FAMILY, "🇰🇷", "e\u{301}", "👩🏽‍🚀", TALL] {
        let answer = post(&who, &character.repeat(5_000)).await;
        assert_eq!(answer.status(), 201, "{character}");
        let created: Value = answer.json().await.unwrap();
        assert_eq!(created["content"], character.repeat(5_000), "{character}");
    }
    for character in ["가", PARTS, FAMILY, "🇰🇷"] {
        problem(post(&who, &character.repeat(5_001)).await, 422, "POST_CONTENT_TOO_LONG").await;
    }
}

#[tokio::test]
async fn the_largest_post_with_its_title_fits_the_body_limit() {
    let who = member().await;
    let largest = format!("👩{}", "\u{200D}👩🏽".repeat(5));
    assert_eq!(largest.chars().count(), 16);
    let body = |title: usize, content: usize| {
        format!(
            "{{\"title\":\"{}\",\"content\":\"{}\"}}",
            escaped(&largest.repeat(title)),
            escaped(&largest.repeat(content))
        )
    };
    let created: Value = send(&who, Method::POST, "/api/posts", body(100, 5_000)).await.json().await.unwrap();
    let path = format!("/api/posts/{}", created["id"]);
    assert_eq!(send(&who, Method::PUT, &path, body(99, 4_999)).await.status(), 200);
    let answer = send(&who, Method::PUT, &path, body(101, 5_000)).await;
    assert!(matches!(answer.status().as_u16(), 413 | 422), "{}", answer.status());
}

#[tokio::test]
async fn the_largest_comment_and_profile_fit_the_body_limit() {
    let who = member().await;
    let comments = format!("/api/posts/{}/comments", who.post("글").await);
    for character in [PARTS, FAMILY, TALL] {
        let comment = |count| format!("{{\"content\":\"{}\"}}", escaped(&character.repeat(count)));
        assert_eq!(send(&who, Method::POST, &comments, comment(1_000)).await.status(), 201);
        problem(send(&who, Method::POST, &comments, comment(1_001)).await, 422, "COMMENT_CONTENT_TOO_LONG").await;
        let texts = |more: usize| {
            let text = |count: usize| escaped(&character.repeat(count));
            format!(
                "{{\"memberName\":\"{}\",\"displayName\":\"{}\",\"bio\":\"{}\",\"location\":\"{}\"}}",
                text(30),
                text(50),
                text(500 + more),
                text(100),
            )
        };
        assert_eq!(send(&who, Method::PATCH, "/api/members/me", texts(0)).await.status(), 200);
        problem(send(&who, Method::PATCH, "/api/members/me", texts(1)).await, 422, "VALIDATION_FAILED").await;
    }
}

#[tokio::test]
async fn the_largest_signup_fits_the_body_limit() {
    let name = uuid::Uuid::new_v4().simple().to_string()[..20].to_owned();
    let body = format!(
        "{{\"email\":\"{name}@example.com\",\"password\":\"{PASSWORD}\",\"handle\":\"{name}\",\"memberName\":\"{}\",\"bio\":\"{}\"}}",
        escaped(&FAMILY.repeat(30)),
        escaped(&FAMILY.repeat(500)),
    );
    assert!(body.len() > 64 * 1024 / 2);
    let url = format!("{}/api/authentication/signup", base());
    let answer =
        crate::common::client().post(url).header("content-type", "application/json").body(body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn too_many_combining_marks_are_malformed_text() {
    let who = member().await;
    let tower = format!("{TALL}\u{30F}");
    let comments = format!("/api/posts/{}/comments", who.post("글").await);
    for (method, path, body, field) in [
        (Method::POST, "/api/posts", json!({"content": tower}), "content"),
        (Method::POST, "/api/posts", json!({"content": "글", "title": tower}), "title"),
        (Method::POST, comments.as_str(), json!({"content": tower}), "content"),
        (Method::PATCH, "/api/members/me", json!({"bio": tower}), "bio"),
        (Method::PATCH, "/api/members/me", json!({"displayName": tower}), "displayName"),
        (Method::PATCH, "/api/members/me", json!({"memberName": format!("{tower}{tower}")}), "memberName"),
        (Method::PATCH, "/api/members/me", json!({"location": tower}), "location"),
    ] {
        let refused = who.refused(method, path, body, 422, "TEXT_MALFORMED").await;
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
        assert_eq!(refused["errors"][0]["code"], "TEXT_MALFORMED");
    }
    let both = json!({"bio": tower, "countryCode": "ZZ"});
    let refused = who.refused(Method::PATCH, "/api/members/me", both, 422, "VALIDATION_FAILED").await;
    assert_eq!(refused["errors"].as_array().unwrap().len(), 2);
    let query = format!("/api/search/posts?q={}", crate::search::encoded(&tower));
    who.refused(Method::GET, &query, Value::Null, 422, "TEXT_MALFORMED").await;
    let in_korean =
        who.request(Method::POST, "/api/posts").header("accept-language", "ko").json(&json!({"content": tower}));
    let problem: Value = in_korean.send().await.unwrap().json().await.unwrap();
    assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("코드 포인트"), "{problem}");
}

#[tokio::test]
async fn a_search_query_is_limited_in_characters() {
    let who = member().await;
    let search = |count: usize| format!("/api/search/posts?q={}", crate::search::encoded(&PARTS.repeat(count)));
    assert_eq!(who.send(Method::GET, &search(256), Value::Null).await.status(), 200);
    who.refused(Method::GET, &search(257), Value::Null, 422, "VALIDATION_FAILED").await;
}

#[tokio::test]
async fn a_body_without_long_texts_has_a_limit_of_64_kib() {
    let who = member().await;
    let padded = |bytes: usize| format!("{{\"ids\":[]{}}}", " ".repeat(bytes - 10));
    assert_eq!(send(&who, Method::POST, "/api/members/query", padded(64 * 1024)).await.status(), 200);
    let refused = send(&who, Method::POST, "/api/members/query", padded(64 * 1024 + 1)).await;
    problem(refused, 413, "PAYLOAD_TOO_LARGE").await;
}

#[tokio::test]
async fn a_configured_body_limit_applies_to_posts() {
    let server = start_server(|config| config.http.body_max_bytes = 100_000).await;
    let who = server.member().await;
    assert_eq!(post(&who, &"가".repeat(5_000)).await.status(), 201);
    problem(post(&who, &FAMILY.repeat(5_000)).await, 413, "PAYLOAD_TOO_LARGE").await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn the_longest_post_is_read_searched_replayed_and_streamed() {
    let who = member().await;
    let content = format!("{}끝말", FAMILY.repeat(4_998));
    let body = format!("{{\"content\":\"{}\"}}", escaped(&content));
    let keyed = || {
        who.request(Method::POST, "/api/posts")
            .header("idempotency-key", "k1")
            .header("content-type", "application/json")
    };
    let mut stream = who.stream(None).await;
    crate::stream::ready(&mut stream).await;
    let first: Value = keyed().body(body.clone()).send().await.unwrap().json().await.unwrap();
    let again: Value = keyed().body(body).send().await.unwrap().json().await.unwrap();
    assert_eq!(first, again);
    assert_eq!(crate::stream::next(&mut stream).await.data["content"], content);
    assert_eq!(who.get("/api/timeline/posts/mine").await["items"][0]["content"], content);
    let page =
        crate::search::search(&who, "post", &format!("q={}&author={}", crate::search::encoded("끝말"), who.id)).await;
    assert_eq!(crate::search::found(&page, "post"), [first["id"].as_u64().unwrap()]);
}
