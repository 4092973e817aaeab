//! The timeline's writer: applies events to the projection, one batch at a time.
use super::{Message, projection::Projection};
use crate::actors::mailbox::Envelope;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

pub(super) struct TimelineActor;

impl Actor for TimelineActor {
    type Msg = Envelope<Message>;
    type State = Arc<Projection>;
    type Arguments = Arc<Projection>;

    /// Each life begins with a window that the database vouches for.
    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        projection: Arc<Projection>,
    ) -> Result<Arc<Projection>, ActorProcessingErr> {
        projection.rebuild().await?;
        Ok(projection)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        projection: &mut Arc<Projection>,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, _permit)) = envelope.open() else {
            return Ok(());
        };
        // The caller may be gone, so an answer that cannot be sent is no failure.
        match message {
            Message::Apply { batch, reply } => {
                let _ = reply.send(Ok(projection.apply(&batch).await));
            }
            #[cfg(test)]
            Message::Crash { reply } => {
                drop(reply);
                panic!("asked to")
            }
        }
        Ok(())
    }
}
