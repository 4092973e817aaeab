//! Pages of feeds and of a member's comments beside hidden posts: no page is empty, and no cursor is that of a hidden
//! post.
use crate::{
    audience::{AUDIENCES, post_for, settle},
    common::Member,
    support::{TestServer, start_server},
};
use dailyfeed::domain::{
    PostId,
    cursor::{FeedCursor, ListKind, encode_list_cursor, scope_of},
};
use reqwest::Method;
use serde_json::json;

const TAG: &str = "창밖";

/// Members whose posts are hidden from `viewer`, and one whose public posts are visible.
struct Cast {
    author: Member,
    private: Member,
    blocking: Member,
    blocked: Member,
    /// A stranger to all of them.
    viewer: Member,
}

impl Cast {
    async fn new(server: &TestServer) -> Self {
        let one = async || server.member().await;
        let cast = Self {
            author: one().await,
            private: one().await,
            blocking: one().await,
            blocked: one().await,
            viewer: one().await,
        };
        cast.private.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
        cast.blocking.block(&cast.viewer).await;
        cast.viewer.block(&cast.blocked).await;
        cast
    }

    /// Creates a post for each reason to hide one from the viewer.
    async fn hidden(&self) -> Vec<(&Member, u64)> {
        let text = format!("숨긴 글 #{TAG} @{}", self.blocking.handle().await);
        let mut posts = Vec::new();
        for audience in AUDIENCES.into_iter().filter(|audience| *audience != "public") {
            posts.push((&self.author, post_for(&self.author, audience, &text).await));
        }
        for author in [&self.private, &self.blocking, &self.blocked] {
            posts.push((author, post_for(author, "public", &text).await));
        }
        posts
    }

    /// Creates two visible posts with hidden ones before, between and after them. Returns them newest first, and the
    /// hidden ones.
    async fn posts(&self) -> ([u64; 2], Vec<(&Member, u64)>) {
        let visible = async || post_for(&self.author, "public", &format!("글 #{TAG}")).await;
        let mut hidden = self.hidden().await;
        let older = visible().await;
        hidden.extend(self.hidden().await);
        let newer = visible().await;
        hidden.extend(self.hidden().await);
        settle(&self.viewer).await;
        ([newer, older], hidden)
    }
}

/// One page: the ids of its items and its cursor.
type OnePage = (Vec<u64>, Option<String>);

/// Reads all pages of one item.
async fn pages(who: &Member, path: &str) -> Vec<OnePage> {
    let mut pages: Vec<OnePage> = Vec::new();
    loop {
        let cursor = pages.last().and_then(|(_, next)| next.as_ref()).map(|next| format!("&cursor={next}"));
        let page = who.get(&format!("{path}?limit=1{}", cursor.unwrap_or_default())).await;
        let next = page["nextCursor"].as_str().map(str::to_owned);
        let is_last = next.is_none();
        pages.push((crate::support::ids(&page), next));
        assert!(pages.len() < 100, "{path} ends");
        if is_last {
            return pages;
        }
    }
}

/// Asserts that a feed has one page for each post, each with the cursor of its post, and none after the last.
async fn assert_feed(who: &Member, path: &str, (list, scope): (ListKind, u64), posts: &[u64]) {
    let found = pages(who, path).await;
    let items: Vec<&[u64]> = found.iter().map(|(items, _)| &items[..]).collect();
    let expected: Vec<&[u64]> = if posts.is_empty() { vec![&[]] } else { posts.chunks(1).collect() };
    assert_eq!(items, expected, "{path}");
    for (items, next) in &found[..found.len() - 1] {
        let cursor = FeedCursor::decode(next.as_ref().unwrap(), list, scope).unwrap();
        assert_eq!(cursor.before, PostId(items[0]), "{path}: the cursor of a visible post");
    }
}

/// The feeds of a viewer that have posts of `cast`, each with the list and scope of its cursors.
fn feeds(cast: &Cast, viewer: &Member) -> [(String, (ListKind, u64)); 4] {
    let author = cast.author.id;
    [
        (format!("/api/timeline/tags/{TAG}/posts"), (ListKind::Tag, scope_of(TAG))),
        (format!("/api/timeline/members/{author}/posts"), (ListKind::Author, author)),
        ("/api/timeline/posts/recent".to_owned(), (ListKind::Recent, 0)),
        ("/api/timeline/posts/followings".to_owned(), (ListKind::Home, viewer.id)),
    ]
}

async fn assert_feeds(window_bytes_max: Option<usize>) {
    let server = start_server(|config| {
        config.timeline.window_bytes_max = window_bytes_max.unwrap_or(config.timeline.window_bytes_max);
    })
    .await;
    let cast = Cast::new(&server).await;
    let (visible, hidden) = cast.posts().await;
    let [tag, author, recent, home] = feeds(&cast, &cast.viewer);
    for (path, list) in [&tag, &author, &recent] {
        assert_feed(&cast.viewer, path, *list, &visible).await;
    }
    assert_feed(&cast.viewer, &home.0, home.1, &[]).await;

    // Home hides posts for others by authors whom the viewer follows, and those of muted ones.
    let muted = server.member().await;
    post_for(&muted, "public", "글").await;
    for followed in [&cast.author, &muted] {
        cast.viewer.follow(followed).await;
    }
    cast.viewer.ok(Method::PUT, &format!("/api/members/{}/mute", muted.id), json!(null)).await;
    let of_author: Vec<u64> =
        hidden.iter().filter(|(author, _)| author.id == cast.author.id).map(|(_, post)| *post).collect();
    // Of each three: followers, mentioned, self.
    let mut seen = vec![of_author[0], of_author[3], of_author[6], visible[0], visible[1]];
    seen.sort_unstable_by(|one, other| other.cmp(one));
    for (path, list) in [&tag, &author, &recent, &home] {
        assert_feed(&cast.viewer, path, *list, &seen).await;
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn hidden_posts_do_not_change_the_pages_of_feeds_in_the_window() {
    assert_feeds(None).await;
}

#[tokio::test]
async fn hidden_posts_do_not_change_the_pages_of_feeds_below_the_window() {
    // Less than one post in memory.
    assert_feeds(Some(1)).await;
}

#[tokio::test]
async fn a_mentioned_member_has_a_page_for_each_post_that_mentions_it() {
    let server = start_server(|config| config.timeline.window_bytes_max = 1).await;
    let cast = Cast::new(&server).await;
    let mentioned = server.member().await;
    let handle = mentioned.handle().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        cast.hidden().await;
        seen.insert(0, post_for(&cast.author, "mentioned", &format!("글 #{TAG} @{handle}")).await);
    }
    settle(&mentioned).await;
    let [(tag, tag_list), (author, author_list), ..] = feeds(&cast, &mentioned);
    assert_feed(&mentioned, &author, author_list, &seen).await;
    let found = pages(&mentioned, &tag).await;
    // Here also with the public posts of the two members who block or are blocked by `viewer` alone.
    assert!(found.iter().all(|(items, _)| items.len() == 1) && found.len() == 2 + 4, "{found:?}");
    assert!(seen.iter().all(|post| found.iter().any(|(items, _)| items[0] == *post)));
    for (items, next) in &found[..found.len() - 1] {
        let cursor = FeedCursor::decode(next.as_ref().unwrap(), tag_list.0, tag_list.1).unwrap();
        assert_eq!(cursor.before, PostId(items[0]));
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn many_hidden_posts_are_skipped_in_one_page() {
    let server = start_server(|config| config.timeline.window_bytes_max = 1).await;
    let cast = Cast::new(&server).await;
    let visible = post_for(&cast.author, "public", &format!("글 #{TAG}")).await;
    // More than two steps of a page of one item.
    for number in 0..80 {
        let audience = AUDIENCES[1 + number % 3];
        post_for(&cast.author, audience, &format!("숨긴 글 #{TAG}")).await;
    }
    settle(&cast.viewer).await;
    for (path, list) in &feeds(&cast, &cast.viewer)[..3] {
        assert_feed(&cast.viewer, path, *list, &[visible]).await;
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn comments_on_hidden_posts_do_not_change_the_pages_of_a_members_comments() {
    let server = start_server(|_| {}).await;
    let cast = Cast::new(&server).await;
    let (visible, hidden) = cast.posts().await;
    let commenter = &cast.author;
    let path = format!("/api/members/{}/comments", commenter.id);
    let mut written = Vec::new();
    for post in visible {
        // The commenter sees all hidden posts but those of the private member.
        for (_, hidden) in hidden.iter().filter(|(author, _)| author.id != cast.private.id) {
            commenter.comment(*hidden, None, "숨긴 댓글").await;
        }
        written.insert(0, commenter.comment(post, None, "댓글").await);
    }
    for (_, hidden) in hidden.iter().filter(|(author, _)| author.id != cast.private.id) {
        commenter.comment(*hidden, None, "숨긴 댓글").await;
    }
    settle(&cast.viewer).await;
    let cursor = encode_list_cursor(ListKind::MemberComments, commenter.id, [written[0], 0]);
    let expected = vec![(vec![written[0]], Some(cursor)), (vec![written[1]], None)];
    let beside_hidden = pages(&cast.viewer, &path).await;
    assert_eq!(beside_hidden, expected);
    assert_eq!(pages(commenter, &path).await.len(), 2 + 3 * 15, "the commenter sees all comments");
    for (author, post) in hidden {
        author.delete(&format!("/api/posts/{post}")).await;
    }
    settle(&cast.viewer).await;
    assert_eq!(pages(&cast.viewer, &path).await, beside_hidden, "the same pages and cursors without hidden posts");
    server.app.shutdown().await;
}
