//! Posts, likes, views, and receipts of repeated requests.
use super::{Backend, draft, fixtures::refused, id, member, post};
use crate::{
    domain::{Answer, Outcome, PostId, PostText, Receipt, Refusal, Timestamp, markup, markup::ResolvedMarkup},
    storage::{Committed, View},
};

conformance! {
    a_hundred_copies_of_a_request_make_one_post,
    only_the_author_edits_and_deletes,
    a_like_counts_once_and_a_view_once_an_hour_but_never_the_authors,
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

async fn a_hundred_copies_of_a_request_make_one_post(backend: &Backend) {
    let stores = backend.stores().await;
    let author = member(&stores, "author").await;
    let copies = (0..100).map(|_| stores.posts.create_post(draft(author, "글"), Some(receipt("k", 1))));
    let outcomes = futures::future::join_all(copies).await;
    let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Committed { value: Outcome::Done, .. }))).count();
    let repeated = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(Committed { value: Outcome::Repeated(a), .. }) if a.body == "k 1"));
    assert_eq!((done, repeated.count()), (1, 99));
    assert_eq!(stores.members.member(author).await.unwrap().unwrap().counts.posts, 1);
    let other = stores.posts.create_post(draft(author, "글"), Some(receipt("k", 2))).await;
    assert_eq!(refused(other), Refusal::IdempotencyKeyReused);
}

async fn only_the_author_edits_and_deletes(backend: &Backend) {
    let stores = backend.stores().await;
    let (author, other) = (member(&stores, "author").await, member(&stores, "other").await);
    let id = post(&stores, author, "처음 #하나").await;
    let text = PostText::new(Some("제목"), "바꾼 글 #둘").unwrap();
    let tags = markup::find(text.content()).tags;
    let now = Timestamp::now();
    let edit = |who| {
        stores.posts.edit_post(
            who,
            id,
            text.clone(),
            ResolvedMarkup { tags: tags.clone(), mentions: Vec::new() },
            None,
            now,
        )
    };
    assert_eq!(refused(edit(other).await), Refusal::PostUpdateForbidden);
    let edited = edit(author).await.unwrap().value;
    assert_eq!((edited.title.as_deref(), edited.edited_at), (Some("제목"), Some(now)));
    assert!(stores.posts.tagged_posts("하나", PostId(u64::MAX), 10).await.unwrap().is_empty());
    assert_eq!(stores.posts.tagged_posts("둘", PostId(u64::MAX), 10).await.unwrap().len(), 1);
    assert_eq!(refused(stores.posts.delete_post(other, id, now).await), Refusal::PostDeleteForbidden);
    stores.posts.delete_post(author, id, now).await.unwrap();
    assert_eq!(refused(stores.posts.delete_post(author, id, now).await), Refusal::PostNotFound);
    assert!(stores.posts.posts(&[id]).await.unwrap().is_empty());
}

async fn a_like_counts_once_and_a_view_once_an_hour_but_never_the_authors(backend: &Backend) {
    let stores = backend.stores().await;
    let (author, fan) = (member(&stores, "author").await, member(&stores, "fan").await);
    let on = post(&stores, author, "글").await;
    for (like, count) in [(true, 1), (true, 1), (false, 0), (false, 0), (true, 1)] {
        let state = stores.likes.like_post(id(), fan, on, like).await.unwrap().value;
        assert_eq!((state.liked, state.like_count), (like, count));
    }
    assert_eq!(stores.likes.recent_likes(fan, 10).await.unwrap(), [on]);
    let view = |viewer, hour| View { post: on, viewer, hour };
    stores.views.count_views(vec![view(fan, 1), view(fan, 1), view(author, 1)]).await.unwrap();
    stores.views.count_views(vec![view(fan, 1), view(fan, 2)]).await.unwrap();
    let counts = stores.posts.posts(&[on]).await.unwrap()[0].counts;
    assert_eq!((counts.views, counts.likes), (2, 1));
}
