//! `GET /api/search/posts`: query syntax, highlights, order, pages, filters and validation; and helpers for searches.
use crate::{
    common::Member,
    support::{NONE, fields, member, problem},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Percent-encodes a text for a query string.
pub(crate) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Returns the ids of a page of results.
pub(crate) fn found(page: &Value, kind: &str) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item[kind]["id"].as_u64().unwrap()).collect()
}

/// Sends a write. Returns the response and its write token.
pub(crate) async fn write(member: &Member, method: Method, path: &str, body: Value) -> (Value, String) {
    let answer = member.send(method, path, body).await;
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    let token = answer.headers()["x-write-token"].to_str().unwrap().to_owned();
    let text = answer.text().await.unwrap();
    (serde_json::from_str(&text).unwrap_or_default(), token)
}

/// Searches an index that has applied all earlier writes. Returns the first page.
pub(crate) async fn search(member: &Member, kind: &str, parameters: &str) -> Value {
    // The token of a new write covers all writes before it.
    let (_, token) = write(member, Method::PATCH, "/api/members/me", json!({"location": "서울"})).await;
    let path = format!("/api/search/{kind}s?{parameters}&consistentWith={token}");
    let answer = member.send(Method::GET, &path, Value::Null).await;
    assert_eq!(answer.status(), 200, "{path}");
    assert!(answer.headers().get("x-search-behind").is_none(), "{path}");
    answer.json().await.unwrap()
}

/// Returns the ids of an author's posts that a member finds.
async fn posts_by(member: &Member, author: &Member, query: &str) -> Vec<u64> {
    let page = search(member, "post", &format!("q={}&author={}", encoded(query), author.id)).await;
    found(&page, "post")
}

/// Returns a unique word.
pub(crate) fn word() -> String {
    uuid::Uuid::new_v4().simple().to_string()[..16].to_owned()
}

#[tokio::test]
async fn a_post_is_found_by_words_phrases_exclusions_and_prefixes() {
    let (author, reader) = (member().await, member().await);
    let post = author.post("오늘 한강에서 자전거를 탔다").await;
    author.post("다른 글").await;
    for query in ["한강", "자전거 한강", "\"한강에서 자전거\"", "오늘 -내일", "자전*"] {
        assert_eq!(posts_by(&reader, &author, query).await, [post], "{query}");
    }
    for query in ["부산", "한강 부산", "\"자전거 한강\"", "한강 -자전거"] {
        assert_eq!(posts_by(&reader, &author, query).await, NONE, "{query}");
    }
}

#[tokio::test]
async fn a_result_has_the_post_and_its_highlights() {
    let author = member().await;
    let body = json!({"title": "<b>한강</b>", "content": "둔치의 밤 & 한강"});
    let (post, _) = write(&author, Method::POST, "/api/posts", body).await;
    let page = search(&author, "post", &format!("q={}&author={}", encoded("한강 밤"), author.id)).await;
    assert_eq!(page["items"][0]["post"], post);
    let highlights = json!({
        "title": "&lt;b&gt;<mark>한강</mark>&lt;/b&gt;", "content": "둔치의 <mark>밤</mark> &amp; <mark>한강</mark>",
    });
    assert_eq!(page["items"][0]["highlights"], highlights);
    assert_eq!(page["nextCursor"], Value::Null);
}

#[tokio::test]
async fn an_edited_post_is_found_by_its_new_text_only() {
    let author = member().await;
    let post = author.post("처음에는 고양이").await;
    assert_eq!(posts_by(&author, &author, "고양이").await, [post]);
    author.ok(Method::PUT, &format!("/api/posts/{post}"), json!({"content": "나중에는 강아지"})).await;
    assert_eq!(posts_by(&author, &author, "고양이").await, NONE);
    assert_eq!(posts_by(&author, &author, "강아지").await, [post]);
}

#[tokio::test]
async fn a_deleted_post_is_not_found() {
    let author = member().await;
    let (deleted, kept) = (author.post("같은 말").await, author.post("같은 말").await);
    author.delete(&format!("/api/posts/{deleted}")).await;
    assert_eq!(posts_by(&author, &author, "같은").await, [kept]);
}

#[tokio::test]
async fn results_are_sorted_by_relevance_or_newest_first() {
    let author = member().await;
    let titled = author.ok(Method::POST, "/api/posts", json!({"title": "등산", "content": "좋은 하루"})).await;
    let titled = titled["id"].as_u64().unwrap();
    let often = author.post("등산 등산 등산").await;
    let long = author.post(&format!("등산 {}", "그리고 다른 이야기 ".repeat(40))).await;
    assert_eq!(posts_by(&author, &author, "등산").await.last(), Some(&long));
    let recent = search(&author, "post", &format!("q={}&author={}&sort=recent", encoded("등산"), author.id)).await;
    assert_eq!(found(&recent, "post"), [long, often, titled]);
    let best = posts_by(&author, &author, "등산").await;
    assert!(best.contains(&titled) && best.contains(&often) && best.len() == 3);
}

#[tokio::test]
async fn equal_matches_are_sorted_newest_first() {
    let author = member().await;
    let mut posts = Vec::new();
    for _ in 0..5 {
        posts.insert(0, author.post("똑같은 글").await);
    }
    assert_eq!(posts_by(&author, &author, "똑같은").await, posts);
}

/// Reads all pages of a search and calls `between` before each page but the first.
async fn pages(member: &Member, parameters: &str, limit: usize, between: impl AsyncFn()) -> Vec<u64> {
    let mut page = search(member, "post", &format!("{parameters}&limit={limit}")).await;
    let mut all = found(&page, "post");
    while let Some(cursor) = page["nextCursor"].as_str() {
        between().await;
        page = member.get(&format!("/api/search/posts?{parameters}&limit={limit}&cursor={cursor}")).await;
        assert!(page["items"].as_array().unwrap().len() <= limit);
        all.extend(found(&page, "post"));
    }
    all
}

#[tokio::test]
async fn pages_repeat_and_skip_nothing_in_either_order() {
    let author = member().await;
    let mut written = Vec::new();
    for number in 0..23 {
        written.insert(0, author.post(&format!("바다 {}", "바다 물결 ".repeat(number % 5))).await);
    }
    for sort in ["relevance", "recent"] {
        let parameters = format!("q={}&author={}&sort={sort}", encoded("바다"), author.id);
        let whole = pages(&author, &parameters, 100, async || {}).await;
        for limit in [1, 5, 22, 23] {
            assert_eq!(pages(&author, &parameters, limit, async || {}).await, whole, "{sort} {limit}");
        }
        let mut sorted = whole.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(sorted, written, "{sort}");
        assert_eq!(sort == "recent", whole == sorted, "{sort}");
    }
}

#[tokio::test]
async fn posts_created_while_paging_shift_nothing() {
    let author = member().await;
    for number in 0..12 {
        author.post(&format!("구름 {}", "하늘 ".repeat(number % 4))).await;
    }
    for sort in ["relevance", "recent"] {
        let parameters = format!("q={}&author={}&sort={sort}", encoded("구름"), author.id);
        let before = pages(&author, &parameters, 100, async || {}).await;
        let writes = async || {
            author.post("구름 구름").await;
            search(&author, "post", "q=x").await;
        };
        assert_eq!(pages(&author, &parameters, 3, writes).await, before, "{sort}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_search_is_refused() {
    let author = member().await;
    for _ in 0..3 {
        author.post("강물").await;
    }
    let page = search(&author, "post", &format!("q={}&author={}&limit=1", encoded("강물"), author.id)).await;
    let cursor = page["nextCursor"].as_str().unwrap();
    for path in [
        format!("/api/search/posts?q={}&cursor={cursor}", encoded("강물")),
        format!("/api/search/posts?q=x&author={}&cursor={cursor}", author.id),
        format!("/api/search/posts?q={}&author={}&sort=recent&cursor={cursor}", encoded("강물"), author.id),
        format!("/api/search/comments?q={}&cursor={cursor}", encoded("강물")),
        "/api/search/posts?q=x&cursor=nonsense".to_owned(),
    ] {
        author.refused(Method::GET, &path, Value::Null, 400, "CURSOR_INVALID").await;
    }
}

#[tokio::test]
async fn filters_narrow_a_search() {
    let (author, other) = (member().await, member().await);
    let tag = format!("t{}", word());
    let tagged = author.post(&format!("나무 #{tag}")).await;
    let plain = author.post("나무").await;
    let theirs = other.post(&format!("나무 #{}", tag.to_uppercase())).await;
    let handle = author.handle().await;
    let find = async |filter: &str| {
        let mut ids = found(&search(&author, "post", &format!("q={}&{filter}", encoded("나무"))).await, "post");
        ids.sort_unstable();
        ids
    };
    assert_eq!(find(&format!("author={}", author.id)).await, [tagged, plain]);
    assert_eq!(find(&format!("author=@{}", handle.to_uppercase())).await, [tagged, plain]);
    assert_eq!(find(&format!("tag={tag}")).await, [tagged, theirs]);
    assert_eq!(find(&format!("tag={}", encoded(&format!("#{tag}")))).await, [tagged, theirs]);
    assert_eq!(find(&format!("tag={tag}&author={}", other.id)).await, [theirs]);
    assert_eq!(find("author=@nobody_has_this_handle").await, NONE);
    let at = author.get(&format!("/api/posts/{plain}")).await["createdAt"].as_str().unwrap().to_owned();
    assert_eq!(find(&format!("author={}&from={at}", author.id)).await, [plain]);
    assert_eq!(find(&format!("author={}&to={at}", author.id)).await, [tagged]);
    let day = &at[..10];
    assert_eq!(find(&format!("author={}&from={day}&to={day}", author.id)).await, [tagged, plain]);
    assert_eq!(find(&format!("author={}&to=2020-01-01", author.id)).await, NONE);
}

#[tokio::test]
async fn a_filter_without_words_finds_all_matching_posts() {
    let author = member().await;
    let (first, second) = (author.post("하나").await, author.post("둘").await);
    let all = format!("author={}", author.id);
    assert_eq!(found(&search(&author, "post", &all).await, "post"), [second, first]);
    assert_eq!(found(&search(&author, "post", &format!("q=&{all}")).await, "post"), [second, first]);
    assert_eq!(found(&search(&author, "post", &format!("q={}&{all}", encoded("-둘"))).await, "post"), [first]);
    for nothing in ["q=", "sort=recent", "q=-x", "q=%22%22"] {
        let page = search(&author, "post", nothing).await;
        assert_eq!(page, json!({"items": [], "nextCursor": null}), "{nothing}");
    }
}

#[tokio::test]
async fn invalid_parameters_are_field_errors() {
    let who = member().await;
    for (parameters, field, code) in [
        ("sort=best", "sort", "UNKNOWN_VALUE"),
        ("author=minsu", "author", "INVALID_FORMAT"),
        ("from=yesterday", "from", "INVALID_FORMAT"),
        ("to=2026-02-30", "to", "INVALID_FORMAT"),
        ("limit=0", "limit", "OUT_OF_RANGE"),
    ] {
        let path = format!("/api/search/posts?q=x&{parameters}");
        let problem = who.refused(Method::GET, &path, Value::Null, 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&problem), [(field.to_owned(), code.to_owned())], "{parameters}");
    }
    let long = encoded(&"가".repeat(257));
    for kind in ["posts", "comments", "members"] {
        let path = format!("/api/search/{kind}?q={long}");
        let problem = who.refused(Method::GET, &path, Value::Null, 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&problem), [("q".to_owned(), "TOO_LONG".to_owned())], "{kind}");
        who.get(&format!("/api/search/{kind}?q={}", encoded(&"가".repeat(256)))).await;
    }
}

#[tokio::test]
async fn every_query_is_accepted() {
    let who = member().await;
    for query in [
        "\"",
        "\"a",
        "a\"",
        "-",
        "--",
        "-\"",
        "*",
        "**",
        "a*b",
        "-*",
        "AND",
        "a AND OR b",
        "(",
        "a:b",
        "a^2",
        "a~",
        "[a TO b]",
        "\\",
        "\u{0}",
        "\u{202E}",
        "%",
        "/regex/",
        "ㄱ",
        "👨‍👩‍👧‍👦",
        "가 나 다 라 마 바 사 아 자 차 카 타 파 하 가 나 다 라",
        "\"가\" -\"나\" 다*",
        "ａ　ｂ",
        "e\u{301}\u{301}\u{301}",
    ] {
        for kind in ["posts", "comments", "members"] {
            who.get(&format!("/api/search/{kind}?q={}", encoded(query))).await;
        }
    }
}

#[tokio::test]
async fn searches_need_a_token() {
    let base = crate::support::base();
    for kind in ["posts", "comments", "members"] {
        let answer = crate::common::client().get(format!("{base}/api/search/{kind}?q=x")).send().await.unwrap();
        problem(answer, 401, "BEARER_TOKEN_MISSING").await;
    }
}
