//! Korean compounds: the spellings with and without spaces find each other, and similar fragments find nothing.
use crate::{
    search::{encoded, found, search, write},
    support::{NONE, member, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const COMPOUNDS: &str = include_str!("../golden/compounds.txt");

fn lines(kind: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    COMPOUNDS.lines().filter_map(move |line| line.strip_prefix(kind)?.split_once(" | "))
}

#[tokio::test]
async fn compounds_with_and_without_spaces_find_each_other() {
    let server = start_server(|_| {}).await;
    let (who, mut created, mut token) = (server.member().await, Vec::new(), String::new());
    let on = who.post("댓글을 다는 글").await;
    for (joined, spaced) in lines("pair: ") {
        let mut ids = Vec::new();
        for text in [format!("{joined}에서"), format!("오늘은 {spaced} 이야기")] {
            let (post, _) = write(&who, Method::POST, "/api/posts", json!({"content": text})).await;
            let comment = json!({"content": format!("{text}다")});
            let (comment, at) = write(&who, Method::POST, &format!("/api/posts/{on}/comments"), comment).await;
            ids.push([post["id"].as_u64().unwrap(), comment["id"].as_u64().unwrap()]);
            token = at;
        }
        created.push((joined, spaced, ids));
    }
    assert!(created.len() >= 40);
    let mut wrong = Vec::new();
    for (joined, spaced, ids) in &created {
        for query in [joined, spaced] {
            for (at, kind) in ["post", "comment"].into_iter().enumerate() {
                let path = format!("/api/search/{kind}s?limit=100&q={}&consistentWith={token}", encoded(query));
                let page = who.get(&path).await;
                let got: BTreeSet<u64> = found(&page, kind).into_iter().collect();
                if !ids.iter().all(|both| got.contains(&both[at])) {
                    wrong.push(format!("{query} among {kind}s"));
                }
                let marked =
                    |item: &Value| item["highlights"]["content"].as_str().is_some_and(|html| html.contains("<mark>"));
                if !page["items"].as_array().unwrap().iter().all(marked) {
                    wrong.push(format!("{query} is not marked"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.app.shutdown().await;
}

#[tokio::test]
async fn similar_fragments_are_not_found() {
    let server = start_server(|_| {}).await;
    let (who, mut wrong) = (server.member().await, Vec::new());
    for (query, text) in lines("not: ") {
        let (post, token) = write(&who, Method::POST, "/api/posts", json!({"content": text})).await;
        let page = who.get(&format!("/api/search/posts?limit=100&q={}&consistentWith={token}", encoded(query))).await;
        if found(&page, "post").contains(&post["id"].as_u64().unwrap()) {
            wrong.push(format!("{query} found {text}: {}", page["items"]));
        }
        who.delete(&format!("/api/posts/{}", post["id"])).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.app.shutdown().await;
}

#[tokio::test]
async fn phrases_and_exclusions_respect_spaces() {
    let who = member().await;
    let (joined, spaced) = (who.post("인천국제공항 도착").await, who.post("인천 국제 공항 도착").await);
    for (query, expected) in [
        ("인천국제공항", vec![spaced, joined]),
        ("\"인천 국제 공항\"", vec![spaced, joined]),
        ("\"인천국제공항\"", vec![joined]),
        ("도착 -인천국제공항", vec![]),
        ("도착 -\"인천국제공항\"", vec![spaced]),
        ("인천국제공항에서 도착", vec![spaced, joined]),
    ] {
        let page = search(&who, "post", &format!("sort=recent&q={}&author={}", encoded(query), who.id)).await;
        assert_eq!(found(&page, "post"), expected, "{query}");
    }
    let page = search(&who, "post", &format!("q={}&author={}", encoded("인천국제공항"), who.id)).await;
    let marked: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|item| item["highlights"]["content"].as_str().unwrap()).collect();
    assert!(
        marked.contains(&"<mark>인천국제공항</mark> 도착") && marked.contains(&"<mark>인천 국제 공항</mark> 도착"),
        "{marked:?}"
    );
}

#[tokio::test]
async fn members_are_found_by_names_with_and_without_spaces() {
    let (joined, spaced) = (member().await, member().await);
    joined.ok(Method::PATCH, "/api/members/me", json!({"displayName": "홍길동전", "bio": "꽃구경"})).await;
    spaced.ok(Method::PATCH, "/api/members/me", json!({"displayName": "홍 길동전", "bio": "꽃 구경"})).await;
    for query in ["홍길동전", "홍 길동전", "꽃구경", "꽃 구경"] {
        let page = search(&joined, "member", &format!("limit=100&q={}", encoded(query))).await;
        let got = found(&page, "member");
        assert!(got.contains(&joined.id) && got.contains(&spaced.id), "{query}: {got:?}");
    }
    let page = search(&joined, "member", &format!("q={}", encoded("길동홍전"))).await;
    assert_eq!(found(&page, "member"), NONE);
}
