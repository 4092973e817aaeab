//! Follows: counters, limits, lists and recommendations.
use super::{
    Backend,
    fixtures::{counts, events, follow, followed, member, members, no_drift, refused, unfollow},
    id, newcomer,
};
use crate::{
    domain::{
        Deadline, EventKind, FOLLOWINGS_MAX, Fact, MemberCard, MemberId, Recommendation, Refusal, Relation, Timestamp,
    },
    storage::{Import, ImportedFollow, Listed, NETWORK_EACH_MAX, NETWORK_FOLLOWINGS_MAX, NewMember, Stores},
};
use std::time::Duration;

conformance! {
    a_follow_counts_on_both_sides,
    following_an_unknown_member_is_refused,
    the_thousand_and_first_follow_is_refused,
    lists_continue_after_their_key,
    relations_come_in_the_order_asked,
    the_newest_are_recommended_first,
    friends_of_friends_are_recommended_by_common_follows,
    recommendations_consider_the_newest_follows,
}

fn ids(listed: &[Listed<MemberCard>]) -> Vec<MemberId> {
    listed.iter().map(|listed| listed.item.id).collect()
}

async fn a_follow_counts_on_both_sides(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one, other] = members(stores).await;
    let since = follow(stores, one, other).await.unwrap();
    assert_eq!((counts(stores, one).await, counts(stores, other).await), ([0, 1, 0], [1, 0, 0]));
    assert_eq!(follow(stores, one, other).await, None);
    assert_eq!(followed(stores, one).await, [other]);
    assert_eq!(ids(&stores.relations.followers(other, u64::MAX, 10).await.unwrap()), [one]);
    assert_eq!(ids(&stores.relations.followings(one, u64::MAX, 10).await.unwrap()), [other]);

    let unfollowed = unfollow(stores, one, other).await.unwrap();
    assert_eq!((counts(stores, one).await, counts(stores, other).await), ([0; 3], [0; 3]));
    assert_eq!(unfollow(stores, one, other).await, None);
    assert_eq!(unfollow(stores, one, MemberId(id())).await, None);
    let log = events(stores).await;
    assert_eq!((log[2].position, log[2].fact), (since, Fact::new(EventKind::MemberFollowed, one).to(other)));
    assert_eq!((log[3].position, log[3].fact), (unfollowed, Fact::new(EventKind::MemberUnfollowed, one).to(other)));
    assert_eq!(log.len(), 4);
}

async fn following_an_unknown_member_is_refused(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one, deactivated] = members(stores).await;
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let nobody = MemberId(id());
    for (follower, followee) in [(one, nobody), (one, deactivated), (nobody, one), (deactivated, one)] {
        let answer = stores.relations.follow(id(), follower, followee).await;
        assert_eq!(refused(answer), Refusal::MemberNotFound, "{follower} follows {followee}");
    }
    no_drift(stores).await;
}

async fn the_thousand_and_first_follow_is_refused(backend: &Backend) {
    let stores = &backend.stores().await;
    let one = member(stores).await;
    let crowd: Vec<NewMember> = (0..=FOLLOWINGS_MAX).map(|number| newcomer(&format!("crowd{number}"))).collect();
    let ids: Vec<MemberId> = crowd.iter().map(|new| new.id).collect();
    let follows = ids[..FOLLOWINGS_MAX - 1].iter().map(|id| (one, *id));
    let follows = follows.map(|(follower, followee)| ImportedFollow { id: id(), follower, followee }).collect();
    stores.housekeeping.import(Import { members: crowd, follows, ..Import::default() }).await.unwrap();

    let [last, beyond] = [ids[FOLLOWINGS_MAX - 1], ids[FOLLOWINGS_MAX]];
    follow(stores, one, last).await.unwrap();
    assert_eq!(follow(stores, one, last).await, None);
    let limit = Refusal::FollowLimit { max: FOLLOWINGS_MAX };
    assert_eq!(refused(stores.relations.follow(id(), one, beyond).await), limit);
    // A deactivated followee counts towards the limit: a restore brings the follow back.
    stores.members.deactivate(last, Timestamp::now()).await.unwrap();
    assert_eq!(refused(stores.relations.follow(id(), one, beyond).await), limit);
    unfollow(stores, one, last).await.unwrap();
    follow(stores, one, beyond).await.unwrap();
    assert_eq!(followed(stores, one).await.len(), FOLLOWINGS_MAX);
    no_drift(stores).await;
}

async fn lists_continue_after_their_key(backend: &Backend) {
    let stores = &backend.stores().await;
    let [star, a, b, deactivated, c] = members(stores).await;
    for fan in [a, b, deactivated, c] {
        follow(stores, fan, star).await;
        follow(stores, star, fan).await;
    }
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let first = stores.relations.followers(star, u64::MAX, 2).await.unwrap();
    assert_eq!(ids(&first), [c, b]);
    let rest = stores.relations.followers(star, first[1].key, 2).await.unwrap();
    assert_eq!(ids(&rest), [a]);
    let first = stores.relations.followings(star, u64::MAX, 2).await.unwrap();
    let rest = stores.relations.followings(star, first[1].key, 2).await.unwrap();
    assert_eq!((ids(&first), ids(&rest)), (vec![c, b], vec![a]));
    // `relations_of` includes deactivated members, so that a restore rebuilds no feed.
    assert_eq!(followed(stores, star).await, [a, b, deactivated, c]);
}

async fn relations_come_in_the_order_asked(backend: &Backend) {
    let stores = &backend.stores().await;
    let [me, fan, idol, friend, stranger] = members(stores).await;
    for (follower, followee) in [(fan, me), (me, idol), (me, friend), (friend, me)] {
        follow(stores, follower, followee).await;
    }
    let asked = [stranger, friend, idol, fan, stranger];
    let expected = [(false, false), (true, true), (true, false), (false, true), (false, false)];
    let expected = expected.map(|(following, followed_by)| Relation { following, followed_by, ..Relation::default() });
    assert_eq!(stores.relations.relations(me, &asked, Timestamp::now()).await.unwrap(), expected);
    assert_eq!(stores.relations.relations(me, &[], Timestamp::now()).await.unwrap(), []);
}

/// Returns the recommended members with their common follows, page by page.
async fn recommended(
    stores: &Stores,
    viewer: MemberId,
    how: Recommendation,
    limit: usize,
) -> Vec<Vec<(MemberId, u64)>> {
    let (mut pages, mut after) = (Vec::new(), None);
    let until = Deadline::after(Duration::from_secs(60));
    loop {
        let page = stores.members.recommend(viewer, how, after, limit, &until).await.unwrap();
        let Some(last) = page.last() else { return pages };
        after = Some([last.common_follows, last.member.id.0]);
        pages.push(page.iter().map(|one| (one.member.id, one.common_follows)).collect());
    }
}

async fn the_newest_are_recommended_first(backend: &Backend) {
    let stores = &backend.stores().await;
    let [a, b, me, followed, c, deactivated, d] = members(stores).await;
    follow(stores, me, followed).await;
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let pages = recommended(stores, me, Recommendation::Newest, 3).await;
    assert_eq!(pages, [vec![(d, 0), (c, 0), (b, 0)], vec![(a, 0)]]);
}

async fn friends_of_friends_are_recommended_by_common_follows(backend: &Backend) {
    let stores = &backend.stores().await;
    let [me, f1, f2, f3, inactive, two, one_old, three, one_new, deactivated, lonely] = members(stores).await;
    for friend in [f1, f2, f3, inactive] {
        follow(stores, me, friend).await;
        follow(stores, friend, three).await;
        follow(stores, friend, deactivated).await;
        follow(stores, friend, me).await;
    }
    for (friend, whom) in [(f1, two), (f2, two), (f1, one_old), (f3, one_new), (f1, f2), (inactive, lonely)] {
        follow(stores, friend, whom).await;
    }
    for who in [inactive, deactivated] {
        stores.members.deactivate(who, Timestamp::now()).await.unwrap();
    }
    let pages = recommended(stores, me, Recommendation::Network, 3).await;
    assert_eq!(pages, [vec![(three, 3), (two, 2), (one_new, 1)], vec![(one_old, 1)]]);
}

async fn recommendations_consider_the_newest_follows(backend: &Backend) {
    let stores = &backend.stores().await;
    let [me, newest, oldest, stranger] = members(stores).await;
    let others: Vec<NewMember> =
        (0..NETWORK_FOLLOWINGS_MAX).map(|number| newcomer(&format!("n{number}x{}", me.0))).collect();
    let other: Vec<MemberId> = others.iter().map(|other| other.id).collect();
    let follow = |follower, followee| ImportedFollow { id: id(), follower, followee };
    // `oldest` is the follow before the newest of the viewer, and its follow is ignored. `newest` has one follow more
    // than are considered: the one of the first of `other`.
    let mut follows = vec![follow(me, oldest), follow(oldest, stranger)];
    follows.extend(other[1..].iter().map(|friend| follow(me, *friend)));
    follows.push(follow(me, newest));
    follows.extend(other[..=NETWORK_EACH_MAX].iter().map(|friend| follow(newest, *friend)));
    stores.housekeeping.import(Import { members: others, follows, ..Import::default() }).await.unwrap();
    assert_eq!(recommended(stores, me, Recommendation::Network, 100).await, Vec::<Vec<_>>::new());
    unfollow(stores, me, other[NETWORK_FOLLOWINGS_MAX - 1]).await.unwrap();
    unfollow(stores, newest, other[NETWORK_EACH_MAX]).await.unwrap();
    let pages = recommended(stores, me, Recommendation::Network, 100).await;
    assert_eq!(pages, [[(other[0], 1), (stranger, 1)]]);
}
