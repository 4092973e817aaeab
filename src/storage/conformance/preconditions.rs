//! Preconditions: a change of an outdated version is refused in its commit.
use super::{
    Backend,
    fixtures::{comment, refused},
    id, member, post,
};
use crate::domain::{
    Comment, CommentText, Handle, Patch, Post, PostText, ProfilePatch, Refusal, Timestamp, markup::ResolvedMarkup,
};
use std::sync::Arc;

conformance! {
    an_edit_of_a_post_requires_the_version_that_was_read,
    an_edit_of_a_comment_requires_the_version_that_was_read,
    a_change_of_a_member_requires_the_version_that_was_read,
}

async fn an_edit_of_a_post_requires_the_version_that_was_read(backend: &Backend) {
    let stores = backend.stores().await;
    let (author, fan) = (member(&stores, "author").await, member(&stores, "fan").await);
    let on = post(&stores, author, "처음").await;
    let current = async || Arc::new(stores.posts.posts(&[on]).await.unwrap().remove(0));
    let edit = async |text: &str, expected: Option<Arc<Post>>| {
        let text = PostText::new(None, text).unwrap();
        stores.posts.edit_post(author, on, text, ResolvedMarkup::default(), expected, Timestamp::now()).await
    };
    let first = current().await;
    stores.likes.like_post(id(), fan, on, true).await.unwrap();
    edit("둘째", Some(first.clone())).await.unwrap();
    assert_eq!(refused(edit("셋째", Some(first)).await), Refusal::PreconditionFailed);
    assert_eq!(current().await.content, "둘째");
    edit("셋째", Some(current().await)).await.unwrap();
    edit("넷째", None).await.unwrap();
    assert_eq!(current().await.content, "넷째");
}

async fn an_edit_of_a_comment_requires_the_version_that_was_read(backend: &Backend) {
    let stores = backend.stores().await;
    let author = member(&stores, "author").await;
    let on = post(&stores, author, "글").await;
    let on = comment(&stores, author, on).await;
    let current = async || stores.comments.comment_by_id(on).await.unwrap().unwrap();
    let edit = async |text: &str, expected: Option<Comment>| {
        let text = CommentText::new(text).unwrap();
        stores.comments.edit_comment(author, on, text, Vec::new(), expected, Timestamp::now()).await
    };
    let first = current().await;
    edit("둘째", Some(first.clone())).await.unwrap();
    assert_eq!(refused(edit("셋째", Some(first)).await), Refusal::PreconditionFailed);
    edit("셋째", Some(current().await)).await.unwrap();
    assert_eq!(current().await.content, "셋째");
}

async fn a_change_of_a_member_requires_the_version_that_was_read(backend: &Backend) {
    let stores = backend.stores().await;
    let (who, fan) = (member(&stores, "jiwoo").await, member(&stores, "fan").await);
    let current = async || stores.members.member(who).await.unwrap().unwrap();
    let bio = |text: &str| ProfilePatch { bio: Patch::Set(text.to_owned()), ..Default::default() };
    let handle = |text| Handle::new(text).unwrap();
    let first = current().await;
    stores.relations.follow(id(), fan, who).await.unwrap();
    stores.members.change_profile(who, bio("하나"), Some(first.clone())).await.unwrap();
    let outdated = stores.members.change_profile(who, bio("둘"), Some(first.clone())).await;
    assert_eq!(refused(outdated), Refusal::PreconditionFailed);
    let outdated = stores.members.change_handle(who, handle("minsu"), Some(first)).await;
    assert_eq!(refused(outdated), Refusal::PreconditionFailed);
    stores.members.change_handle(who, handle("minsu"), Some(current().await)).await.unwrap();
    assert_eq!((current().await.handle.as_str(), current().await.profile.bio.as_deref()), ("minsu", Some("하나")));
}
