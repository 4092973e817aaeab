//! The views actor: counts the views that were recorded during its previous commit, in one commit.
use super::Message;
use crate::{
    actors::mailbox::Envelope,
    storage::{View, ViewStore},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::{Arc, Mutex, PoisonError};

/// Maximum number of views in one commit.
const BATCH_MAX: usize = 512;

pub(super) struct ViewsActor;

/// The store and the queue, which outlive an incarnation of the actor.
#[derive(Clone)]
pub(super) struct State {
    pub(super) store: Arc<dyn ViewStore>,
    /// Filled by [`super::Views::record`].
    pub(super) waiting: Arc<Mutex<Vec<View>>>,
}

impl Actor for ViewsActor {
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
        let Some((Message::CountViews, _permit)) = envelope.open() else {
            return Ok(());
        };
        let views: Vec<View> = {
            let mut waiting = state.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let count = waiting.len().min(BATCH_MAX);
            waiting.drain(..count).collect()
        };
        if views.is_empty() {
            return Ok(());
        }
        let count = views.len() as u64;
        if let Err(error) = state.store.count_views(views).await {
            tracing::warn!(error = &error as &dyn std::error::Error, count, "cannot count views");
            metrics::counter!("dailyfeed_views_dropped_total").increment(count);
        }
        Ok(())
    }
}
