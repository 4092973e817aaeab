//! Pruning, purging, imports and audits.
use super::{
    Backend, Tampering, draft,
    fixtures::{
        comment, comment_counts, counts, events, follow, hours_from_now, like, like_comment, members, no_drift, post,
        post_counts, reply,
    },
    id, newcomer, tokens,
};
use crate::{
    domain::{Answer, CommentId, EventKind, Fact, MemberId, Outcome, Position, PostId, Receipt, Timestamp},
    storage::{CommentRange, Import, ImportedFollow, ImportedLike, PURGE_DAYS, Pruned, SessionsToEnd, View},
};
use futures::future::join_all;

conformance! {
    pruning_goes_beyond_one_step,
    receipts_and_sessions_expire,
    purged_members_leave_tombstones_and_no_drift,
    an_audit_during_a_purge_finds_no_drift,
    recent_deletions_are_not_purged,
    an_import_equals_single_commands,
    imported_likes_count_once,
    the_audit_names_each_wrong_counter,
}

const NOTHING: Position = Position(0);
const EVERYTHING: Position = Position(u64::MAX);

/// A time at which everything deleted now is purged.
fn after_the_purge() -> Timestamp {
    hours_from_now(PURGE_DAYS as i64 * 24 + 1)
}

async fn pruning_goes_beyond_one_step(backend: &Backend) {
    let stores = &backend.stores().await;
    let crowd = (0..1_234).map(|number| newcomer(&format!("crowd{number}"))).collect();
    stores.housekeeping.import(Import { members: crowd, ..Import::default() }).await.unwrap();
    let pruned = stores.housekeeping.prune(Timestamp::now(), hours_from_now(1), EVERYTHING).await.unwrap();
    assert_eq!(pruned.events, 1_234);
    assert_eq!(stores.log.pruned_to().await.unwrap(), Position(1_234));
}

async fn receipts_and_sessions_expire(backend: &Backend) {
    let stores = &backend.stores().await;
    let answer = Answer { status: 201, location: String::new(), body: String::new() };
    let receipt = |key: &str, at| {
        let (scope, key, answer) = ("1".to_owned(), key.to_owned(), answer.clone());
        Receipt { scope, key, fingerprint: [0; 32], answer, at }
    };
    let [who] = members(stores).await;
    let (old, young) = (receipt("old", hours_from_now(-25)), receipt("young", hours_from_now(-23)));
    for receipt in [&old, &young] {
        stores.posts.create_post(draft(who, "글"), Some(receipt.clone())).await.unwrap();
    }
    let (ended, kept) = (tokens::log_in(stores, who).await, tokens::log_in(stores, who).await);
    let (now, later) = (Timestamp::now(), hours_from_now(2));
    assert!(stores.sessions.refresh_session(kept.id, 0, now, hours_from_now(3), String::new()).await.unwrap().value);
    let third = tokens::log_in(stores, who).await;
    stores.sessions.end_sessions(who, SessionsToEnd::One(third.id), hours_from_now(1)).await.unwrap();

    let pruned = stores.housekeeping.prune(now, Timestamp(0), NOTHING).await.unwrap();
    assert_eq!(pruned, Pruned { receipts: 1, ..Pruned::default() });
    let again = async |receipt| stores.posts.create_post(draft(who, "글"), Some(receipt)).await.unwrap().value;
    assert!(matches!(again(old).await, Outcome::Done));
    assert_eq!(again(young).await, Outcome::Repeated(answer.clone()));
    assert_eq!(stores.sessions.revoked(now).await.unwrap().len(), 1);

    let pruned = stores.housekeeping.prune(later, Timestamp(0), NOTHING).await.unwrap();
    assert_eq!((pruned.sessions, stores.sessions.session(ended.id).await.unwrap().is_some()), (1, false));
    assert!(stores.sessions.session(kept.id).await.unwrap().is_some());
    let revoked = stores.sessions.revoked(later).await.unwrap();
    assert_eq!(revoked.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [ended.id], "the sweep revokes its tokens");
    let last = hours_from_now(9);
    stores.housekeeping.prune(last, Timestamp(0), NOTHING).await.unwrap();
    stores.housekeeping.prune(hours_from_now(12), Timestamp(0), NOTHING).await.unwrap();
    assert!(stores.sessions.revoked(now).await.unwrap().is_empty());
}

async fn purged_members_leave_tombstones_and_no_drift(backend: &Backend) {
    let stores = &backend.stores().await;
    let [stays, deactivated, also] = members(stores).await;
    for (follower, followee) in [(stays, deactivated), (deactivated, stays), (also, deactivated), (deactivated, also)] {
        follow(stores, follower, followee).await;
    }
    let (on, theirs) = (post(stores, stays).await, post(stores, deactivated).await);
    let (under, leaf) = (comment(stores, deactivated, on).await, comment(stores, deactivated, on).await);
    let answer = reply(stores, stays, under).await;
    let bottom = reply(stores, deactivated, answer).await;
    let alone = comment(stores, deactivated, on).await;
    reply(stores, deactivated, alone).await;
    comment(stores, stays, theirs).await;
    for post in [on, theirs] {
        like(stores, deactivated, post).await;
        like(stores, stays, post).await;
        stores.views.count_views(vec![View { post, viewer: also, hour: 1 }]).await.unwrap();
    }
    like_comment(stores, deactivated, answer).await;
    like_comment(stores, stays, under).await;
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    stores.members.deactivate(also, hours_from_now(24)).await.unwrap();

    let pruned = stores.housekeeping.prune(after_the_purge(), Timestamp(0), NOTHING).await.unwrap();
    assert_eq!(pruned, Pruned { posts: 1, members: 1, ..Pruned::default() });
    no_drift(stores).await;
    assert!(stores.sessions.credentials(deactivated).await.unwrap().is_none());
    assert_eq!((stores.members.deactivated().await.unwrap(), post_counts(stores, theirs).await), (vec![also], None));
    assert_eq!(counts(stores, stays).await, [0, 0, 1]);
    assert_eq!(post_counts(stores, on).await, Some([1, 1, 1]));
    assert_eq!(comment_counts(stores, under).await, Some((1, 1, true)));
    assert_eq!(comment_counts(stores, answer).await, Some((0, 0, false)));
    for leaf in [leaf, bottom, alone] {
        assert_eq!(comment_counts(stores, leaf).await, None);
    }
    assert!(stores.members.restore(also).await.unwrap().value);
    no_drift(stores).await;
    assert_eq!(counts(stores, also).await, [0; 3]);

    // The purge removed the text itself.
    (backend.tamper)(Tampering::UndeleteComments).await;
    let listed = stores.comments.comments(CommentRange::OfPost { post: on, after: CommentId(0) }, 9).await.unwrap();
    assert_eq!(listed.iter().map(|one| (one.id, one.content.as_str())).collect::<Vec<_>>(), [(under, "")]);
}

/// A purge takes many commits; an audit between any two of them finds no drift.
async fn an_audit_during_a_purge_finds_no_drift(backend: &Backend) {
    let stores = &backend.stores().await;
    let [stays, deactivated] = members(stores).await;
    let crowd: Vec<_> = (0..700).map(|number| newcomer(&format!("crowd{number}"))).collect();
    let fans: Vec<MemberId> = crowd.iter().map(|new| new.id).collect();
    let follows = fans.iter().map(|fan| ImportedFollow { id: id(), follower: *fan, followee: deactivated }).collect();
    stores.housekeeping.import(Import { members: crowd, follows, ..Import::default() }).await.unwrap();
    let (deleted, theirs) = (post(stores, stays).await, post(stores, deactivated).await);
    for on in [deleted, theirs] {
        let views = fans.iter().map(|fan| View { post: on, viewer: *fan, hour: 1 });
        stores.views.count_views(views.collect()).await.unwrap();
        join_all(fans.iter().map(|fan| like(stores, *fan, on))).await;
    }
    stores.posts.delete_post(stays, deleted, Timestamp::now()).await.unwrap();
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();

    let (stores, purging) = (stores.clone(), stores.housekeeping.clone());
    let purge = tokio::spawn(async move { purging.prune(after_the_purge(), Timestamp(0), NOTHING).await.unwrap() });
    while !purge.is_finished() {
        no_drift(&stores).await;
    }
    assert_eq!(purge.await.unwrap(), Pruned { posts: 2, members: 1, ..Pruned::default() });
    no_drift(&stores).await;
}

async fn recent_deletions_are_not_purged(backend: &Backend) {
    let stores = &backend.stores().await;
    let [stays, deactivated] = members(stores).await;
    let on = post(stores, stays).await;
    stores.posts.delete_post(stays, on, Timestamp::now()).await.unwrap();
    let kept = post(stores, deactivated).await;
    comment(stores, stays, kept).await;
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let lately = hours_from_now(PURGE_DAYS as i64 * 24 - 1);
    assert_eq!(stores.housekeeping.prune(lately, Timestamp(0), NOTHING).await.unwrap(), Pruned::default());
    assert!(stores.members.restore(deactivated).await.unwrap().value);
    assert_eq!(post_counts(stores, kept).await, Some([0, 0, 1]));
    no_drift(stores).await;
}

async fn an_import_equals_single_commands(backend: &Backend) {
    let stores = &backend.stores().await;
    let [old, deactivated] = members(stores).await;
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let new: Vec<_> = (0..20).map(|number| newcomer(&format!("import{number}"))).collect();
    let ids: Vec<MemberId> = new.iter().map(|new| new.id).collect();
    let mut pairs: Vec<_> = ids.iter().flat_map(|one| ids.iter().map(move |other| (*one, *other))).collect();
    pairs.retain(|(one, other)| one < other);
    pairs.extend([(old, ids[0]), (ids[0], old), (deactivated, ids[0]), (ids[0], deactivated)]);
    let follows = pairs.iter().map(|(follower, followee)| (id(), *follower, *followee));
    let follows: Vec<_> = follows.map(|(id, follower, followee)| ImportedFollow { id, follower, followee }).collect();
    let posts: Vec<_> = ids.iter().map(|id| draft(*id, "#서울 글 #서울")).collect();
    let before = events(stores).await.len();
    stores
        .housekeeping
        .import(Import { members: new, follows: follows.clone(), posts: posts.clone(), ..Import::default() })
        .await
        .unwrap();

    no_drift(stores).await;
    assert_eq!(counts(stores, ids[0]).await, [1, 20, 1]);
    assert_eq!(counts(stores, ids[19]).await, [19, 0, 1]);
    let stored = stores.posts.posts(&[posts[3].id]).await.unwrap();
    assert_eq!(stored, [posts[3].clone()]);
    let tagged = stores.posts.tagged_posts("서울", PostId(u64::MAX), 100).await.unwrap();
    assert!(tagged.iter().map(|post| post.post).eq(posts.iter().rev().map(|post| post.id)));
    let log = events(stores).await;
    let kinds = |kind| log[before..].iter().filter(move |event| event.fact.kind == kind);
    assert!(kinds(EventKind::MemberSignedUp).map(|event| event.fact.member).eq(ids));
    let made = kinds(EventKind::MemberFollowed).map(|event| (event.fact.member, event.fact.target.unwrap()));
    assert!(made.eq(pairs));
    let refs = tagged.iter().rev().map(|post| (post.position, post.author, Some(post.post)));
    assert!(kinds(EventKind::PostCreated).map(|e| (e.position, e.fact.member, e.fact.post)).eq(refs));
    assert_eq!(log.len() - before, 20 + follows.len() + 20);
}

async fn imported_likes_count_once(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, fan] = members(stores).await;
    let on = post(stores, author).await;
    like(stores, fan, on).await;
    let imported = |member| ImportedLike { id: id(), post: on, author, member };
    let likes = vec![imported(fan), imported(author), imported(author)];
    let before = events(stores).await.len();
    stores.housekeeping.import(Import { likes, ..Import::default() }).await.unwrap();
    assert_eq!(post_counts(stores, on).await, Some([0, 2, 0]));
    let facts: Vec<Fact> = events(stores).await[before..].iter().map(|event| event.fact).collect();
    assert_eq!(facts, [Fact::new(EventKind::PostLiked, author).on_post(on).to(author)]);
    no_drift(stores).await;
}

const COUNTERS: [&str; 9] = [
    "members.follower_count",
    "members.following_count",
    "members.post_count",
    "posts.view_count",
    "posts.like_count",
    "posts.comment_count",
    "comments.like_count",
    "comments.reply_count",
    "comments.below_count",
];

async fn the_audit_names_each_wrong_counter(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one, other] = members(stores).await;
    follow(stores, one, other).await;
    let on = post(stores, one).await;
    like(stores, other, on).await;
    let top = comment(stores, other, on).await;
    let below = reply(stores, one, top).await;
    reply(stores, other, below).await;
    like_comment(stores, one, top).await;
    no_drift(stores).await;
    for (done, counter) in COUNTERS.iter().enumerate() {
        (backend.tamper)(Tampering::SpoilCounter(counter)).await;
        let drifts = stores.housekeeping.audit().await.unwrap();
        let found: Vec<_> = drifts.iter().map(|drift| (drift.counter, drift.rows)).collect();
        let spoiled: Vec<_> = COUNTERS[..=done].iter().map(|counter| (*counter, 1)).collect();
        assert_eq!(found, spoiled);
    }
}
