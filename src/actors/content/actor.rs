//! One slot's own side: every message is one call of the store.
use super::Message;
use crate::{
    actors::{Error, mailbox::Envelope},
    domain::Timestamp,
    storage::ContentStore,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

pub(super) struct ContentActor;

impl Actor for ContentActor {
    type Msg = Envelope<Message>;
    type State = Arc<dyn ContentStore>;
    type Arguments = Arc<dyn ContentStore>;

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
        let Some((message, _place)) = envelope.open() else {
            return Ok(());
        };
        let now = Timestamp::now();
        // The caller may be gone, so an answer that cannot be sent is no failure.
        match message {
            Message::Publish { post, receipt, reply } => {
                let _ = reply.send(store.publish(post, receipt).await.map_err(Error::from));
            }
            Message::EditPost { author, id, text, found: (tags, mentions), reply } => {
                let edited = store.edit_post(author, id, text, tags, mentions, now).await;
                let _ = reply.send(edited.map(|_| ()).map_err(Error::from));
            }
            Message::DeletePost { author, id, reply } => {
                let _ = reply.send(store.delete_post(author, id, now).await.map(|_| ()).map_err(Error::from));
            }
            Message::LikePost { place, member, id, like, reply } => {
                let _ = reply.send(store.like_post(place, member, id, like).await.map_err(Error::from));
            }
            Message::Comment { comment, receipt, reply } => {
                let _ = reply.send(store.comment(comment, receipt).await.map_err(Error::from));
            }
            Message::EditComment { author, id, text, reply } => {
                let edited = store.edit_comment(author, id, text, now).await;
                let _ = reply.send(edited.map(|_| ()).map_err(Error::from));
            }
            Message::DeleteComment { author, id, reply } => {
                let _ = reply.send(store.delete_comment(author, id, now).await.map_err(Error::from));
            }
            Message::LikeComment { place, member, id, like, reply } => {
                let _ = reply.send(store.like_comment(place, member, id, like).await.map_err(Error::from));
            }
            #[cfg(test)]
            Message::Crash { when, reply } => {
                let _ = when.await;
                drop(reply);
                panic!("asked to")
            }
        }
        Ok(())
    }
}
