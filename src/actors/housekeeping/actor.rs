//! One round: keys, then what has run out.
use super::Message;
use crate::{
    actors::{
        Error, activity::Activity, health::Trouble, mailbox::Envelope, ranking::Ranking, search::Search,
        sessions::Sessions, timeline::Timeline,
    },
    domain::Timestamp,
    storage::UpkeepStore,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

pub(super) struct HousekeepingActor;

#[derive(Clone)]
pub(super) struct State {
    pub(super) store: Arc<dyn UpkeepStore>,
    pub(super) timeline: Timeline,
    pub(super) ranking: Ranking,
    pub(super) activity: Activity,
    pub(super) search: Search,
    pub(super) sessions: Sessions,
    pub(super) retention: Duration,
    /// The last round failed.
    pub(super) undone: Trouble,
    /// Wakes the clock for another round.
    pub(super) failed: Arc<Notify>,
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
        let Some((Message::Round { reply }, _permit)) = envelope.open() else {
            return Ok(());
        };
        let done = state.round().await;
        if let Err(error) = &done {
            tracing::warn!(error = error as &dyn std::error::Error, "housekeeping failed; retrying");
            state.failed.notify_one();
        }
        state.undone.set(done.is_err());
        // Nobody may be waiting any more.
        let _ = reply.send(done);
        Ok(())
    }
}

impl State {
    async fn round(&self) -> Result<(), Error> {
        self.sessions.check_keys().await?;
        let now = Timestamp::now();
        let readers_at = self.timeline.position().min(self.ranking.position()).min(self.activity.position());
        let readers_at = readers_at.min(self.search.position());
        let pruned = self.store.prune(now, now.before(self.retention), readers_at).await?;
        self.sessions.recall().await?;
        // While activities are down there is nothing to remove from.
        let activity_rows = if self.activity.is_up() { self.activity.prune(now).await? } else { 0 };
        tracing::info!(?pruned, activity_rows, "housekeeping done");
        Ok(())
    }
}
