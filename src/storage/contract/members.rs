//! Members and follows.
use super::{id, member, newcomer, open};
use crate::{
    domain::{Handle, MemberId, Patch, ProfilePatch, Recommendation, Refusal},
    storage::StoreError,
};

fn refusal<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> Refusal {
    match answer.unwrap_err() {
        StoreError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn one_address_and_one_handle_whatever_their_case() {
    let (stores, _folder) = open().await;
    member(&stores, "Minsu").await;
    let mut twin = newcomer("other");
    twin.email = newcomer("MINSU").email;
    assert_eq!(refusal(stores.members.sign_up(twin, None).await), Refusal::EmailTaken);
    let mut twin = newcomer("another");
    twin.handle = Handle::new("mINSU").unwrap();
    assert_eq!(refusal(stores.members.sign_up(twin, None).await), Refusal::HandleTaken);
    assert!(stores.members.handle_taken("minsu").await.unwrap());
    assert!(stores.members.member_by_handle("minsu").await.unwrap().is_some());
}

#[tokio::test]
async fn a_profile_is_patched_and_a_handle_changed() {
    let (stores, _folder) = open().await;
    let who = member(&stores, "jiwoo").await;
    let set = |text: &str| Patch::Set(text.to_owned());
    let patch =
        ProfilePatch { bio: set("안녕"), gender: set("OTHER"), birth_date: set("2000-02-29"), ..Default::default() };
    stores.members.change_profile(who, patch).await.unwrap();
    let patch = ProfilePatch { bio: Patch::Clear, ..Default::default() };
    stores.members.change_profile(who, patch).await.unwrap();
    let found = stores.members.member(who).await.unwrap().unwrap();
    assert_eq!((found.profile.bio, found.profile.birth_date.unwrap().to_string()), (None, "2000-02-29".to_owned()));
    let refused = stores.members.change_profile(who, ProfilePatch { bio: set(&"x".repeat(501)), ..Default::default() });
    assert!(matches!(refusal(refused.await), Refusal::Invalid(_)));
    member(&stores, "taken").await;
    let taken = stores.members.change_handle(who, Handle::new("TAKEN").unwrap()).await;
    assert_eq!(refusal(taken), Refusal::HandleTaken);
    stores.members.change_handle(who, Handle::new("JIWOO").unwrap()).await.unwrap();
    assert_eq!(stores.members.member(who).await.unwrap().unwrap().handle, "JIWOO");
}

#[tokio::test]
async fn following_twice_changes_nothing_and_strangers_are_refused() {
    let (stores, _folder) = open().await;
    let (a, b) = (member(&stores, "aaa").await, member(&stores, "bbb").await);
    assert!(stores.members.follow(id(), a, b).await.unwrap().is_some());
    assert!(stores.members.follow(id(), a, b).await.unwrap().is_none());
    assert_eq!(refusal(stores.members.follow(id(), a, MemberId(9)).await), Refusal::MemberNotFound);
    let (of_a, of_b) = (stores.members.member(a).await.unwrap(), stores.members.member(b).await.unwrap());
    assert_eq!((of_a.unwrap().counts.followings, of_b.unwrap().counts.followers), (1, 1));
    let relation = stores.members.relations(b, &[a]).await.unwrap()[0];
    assert!(relation.followed_by && !relation.following);
    assert!(stores.members.unfollow(a, b).await.unwrap().is_some());
    assert!(stores.members.unfollow(a, b).await.unwrap().is_none());
    assert_eq!(stores.members.followed_ids(a).await.unwrap(), []);
}

#[tokio::test]
async fn lists_are_newest_first_and_leave_out_who_has_left() {
    let (stores, _folder) = open().await;
    let who = member(&stores, "star").await;
    let mut fans = Vec::new();
    for number in 0..4 {
        let fan = member(&stores, &format!("fan{number}")).await;
        stores.members.follow(id(), fan, who).await.unwrap();
        fans.push(fan);
    }
    stores.members.deactivate(fans[2], crate::domain::Timestamp::now()).await.unwrap();
    let first = stores.members.followers(who, u64::MAX, 2).await.unwrap();
    let ids: Vec<_> = first.iter().map(|listed| listed.item.id).collect();
    assert_eq!(ids, [fans[3], fans[1]]);
    let rest = stores.members.followers(who, first[1].place, 10).await.unwrap();
    assert_eq!(rest.iter().map(|listed| listed.item.id).collect::<Vec<_>>(), [fans[0]]);
}

#[tokio::test]
async fn recommendations_follow_their_rule_and_page_without_doubles() {
    let (stores, _folder) = open().await;
    let mut all = Vec::new();
    for number in 0..6 {
        all.push(member(&stores, &format!("m{number:03}")).await);
    }
    // 0 follows 1 and 2; both follow 3, one follows 4.
    for (who, whom) in [(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (1, 0)] {
        stores.members.follow(id(), all[who], all[whom]).await.unwrap();
    }
    let newest = stores.members.recommend(all[0], Recommendation::Newest, None, 10).await.unwrap();
    assert_eq!(newest.iter().map(|r| r.member.id).collect::<Vec<_>>(), [all[5], all[4], all[3]]);
    let network = stores.members.recommend(all[0], Recommendation::Network, None, 10).await.unwrap();
    let found: Vec<_> = network.iter().map(|r| (r.member.id, r.common_follows)).collect();
    assert_eq!(found, [(all[3], 2), (all[4], 1)]);
    let after = Some([2, all[3].0]);
    let rest = stores.members.recommend(all[0], Recommendation::Network, after, 10).await.unwrap();
    assert_eq!(rest.iter().map(|r| r.member.id).collect::<Vec<_>>(), [all[4]]);
}
