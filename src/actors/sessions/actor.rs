//! One slot's own side: every message is one call of a store, or two that belong together.
use super::Message;
use crate::{
    actors::{Error, mailbox::Envelope},
    domain::{MemberId, SessionId, Timestamp},
    storage::{End, MemberStore, SessionStore},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

pub(super) struct SessionsActor;

#[derive(Clone)]
pub(super) struct State {
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) members: Arc<dyn MemberStore>,
}

impl Actor for SessionsActor {
    type Msg = Envelope<Message>;
    type State = State;
    type Arguments = State;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, state: State) -> Result<State, ActorProcessingErr> {
        Ok(state)
    }

    /// Never returns an error: what goes wrong with one message is that message's answer.
    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, _place)) = envelope.open() else {
            return Ok(());
        };
        let now = Timestamp::now();
        // The caller may be gone, so an answer that cannot be sent is no failure.
        match message {
            Message::Open { session, reply } => {
                let opened = state.sessions.open_session(*session).await;
                let _ = reply.send(opened.map(|_| ()).map_err(Error::from));
            }
            Message::Rotate { id, generation, expires_at, address, reply } => {
                let rotated = state.sessions.rotate(id, generation, now, expires_at, address).await;
                let _ = reply.send(rotated.map_err(Error::from));
            }
            Message::End { member, which, tokens_until, reply } => {
                let ended = state.sessions.end_sessions(member, which, tokens_until).await;
                let _ = reply.send(ended.map_err(Error::from));
            }
            Message::ChangePassword { member, hash, keep, tokens_until, reply } => {
                let ended = state.sessions.change_password(member, hash, keep, tokens_until).await;
                let _ = reply.send(ended.map_err(Error::from));
            }
            Message::Deactivate { member, tokens_until, reply } => {
                let _ = reply.send(state.deactivate(member, now, tokens_until).await);
            }
            Message::Restore { member, reply } => {
                let restored = state.members.restore(member).await;
                let _ = reply.send(restored.map(|_| ()).map_err(Error::from));
            }
            Message::Rehash { member, hash, reply } => {
                let _ = reply.send(state.members.rehash(member, hash).await.map_err(Error::from));
            }
        }
        Ok(())
    }
}

impl State {
    /// First the member goes, then the sessions: a crash in between leaves sessions of somebody who is not there,
    /// and those open nothing.
    async fn deactivate(
        &self,
        member: MemberId,
        now: Timestamp,
        tokens_until: Timestamp,
    ) -> Result<Vec<SessionId>, Error> {
        self.members.deactivate(member, now).await?;
        Ok(self.sessions.end_sessions(member, End::All, tokens_until).await?)
    }
}
