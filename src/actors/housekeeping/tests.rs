//! Tests of the rounds of housekeeping: a job that fails, and the lease of pruning.
use super::{Readers, actor::State};
use crate::{
    actors::{
        for_tests::{TestServer, until},
        health::Part,
        lease::{
            Lease,
            for_tests::{Answer, TestLeases},
        },
    },
    domain::Timestamp,
    storage::{Committed, Drift, HousekeepingStore, Import, Prunable, PruneBounds, StoreError, StoreResult, Work},
};
use async_trait::async_trait;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// A store that cannot prune one kind of rows. Notes the kinds that it pruned.
struct FailingStore {
    store: Arc<dyn HousekeepingStore>,
    fails: Prunable,
    pruned: Mutex<Vec<Prunable>>,
}

#[async_trait]
impl HousekeepingStore for FailingStore {
    async fn prune_rows(&self, kind: Prunable, bounds: PruneBounds) -> StoreResult<u64> {
        if kind == self.fails {
            return Err(StoreError::Busy { backend: "test" });
        }
        let rows = self.store.prune_rows(kind, bounds).await?;
        self.pruned.lock().unwrap().push(kind);
        Ok(rows)
    }

    fn keep_reserve(&self) {
        self.store.keep_reserve();
    }

    async fn audit(&self) -> StoreResult<Vec<Drift>> {
        self.store.audit().await
    }

    async fn import(&self, batch: Import) -> StoreResult<Committed<()>> {
        self.store.import(batch).await
    }

    async fn largest_id(&self) -> StoreResult<u64> {
        self.store.largest_id().await
    }

    async fn panic_in_a_command(&self) -> StoreResult<()> {
        self.store.panic_in_a_command().await
    }

    fn end_the_writer(&self) {
        self.store.end_the_writer();
    }
}

/// A time at which the member's session has expired and the signing key is too old.
fn much_later() -> Timestamp {
    Timestamp::now().after(Duration::from_secs(90 * 86_400))
}

fn state(server: &TestServer, store: Arc<dyn HousekeepingStore>) -> State {
    let actors = &server.actors;
    State {
        store,
        views: server.stores.views.clone(),
        readers: Readers {
            projection: actors.projection.clone(),
            ranking: actors.ranking.clone(),
            activity: actors.activity.clone(),
            search: actors.search.clone(),
        },
        sessions: actors.sessions.clone(),
        lease: Lease::new(&server.stores.leases, Work::Pruning),
        retention: Duration::from_secs(86_400),
        last_run_failed: Part::new("test").new_fault(),
        retry: Arc::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_stops_no_other() {
    for fails in [Prunable::Events, Prunable::Sessions, Prunable::Members] {
        let server = TestServer::start().await;
        let (_, identity) = server.log_in().await;
        let key = server.stores.sessions.keys().await.unwrap().unwrap().primary.id;
        let reserve = std::path::Path::new(&server.config.data_dir).join("dailyfeed.reserve");
        std::fs::remove_file(&reserve).unwrap();
        let store =
            Arc::new(FailingStore { store: server.stores.housekeeping.clone(), fails, pruned: Mutex::default() });
        let round = state(&server, store.clone()).run(much_later()).await;

        assert_eq!(round.failures, 1, "{fails:?}");
        let others: Vec<Prunable> = Prunable::ALL.into_iter().filter(|kind| *kind != fails).collect();
        assert_eq!(*store.pruned.lock().unwrap(), others);
        let session = server.stores.sessions.session(identity.session).await.unwrap();
        assert_eq!(session.is_none(), fails != Prunable::Sessions, "the expired session");
        assert_eq!(server.actors.sessions.is_revoked(identity), fails != Prunable::Sessions, "its revocation is read");
        assert_ne!(server.stores.sessions.keys().await.unwrap().unwrap().primary.id, key);
        assert!(reserve.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_pruned_only_with_the_lease() {
    let leases = TestLeases::new();
    let server = TestServer::start_with(|stores| stores.leases = leases.clone()).await;
    let (_, identity) = server.log_in().await;
    let state = state(&server, server.stores.housekeeping.clone());
    for (answer, pruned) in [(Answer::Refused, false), (Answer::Failed, false), (Answer::Granted, true)] {
        leases.set(answer);
        assert_eq!(state.run(much_later()).await.failures, 0);
        let session = server.stores.sessions.session(identity.session).await.unwrap();
        assert_eq!(session.is_none(), pruned, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_departures_are_taken_only_with_the_lease() {
    let leases = TestLeases::new();
    let server = TestServer::start_with(|stores| stores.leases = leases.clone()).await;
    let departures = &server.stores.departures;
    departures.begin_to_leave(server.member).await.unwrap();
    leases.asked(Work::Departures, 2).await;
    assert_eq!(departures.open_departures().await.unwrap(), 1);
    leases.set(Answer::Granted);
    until(async || (departures.open_departures().await.unwrap() == 0).then_some(())).await;
}
