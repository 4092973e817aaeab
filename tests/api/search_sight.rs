//! What searches show to whom, comments and members among them, and how soon.
use crate::{
    common::Member,
    search::{encoded, found, search, word, written},
    support::{NONE, member, until},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn finds(who: &Member, kind: &str, query: &str) -> Vec<u64> {
    found(&search(who, kind, &format!("q={}", encoded(query))).await, kind)
}

async fn privacy(who: &Member, privacy: &str) {
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": privacy})).await;
}

#[tokio::test]
async fn those_who_block_do_not_find_each_other() {
    let (author, reader) = (member().await, member().await);
    let word = word();
    author.ok(Method::PATCH, "/api/members/me", json!({"bio": word})).await;
    let post = author.post(&word).await;
    let comment = author.comment(post, None, &word).await;
    let block = format!("/api/members/{}/block", author.id);
    assert_eq!(reader.call(Method::PUT, &block, None).await, 204);
    for kind in ["post", "comment", "member"] {
        assert_eq!(finds(&reader, kind, &word).await, NONE, "{kind}");
        assert_eq!(finds(&author, kind, &word).await.len(), 1, "{kind}");
    }
    assert_eq!(reader.call(Method::DELETE, &block, None).await, 204);
    assert_eq!(finds(&reader, "post", &word).await, [post]);
    assert_eq!(finds(&reader, "comment", &word).await, [comment]);
    assert_eq!(finds(&reader, "member", &word).await, [author.id]);
}

#[tokio::test]
async fn who_is_blocked_does_not_find_who_blocks() {
    let (author, reader) = (member().await, member().await);
    let word = word();
    author.post(&word).await;
    let block = format!("/api/members/{}/block", reader.id);
    assert_eq!(author.call(Method::PUT, &block, None).await, 204);
    assert_eq!(finds(&reader, "post", &word).await, NONE);
}

#[tokio::test]
async fn a_search_asks_for_muted_members_too() {
    let (author, reader) = (member().await, member().await);
    let word = word();
    let post = author.post(&word).await;
    assert!(reader.call(Method::PUT, &format!("/api/members/{}/mute", author.id), None).await.is_success());
    assert_eq!(finds(&reader, "post", &word).await, [post]);
}

#[tokio::test]
async fn posts_for_followers_are_found_by_followers() {
    let (author, follower, stranger) = (member().await, member().await, member().await);
    follower.follow(&author).await;
    privacy(&author, "FOLLOWERS").await;
    let word = word();
    let post = author.post(&word).await;
    let comment = author.comment(post, None, &word).await;
    assert_eq!(finds(&follower, "post", &word).await, [post]);
    assert_eq!(finds(&follower, "comment", &word).await, [comment]);
    assert_eq!(finds(&stranger, "post", &word).await, NONE);
    assert_eq!(finds(&stranger, "comment", &word).await, NONE);
    privacy(&author, "PRIVATE").await;
    assert_eq!(finds(&follower, "post", &word).await, NONE);
    assert_eq!(finds(&author, "post", &word).await, [post]);
    privacy(&author, "PUBLIC").await;
    assert_eq!(finds(&stranger, "post", &word).await, [post]);
}

#[tokio::test]
async fn a_page_is_full_although_much_of_what_is_found_is_hidden() {
    let (hidden, shown, reader) = (member().await, member().await, member().await);
    let word = word();
    let mut expected = Vec::new();
    for _ in 0..6 {
        expected.insert(0, shown.post(&word).await);
        for _ in 0..4 {
            hidden.post(&word).await;
        }
    }
    assert_eq!(reader.call(Method::PUT, &format!("/api/members/{}/block", hidden.id), None).await, 204);
    let mut page = search(&reader, "post", &format!("q={word}&limit=5")).await;
    assert_eq!(found(&page, "post"), expected[..5]);
    let mut rest = Vec::new();
    while let Some(cursor) = page["nextCursor"].as_str() {
        page = reader.get(&format!("/api/search/posts?q={word}&limit=5&cursor={cursor}")).await;
        rest.extend(found(&page, "post"));
    }
    assert_eq!(rest, expected[5..]);
}

#[tokio::test]
async fn who_leaves_takes_everything_along_and_brings_it_back() {
    let (mut author, other) = (member().await, member().await);
    let word = word();
    author.ok(Method::PATCH, "/api/members/me", json!({"bio": word})).await;
    let (post, theirs) = (author.post(&word).await, other.post("다른 글").await);
    let comment = author.comment(theirs, None, &word).await;
    let on_it = other.comment(post, None, &word).await;
    assert_eq!(finds(&other, "comment", &word).await.len(), 2);
    author.leave().await;
    for kind in ["post", "comment", "member"] {
        assert_eq!(finds(&other, kind, &word).await, NONE, "{kind}");
    }
    author.log_in().await;
    assert_eq!(finds(&other, "post", &word).await, [post]);
    assert_eq!(finds(&other, "member", &word).await, [author.id]);
    let mut comments = finds(&other, "comment", &word).await;
    comments.sort_unstable();
    assert_eq!(comments, [comment, on_it]);
}

#[tokio::test]
async fn comments_are_found_and_follow_their_changes() {
    let (author, reader) = (member().await, member().await);
    let (first, second) = (author.post("글").await, author.post("글").await);
    let (before, after) = (word(), word());
    let comment = reader.comment(first, None, &format!("{before} 정말")).await;
    let reply = author.comment(first, Some(comment), &before).await;
    let elsewhere = author.comment(second, None, &before).await;
    let page = search(&reader, "comment", &format!("q={before}&postId={first}")).await;
    let mut on_first = found(&page, "comment");
    on_first.sort_unstable();
    assert_eq!(on_first, [comment, reply]);
    let shown = page["items"].as_array().unwrap().iter().find(|item| item["comment"]["id"] == comment).unwrap();
    assert_eq!(shown["highlights"], json!({"content": format!("<mark>{before}</mark> 정말")}));
    assert_eq!(shown["comment"], reader.get(&format!("/api/comments/{comment}")).await);
    reader.ok(Method::PUT, &format!("/api/comments/{comment}"), json!({"content": after})).await;
    assert_eq!(finds(&reader, "comment", &after).await, [comment]);
    reader.delete(&format!("/api/comments/{comment}")).await;
    assert_eq!(finds(&reader, "comment", &after).await, NONE);
    author.delete(&format!("/api/posts/{first}")).await;
    assert_eq!(finds(&reader, "comment", &before).await, [elsewhere]);
    let of_post = search(&reader, "comment", &format!("postId={second}")).await;
    assert_eq!(found(&of_post, "comment"), [elsewhere]);
    assert_eq!(search(&reader, "comment", "q=").await["items"], json!([]));
    reader.refused(Method::GET, "/api/search/comments?postId=x", Value::Null, 422, "VALIDATION_FAILED").await;
}

#[tokio::test]
async fn members_are_found_by_name_handle_and_what_they_say() {
    let (who, reader) = (member().await, member().await);
    let (handle, bio) = (format!("{}_kim", word()), word());
    who.ok(Method::PUT, "/api/members/me/handle", json!({"handle": handle})).await;
    let profile = json!({"displayName": format!("김민수 {bio}"), "bio": format!("커피와 산책 {bio}")});
    who.ok(Method::PATCH, "/api/members/me", profile).await;
    let half = &handle[..10];
    for query in
        [&handle, half, &format!("@{handle}"), &format!("민수 {bio}"), &format!("커피 {bio}"), &format!("{bio} 산책")]
    {
        assert_eq!(finds(&reader, "member", query).await, [who.id], "{query}");
    }
    for query in [format!("영수 {bio}"), format!("{half} x"), format!("\"{half}\"")] {
        assert_eq!(finds(&reader, "member", &query).await, NONE, "{query}");
    }
    let page = search(&reader, "member", &format!("q={}", encoded(&format!("{bio} 김민")))).await;
    assert_eq!(page["items"][0]["member"]["handle"], handle.as_str());
    let shown = json!({
        "displayName": format!("<mark>김민</mark>수 <mark>{bio}</mark>"), "bio": format!("커피와 산책 <mark>{bio}</mark>"),
    });
    assert_eq!(page["items"][0]["highlights"], shown);
}

#[tokio::test]
async fn a_new_name_replaces_the_old_one() {
    let who = member().await;
    let (before, after) = (word(), word());
    who.ok(Method::PATCH, "/api/members/me", json!({"displayName": before})).await;
    assert_eq!(finds(&who, "member", &before).await, [who.id]);
    who.ok(Method::PATCH, "/api/members/me", json!({"displayName": after})).await;
    assert_eq!(finds(&who, "member", &before).await, NONE);
    assert_eq!(finds(&who, "member", &after).await, [who.id]);
}

#[tokio::test]
async fn writes_carry_a_token_and_reads_do_not() {
    let who = member().await;
    let (post, token) = written(&who, Method::POST, "/api/posts", json!({"content": "글"})).await;
    let path = format!("/api/posts/{}", post["id"]);
    let (_, later) = written(&who, Method::PUT, &format!("{path}/like"), Value::Null).await;
    assert_ne!(token, later);
    let read = who.send(Method::GET, &path, Value::Null).await;
    let refused = who.send(Method::POST, "/api/posts", json!({"content": ""})).await;
    for answer in [read, refused] {
        assert!(answer.headers().get("x-write-token").is_none(), "{}", answer.status());
    }
    written(&who, Method::DELETE, &path, Value::Null).await;
}

#[tokio::test]
async fn a_search_that_names_a_write_has_it() {
    let who = member().await;
    for number in 0..20 {
        let word = word();
        let (post, token) = written(&who, Method::POST, "/api/posts", json!({"content": word})).await;
        let path = format!("/api/search/posts?q={word}&consistentWith={token}");
        let answer = who.send(Method::GET, &path, Value::Null).await;
        assert!(answer.headers().get("x-search-behind").is_none());
        let page: Value = answer.json().await.unwrap();
        assert_eq!(found(&page, "post"), [post["id"].as_u64().unwrap()], "post {number}");
    }
}

#[tokio::test]
async fn a_write_is_found_soon_without_being_named() {
    let who = member().await;
    let word = word();
    let begun = std::time::Instant::now();
    let post = who.post(&word).await;
    let page = until(async || {
        let page = who.get(&format!("/api/search/posts?q={word}")).await;
        Some(page).filter(|page| !found(page, "post").is_empty())
    });
    assert_eq!(found(&page.await, "post"), [post]);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_token_that_is_none_is_refused() {
    let who = member().await;
    let page = who.get("/api/timeline/posts/mine").await;
    let cursor = page["streamCursor"].as_str().unwrap();
    who.get(&format!("/api/search/posts?q=x&consistentWith={cursor}")).await;
    for token in ["", "nonsense", "AAAA", &cursor[..cursor.len() - 1]] {
        for kind in ["posts", "comments", "members"] {
            let path = format!("/api/search/{kind}?q=x&consistentWith={token}");
            who.refused(Method::GET, &path, Value::Null, 400, "CURSOR_INVALID").await;
        }
    }
    // One of another server's.
    let other = crate::support::own(|_| {}).await;
    let (_, token) = written(&other.member().await, Method::POST, "/api/posts", json!({"content": "글"})).await;
    let path = format!("/api/search/posts?q=x&consistentWith={token}");
    who.refused(Method::GET, &path, Value::Null, 400, "CURSOR_INVALID").await;
}
