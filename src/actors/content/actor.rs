//! One slot's own side: every message is one command of the store.
use super::Message;
use crate::{
    actors::mailbox::{Envelope, submit_then_reply},
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
        let Some((message, permit)) = envelope.open() else {
            return Ok(());
        };
        let (store, now) = (store.clone(), Timestamp::now());
        match message {
            Message::Publish { post, receipt, reply } => {
                submit_then_reply(permit, reply, async move { Ok(store.publish(post, receipt).await?) }).await;
            }
            Message::EditPost { author, id, text, found, over, reply } => {
                let edit = async move { Ok(store.edit_post(author, id, text, found, over, now).await.map(|_| ())?) };
                submit_then_reply(permit, reply, edit).await;
            }
            Message::DeletePost { author, id, reply } => {
                submit_then_reply(
                    permit,
                    reply,
                    async move { Ok(store.delete_post(author, id, now).await.map(|_| ())?) },
                )
                .await;
            }
            Message::LikePost { at, member, id, like, reply } => {
                submit_then_reply(permit, reply, async move { Ok(store.like_post(at, member, id, like).await?) }).await;
            }
            Message::Comment { comment, receipt, reply } => {
                submit_then_reply(permit, reply, async move { Ok(store.comment(comment, receipt).await?) }).await;
            }
            Message::EditComment { author, id, text, mentions, over, reply } => {
                let over = over.map(|over| *over);
                let edit = async move {
                    store.edit_comment(author, id, text, mentions, over, now).await?;
                    Ok(())
                };
                submit_then_reply(permit, reply, edit).await;
            }
            Message::DeleteComment { author, id, reply } => {
                submit_then_reply(permit, reply, async move { Ok(store.delete_comment(author, id, now).await?) }).await;
            }
            Message::LikeComment { at, member, id, like, reply } => {
                submit_then_reply(permit, reply, async move { Ok(store.like_comment(at, member, id, like).await?) })
                    .await;
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
