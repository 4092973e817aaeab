//! One slot's own side: every message is one command of the store.
use super::Message;
use crate::{
    actors::mailbox::{Envelope, submit_then_reply},
    storage::ImageStore,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

pub(super) struct ImagesActor;

impl Actor for ImagesActor {
    type Msg = Envelope<Message>;
    type State = Arc<dyn ImageStore>;
    type Arguments = Arc<dyn ImageStore>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        store: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(store)
    }

    /// Never returns an error: what goes wrong with one message is that message's answer.
    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        store: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, permit)) = envelope.open() else {
            return Ok(());
        };
        let store = store.clone();
        match message {
            Message::Add { image, receipt, reply } => {
                submit_then_reply(permit, reply, async move { Ok(store.create_image(*image, receipt).await?) }).await;
            }
            Message::Remove { owner, id, reply } => {
                submit_then_reply(permit, reply, async move { Ok(store.delete_image(owner, id).await?) }).await;
            }
        }
        Ok(())
    }
}
