//! One slot's own side: every message is one call of the store.
use super::Message;
use crate::{
    actors::{Error, mailbox::Envelope},
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
        let Some((message, _place)) = envelope.open() else {
            return Ok(());
        };
        // The caller may be gone, so an answer that cannot be sent is no failure.
        match message {
            Message::SignUp { member, receipt, reply } => {
                let _ = reply.send(store.sign_up(*member, receipt).await.map_err(Error::from));
            }
            Message::ChangeProfile { member, patch, reply } => {
                let changed = store.change_profile(member, *patch).await;
                let _ = reply.send(changed.map(|_| ()).map_err(Error::from));
            }
            Message::ChangeHandle { member, handle, reply } => {
                let changed = store.change_handle(member, handle).await;
                let _ = reply.send(changed.map(|_| ()).map_err(Error::from));
            }
            Message::Follow { place, follower, followee, reply } => {
                let followed = store.follow(place, follower, followee).await;
                let _ = reply.send(followed.map(|_| ()).map_err(Error::from));
            }
            Message::Unfollow { follower, followee, reply } => {
                let unfollowed = store.unfollow(follower, followee).await;
                let _ = reply.send(unfollowed.map(|_| ()).map_err(Error::from));
            }
        }
        Ok(())
    }
}
