//! Shared setup of the tests: members, posts, comments and relations, and reads for assertions.
use super::{draft, id};
use crate::{
    domain::{Comment, CommentId, Event, MemberId, Position, PostId, Refusal, RelationChange, Timestamp},
    storage::{Committed, Followed, StoreError, StoreResult, Stores},
};
use std::{fmt::Debug, time::Duration};

/// Returns the time that many hours after now; negative hours are before now.
pub(super) fn hours_from_now(hours: i64) -> Timestamp {
    let span = Duration::from_secs(hours.unsigned_abs() * 3_600);
    if hours < 0 { Timestamp::now().before(span) } else { Timestamp::now().after(span) }
}

pub(super) async fn member(stores: &Stores) -> MemberId {
    super::member(stores, &format!("m{}", id())).await
}

pub(super) async fn members<const N: usize>(stores: &Stores) -> [MemberId; N] {
    let mut members = [MemberId(0); N];
    for id in &mut members {
        *id = member(stores).await;
    }
    members
}

/// Returns the members whom the member follows, ascending.
pub(super) async fn followed(stores: &Stores, member: MemberId) -> Vec<MemberId> {
    let relations = stores.relations.relations_of(member).await.unwrap();
    relations.home_authors.iter().copied().filter(|home_authors| *home_authors != member).collect()
}

pub(super) async fn post(stores: &Stores, author: MemberId) -> PostId {
    let draft = draft(author, "글");
    let id = draft.id;
    stores.posts.create_post(draft, None).await.unwrap();
    id
}

pub(super) fn remark(author: MemberId, post: PostId, parent: Option<&Comment>) -> Comment {
    Comment {
        id: CommentId(id()),
        post,
        parent: parent.map(|parent| parent.id),
        depth: parent.map_or(0, |parent| parent.depth + 1),
        author,
        content: "좋네요".to_owned(),
        like_count: 0,
        reply_count: 0,
        below_count: 0,
        mentions: Vec::new(),
        deleted: false,
        created_at: Timestamp::now(),
        edited_at: None,
    }
}

pub(super) async fn comment(stores: &Stores, author: MemberId, post: PostId) -> CommentId {
    let remark = remark(author, post, None);
    let id = remark.id;
    stores.comments.create_comment(remark, None).await.unwrap();
    id
}

pub(super) async fn reply(stores: &Stores, author: MemberId, to: CommentId) -> CommentId {
    let parent = stores.comments.comment_by_id(to).await.unwrap().unwrap();
    let remark = remark(author, parent.post, Some(&parent));
    let id = remark.id;
    stores.comments.create_comment(remark, None).await.unwrap();
    id
}

pub(super) async fn like(stores: &Stores, member: MemberId, post: PostId) {
    stores.likes.like_post(id(), member, post, true).await.unwrap();
}

pub(super) async fn like_comment(stores: &Stores, member: MemberId, comment: CommentId) {
    stores.likes.like_comment(id(), member, comment, true).await.unwrap();
}

pub(super) async fn follow(stores: &Stores, follower: MemberId, followee: MemberId) -> Option<Position> {
    let followed = stores.relations.follow(id(), follower, followee).await.unwrap();
    assert_ne!(followed.value, Followed::Requested, "the followee approves followers");
    (followed.value == Followed::Now).then_some(followed.at)
}

/// Ends a follow. Returns `None` if the member did not follow.
pub(super) async fn unfollow(stores: &Stores, follower: MemberId, followee: MemberId) -> Option<Position> {
    changed(stores.relations.change_relation(RelationChange::Unfollow, follower, followee).await)
}

/// Returns the position of a command that changed something.
pub(super) fn changed(answer: StoreResult<Committed<bool>>) -> Option<Position> {
    let committed = answer.unwrap();
    committed.value.then_some(committed.at)
}

/// Returns the followers, followings and posts of a member.
pub(super) async fn counts(stores: &Stores, member: MemberId) -> [u64; 3] {
    let counts = stores.members.member(member).await.unwrap().unwrap().counts;
    [counts.followers, counts.followings, counts.posts]
}

/// Returns the views, likes and comments of a post; `None` if it is hidden.
pub(super) async fn post_counts(stores: &Stores, post: PostId) -> Option<[u64; 3]> {
    let counts = stores.posts.posts(&[post]).await.unwrap().pop()?.counts;
    Some([counts.views, counts.likes, counts.comments])
}

/// Returns the likes, the direct replies and whether the comment is a tombstone; `None` if it is hidden.
pub(super) async fn comment_counts(stores: &Stores, comment: CommentId) -> Option<(u64, u64, bool)> {
    let comment = stores.comments.comment_by_id(comment).await.unwrap()?;
    Some((comment.like_count, comment.reply_count, comment.deleted))
}

/// Asserts that the audit finds no drift.
pub(super) async fn no_drift(stores: &Stores) {
    assert_eq!(stores.housekeeping.audit().await.unwrap(), []);
}

/// Returns every event of the log.
pub(super) async fn events(stores: &Stores) -> Vec<Event> {
    stores.log.read(Position(0), usize::MAX).await.unwrap()
}

/// Returns the refusal. Panics on any other answer.
pub(super) fn refused<T: Debug>(answer: StoreResult<T>) -> Refusal {
    match answer {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
