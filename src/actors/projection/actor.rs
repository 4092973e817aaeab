//! The projection's actor: applies one batch of events at a time, and rebuilds the rooms at each start.
use super::{Message, state::State};
use crate::actors::mailbox::Envelope;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

pub(super) struct ProjectionActor;

impl Actor for ProjectionActor {
    type Msg = Envelope<Message>;
    type State = Arc<State>;
    type Arguments = Arc<State>;

    /// Each incarnation begins with rooms that are loaded from the database.
    async fn pre_start(&self, _: ActorRef<Self::Msg>, state: Arc<State>) -> Result<Arc<State>, ActorProcessingErr> {
        state.rebuild().await?;
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut Arc<State>,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, _permit)) = envelope.open() else {
            return Ok(());
        };
        // The caller may have dropped the reply port: an answer that cannot be sent is no failure.
        match message {
            Message::Apply { batch, reply } => {
                let _ = reply.send(Ok(state.apply(&batch).await));
            }
            #[cfg(test)]
            Message::Crash { reply } => {
                drop(reply);
                panic!("crash requested")
            }
        }
        Ok(())
    }
}
