//! One slot's own side: every message is one command of the store.
use super::Message;
use crate::{
    actors::mailbox::{Envelope, submit_then_reply},
    domain::{Timestamp, markup::ResolvedMarkup},
    storage::{CommentStore, LikeStore, PostStore},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

pub(super) struct ContentActor;

type State = (Arc<dyn PostStore>, Arc<dyn CommentStore>, Arc<dyn LikeStore>);

impl Actor for ContentActor {
    type Msg = Envelope<Message>;
    type State = State;
    type Arguments = State;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        stores: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(stores)
    }

    /// Never returns an error: what goes wrong with one message is that message's answer.
    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        (posts, comments, likes): &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, permit)) = envelope.open() else {
            return Ok(());
        };
        let (posts, comments, likes, now) = (posts.clone(), comments.clone(), likes.clone(), Timestamp::now());
        match message {
            Message::Publish { post, receipt, reply } => {
                submit_then_reply(permit, reply, async move { Ok(posts.create_post(post, receipt).await?) }).await;
            }
            Message::EditPost { author, id, text, found, over, reply } => {
                let markup = ResolvedMarkup { tags: found.0, mentions: found.1 };
                let edit = async move { Ok(posts.edit_post(author, id, text, markup, over, now).await.map(|_| ())?) };
                submit_then_reply(permit, reply, edit).await;
            }
            Message::DeletePost { author, id, reply } => {
                submit_then_reply(
                    permit,
                    reply,
                    async move { Ok(posts.delete_post(author, id, now).await.map(|_| ())?) },
                )
                .await;
            }
            Message::LikePost { at, member, id, like, reply } => {
                submit_then_reply(permit, reply, async move { Ok(likes.like_post(at, member, id, like).await?) }).await;
            }
            Message::Comment { comment, receipt, reply } => {
                submit_then_reply(permit, reply, async move { Ok(comments.create_comment(comment, receipt).await?) })
                    .await;
            }
            Message::EditComment { author, id, text, mentions, over, reply } => {
                let over = over.map(|over| *over);
                let edit = async move {
                    comments.edit_comment(author, id, text, mentions, over, now).await?;
                    Ok(())
                };
                submit_then_reply(permit, reply, edit).await;
            }
            Message::DeleteComment { author, id, reply } => {
                submit_then_reply(permit, reply, async move { Ok(comments.delete_comment(author, id, now).await?) })
                    .await;
            }
            Message::LikeComment { at, member, id, like, reply } => {
                submit_then_reply(permit, reply, async move { Ok(likes.like_comment(at, member, id, like).await?) })
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
