//! Departures by their size: a small one is settled at once, a large one takes steps of a bounded number of rows.
use super::{
    Backend,
    fixtures::{counts, events, follow, members, no_drift},
    id, newcomer,
};
use crate::{
    domain::{EventKind, MemberId, Timestamp},
    storage::{DEPARTURE_ROWS_MAX, DepartureStep, Import, ImportedFollow, Stores},
};

conformance! {
    a_small_departure_is_settled_in_its_commit,
    a_large_departure_takes_steps_of_bounded_size,
}

/// Returns how often counters were settled.
async fn settled(stores: &Stores) -> usize {
    events(stores).await.iter().filter(|event| event.fact.kind == EventKind::CountersSettled).count()
}

async fn a_small_departure_is_settled_in_its_commit(backend: &Backend) {
    let stores = backend.stores().await;
    let [member, other] = members(&stores).await;
    follow(&stores, other, member).await;
    stores.members.deactivate(member, Timestamp::now()).await.unwrap();
    assert_eq!(counts(&stores, other).await, [0; 3]);
    assert_eq!(stores.departures.open_departures().await.unwrap(), 0);
    assert_eq!(stores.departures.take_step(MemberId(0), 1).await.unwrap(), None);
    stores.members.restore(member).await.unwrap();
    assert_eq!((stores.departures.open_departures().await.unwrap(), settled(&stores).await), (0, 0));
    no_drift(&stores).await;
}

async fn a_large_departure_takes_steps_of_bounded_size(backend: &Backend) {
    let stores = &backend.stores().await;
    let [member, star] = members(stores).await;
    let crowd: Vec<_> = (0..DEPARTURE_ROWS_MAX + 30).map(|number| newcomer(&format!("crowd{number}"))).collect();
    let fans: Vec<MemberId> = crowd.iter().map(|new| new.id).collect();
    let follows = fans.iter().map(|fan| ImportedFollow { id: id(), follower: *fan, followee: member }).collect();
    stores.housekeeping.import(Import { members: crowd, follows, ..Import::default() }).await.unwrap();
    follow(stores, member, star).await.unwrap();
    let all = [(DEPARTURE_ROWS_MAX + 30) as u64, 1, 0];
    assert_eq!(counts(stores, member).await, all);
    let (first, last) = (fans[0], fans[fans.len() - 1]);
    for returns in [false, true] {
        if returns {
            stores.members.restore(member).await.unwrap();
            assert_eq!(counts(stores, member).await, all, "its own counters never changed");
        } else {
            stores.members.deactivate(member, Timestamp::now()).await.unwrap();
        }
        let (before, after) = (u64::from(!returns), u64::from(returns));
        no_drift(stores).await;
        assert_eq!((counts(stores, first).await[1], counts(stores, last).await[1]), (after, before));
        let step = stores.departures.take_step(MemberId(0), DEPARTURE_ROWS_MAX).await.unwrap();
        assert_eq!(step, Some(DepartureStep { member, rows: 31, open: 0 }));
        no_drift(stores).await;
        assert_eq!(counts(stores, last).await[1], after);
        assert_eq!(settled(stores).await, 1 + usize::from(returns));
        assert_eq!(events(stores).await.last().unwrap().fact.member, member);
    }
    assert_eq!(counts(stores, star).await, [1, 0, 0]);
}
