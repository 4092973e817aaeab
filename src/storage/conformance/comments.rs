//! Comments and their tombstones.
use super::{
    Backend,
    fixtures::{self, comment, refused, reply},
    member, post,
};
use crate::{
    domain::{CommentId, CommentText, PostAudience, PostId, Refusal, Timestamp},
    storage::{CommentRange, CommentedPost},
};

conformance! {
    a_tombstone_stays_while_a_visible_reply_is_below,
    comments_are_found_by_their_ids,
    existing_comments_of_a_member_include_those_on_posts_of_deactivated_authors,
    commented_posts_include_hidden_ones,
}

async fn a_tombstone_stays_while_a_visible_reply_is_below(backend: &Backend) {
    let stores = backend.stores().await;
    let (author, other) = (member(&stores, "author").await, member(&stores, "other").await);
    let on = post(&stores, author, "글").await;
    let top = comment(&stores, author, on).await;
    let answer = reply(&stores, other, top).await;
    let below = reply(&stores, author, answer).await;
    let now = Timestamp::now();
    assert_eq!(refused(stores.comments.delete_comment(other, top, now).await), Refusal::CommentDeleteForbidden);
    stores.comments.delete_comment(author, top, now).await.unwrap();
    let listed = stores.comments.comments(CommentRange::OfPost { post: on, after: CommentId(0) }, 10).await.unwrap();
    assert!(listed.len() == 1 && listed[0].deleted && listed[0].content.is_empty() && listed[0].reply_count == 1);
    let text = CommentText::new("바꿈").unwrap();
    assert_eq!(
        refused(stores.comments.edit_comment(author, top, text, Vec::new(), None, now).await),
        Refusal::CommentNotFound
    );
    stores.comments.delete_comment(other, answer, now).await.unwrap();
    assert_eq!(stores.comments.first_replies(&[top], 2).await.unwrap().len(), 1, "a tombstone below a tombstone");
    stores.comments.delete_comment(author, below, now).await.unwrap();
    assert!(
        stores.comments.comments(CommentRange::OfPost { post: on, after: CommentId(0) }, 10).await.unwrap().is_empty()
    );
    assert_eq!(stores.posts.posts(&[on]).await.unwrap()[0].counts.comments, 0);
}

async fn comments_are_found_by_their_ids(backend: &Backend) {
    let stores = backend.stores().await;
    let who = fixtures::member(&stores).await;
    let post = fixtures::post(&stores, who).await;
    let [one, two, three] =
        [comment(&stores, who, post).await, comment(&stores, who, post).await, comment(&stores, who, post).await];
    reply(&stores, who, three).await;
    for deleted in [two, three] {
        stores.comments.delete_comment(who, deleted, Timestamp::now()).await.unwrap();
    }
    let found = stores.comments.comments_by_id(&[one, two, three, CommentId(5)]).await.unwrap();
    let mut found: Vec<_> = found.iter().map(|comment| (comment.id, comment.deleted)).collect();
    found.sort_unstable();
    assert_eq!(found, [(one, false), (three, true)]);
}

async fn existing_comments_of_a_member_include_those_on_posts_of_deactivated_authors(backend: &Backend) {
    let stores = backend.stores().await;
    let [who, deactivated] = fixtures::members(&stores).await;
    let (shown, hidden, deleted) = (
        fixtures::post(&stores, who).await,
        fixtures::post(&stores, deactivated).await,
        fixtures::post(&stores, who).await,
    );
    let mut comments = Vec::new();
    for post in [shown, hidden, deleted, shown, hidden] {
        comments.push(comment(&stores, who, post).await);
    }
    stores.posts.delete_post(who, deleted, Timestamp::now()).await.unwrap();
    stores.comments.delete_comment(who, comments[3], Timestamp::now()).await.unwrap();
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let existing = async |before, limit| {
        let found = stores.comments.existing_comments_by(who, before, limit).await.unwrap();
        found.iter().map(|comment| comment.id).collect::<Vec<_>>()
    };
    assert_eq!(existing(CommentId(u64::MAX), 9).await, [comments[4], comments[1], comments[0]]);
    assert_eq!(existing(comments[4], 1).await, [comments[1]]);
}

async fn commented_posts_include_hidden_ones(backend: &Backend) {
    let stores = backend.stores().await;
    let [who, deactivated] = fixtures::members(&stores).await;
    let (shown, hidden, deleted) = (
        fixtures::post(&stores, who).await,
        fixtures::post(&stores, deactivated).await,
        fixtures::post(&stores, who).await,
    );
    stores.posts.delete_post(who, deleted, Timestamp::now()).await.unwrap();
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let mut found = stores.comments.commented_posts(&[shown, hidden, deleted, PostId(5)]).await.unwrap();
    found.sort_unstable_by_key(|on| on.post);
    let public = |post, author| CommentedPost { post, author, audience: PostAudience::Public };
    assert_eq!(found, [public(shown, who), public(hidden, deactivated), public(deleted, who)]);
}
