//! One slot's own side: every message is one command of the store.
use super::Message;
use crate::{
    actors::mailbox::{Envelope, submit_then_reply},
    storage::{MarkerStore, MemberStore, RelationStore},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

pub(super) struct MembersActor;

type State = (Arc<dyn MemberStore>, Arc<dyn RelationStore>, Arc<dyn MarkerStore>);

impl Actor for MembersActor {
    type Msg = Envelope<Message>;
    type State = State;
    type Arguments = State;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, stores: State) -> Result<State, ActorProcessingErr> {
        Ok(stores)
    }

    /// Never returns an error: what goes wrong with one message is that message's answer.
    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        (members, relations, markers): &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, permit)) = envelope.open() else {
            return Ok(());
        };
        let (store, relations, markers) = (members.clone(), relations.clone(), markers.clone());
        match message {
            Message::SignUp { member, receipt, reply } => {
                submit_then_reply(permit, reply, async move { Ok(store.sign_up(*member, receipt).await?) }).await;
            }
            Message::ChangeProfile { member, patch, over, reply } => {
                let over = over.map(|over| *over);
                let change = async move { Ok(store.change_profile(member, *patch, over).await.map(|_| ())?) };
                submit_then_reply(permit, reply, change).await;
            }
            Message::ChangeHandle { member, handle, over, reply } => {
                let over = over.map(|over| *over);
                let change = async move { Ok(store.change_handle(member, handle, over).await.map(|_| ())?) };
                submit_then_reply(permit, reply, change).await;
            }
            Message::Follow { at, follower, followee, reply } => {
                submit_then_reply(permit, reply, async move { Ok(relations.follow(at, follower, followee).await?) })
                    .await;
            }
            Message::MoveMarker { member, last_read, reply } => {
                let moved = async move { Ok(markers.move_marker(member, last_read).await?.is_some()) };
                submit_then_reply(permit, reply, moved).await;
            }
            Message::ChangeRelation { change, member, other, reply } => {
                let change = async move { Ok(relations.change_relation(change, member, other).await?.is_some()) };
                submit_then_reply(permit, reply, change).await;
            }
        }
        Ok(())
    }
}
