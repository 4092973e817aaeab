//! The projection's actor: applies one batch of events at a time, and rebuilds the rooms at each start.
use super::{Message, state::State};
use crate::actors::mailbox::Envelope;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

/// Has no state of its own: [`State`] outlives an incarnation, because the handle reads it too.
pub(super) struct ProjectionActor;

impl Actor for ProjectionActor {
    type Msg = Envelope<Message>;
    type State = Arc<State>;
    type Arguments = Arc<State>;

    /// Loads the rooms from the database for each incarnation.
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
        // A caller that timed out has dropped its port, so a failed send is ignored.
        match message {
            Message::Apply { batch, reply } => {
                let _ = reply.send(Ok(state.apply(&batch).await));
            }
            #[cfg(test)]
            Message::Crash { reply } => {
                drop(reply);
                panic!("a test asked for a crash")
            }
            #[cfg(test)]
            Message::Stall { until, reply } => {
                let _ = reply.send(Ok(()));
                let _ = until.await;
            }
        }
        Ok(())
    }
}
