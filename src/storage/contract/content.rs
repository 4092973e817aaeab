//! Posts, comments, likes, receipts.
use super::{draft, id, member, open, post};
use crate::{
    domain::{
        Answer, Comment, CommentId, CommentText, MemberId, Outcome, PostId, PostText, Receipt, Refusal, Timestamp,
    },
    storage::{CommentOrder, StoreError, Stores, View},
};

fn refusal<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> Refusal {
    match answer.unwrap_err() {
        StoreError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

fn receipt(key: &str, fingerprint: u8) -> Receipt {
    let answer = Answer { status: 201, location: "/x".to_owned(), body: format!("{key} {fingerprint}") };
    Receipt {
        scope: "member:1".to_owned(),
        key: key.to_owned(),
        fingerprint: [fingerprint; 32],
        answer,
        at: Timestamp::now(),
    }
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
    stores.content.comment(comment, None).await.unwrap();
    id
}

#[tokio::test]
async fn a_hundred_copies_of_a_request_make_one_post() {
    let (stores, _folder) = open().await;
    let author = member(&stores, "author").await;
    let copies = (0..100).map(|_| stores.content.publish(draft(author, "글"), Some(receipt("k", 1))));
    let outcomes = futures::future::join_all(copies).await;
    let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Done(_)))).count();
    let repeated = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Repeated(a)) if a.body == "k 1"));
    assert_eq!((done, repeated.count()), (1, 99));
    assert_eq!(stores.members.member(author).await.unwrap().unwrap().counts.posts, 1);
    let other = stores.content.publish(draft(author, "글"), Some(receipt("k", 2))).await;
    assert_eq!(refusal(other), Refusal::IdempotencyKeyReused);
}

#[tokio::test]
async fn only_the_author_edits_and_deletes() {
    let (stores, _folder) = open().await;
    let (author, other) = (member(&stores, "author").await, member(&stores, "other").await);
    let id = post(&stores, author, "처음 #하나").await;
    let text = PostText::new(Some("제목"), "바꾼 글 #둘").unwrap();
    let tags = crate::domain::markup::find(text.content()).tags;
    let now = Timestamp::now();
    let edit = |who| stores.content.edit_post(who, id, text.clone(), (tags.clone(), Vec::new()), None, now);
    assert_eq!(refusal(edit(other).await), Refusal::PostUpdateForbidden);
    let (edited, _) = edit(author).await.unwrap();
    assert_eq!((edited.title.as_deref(), edited.edited_at), (Some("제목"), Some(now)));
    assert!(stores.content.tagged_posts("하나", PostId(u64::MAX), 10).await.unwrap().is_empty());
    assert_eq!(stores.content.tagged_posts("둘", PostId(u64::MAX), 10).await.unwrap().len(), 1);
    assert_eq!(refusal(stores.content.delete_post(other, id, now).await), Refusal::PostDeleteForbidden);
    stores.content.delete_post(author, id, now).await.unwrap();
    assert_eq!(refusal(stores.content.delete_post(author, id, now).await), Refusal::PostNotFound);
    assert!(stores.content.posts(&[id]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_like_counts_once_and_a_view_once_an_hour_but_never_the_authors() {
    let (stores, _folder) = open().await;
    let (author, fan) = (member(&stores, "author").await, member(&stores, "fan").await);
    let on = post(&stores, author, "글").await;
    for (like, count) in [(true, 1), (true, 1), (false, 0), (false, 0), (true, 1)] {
        let state = stores.content.like_post(id(), fan, on, like).await.unwrap();
        assert_eq!((state.liked, state.like_count), (like, count));
    }
    assert_eq!(stores.content.recent_likes(fan, 10).await.unwrap(), [on]);
    let view = |viewer, hour| View { post: on, viewer, hour };
    stores.content.count_views(vec![view(fan, 1), view(fan, 1), view(author, 1)]).await.unwrap();
    stores.content.count_views(vec![view(fan, 1), view(fan, 2)]).await.unwrap();
    let counts = stores.content.posts(&[on]).await.unwrap()[0].counts;
    assert_eq!((counts.views, counts.likes), (2, 1));
}

#[tokio::test]
async fn a_tombstone_stays_as_long_as_something_is_below_it() {
    let (stores, _folder) = open().await;
    let (author, other) = (member(&stores, "author").await, member(&stores, "other").await);
    let on = post(&stores, author, "글").await;
    let top = comment(&stores, author, on, None).await;
    let reply = comment(&stores, other, on, Some((top, 0))).await;
    let below = comment(&stores, author, on, Some((reply, 1))).await;
    let now = Timestamp::now();
    assert_eq!(refusal(stores.content.delete_comment(other, top, now).await), Refusal::CommentDeleteForbidden);
    stores.content.delete_comment(author, top, now).await.unwrap();
    let listed = stores.content.comments(CommentOrder::OfPost(on, CommentId(0)), 10).await.unwrap();
    assert!(listed.len() == 1 && listed[0].deleted && listed[0].content.is_empty() && listed[0].reply_count == 1);
    let text = CommentText::new("바꿈").unwrap();
    assert_eq!(
        refusal(stores.content.edit_comment(author, top, text, Vec::new(), None, now).await),
        Refusal::CommentNotFound
    );
    stores.content.delete_comment(other, reply, now).await.unwrap();
    assert_eq!(stores.content.first_replies(&[top], 2).await.unwrap().len(), 1, "a tombstone below a tombstone");
    stores.content.delete_comment(author, below, now).await.unwrap();
    assert!(stores.content.comments(CommentOrder::OfPost(on, CommentId(0)), 10).await.unwrap().is_empty());
    assert_eq!(stores.content.posts(&[on]).await.unwrap()[0].counts.comments, 0);
}
