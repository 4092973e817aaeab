//! Deactivation and restore of members.
use super::{
    Backend,
    fixtures::{
        self, comment, comment_counts, counts, events, follow, like, like_comment, members, no_drift, post,
        post_counts, refused, reply, unfollow,
    },
    id,
};
use crate::{
    domain::{CommentId, EventKind, Fact, Refusal, Timestamp},
    storage::CommentRange,
};

conformance! {
    a_deactivated_member_is_hidden_until_restored,
    counters_follow_each_deactivation_and_restore,
    a_follow_of_a_deactivated_member_can_end,
    deactivation_and_restore_are_events,
    commands_of_a_deactivated_member_are_refused,
}

async fn a_deactivated_member_is_hidden_until_restored(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one, deactivated] = members(stores).await;
    follow(stores, deactivated, one).await;
    let on = post(stores, one).await;
    like(stores, deactivated, on).await;
    let remark = comment(stores, deactivated, on).await;
    let theirs = post(stores, deactivated).await;
    let handle = stores.members.member(deactivated).await.unwrap().unwrap().handle;
    let deactivated_at = Timestamp::now();
    stores.members.deactivate(deactivated, deactivated_at).await.unwrap();

    assert!(stores.members.member(deactivated).await.unwrap().is_none());
    assert!(stores.members.member_by_handle(&handle).await.unwrap().is_none());
    assert!(stores.members.cards(&[deactivated]).await.unwrap().is_empty());
    assert!(stores.members.cards_by_handle(std::slice::from_ref(&handle)).await.unwrap().is_empty());
    assert!(stores.relations.followers(one, u64::MAX, 9).await.unwrap().is_empty());
    assert!(stores.likes.post_likes(on, u64::MAX, 9).await.unwrap().is_empty());
    assert!(
        stores.comments.comments(CommentRange::OfPost { post: on, after: CommentId(0) }, 9).await.unwrap().is_empty()
    );
    assert!(stores.comments.comment_by_id(remark).await.unwrap().is_none());
    assert_eq!(post_counts(stores, theirs).await, None);
    assert!(stores.members.handle_taken(&handle).await.unwrap());
    assert_eq!(stores.members.deactivated().await.unwrap(), [deactivated]);
    let email = format!("{handle}@example.com");
    let credentials = stores.sessions.credentials_by_email(&email).await.unwrap().unwrap();
    assert_eq!((credentials.member, credentials.deactivated_at), (deactivated, Some(deactivated_at)));

    assert!(stores.members.restore(deactivated).await.unwrap().value);
    assert_eq!(stores.members.member_by_handle(&handle).await.unwrap().unwrap().id, deactivated);
    assert_eq!(stores.relations.followers(one, u64::MAX, 9).await.unwrap().len(), 1);
    assert_eq!(stores.likes.post_likes(on, u64::MAX, 9).await.unwrap().len(), 1);
    assert!(!stores.comments.comment_by_id(remark).await.unwrap().unwrap().deleted);
    assert_eq!(post_counts(stores, theirs).await, Some([0; 3]));
    assert_eq!(stores.members.deactivated().await.unwrap(), []);
}

async fn counters_follow_each_deactivation_and_restore(backend: &Backend) {
    let stores = &backend.stores().await;
    let [a, b, c] = members(stores).await;
    for (follower, followee) in [(a, b), (b, a), (c, a), (c, b)] {
        follow(stores, follower, followee).await;
    }
    let on = post(stores, c).await;
    let top = comment(stores, b, on).await;
    let middle = reply(stores, a, top).await;
    let bottom = reply(stores, b, middle).await;
    let second = comment(stores, a, on).await;
    reply(stores, a, second).await;
    for member in [a, b] {
        like(stores, member, on).await;
        like_comment(stores, member, top).await;
        like_comment(stores, member, bottom).await;
    }
    let (now, restore) = (Timestamp::now(), async |who| assert!(stores.members.restore(who).await.unwrap().value));
    let full = [Some((2, 1, false)), Some((0, 1, false)), Some((2, 0, false)), Some((0, 1, false))];
    let visible_counts = async || {
        let mut all_comments = Vec::new();
        for id in [top, middle, bottom, second] {
            all_comments.push(comment_counts(stores, id).await);
        }
        (counts(stores, c).await, post_counts(stores, on).await.unwrap(), all_comments)
    };
    for (first, other) in [(a, b), (b, a)] {
        assert_eq!(visible_counts().await, ([0, 2, 1], [0, 2, 5], full.to_vec()));
        assert_eq!((counts(stores, a).await, counts(stores, b).await), ([2, 1, 0], [2, 1, 0]));

        stores.members.deactivate(first, now).await.unwrap();
        no_drift(stores).await;
        assert_eq!(counts(stores, other).await, [1, 0, 0]);
        let without_a = vec![Some((1, 0, false)), Some((0, 1, true)), Some((1, 0, false)), None];
        let without_b = vec![Some((1, 1, true)), Some((0, 0, false)), None, Some((0, 1, false))];
        let (comments, without) = if first == a { (2, without_a) } else { (3, without_b) };
        assert_eq!(visible_counts().await, ([0, 1, 1], [0, 1, comments], without));

        stores.members.deactivate(other, now).await.unwrap();
        no_drift(stores).await;
        assert_eq!(visible_counts().await, ([0, 0, 1], [0; 3], vec![None; 4]));

        // The member deactivated first is restored first, while the other is still deactivated.
        restore(first).await;
        no_drift(stores).await;
        assert_eq!(counts(stores, first).await, [1, 0, 0]);
        restore(other).await;
        no_drift(stores).await;
    }
    assert_eq!(visible_counts().await, ([0, 2, 1], [0, 2, 5], full.to_vec()));
}

async fn a_follow_of_a_deactivated_member_can_end(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one, deactivated] = members(stores).await;
    follow(stores, one, deactivated).await;
    follow(stores, deactivated, one).await;
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    unfollow(stores, one, deactivated).await.unwrap();
    assert_eq!(counts(stores, one).await, [0; 3]);
    no_drift(stores).await;
    assert!(stores.members.restore(deactivated).await.unwrap().value);
    assert_eq!((counts(stores, one).await, counts(stores, deactivated).await), ([1, 0, 0], [0, 1, 0]));
    no_drift(stores).await;
}

async fn deactivation_and_restore_are_events(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one] = members(stores).await;
    assert!(!stores.members.restore(one).await.unwrap().value);
    let deactivated = stores.members.deactivate(one, Timestamp::now()).await.unwrap().at;
    assert_eq!(refused(stores.members.deactivate(one, Timestamp::now()).await), Refusal::MemberNotFound);
    let restored = fixtures::changed(stores.members.restore(one).await).unwrap();
    assert!(!stores.members.restore(one).await.unwrap().value);
    let log: Vec<_> = events(stores).await.iter().map(|event| (event.position, event.fact)).collect();
    let fact = |kind| Fact::new(kind, one);
    assert_eq!(
        log[1..],
        [(deactivated, fact(EventKind::MemberDeactivated)), (restored, fact(EventKind::MemberRestored))]
    );
}

/// A request can still be under way when its member is deactivated.
async fn commands_of_a_deactivated_member_are_refused(backend: &Backend) {
    let stores = &backend.stores().await;
    let [stays, deactivated] = members(stores).await;
    let (on, liked) = (post(stores, stays).await, post(stores, stays).await);
    let remark = comment(stores, stays, on).await;
    like(stores, deactivated, liked).await;
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let likes = &stores.likes;
    assert_eq!(refused(likes.like_post(id(), deactivated, on, true).await), Refusal::PostNotFound);
    assert_eq!(refused(likes.like_post(id(), deactivated, liked, false).await), Refusal::PostNotFound);
    assert_eq!(refused(likes.like_comment(id(), deactivated, remark, true).await), Refusal::CommentNotFound);
    assert_eq!(
        refused(stores.comments.create_comment(fixtures::remark(deactivated, on, None), None).await),
        Refusal::PostNotFound
    );
    no_drift(stores).await;
    stores.members.restore(deactivated).await.unwrap();
    no_drift(stores).await;
}
