//! One slot's own side: every message is one command of the store.
use super::Message;
use crate::{
    actors::mailbox::{Envelope, begin},
    storage::MemberStore,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

pub(super) struct MembersActor;

impl Actor for MembersActor {
    type Msg = Envelope<Message>;
    type State = Arc<dyn MemberStore>;
    type Arguments = Arc<dyn MemberStore>;

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
        let Some((message, place)) = envelope.open() else {
            return Ok(());
        };
        let store = store.clone();
        match message {
            Message::SignUp { member, receipt, reply } => {
                begin(place, reply, async move { Ok(store.sign_up(*member, receipt).await?) }).await;
            }
            Message::ChangeProfile { member, patch, reply } => {
                let change = async move { Ok(store.change_profile(member, *patch).await.map(|_| ())?) };
                begin(place, reply, change).await;
            }
            Message::ChangeHandle { member, handle, reply } => {
                begin(place, reply, async move { Ok(store.change_handle(member, handle).await.map(|_| ())?) }).await;
            }
            Message::Follow { at, follower, followee, reply } => {
                begin(place, reply, async move { Ok(store.follow(at, follower, followee).await.map(|_| ())?) }).await;
            }
            Message::Unfollow { follower, followee, reply } => {
                begin(place, reply, async move { Ok(store.unfollow(follower, followee).await.map(|_| ())?) }).await;
            }
        }
        Ok(())
    }
}
