//! The golden file of searches: Korean and mixed queries over a small corpus, each with its exact results.
use crate::{
    search::{encoded, found},
    support::start_server,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const GOLDEN: &str = include_str!("../golden/search.txt");

#[tokio::test]
async fn every_golden_query_finds_exactly_its_posts() {
    let server = start_server(|_| {}).await;
    let author = server.member().await;
    let mut names: BTreeMap<u64, &str> = BTreeMap::new();
    let mut token = String::new();
    for line in GOLDEN.lines().filter_map(|line| line.strip_prefix("post: ")) {
        let [name, title, content] = line.splitn(3, " | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let body = json!({"title": title, "content": content});
        let answer = author.send(reqwest::Method::POST, "/api/posts", body).await;
        token = answer.headers()["x-write-token"].to_str().unwrap().to_owned();
        let post: serde_json::Value = answer.json().await.unwrap();
        names.insert(post["id"].as_u64().unwrap_or_else(|| panic!("{line}: {post}")), name);
    }
    let (mut queries, mut wrong) = (0, Vec::new());
    for line in GOLDEN.lines().filter_map(|line| line.strip_prefix("find: ")) {
        let (query, expected) = line.rsplit_once(" =>").unwrap();
        let expected: BTreeSet<&str> = expected.split_whitespace().collect();
        assert!(expected.iter().all(|name| names.values().any(|known| known == name)), "{line}");
        for sort in ["relevance", "recent"] {
            let path = format!("/api/search/posts?limit=100&sort={sort}&q={}&consistentWith={token}", encoded(query));
            let page = author.get(&path).await;
            let got: BTreeSet<&str> = found(&page, "post").iter().map(|id| names[id]).collect();
            if got != expected {
                wrong.push(format!("{query} ({sort}): {got:?}, not {expected:?}"));
            }
            let highlighted = |item: &serde_json::Value| item["highlights"].to_string().contains("<mark>");
            if !page["items"].as_array().unwrap().iter().all(highlighted) {
                wrong.push(format!("{query} ({sort}): found but not highlighted"));
            }
        }
        queries += 1;
    }
    assert!(queries >= 60, "{queries}");
    assert!(wrong.is_empty(), "{} of {queries}:\n{}", wrong.len(), wrong.join("\n"));
}
