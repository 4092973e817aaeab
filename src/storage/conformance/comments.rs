//! Comments and their tombstones.
use super::{
    Backend,
    fixtures::{self, refused},
    id, member, post,
};
use crate::{
    domain::{Comment, CommentId, CommentText, MemberId, PostId, Refusal, Timestamp},
    storage::{CommentOrder, Stores},
};

conformance! {
    a_tombstone_stays_while_a_visible_reply_is_below,
    comments_are_found_by_their_ids,
}

async fn comment(stores: &Stores, author: MemberId, post: PostId, parent: Option<(CommentId, u8)>) -> CommentId {
    let comment = Comment {
        id: CommentId(id()),
        post,
        parent: parent.map(|(id, _)| id),
        depth: parent.map_or(0, |(_, depth)| depth + 1),
        author,
        content: "댓글".to_owned(),
        like_count: 0,
        reply_count: 0,
        below_count: 0,
        mentions: Vec::new(),
        deleted: false,
        created_at: Timestamp::now(),
        edited_at: None,
    };
    let id = comment.id;
    stores.comments.create_comment(comment, None).await.unwrap();
    id
}

async fn a_tombstone_stays_while_a_visible_reply_is_below(backend: &Backend) {
    let stores = backend.stores().await;
    let (author, other) = (member(&stores, "author").await, member(&stores, "other").await);
    let on = post(&stores, author, "글").await;
    let top = comment(&stores, author, on, None).await;
    let reply = comment(&stores, other, on, Some((top, 0))).await;
    let below = comment(&stores, author, on, Some((reply, 1))).await;
    let now = Timestamp::now();
    assert_eq!(refused(stores.comments.delete_comment(other, top, now).await), Refusal::CommentDeleteForbidden);
    stores.comments.delete_comment(author, top, now).await.unwrap();
    let listed = stores.comments.comments(CommentOrder::OfPost(on, CommentId(0)), 10).await.unwrap();
    assert!(listed.len() == 1 && listed[0].deleted && listed[0].content.is_empty() && listed[0].reply_count == 1);
    let text = CommentText::new("바꿈").unwrap();
    assert_eq!(
        refused(stores.comments.edit_comment(author, top, text, Vec::new(), None, now).await),
        Refusal::CommentNotFound
    );
    stores.comments.delete_comment(other, reply, now).await.unwrap();
    assert_eq!(stores.comments.first_replies(&[top], 2).await.unwrap().len(), 1, "a tombstone below a tombstone");
    stores.comments.delete_comment(author, below, now).await.unwrap();
    assert!(stores.comments.comments(CommentOrder::OfPost(on, CommentId(0)), 10).await.unwrap().is_empty());
    assert_eq!(stores.posts.posts(&[on]).await.unwrap()[0].counts.comments, 0);
}

async fn comments_are_found_by_their_ids(backend: &Backend) {
    let stores = backend.stores().await;
    let who = fixtures::member(&stores).await;
    let post = fixtures::post(&stores, who).await;
    let [one, two, three] = [
        fixtures::comment(&stores, who, post).await,
        fixtures::comment(&stores, who, post).await,
        fixtures::comment(&stores, who, post).await,
    ];
    fixtures::reply(&stores, who, three).await;
    for deleted in [two, three] {
        stores.comments.delete_comment(who, deleted, Timestamp::now()).await.unwrap();
    }
    let found = stores.comments.comments_by_id(&[one, two, three, CommentId(5)]).await.unwrap();
    let mut found: Vec<_> = found.iter().map(|comment| (comment.id, comment.deleted)).collect();
    found.sort_unstable();
    assert_eq!(found, [(one, false), (three, true)]);
}
