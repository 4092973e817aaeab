//! One slot's own side: every message is one command of a store. What a command ends is void in memory before its
//! answer is given, and whether or not somebody still waits for it.
use super::{Message, revocations::Revocations};
use crate::{
    actors::{
        Error,
        mailbox::{Envelope, submit_then_reply},
    },
    domain::{IdGenerator, MemberId, SessionId, Timestamp},
    storage::{End, NotBefore, SessionStore},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Duration};

pub(super) struct SessionsActor;

#[derive(Clone)]
pub(super) struct State {
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) revocations: Arc<Revocations>,
    pub(super) ids: Arc<IdGenerator>,
    /// How long a token that exists now may live.
    pub(super) tokens_last: Duration,
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
        let Some((message, permit)) = envelope.open() else {
            return Ok(());
        };
        let (state, now) = (state.clone(), Timestamp::now());
        // Made here, where a member's commands are in order: a session that is opened after all were ended is newer.
        let id = SessionId(state.ids.next());
        match message {
            Message::Open { mut session, checked, rehashed, reply } => {
                session.id = id;
                let open = async move {
                    state.sessions.create_session((*session).clone(), checked, rehashed).await?;
                    Ok(session)
                };
                submit_then_reply(permit, reply, open).await;
            }
            Message::Rotate { id, generation, expires_at, address, reply } => {
                let rotate = async move { Ok(state.sessions.rotate(id, generation, now, expires_at, address).await?) };
                submit_then_reply(permit, reply, rotate).await;
            }
            Message::End { member, which, reply } => {
                submit_then_reply(permit, reply, async move { state.end(member, which, id, now).await }).await;
            }
            Message::ChangePassword { identity, checked, hash, reply } => {
                let change = async move {
                    let until = now.after(state.tokens_last);
                    let ended = state.sessions.change_password(identity, checked, hash, id, until).await?;
                    state.void(identity.member, &ended, Some((id, Some(identity.session))), until);
                    Ok(())
                };
                submit_then_reply(permit, reply, change).await;
            }
            Message::Leave { identity, checked, reply } => {
                let leave = async move {
                    let until = now.after(state.tokens_last);
                    let ended = state.sessions.deactivate(identity, checked, now, id, until).await?;
                    state.void(identity.member, &ended, Some((id, None)), until);
                    Ok(())
                };
                submit_then_reply(permit, reply, leave).await;
            }
        }
        Ok(())
    }
}

impl State {
    async fn end(&self, member: MemberId, which: Ending, id: SessionId, now: Timestamp) -> Result<usize, Error> {
        let until = now.after(self.tokens_last);
        let which = match which {
            Ending::One(session) => End::One(session),
            Ending::Own(session) => End::Own(session),
            Ending::All => End::All { before: id },
        };
        let ended = self.sessions.end_sessions(member, which, until).await?;
        let all = matches!(which, End::All { .. }).then_some((id, None));
        self.void(member, &ended, all, until);
        Ok(ended.len())
    }

    fn void(
        &self,
        member: MemberId,
        ended: &[SessionId],
        older: Option<(SessionId, Option<SessionId>)>,
        tokens_until: Timestamp,
    ) {
        self.revocations.add(ended, tokens_until);
        if let Some((before, keep)) = older {
            self.revocations.add_member(member, NotBefore { before, keep, tokens_until });
        }
    }
}

/// Which sessions a message is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actors) enum Ending {
    /// This one, if it is the member's.
    One(SessionId),
    /// This one, which is the member's for certain.
    Own(SessionId),
    /// Every one there is by now.
    All,
}
