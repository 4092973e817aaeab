//! Two stores over one database: follows, requests, blocks and deactivations that meet.
use super::{
    Backend,
    fixtures::{comment, counts, follow, followed, like, members, no_drift, post, remark},
    id,
    two_writers::{ROUNDS, accepted, race, swapped, whole_log},
};
use crate::{
    domain::{EventKind as K, MemberId, Privacy, ProfilePatch, RelationChange as R, Timestamp},
    storage::Stores,
};

conformance! {
    no_follow_and_no_request_survives_a_block,
    two_members_who_block_each_other_are_both_blocked,
    a_follow_from_two_devices_counts_once,
    a_request_is_accepted_or_withdrawn,
    no_request_is_left_when_posts_become_public,
    counters_exclude_a_member_who_leaves_beside_likes_comments_and_follows,
    a_deactivation_from_two_devices_happens_once,
}

async fn set_privacy(stores: &Stores, member: MemberId, privacy: Privacy) {
    let patch = ProfilePatch { privacy: Some(privacy), ..ProfilePatch::default() };
    stores.members.change_profile(member, patch, None).await.unwrap();
}

/// Returns the requesters of the follow requests to a member.
async fn requests(stores: &Stores, member: MemberId) -> Vec<MemberId> {
    let listed = stores.relations.follow_requests(member, u64::MAX, 100).await.unwrap();
    listed.iter().map(|listed| listed.item.id).collect()
}

async fn no_follow_and_no_request_survives_a_block(backend: &Backend) {
    let both = backend.two_stores().await;
    for privacy in [Privacy::Public, Privacy::Followers] {
        for round in 0..ROUNDS {
            let (one, other) = swapped(round, &both);
            let [fan, target] = members(one).await;
            if privacy != Privacy::Public {
                set_privacy(one, target, privacy).await;
            }
            let follow = one.relations.follow(id(), fan, target);
            let block = other.relations.change_relation(R::Block { id: id() }, target, fan);
            let (followed_now, blocked) = race(round, follow, block).await;
            accepted(&followed_now);
            blocked.unwrap();
            assert_eq!(followed(one, fan).await, [], "a follow survived the block");
            assert_eq!(requests(one, target).await, [], "a request survived the block");
            assert_eq!((counts(one, fan).await, counts(one, target).await), ([0; 3], [0; 3]));
        }
    }
    whole_log(&both[0]).await;
    no_drift(&both[0]).await;
}

async fn two_members_who_block_each_other_are_both_blocked(backend: &Backend) {
    let both = backend.two_stores().await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let [a, b] = members(one).await;
        follow(one, a, b).await;
        follow(one, b, a).await;
        let (first, second) = race(
            round,
            one.relations.change_relation(R::Block { id: id() }, a, b),
            other.relations.change_relation(R::Block { id: id() }, b, a),
        )
        .await;
        assert!(accepted(&first) && accepted(&second));
        for (member, blocked) in [(a, b), (b, a)] {
            let listed = one.relations.blocks(member, u64::MAX, 9).await.unwrap();
            assert_eq!(listed.iter().map(|listed| listed.item.id).collect::<Vec<_>>(), [blocked]);
            assert_eq!(followed(one, member).await, []);
        }
    }
    no_drift(&both[0]).await;
}

async fn a_follow_from_two_devices_counts_once(backend: &Backend) {
    let both = backend.two_stores().await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let [fan, target] = members(one).await;
        let (first, second) =
            race(round, one.relations.follow(id(), fan, target), other.relations.follow(id(), fan, target)).await;
        assert!(accepted(&first) && accepted(&second));
        assert_eq!((counts(one, fan).await, counts(one, target).await), ([0, 1, 0], [1, 0, 0]));
        let (first, second) = race(
            round,
            one.relations.change_relation(R::Unfollow, fan, target),
            other.relations.change_relation(R::Unfollow, fan, target),
        )
        .await;
        assert!(accepted(&first) && accepted(&second));
        assert_eq!((counts(one, fan).await, counts(one, target).await), ([0; 3], [0; 3]));
    }
    let log = whole_log(&both[0]).await;
    for kind in [K::MemberFollowed, K::MemberUnfollowed] {
        assert_eq!(log.iter().filter(|event| event.fact.kind == kind).count(), ROUNDS, "{kind:?}");
    }
    no_drift(&both[0]).await;
}

async fn a_request_is_accepted_or_withdrawn(backend: &Backend) {
    let both = backend.two_stores().await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let [fan, target] = members(one).await;
        set_privacy(one, target, Privacy::Followers).await;
        one.relations.follow(id(), fan, target).await.unwrap();
        let accept = one.relations.change_relation(R::Accept { id: id() }, target, fan);
        let (accept, end) = race(round, accept, other.relations.change_relation(R::Unfollow, fan, target)).await;
        accepted(&accept);
        end.unwrap();
        // The second of the two saw the first: the request, or the follow that it became, has ended in each case.
        assert_eq!((followed(one, fan).await, requests(one, target).await), (vec![], vec![]));
        assert_eq!((counts(one, fan).await, counts(one, target).await), ([0; 3], [0; 3]));
    }
    whole_log(&both[0]).await;
    no_drift(&both[0]).await;
}

async fn no_request_is_left_when_posts_become_public(backend: &Backend) {
    let both = backend.two_stores().await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let [fan, target] = members(one).await;
        set_privacy(one, target, Privacy::Followers).await;
        let (follow, ()) =
            race(round, one.relations.follow(id(), fan, target), set_privacy(other, target, Privacy::Public)).await;
        assert!(accepted(&follow));
        assert_eq!((followed(one, fan).await, requests(one, target).await), (vec![target], vec![]));
    }
    whole_log(&both[0]).await;
    no_drift(&both[0]).await;
}

async fn counters_exclude_a_member_who_leaves_beside_likes_comments_and_follows(backend: &Backend) {
    let both = backend.two_stores().await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let [leaver, stays] = members(one).await;
        let (on, theirs) = (post(one, stays).await, post(one, leaver).await);
        let under = comment(one, stays, on).await;
        like(one, leaver, on).await;
        let engaged = async {
            futures::join!(
                one.likes.like_post(id(), leaver, on, false),
                one.likes.like_comment(id(), leaver, under, true),
                one.comments.create_comment(remark(leaver, on, None), None),
                one.relations.follow(id(), leaver, stays),
                one.relations.follow(id(), stays, leaver),
                one.likes.like_post(id(), stays, theirs, true),
            )
        };
        let ((unliked, liked, commented, following, followed, liked_back), left) =
            race(round, engaged, other.members.deactivate(leaver, Timestamp::now())).await;
        left.unwrap();
        let outcomes = [
            accepted(&unliked),
            accepted(&liked),
            accepted(&commented),
            accepted(&following),
            accepted(&followed),
            accepted(&liked_back),
        ];
        no_drift(one).await;
        one.members.restore(leaver).await.unwrap();
        no_drift(other).await;
        assert_eq!(counts(one, leaver).await, [u64::from(outcomes[4]), u64::from(outcomes[3]), 1], "{outcomes:?}");
    }
    whole_log(&both[0]).await;
}

async fn a_deactivation_from_two_devices_happens_once(backend: &Backend) {
    let both = backend.two_stores().await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let [leaver, stays] = members(one).await;
        follow(one, leaver, stays).await;
        let now = Timestamp::now();
        let (first, second) =
            race(round, one.members.deactivate(leaver, now), other.members.deactivate(leaver, now)).await;
        assert!(accepted(&first) != accepted(&second), "one of them finds the member active");
        no_drift(one).await;
        let (first, second) = race(round, one.members.restore(leaver), other.members.restore(leaver)).await;
        assert!(accepted(&first) && accepted(&second));
        assert_eq!(counts(one, stays).await, [1, 0, 0]);
    }
    let log = whole_log(&both[0]).await;
    for kind in [K::MemberDeactivated, K::MemberRestored] {
        assert_eq!(log.iter().filter(|event| event.fact.kind == kind).count(), ROUNDS, "{kind:?}");
    }
    no_drift(&both[0]).await;
}
