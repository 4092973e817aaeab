//! The housekeeping actor: rotates signing keys, and prunes expired rows, events, revocations and activity.
use super::{Message, Readers};
use crate::{
    actors::{error::Error, health::Fault, mailbox::Envelope, sessions::Sessions},
    domain::{Position, Timestamp},
    storage::{HousekeepingStore, ViewStore},
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
        let done = state.run().await;
        if let Err(error) = &done {
            tracing::warn!(error = error as &dyn std::error::Error, "housekeeping failed; retrying");
            state.retry.notify_one();
        }
        state.last_run_failed.set(done.is_err());
        // Sending fails only when the timer has stopped waiting.
        let _ = reply.send(done);
        Ok(())
    }
}

impl State {
    /// Runs all of it once. Stops at the first error; the next run begins again.
    async fn run(&self) -> Result<(), Error> {
        self.sessions.check_keys().await?;
        let now = Timestamp::now();
        let pruned = self.store.prune(now, now.before(self.retention), self.readers.position()).await?;
        self.readers.projection.rooms().visibility.forget_purged().await?;
        self.sessions.load_revocations().await?;
        let activity = &self.readers.activity;
        // The activity store cannot be pruned while its part is down.
        let activity_rows = if activity.is_up() { activity.prune(now).await? } else { 0 };
        let views = self.readers.ranking.fold_old_views(&*self.views, now).await?;
        tracing::info!(?pruned, activity_rows, views, "housekeeping done");
        Ok(())
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
