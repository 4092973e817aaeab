//! Members: sign-up, profiles, handles, lists and recommendations.
use super::{
    Backend,
    fixtures::{self, events, followed, hours_from_now, refused},
    id, member, newcomer, tokens,
};
use crate::{
    domain::{
        Answer, Deadline, Gender, Handle, MemberId, Outcome, Patch, Profile, ProfilePatch, Receipt, Recommendation,
        Refusal, SessionId, Timestamp,
    },
    storage::{NewMember, SessionsToEnd},
};
use std::time::Duration;

conformance! {
    an_address_and_a_handle_are_unique_in_any_case,
    a_profile_is_patched_and_a_handle_changed,
    following_twice_changes_nothing_and_an_unknown_member_is_refused,
    lists_are_newest_first_and_exclude_deactivated_members,
    recommendations_follow_their_rule_and_page_without_doubles,
    a_repeated_sign_up_gets_the_first_answer,
    a_refused_sign_up_leaves_no_receipt,
    every_field_of_a_profile_is_kept,
    a_released_handle_is_free,
    no_stored_id_exceeds_the_largest_id,
}

async fn an_address_and_a_handle_are_unique_in_any_case(backend: &Backend) {
    let stores = backend.stores().await;
    member(&stores, "Minsu").await;
    let mut twin = newcomer("other");
    twin.email = newcomer("MINSU").email;
    assert_eq!(refused(stores.members.sign_up(twin, None).await), Refusal::EmailTaken);
    let mut twin = newcomer("another");
    twin.handle = Handle::new("mINSU").unwrap();
    assert_eq!(refused(stores.members.sign_up(twin, None).await), Refusal::HandleTaken);
    assert!(stores.members.handle_taken("minsu").await.unwrap());
    assert!(stores.members.member_by_handle("minsu").await.unwrap().is_some());
}

async fn a_profile_is_patched_and_a_handle_changed(backend: &Backend) {
    let stores = backend.stores().await;
    let who = member(&stores, "jiwoo").await;
    let set = |text: &str| Patch::Set(text.to_owned());
    let patch =
        ProfilePatch { bio: set("안녕"), gender: set("OTHER"), birth_date: set("2000-02-29"), ..Default::default() };
    stores.members.change_profile(who, patch, None).await.unwrap();
    let patch = ProfilePatch { bio: Patch::Clear, ..Default::default() };
    stores.members.change_profile(who, patch, None).await.unwrap();
    let found = stores.members.member(who).await.unwrap().unwrap();
    assert_eq!((found.profile.bio, found.profile.birth_date.unwrap().to_string()), (None, "2000-02-29".to_owned()));
    let too_long = ProfilePatch { bio: set(&"x".repeat(501)), ..Default::default() };
    assert!(matches!(refused(stores.members.change_profile(who, too_long, None).await), Refusal::Invalid(_)));
    member(&stores, "taken").await;
    let taken = stores.members.change_handle(who, Handle::new("TAKEN").unwrap(), None).await;
    assert_eq!(refused(taken), Refusal::HandleTaken);
    stores.members.change_handle(who, Handle::new("JIWOO").unwrap(), None).await.unwrap();
    assert_eq!(stores.members.member(who).await.unwrap().unwrap().handle, "JIWOO");
}

async fn following_twice_changes_nothing_and_an_unknown_member_is_refused(backend: &Backend) {
    let stores = backend.stores().await;
    let (a, b) = (member(&stores, "aaa").await, member(&stores, "bbb").await);
    assert!(fixtures::follow(&stores, a, b).await.is_some());
    assert!(fixtures::follow(&stores, a, b).await.is_none());
    assert_eq!(refused(stores.relations.follow(id(), a, MemberId(9)).await), Refusal::MemberNotFound);
    let (of_a, of_b) = (stores.members.member(a).await.unwrap(), stores.members.member(b).await.unwrap());
    assert_eq!((of_a.unwrap().counts.followings, of_b.unwrap().counts.followers), (1, 1));
    let relation = stores.relations.relations(b, &[a], Timestamp::now()).await.unwrap()[0];
    assert!(relation.followed_by && !relation.following);
    assert!(fixtures::unfollow(&stores, a, b).await.is_some());
    assert!(fixtures::unfollow(&stores, a, b).await.is_none());
    assert_eq!(followed(&stores, a).await, []);
}

async fn lists_are_newest_first_and_exclude_deactivated_members(backend: &Backend) {
    let stores = backend.stores().await;
    let who = member(&stores, "star").await;
    let mut fans = Vec::new();
    for number in 0..4 {
        let fan = member(&stores, &format!("fan{number}")).await;
        stores.relations.follow(id(), fan, who).await.unwrap();
        fans.push(fan);
    }
    stores.members.deactivate(fans[2], Timestamp::now()).await.unwrap();
    let first = stores.relations.followers(who, u64::MAX, 2).await.unwrap();
    let ids: Vec<_> = first.iter().map(|listed| listed.item.id).collect();
    assert_eq!(ids, [fans[3], fans[1]]);
    let rest = stores.relations.followers(who, first[1].key, 10).await.unwrap();
    assert_eq!(rest.iter().map(|listed| listed.item.id).collect::<Vec<_>>(), [fans[0]]);
}

async fn recommendations_follow_their_rule_and_page_without_doubles(backend: &Backend) {
    let stores = backend.stores().await;
    let mut all = Vec::new();
    for number in 0..6 {
        all.push(member(&stores, &format!("m{number:03}")).await);
    }
    // 0 follows 1 and 2; both follow 3, one follows 4.
    for (who, whom) in [(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (1, 0)] {
        stores.relations.follow(id(), all[who], all[whom]).await.unwrap();
    }
    let until = Deadline::after(Duration::from_secs(60));
    let newest = stores.members.recommend(all[0], Recommendation::Newest, None, 10, &until).await.unwrap();
    assert_eq!(newest.iter().map(|r| r.member.id).collect::<Vec<_>>(), [all[5], all[4], all[3]]);
    let network = stores.members.recommend(all[0], Recommendation::Network, None, 10, &until).await.unwrap();
    let found: Vec<_> = network.iter().map(|r| (r.member.id, r.common_follows)).collect();
    assert_eq!(found, [(all[3], 2), (all[4], 1)]);
    let after = Some([2, all[3].0]);
    let rest = stores.members.recommend(all[0], Recommendation::Network, after, 10, &until).await.unwrap();
    assert_eq!(rest.iter().map(|r| r.member.id).collect::<Vec<_>>(), [all[4]]);
}

fn receipt(key: &str, fingerprint: u8) -> Receipt {
    let answer = Answer { status: 201, location: format!("/members/{key}"), body: "{\"이름\":1}".to_owned() };
    let (scope, key) = ("sign-up".to_owned(), key.to_owned());
    Receipt { scope, key, fingerprint: [fingerprint; 32], answer, at: Timestamp::now() }
}

async fn a_repeated_sign_up_gets_the_first_answer(backend: &Backend) {
    let stores = &backend.stores().await;
    let (new, receipt) = (newcomer("minsu"), receipt("k1", 1));
    let first = stores.members.sign_up(new.clone(), Some(receipt.clone())).await.unwrap().value;
    assert!(matches!(first, Outcome::Done));
    let again = NewMember { id: MemberId(id()), ..new.clone() };
    let second = stores.members.sign_up(again, Some(receipt.clone())).await.unwrap().value;
    assert_eq!(second, Outcome::Repeated(receipt.answer.clone()));
    let other = Receipt { fingerprint: [2; 32], ..receipt };
    assert_eq!(refused(stores.members.sign_up(newcomer("jiwoo"), Some(other)).await), Refusal::IdempotencyKeyReused);
    assert_eq!(events(stores).await.len(), 1);
}

async fn a_refused_sign_up_leaves_no_receipt(backend: &Backend) {
    let stores = &backend.stores().await;
    stores.members.sign_up(newcomer("minsu"), None).await.unwrap();
    let answer = stores.members.sign_up(newcomer("minsu"), Some(receipt("k1", 1))).await;
    assert_eq!(refused(answer), Refusal::EmailTaken);
    let outcome = stores.members.sign_up(newcomer("jiwoo"), Some(receipt("k1", 2))).await.unwrap().value;
    assert!(matches!(outcome, Outcome::Done));
}

async fn every_field_of_a_profile_is_kept(backend: &Backend) {
    let stores = &backend.stores().await;
    let who = fixtures::member(stores).await;
    let set = |text: &str| Patch::Set(text.to_owned());
    let everything = ProfilePatch {
        member_name: set("김민수"),
        display_name: set("민수 🙂"),
        bio: set("안녕\n하세요"),
        location: set("서울"),
        website_url: set("https://example.com/민수"),
        birth_date: set("1999-12-31"),
        gender: set("PREFER_NOT_TO_SAY"),
        language_code: set("ko"),
        country_code: set("KR"),
        timezone: set("Asia/Seoul"),
        privacy: None,
        avatar: Patch::Keep,
    };
    let expected = Profile::new(everything.clone()).unwrap();
    stores.members.change_profile(who, everything, None).await.unwrap();
    let kept = stores.members.member(who).await.unwrap().unwrap().profile;
    assert_eq!((&kept, kept.gender), (&expected, Some(Gender::PreferNotToSay)));
    let nobody = stores.members.change_profile(MemberId(id()), ProfilePatch::default(), None).await;
    assert_eq!(refused(nobody), Refusal::MemberNotFound);
}

async fn a_released_handle_is_free(backend: &Backend) {
    let stores = &backend.stores().await;
    let (minsu, jiwoo) = (member(stores, "minsu").await, member(stores, "jiwoo").await);
    let handle = |handle: &str| Handle::new(handle).unwrap();
    stores.members.change_handle(minsu, handle("Seoul"), None).await.unwrap();
    stores.members.change_handle(jiwoo, handle("minsu"), None).await.unwrap();
    let keys = ["minsu", "seoul", "jiwoo"].map(str::to_owned);
    let mut cards = stores.members.cards_by_handle(&keys).await.unwrap();
    cards.sort_unstable_by_key(|card| card.id);
    let found: Vec<_> = cards.iter().map(|card| (card.id, card.handle.as_str())).collect();
    assert_eq!(found, [(minsu, "Seoul"), (jiwoo, "minsu")]);
    assert_eq!(
        refused(stores.members.change_handle(MemberId(id()), handle("busan"), None).await),
        Refusal::MemberNotFound
    );
}

async fn no_stored_id_exceeds_the_largest_id(backend: &Backend) {
    let stores = &backend.stores().await;
    assert_eq!(stores.housekeeping.largest_id().await.unwrap(), 0);
    let largest = async || stores.housekeeping.largest_id().await.unwrap();
    let who = fixtures::member(stores).await;
    assert_eq!(largest().await, who.0);
    let other = fixtures::member(stores).await;
    fixtures::follow(stores, who, other).await;
    assert!(largest().await > other.0);
    let on = fixtures::post(stores, who).await;
    assert_eq!(largest().await, on.0);
    fixtures::like(stores, other, on).await;
    assert!(largest().await > on.0);
    let remark = fixtures::comment(stores, other, on).await;
    assert_eq!(largest().await, remark.0);
    fixtures::like_comment(stores, who, remark).await;
    assert!(largest().await > remark.0);
    let session = tokens::log_in(stores, who).await;
    assert_eq!(largest().await, session.id.0);
    // A revocation names an ended session; no newer session may get its id.
    let before = SessionId(id());
    stores.sessions.end_sessions(who, SessionsToEnd::All { before }, hours_from_now(1)).await.unwrap();
    assert_eq!(largest().await, before.0);
}
