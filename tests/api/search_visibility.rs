//! Searches for posts, comments and members: visibility, index updates, and reads of own writes by token.
use crate::{
    audience::post_for,
    common::Member,
    search::{encoded, found, search, word, write},
    support::{NONE, member, until},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn find(who: &Member, kind: &str, query: &str) -> Vec<u64> {
    found(&search(who, kind, &format!("q={}", encoded(query))).await, kind)
}

async fn privacy(who: &Member, privacy: &str) {
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": privacy})).await;
}

#[tokio::test]
async fn a_block_hides_results_from_the_blocker() {
    let (author, reader) = (member().await, member().await);
    let word = word();
    author.ok(Method::PATCH, "/api/members/me", json!({"bio": word})).await;
    let post = author.post(&word).await;
    let comment = author.comment(post, None, &word).await;
    let block = format!("/api/members/{}/block", author.id);
    assert_eq!(reader.call(Method::PUT, &block, None).await, 204);
    for kind in ["post", "comment", "member"] {
        assert_eq!(find(&reader, kind, &word).await, NONE, "{kind}");
        assert_eq!(find(&author, kind, &word).await.len(), 1, "{kind}");
    }
    assert_eq!(reader.call(Method::DELETE, &block, None).await, 204);
    assert_eq!(find(&reader, "post", &word).await, [post]);
    assert_eq!(find(&reader, "comment", &word).await, [comment]);
    assert_eq!(find(&reader, "member", &word).await, [author.id]);
}

#[tokio::test]
async fn a_block_hides_results_from_the_blocked_member() {
    let (author, reader) = (member().await, member().await);
    let word = word();
    author.post(&word).await;
    let block = format!("/api/members/{}/block", reader.id);
    assert_eq!(author.call(Method::PUT, &block, None).await, 204);
    assert_eq!(find(&reader, "post", &word).await, NONE);
}

#[tokio::test]
async fn a_search_finds_posts_of_muted_members() {
    let (author, reader) = (member().await, member().await);
    let word = word();
    let post = author.post(&word).await;
    assert!(reader.call(Method::PUT, &format!("/api/members/{}/mute", author.id), None).await.is_success());
    assert_eq!(find(&reader, "post", &word).await, [post]);
}

#[tokio::test]
async fn followers_only_posts_are_found_by_followers_only() {
    let (author, follower, stranger) = (member().await, member().await, member().await);
    follower.follow(&author).await;
    privacy(&author, "FOLLOWERS").await;
    let word = word();
    // For everybody, so that the privacy of its author alone decides.
    let post = post_for(&author, "public", &word).await;
    let comment = author.comment(post, None, &word).await;
    assert_eq!(find(&follower, "post", &word).await, [post]);
    assert_eq!(find(&follower, "comment", &word).await, [comment]);
    assert_eq!(find(&stranger, "post", &word).await, NONE);
    assert_eq!(find(&stranger, "comment", &word).await, NONE);
    privacy(&author, "PRIVATE").await;
    assert_eq!(find(&follower, "post", &word).await, NONE);
    assert_eq!(find(&author, "post", &word).await, [post]);
    privacy(&author, "PUBLIC").await;
    assert_eq!(find(&stranger, "post", &word).await, [post]);
}

#[tokio::test]
async fn hidden_results_do_not_shorten_pages() {
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
async fn results_of_a_deactivated_member_are_hidden_until_the_restore() {
    let (mut author, other) = (member().await, member().await);
    let word = word();
    author.ok(Method::PATCH, "/api/members/me", json!({"bio": word})).await;
    let (post, theirs) = (author.post(&word).await, other.post("다른 글").await);
    let comment = author.comment(theirs, None, &word).await;
    let on_it = other.comment(post, None, &word).await;
    assert_eq!(find(&other, "comment", &word).await.len(), 2);
    author.deactivate().await;
    for kind in ["post", "comment", "member"] {
        assert_eq!(find(&other, kind, &word).await, NONE, "{kind}");
    }
    author.log_in().await;
    assert_eq!(find(&other, "post", &word).await, [post]);
    assert_eq!(find(&other, "member", &word).await, [author.id]);
    let mut comments = find(&other, "comment", &word).await;
    comments.sort_unstable();
    assert_eq!(comments, [comment, on_it]);
}

#[tokio::test]
async fn comments_are_indexed_edited_and_removed() {
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
    assert_eq!(find(&reader, "comment", &after).await, [comment]);
    reader.delete(&format!("/api/comments/{comment}")).await;
    assert_eq!(find(&reader, "comment", &after).await, NONE);
    author.delete(&format!("/api/posts/{first}")).await;
    assert_eq!(find(&reader, "comment", &before).await, [elsewhere]);
    let of_post = search(&reader, "comment", &format!("postId={second}")).await;
    assert_eq!(found(&of_post, "comment"), [elsewhere]);
    assert_eq!(search(&reader, "comment", "q=").await["items"], json!([]));
    reader.refused(Method::GET, "/api/search/comments?postId=x", Value::Null, 422, "VALIDATION_FAILED").await;
}

#[tokio::test]
async fn members_are_found_by_name_handle_and_bio() {
    let (who, reader) = (member().await, member().await);
    let (handle, bio) = (format!("{}_kim", word()), word());
    who.ok(Method::PUT, "/api/members/me/handle", json!({"handle": handle})).await;
    let profile = json!({"displayName": format!("김민수 {bio}"), "bio": format!("커피와 산책 {bio}")});
    who.ok(Method::PATCH, "/api/members/me", profile).await;
    let half = &handle[..10];
    for query in
        [&handle, half, &format!("@{handle}"), &format!("민수 {bio}"), &format!("커피 {bio}"), &format!("{bio} 산책")]
    {
        assert_eq!(find(&reader, "member", query).await, [who.id], "{query}");
    }
    for query in [format!("영수 {bio}"), format!("{half} x"), format!("\"{half}\"")] {
        assert_eq!(find(&reader, "member", &query).await, NONE, "{query}");
    }
    let page = search(&reader, "member", &format!("q={}", encoded(&format!("{bio} 김민")))).await;
    assert_eq!(page["items"][0]["member"]["handle"], handle.as_str());
    let shown = json!({
        "displayName": format!("<mark>김민</mark>수 <mark>{bio}</mark>"), "bio": format!("커피와 산책 <mark>{bio}</mark>"),
    });
    assert_eq!(page["items"][0]["highlights"], shown);
}

#[tokio::test]
async fn a_new_display_name_replaces_the_old_one_in_the_index() {
    let who = member().await;
    let (before, after) = (word(), word());
    who.ok(Method::PATCH, "/api/members/me", json!({"displayName": before})).await;
    assert_eq!(find(&who, "member", &before).await, [who.id]);
    who.ok(Method::PATCH, "/api/members/me", json!({"displayName": after})).await;
    assert_eq!(find(&who, "member", &before).await, NONE);
    assert_eq!(find(&who, "member", &after).await, [who.id]);
}

#[tokio::test]
async fn only_writes_return_a_write_token() {
    let who = member().await;
    let (post, token) = write(&who, Method::POST, "/api/posts", json!({"content": "글"})).await;
    let path = format!("/api/posts/{}", post["id"]);
    let (_, later) = write(&who, Method::PUT, &format!("{path}/like"), Value::Null).await;
    assert_ne!(token, later);
    let read = who.send(Method::GET, &path, Value::Null).await;
    let refused = who.send(Method::POST, "/api/posts", json!({"content": ""})).await;
    for answer in [read, refused] {
        assert!(answer.headers().get("x-write-token").is_none(), "{}", answer.status());
    }
    write(&who, Method::DELETE, &path, Value::Null).await;
}

#[tokio::test]
async fn a_search_with_a_write_token_includes_the_write() {
    let who = member().await;
    for number in 0..20 {
        let word = word();
        let (post, token) = write(&who, Method::POST, "/api/posts", json!({"content": word})).await;
        let path = format!("/api/search/posts?q={word}&consistentWith={token}");
        let answer = who.send(Method::GET, &path, Value::Null).await;
        assert!(answer.headers().get("x-search-behind").is_none());
        let page: Value = answer.json().await.unwrap();
        assert_eq!(found(&page, "post"), [post["id"].as_u64().unwrap()], "post {number}");
    }
}

#[tokio::test]
async fn a_search_without_a_token_includes_a_write_soon() {
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
async fn an_invalid_write_token_is_refused() {
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
    // The token of another server.
    let other = crate::support::start_server(|_| {}).await;
    let (_, token) = write(&other.member().await, Method::POST, "/api/posts", json!({"content": "글"})).await;
    let path = format!("/api/search/posts?q=x&consistentWith={token}");
    who.refused(Method::GET, &path, Value::Null, 400, "CURSOR_INVALID").await;
}

#[tokio::test]
async fn posts_for_others_leave_no_trace_in_pages_of_their_author() {
    let (author, follower, stranger) = (member().await, member().await, member().await);
    follower.follow(&author).await;
    let word = word();
    for _ in 0..18 {
        for audience in ["followers", "mentioned", "self"] {
            post_for(&author, audience, &word).await;
        }
    }
    let parameters = format!("q={word}&author={}&limit=1", author.id);
    let page = search(&stranger, "post", &parameters).await;
    assert_eq!((found(&page, "post"), &page["nextCursor"]), (vec![], &Value::Null));
    let page = search(&follower, "post", &parameters).await;
    assert_eq!((found(&page, "post").len(), page["nextCursor"].is_string()), (1, true));
}
