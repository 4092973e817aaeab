//! Searches of texts that are hidden from the searcher: comments on posts with an audience, and posts for followers.
//! They leave no trace, neither in a page nor in its cursor.
use crate::{
    audience::post_for,
    common::Member,
    search::{found, search, word},
    support::{NONE, member},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

/// Hidden texts between two visible ones: more than pages of one item used to skip.
const HIDDEN: usize = 18;

/// Returns the id in the cursor of a page of results, after its version, its list and its score.
fn id_in(cursor: &str) -> u64 {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap();
    let mut numbers = vec![(0_u64, 0)];
    for byte in &bytes[2..bytes.len() - 4] {
        let (number, shift) = numbers.last_mut().unwrap();
        *number |= u64::from(byte & 0x7f) << *shift;
        *shift += 7;
        if byte & 0x80 == 0 {
            numbers.push((0, 0));
        }
    }
    numbers[1].0
}

/// Reads a search one item a page, and checks that its pages are those of `expected` alone: each page but the last has
/// a cursor, which names the item of its page.
async fn assert_pages(who: &Member, kind: &str, word: &str, expected: &[u64]) {
    let path = format!("q={word}&limit=1");
    let mut page = search(who, kind, &path).await;
    let mut pages = vec![found(&page, kind)];
    while let Some(cursor) = page["nextCursor"].as_str() {
        assert_eq!(pages.last().unwrap(), &[id_in(cursor)], "{kind}: the cursor names the item of its page");
        page = who.get(&format!("/api/search/{kind}s?{path}&cursor={cursor}")).await;
        pages.push(found(&page, kind));
    }
    let wanted: Vec<Vec<u64>> = match expected {
        [] => vec![Vec::new()],
        _ => expected.iter().map(|id| vec![*id]).collect(),
    };
    assert_eq!(pages, wanted, "{kind}");
}

/// Writes [`HIDDEN`] comments on a post.
async fn comment_often(who: &Member, post: u64, word: &str) {
    for _ in 0..HIDDEN {
        who.comment(post, None, word).await;
    }
}

async fn find(who: &Member, kind: &str, word: &str) -> Vec<u64> {
    found(&search(who, kind, &format!("q={word}&limit=100")).await, kind)
}

async fn edit(author: &Member, post: u64, content: &str) {
    author.ok(Method::PUT, &format!("/api/posts/{post}"), json!({"content": content})).await;
}

#[tokio::test]
async fn comments_on_posts_for_others_leave_no_trace() {
    let (author, follower, mentioned, stranger) = (member().await, member().await, member().await, member().await);
    follower.follow(&author).await;
    let text = format!("글 @{}", mentioned.handle().await);
    let open = post_for(&author, "public", &text).await;
    for (audience, sees) in [("followers", &follower), ("mentioned", &mentioned), ("self", &author)] {
        let word = word();
        let post = post_for(&author, audience, &text).await;
        // A word of hidden comments alone has the same page as a word of no comment.
        comment_often(&author, post, &word).await;
        assert_pages(&stranger, "comment", &word, &[]).await;
        let mut shown = vec![author.comment(open, None, &word).await];
        comment_often(&author, post, &word).await;
        shown.insert(0, author.comment(open, None, &word).await);
        comment_often(&author, post, &word).await;
        assert_pages(&stranger, "comment", &word, &shown).await;
        for who in [sees, &author] {
            assert_eq!(find(who, "comment", &word).await.len(), 3 * HIDDEN + 2, "{audience}");
        }
        for who in [&follower, &mentioned].into_iter().filter(|who| who.id != sees.id) {
            assert_eq!(find(who, "comment", &word).await, shown, "{audience}");
        }
        let on_post = search(&stranger, "comment", &format!("q={word}&limit=1&postId={post}")).await;
        assert_eq!((found(&on_post, "comment"), &on_post["nextCursor"]), (vec![], &Value::Null), "{audience}");
    }
}

#[tokio::test]
async fn comments_of_hidden_members_and_on_their_posts_leave_no_trace() {
    let (hidden, private, reader) = (member().await, member().await, member().await);
    let open = reader.post("글").await;
    let word = word();
    let first = reader.comment(open, None, &word).await;
    comment_often(&hidden, open, &word).await;
    let theirs = post_for(&private, "public", "글").await;
    comment_often(&reader, theirs, &word).await;
    let last = reader.comment(open, None, &word).await;
    hidden.block(&reader).await;
    private.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
    assert_pages(&reader, "comment", &word, &[last, first]).await;
    private.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PUBLIC"})).await;
    assert_eq!(find(&reader, "comment", &word).await.len(), HIDDEN + 2);
}

#[tokio::test]
async fn posts_for_followers_leave_no_trace_in_a_search_without_an_author() {
    let (author, follower, stranger) = (member().await, member().await, member().await);
    follower.follow(&author).await;
    let word = word();
    for _ in 0..HIDDEN {
        post_for(&author, "followers", &word).await;
    }
    assert_pages(&stranger, "post", &word, &[]).await;
    let first = post_for(&author, "public", &word).await;
    for _ in 0..HIDDEN {
        post_for(&author, "followers", &word).await;
    }
    let last = post_for(&author, "public", &word).await;
    assert_pages(&stranger, "post", &word, &[last, first]).await;
    assert_eq!(find(&follower, "post", &word).await.len(), 2 * HIDDEN + 2);
    // An unfollow holds for the next search.
    follower.unfollow(&author).await;
    assert_pages(&follower, "post", &word, &[last, first]).await;
}

#[tokio::test]
async fn an_edit_that_withdraws_a_mention_hides_the_comments_from_the_member() {
    let (author, before, after) = (member().await, member().await, member().await);
    let (word, handles) = (word(), [before.handle().await, after.handle().await]);
    let post = post_for(&author, "mentioned", &format!("@{} 에게", handles[0])).await;
    comment_often(&author, post, &word).await;
    assert_eq!(find(&before, "comment", &word).await.len(), HIDDEN);
    assert_pages(&after, "comment", &word, &[]).await;
    edit(&author, post, &format!("@{} 에게", handles[1])).await;
    assert_pages(&before, "comment", &word, &[]).await;
    assert_eq!(find(&after, "comment", &word).await.len(), HIDDEN);
    let answer = after.comment(post, None, &word).await;
    edit(&author, post, &format!("@{} 과 @{} 에게", handles[0], handles[1])).await;
    let found = find(&before, "comment", &word).await;
    assert!(found.len() == HIDDEN + 1 && found.contains(&answer), "{found:?}");
}

#[tokio::test]
async fn comments_on_a_post_for_the_mentioned_return_with_its_author() {
    let (mut author, mentioned, stranger) = (member().await, member().await, member().await);
    let word = word();
    let post = post_for(&author, "mentioned", &format!("@{} 에게", mentioned.handle().await)).await;
    let comment = mentioned.comment(post, None, &word).await;
    assert_eq!(find(&mentioned, "comment", &word).await, [comment]);
    author.deactivate().await;
    assert_eq!(find(&mentioned, "comment", &word).await, NONE);
    author.log_in().await;
    assert_eq!(find(&mentioned, "comment", &word).await, [comment]);
    assert_pages(&stranger, "comment", &word, &[]).await;
    author.delete(&format!("/api/posts/{post}")).await;
    assert_eq!(find(&mentioned, "comment", &word).await, NONE);
}
