//! Counts what has gathered while the last commit was on its way.
use super::Message;
use crate::{
    actors::mailbox::Envelope,
    storage::{View, ViewStore},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::{Arc, Mutex, PoisonError};

/// Views in one commit.
const COUNTED_MAX: usize = 512;

pub(super) struct ViewsActor;

type Arguments = (Arc<dyn ViewStore>, Arc<Mutex<Vec<View>>>);

impl Actor for ViewsActor {
    type Msg = Envelope<Message>;
    type State = Arguments;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, arguments: Arguments) -> Result<Arguments, ActorProcessingErr> {
        Ok(arguments)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        (store, waiting): &mut Arguments,
    ) -> Result<(), ActorProcessingErr> {
        let Some((Message::Count, _permit)) = envelope.open() else {
            return Ok(());
        };
        let views: Vec<View> = {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let count = waiting.len().min(COUNTED_MAX);
            waiting.drain(..count).collect()
        };
        if views.is_empty() {
            return Ok(());
        }
        let count = views.len() as u64;
        if let Err(error) = store.count_views(views).await {
            tracing::warn!(error = &error as &dyn std::error::Error, count, "views not counted");
            metrics::counter!("dailyfeed_views_dropped_total").increment(count);
        }
        Ok(())
    }
}
