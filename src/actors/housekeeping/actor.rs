//! The housekeeping actor: each round replaces old signing keys, and prunes expired rows, events, revocations and
//! activity. The jobs of a round do not depend on each other.
use super::{Message, Readers};
use crate::{
    actors::{error::Error, health::Fault, lease::Lease, mailbox::Envelope, sessions::Sessions},
    domain::{Position, Timestamp},
    storage::{HousekeepingStore, Prunable, PruneBounds, ViewStore},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

pub(super) struct HousekeepingActor;

#[derive(Clone)]
pub(super) struct State {
    pub(super) store: Arc<dyn HousekeepingStore>,
    pub(super) views: Arc<dyn ViewStore>,
    pub(super) readers: Readers,
    pub(super) sessions: Sessions,
    /// The lease of pruning.
    pub(super) lease: Lease,
    /// Events younger than this are not pruned.
    pub(super) retention: Duration,
    pub(super) last_run_failed: Fault,
    /// Wakes the timer for another run.
    pub(super) retry: Arc<Notify>,
}

impl Actor for HousekeepingActor {
    type Msg = Envelope<Message>;
    type State = State;
    type Arguments = State;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, state: State) -> Result<State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((Message::Run { reply }, _permit)) = envelope.open() else {
            return Ok(());
        };
        let round = state.run(Timestamp::now()).await;
        state.last_run_failed.set(round.failures > 0);
        if round.failures > 0 {
            state.retry.notify_one();
        }
        tracing::info!(removed = ?round.removed, failures = round.failures, "housekeeping done");
        // Sending fails only when the timer has stopped waiting.
        let _ = reply.send(Ok(()));
        Ok(())
    }
}

/// The outcome of one round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The jobs that removed rows, and how many.
    pub(super) removed: Vec<(&'static str, u64)>,
    /// The number of jobs that failed.
    pub(super) failures: usize,
}

impl Round {
    /// Notes the outcome of a job: the number of rows that it removed.
    fn note(&mut self, job: &'static str, done: Result<u64, Error>) {
        match done {
            Ok(0) => {}
            Ok(rows) => self.removed.push((job, rows)),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(job, error, "a job of housekeeping failed; retrying");
                metrics::counter!("dailyfeed_housekeeping_failures_total", "job" => job).increment(1);
                self.failures += 1;
            }
        }
    }
}

impl State {
    /// Runs every job once. A job that fails stops no other.
    pub(super) async fn run(&self, now: Timestamp) -> Round {
        let mut round = Round::default();
        self.store.keep_reserve();
        round.note("signing_keys", self.sessions.check_keys(now).await.map(|()| 0));
        if self.lease.is_held().await {
            let (events_before, readers_at) = (now.before(self.retention), self.readers.position());
            let bounds = PruneBounds { now, events_before, readers_at };
            for kind in Prunable::ALL {
                round.note(kind.name(), self.store.prune_rows(kind, bounds).await.map_err(Error::from));
            }
            let views = self.readers.ranking.fold_old_views(&*self.views, now).await;
            round.note("views", views);
            // The activity store cannot be pruned while its part is down.
            if self.readers.activity.is_up() {
                round.note("activity", self.readers.activity.prune(now).await);
            }
        }
        let forgotten = self.readers.projection.rooms().visibility.forget_purged().await;
        round.note("forget_purged", forgotten.map(|()| 0).map_err(Error::from));
        round.note("load_revocations", self.sessions.load_revocations(now).await.map(|()| 0));
        round
    }
}

impl Readers {
    /// Returns the position of the reader that is furthest behind.
    fn position(&self) -> Position {
        let core = self.projection.position();
        let parts = [self.ranking.position(), self.activity.position(), self.search.position()];
        parts.into_iter().fold(core, Ord::min)
    }
}
