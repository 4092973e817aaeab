//! The search index: documents that are hidden from the viewer are no hits.
use super::{
    Backend,
    search::{TestViewer, begin, comment, ids, post, request},
};
use crate::{
    domain::{MemberId, Mention, Position, Post, PostAudience, PostId, SearchKind, search::Query},
    storage::{CommentedPost, IndexChange, SearchRequest},
};
use std::sync::Arc;

conformance! {
    posts_for_other_members_are_no_hits,
    comments_on_posts_for_other_members_are_no_hits,
    texts_of_hidden_members_are_no_hits,
}

fn mention(member: u64) -> Mention {
    Mention { handle: "m".to_owned(), member: MemberId(member), start: 0, end: 2 }
}

/// Searches as a member who follows member 1.
fn by(kind: SearchKind, viewer: u64) -> SearchRequest {
    let viewer = TestViewer { id: viewer, follows: vec![1], hidden: None };
    SearchRequest { viewer: Arc::new(viewer), ..request(kind, "말") }
}

/// Searches as a member who follows nobody.
fn by_stranger(kind: SearchKind, viewer: u64) -> SearchRequest {
    let viewer = TestViewer { id: viewer, ..TestViewer::default() };
    SearchRequest { viewer: Arc::new(viewer), ..request(kind, "말") }
}

async fn posts_for_other_members_are_no_hits(backend: &Backend) {
    const POST: SearchKind = SearchKind::Post;
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    for (id, audience) in [10, 20, 30, 40].into_iter().zip(PostAudience::ALL) {
        let mentions = vec![mention(2), mention(3)];
        let post = Post { audience, mentions, ..post(id, 1, None, "말") };
        index.apply(vec![IndexChange::PutPost(post)]).await.unwrap();
    }
    index.commit(Position(1), true).await.unwrap();
    assert_eq!(ids(&index, by(POST, 1)).await, [40, 30, 20, 10]);
    assert_eq!(ids(&index, by(POST, 3)).await, [30, 20, 10]);
    assert_eq!(ids(&index, by(POST, 4)).await, [20, 10]);
    assert_eq!(ids(&index, by_stranger(POST, 3)).await, [30, 10]);
    assert_eq!(ids(&index, by_stranger(POST, 4)).await, [10]);
    let all = SearchRequest { query: Query::parse(""), author: Some(MemberId(1)), ..by(POST, 4) };
    assert_eq!(ids(&index, all).await, [20, 10]);
    // An edit withdraws a mention.
    let edited = Post { audience: PostAudience::Mentioned, mentions: vec![mention(2)], ..post(30, 1, None, "말") };
    index.apply(vec![IndexChange::PutPost(edited)]).await.unwrap();
    index.commit(Position(2), true).await.unwrap();
    assert_eq!(ids(&index, by(POST, 2)).await, [30, 20, 10]);
    assert_eq!(ids(&index, by(POST, 3)).await, [20, 10]);
}

async fn comments_on_posts_for_other_members_are_no_hits(backend: &Backend) {
    const COMMENT: SearchKind = SearchKind::Comment;
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    for (id, audience) in [10, 20, 30, 40].into_iter().zip(PostAudience::ALL) {
        let mentions = vec![mention(2), mention(3)];
        let post = Post { audience, mentions, ..post(id, 1, None, "글") };
        let on = CommentedPost { post: post.id, author: post.author, audience };
        let comment = comment(id + 1, id, 5, "말");
        index.apply(vec![IndexChange::PutPost(post), IndexChange::PutComment { comment, on }]).await.unwrap();
        // Each in a segment of its own: a comment and its post can be in different ones.
        index.commit(Position(id), true).await.unwrap();
    }
    assert_eq!(ids(&index, by(COMMENT, 1)).await, [41, 31, 21, 11]);
    assert_eq!(ids(&index, by(COMMENT, 3)).await, [31, 21, 11]);
    assert_eq!(ids(&index, by(COMMENT, 5)).await, [21, 11], "their author");
    assert_eq!(ids(&index, by_stranger(COMMENT, 3)).await, [31, 11]);
    assert_eq!(ids(&index, by_stranger(COMMENT, 4)).await, [11]);
    for (on, found) in [(10, vec![11]), (20, vec![]), (30, vec![]), (40, vec![])] {
        let on_post = SearchRequest { post: Some(PostId(on)), limit: 1, ..by_stranger(COMMENT, 4) };
        assert_eq!(ids(&index, on_post).await, found, "{on}");
    }
    // An edit withdraws a mention and adds another.
    let mentions = vec![mention(2), mention(4)];
    let edited = Post { audience: PostAudience::Mentioned, mentions, ..post(30, 1, None, "글") };
    index.apply(vec![IndexChange::PutPost(edited)]).await.unwrap();
    index.commit(Position(50), true).await.unwrap();
    assert_eq!(ids(&index, by(COMMENT, 3)).await, [21, 11]);
    assert_eq!(ids(&index, by(COMMENT, 4)).await, [31, 21, 11]);
    // The author leaves, and returns.
    index.apply(vec![IndexChange::HidePost(PostId(30))]).await.unwrap();
    index.commit(Position(51), true).await.unwrap();
    assert_eq!(ids(&index, by(COMMENT, 4)).await, [21, 11]);
    let restored = Post { audience: PostAudience::Mentioned, mentions: vec![mention(4)], ..post(30, 1, None, "글") };
    index.apply(vec![IndexChange::PutPost(restored)]).await.unwrap();
    index.commit(Position(52), true).await.unwrap();
    assert_eq!(ids(&index, by(COMMENT, 4)).await, [31, 21, 11]);
}

async fn texts_of_hidden_members_are_no_hits(backend: &Backend) {
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    for (post_id, author) in [(10, 1), (20, 2)] {
        index.apply(vec![IndexChange::PutPost(post(post_id, author, None, "말"))]).await.unwrap();
        for (at, commenter) in [(1, 1), (2, 2)] {
            let on = CommentedPost { post: PostId(post_id), author: MemberId(author), audience: PostAudience::Public };
            let comment = comment(post_id + at, post_id, commenter, "말");
            index.apply(vec![IndexChange::PutComment { comment, on }]).await.unwrap();
        }
    }
    index.commit(Position(1), true).await.unwrap();
    let without_member_2 = |kind| {
        let viewer = TestViewer { id: 4, hidden: Some(2), ..TestViewer::default() };
        SearchRequest { viewer: Arc::new(viewer), ..request(kind, "말") }
    };
    assert_eq!(ids(&index, without_member_2(SearchKind::Post)).await, [10]);
    assert_eq!(ids(&index, without_member_2(SearchKind::Comment)).await, [11]);
    assert_eq!(ids(&index, request(SearchKind::Comment, "말")).await, [22, 21, 12, 11]);
}
