//! One slot's own side: every message is one command of a store, or two that belong together.
use super::Message;
use crate::{
    actors::{
        Error,
        mailbox::{Envelope, begin},
    },
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
        let Some((message, place)) = envelope.open() else {
            return Ok(());
        };
        let (State { sessions, members }, now) = (state.clone(), Timestamp::now());
        match message {
            Message::Open { session, reply } => {
                begin(place, reply, async move { Ok(sessions.open_session(*session).await.map(|_| ())?) }).await;
            }
            Message::Rotate { id, generation, expires_at, address, reply } => {
                let rotate = async move { Ok(sessions.rotate(id, generation, now, expires_at, address).await?) };
                begin(place, reply, rotate).await;
            }
            Message::End { member, which, tokens_until, reply } => {
                let end = async move { Ok(sessions.end_sessions(member, which, tokens_until).await?) };
                begin(place, reply, end).await;
            }
            Message::ChangePassword { member, hash, keep, tokens_until, reply } => {
                let change = async move { Ok(sessions.change_password(member, hash, keep, tokens_until).await?) };
                begin(place, reply, change).await;
            }
            Message::Deactivate { member, tokens_until, reply } => {
                let state = state.clone();
                begin(place, reply, async move { state.deactivate(member, now, tokens_until).await }).await;
            }
            Message::Restore { member, reply } => {
                begin(place, reply, async move { Ok(members.restore(member).await.map(|_| ())?) }).await;
            }
            Message::Rehash { member, hash, reply } => {
                begin(place, reply, async move { Ok(members.rehash(member, hash).await?) }).await;
            }
        }
        Ok(())
    }
}

impl State {
    /// First the sessions end, then the member goes: a crash in between logs the member out, who can try again.
    async fn deactivate(
        &self,
        member: MemberId,
        now: Timestamp,
        tokens_until: Timestamp,
    ) -> Result<Vec<SessionId>, Error> {
        let ended = self.sessions.end_sessions(member, End::All, tokens_until).await?;
        self.members.deactivate(member, now).await?;
        Ok(ended)
    }
}
