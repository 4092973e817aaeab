//! Excluded phrases and compounds, over enough posts that excluded ones lie before, between and after the results.
use crate::{
    search::{found, search, write},
    support::start_server,
};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn phrases_and_compounds_can_be_excluded() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    let texts = ["hello there", "hello world", "hello world there", "웹 서버 이야기", "서버 이야기", "웹서버 이야기"];
    let mut posts = Vec::new();
    for round in 0..20 {
        for text in texts {
            let content = json!({"content": format!("{text} {round}")});
            let (post, _) = write(&who, Method::POST, "/api/posts", content).await;
            posts.push((text, post["id"].as_u64().unwrap()));
        }
    }
    for (query, expected) in [
        ("hello -%22world there%22", &["hello there", "hello world"][..]),
        ("-%22world there%22 hello", &["hello there", "hello world"]),
        ("hello -%22hello there%22", &["hello world", "hello world there"]),
        ("hello -%22hello nobody%22", &["hello there", "hello world", "hello world there"]),
        ("서버 -웹서버", &["서버 이야기"]),
        ("-웹서버 서버", &["서버 이야기"]),
        ("이야기 -%22웹 서버%22", &["서버 이야기"]),
    ] {
        for sort in ["relevance", "recent"] {
            let page = search(&who, "post", &format!("limit=100&sort={sort}&q={query}")).await;
            let got: BTreeSet<u64> = found(&page, "post").into_iter().collect();
            let wanted = posts.iter().filter(|(text, _)| expected.contains(text)).map(|(_, id)| *id);
            let wanted: BTreeSet<u64> = wanted.collect();
            let missing: Vec<_> = posts.iter().filter(|(_, id)| wanted.contains(id) && !got.contains(id)).collect();
            let surplus: Vec<_> = posts.iter().filter(|(_, id)| !wanted.contains(id) && got.contains(id)).collect();
            assert!(
                missing.is_empty() && surplus.is_empty(),
                "{query} {sort}: missing {missing:?}, surplus {surplus:?}"
            );
        }
    }
}
