//! Acceptances: the posts of a member with many pending follow requests become public.
use super::{
    Backend,
    fixtures::{counts, events, member, no_drift},
    id, newcomer,
};
use crate::{
    domain::{EventKind, FOLLOWINGS_MAX, MemberId, Privacy, ProfilePatch, Refusal, RelationChange, Timestamp},
    storage::{ACCEPTED_MAX, DEPARTURE_ROWS_MAX, DepartureStep, Followed, Import, ImportedFollow, Stores},
};
use futures::future::join_all;

conformance! {
    many_requests_are_accepted_in_steps,
    requests_stay_pending_if_posts_stop_being_public,
    a_pending_request_of_a_deactivated_requester_is_accepted_without_being_counted,
    a_request_that_is_accepted_counts_towards_the_limit,
}

const PENDING: usize = 2 * ACCEPTED_MAX + 10;

async fn privacy(stores: &Stores, who: MemberId, privacy: Privacy) {
    let patch = ProfilePatch { privacy: Some(privacy), ..ProfilePatch::default() };
    stores.members.change_profile(who, patch, None).await.unwrap();
}

/// Makes a member with pending requests; returns it with the requesters in the order of their requests.
async fn with_requests(stores: &Stores) -> (MemberId, Vec<MemberId>) {
    let closed = member(stores).await;
    privacy(stores, closed, Privacy::Followers).await;
    let crowd: Vec<_> = (0..PENDING).map(|number| newcomer(&format!("crowd{number}"))).collect();
    let requesters: Vec<MemberId> = crowd.iter().map(|new| new.id).collect();
    stores.housekeeping.import(Import { members: crowd, ..Import::default() }).await.unwrap();
    let requests = requesters.iter().map(|requester| stores.relations.follow(id(), *requester, closed));
    for followed in join_all(requests).await {
        assert_eq!(followed.unwrap().value, Followed::Requested);
    }
    (closed, requesters)
}

async fn pending(stores: &Stores, of: MemberId) -> usize {
    stores.relations.follow_requests(of, u64::MAX, 2 * PENDING).await.unwrap().len()
}

async fn step(stores: &Stores) -> Option<DepartureStep> {
    let step = stores.departures.take_step(MemberId(0), DEPARTURE_ROWS_MAX).await.unwrap();
    no_drift(stores).await;
    step
}

async fn many_requests_are_accepted_in_steps(backend: &Backend) {
    let stores = backend.stores().await;
    let (closed, requesters) = with_requests(&stores).await;
    let before = events(&stores).await.len();
    privacy(&stores, closed, Privacy::Public).await;
    no_drift(&stores).await;
    assert_eq!((counts(&stores, closed).await[0], pending(&stores, closed).await), (100, PENDING - ACCEPTED_MAX));
    // A requester whose turn has not come follows now, and another withdraws the request.
    let [.., waiting, withdrawn] = requesters[..] else { panic!("too few requesters") };
    assert!(matches!(stores.relations.follow(id(), waiting, closed).await.unwrap().value, Followed::Now));
    assert_eq!(stores.relations.follow(id(), waiting, closed).await.unwrap().value, Followed::Already);
    stores.relations.change_relation(RelationChange::Unfollow, withdrawn, closed).await.unwrap();
    no_drift(&stores).await;
    let stores = backend.reopen(stores).await;
    assert_eq!(step(&stores).await, Some(DepartureStep { member: closed, rows: ACCEPTED_MAX, open: 1 }));
    assert_eq!(step(&stores).await, Some(DepartureStep { member: closed, rows: 8, open: 0 }));
    assert_eq!(step(&stores).await, None);

    let log = events(&stores).await;
    let accepted: Vec<MemberId> = log[before..]
        .iter()
        .filter(|event| event.fact.kind == EventKind::FollowRequestAccepted && event.fact.member == closed)
        .map(|event| event.fact.target.unwrap())
        .collect();
    let mut in_order: Vec<MemberId> = requesters[..PENDING - 2].to_vec();
    in_order.insert(ACCEPTED_MAX, waiting);
    assert_eq!(accepted, in_order);
    assert_eq!(log[before..].iter().filter(|event| event.fact.kind == EventKind::CountersSettled).count(), 0);
    assert_eq!((counts(&stores, closed).await[0], pending(&stores, closed).await), (PENDING as u64 - 1, 0));
}

async fn requests_stay_pending_if_posts_stop_being_public(backend: &Backend) {
    let stores = &backend.stores().await;
    let (closed, requesters) = with_requests(stores).await;
    privacy(stores, closed, Privacy::Public).await;
    privacy(stores, closed, Privacy::Private).await;
    assert_eq!(step(stores).await, None);
    assert_eq!(pending(stores, closed).await, PENDING - ACCEPTED_MAX);
    let last = requesters[PENDING - 1];
    assert_eq!(stores.relations.follow(id(), last, closed).await.unwrap().value, Followed::Requested);
    privacy(stores, closed, Privacy::Public).await;
    assert_eq!(pending(stores, closed).await, 10);
    privacy(stores, closed, Privacy::Followers).await;
    privacy(stores, closed, Privacy::Public).await;
    assert_eq!((step(stores).await, pending(stores, closed).await), (None, 0));
}

async fn a_pending_request_of_a_deactivated_requester_is_accepted_without_being_counted(backend: &Backend) {
    let stores = &backend.stores().await;
    let (closed, requesters) = with_requests(stores).await;
    stores.members.deactivate(requesters[0], Timestamp::now()).await.unwrap();
    stores.departures.begin_to_leave(requesters[PENDING - 1]).await.unwrap();
    privacy(stores, closed, Privacy::Public).await;
    assert_eq!(counts(stores, closed).await[0], 99);
    while step(stores).await.is_some() {}
    assert_eq!(counts(stores, closed).await[0], PENDING as u64 - 2);
    stores.members.restore(requesters[PENDING - 1]).await.unwrap();
    no_drift(stores).await;
    assert_eq!(counts(stores, closed).await[0], PENDING as u64 - 1);
}

async fn a_request_that_is_accepted_counts_towards_the_limit(backend: &Backend) {
    let stores = &backend.stores().await;
    let (closed, requesters) = with_requests(stores).await;
    let last = requesters[PENDING - 1];
    let crowd: Vec<_> = (0..FOLLOWINGS_MAX).map(|number| newcomer(&format!("other{number}"))).collect();
    let others: Vec<MemberId> = crowd.iter().map(|new| new.id).collect();
    let follows =
        others[1..].iter().map(|other| ImportedFollow { id: id(), follower: last, followee: *other }).collect();
    stores.housekeeping.import(Import { members: crowd, follows, ..Import::default() }).await.unwrap();
    privacy(stores, closed, Privacy::Public).await;
    let limit = Refusal::FollowLimit { max: FOLLOWINGS_MAX };
    let beyond = async || super::fixtures::refused(stores.relations.follow(id(), last, others[0]).await);
    assert_eq!(beyond().await, limit, "the pending request counts");
    assert!(matches!(stores.relations.follow(id(), last, closed).await.unwrap().value, Followed::Now));
    assert_eq!(beyond().await, limit, "the follow counts instead");
    assert_eq!(stores.relations.relations_of(last).await.unwrap().home_authors.len(), FOLLOWINGS_MAX + 1);
}
