//! `SessionCommand`: the commands on sessions, one variant and one store call each.
//!
//! The tokens of every session that a command ends are revoked in memory before its reply, even if the caller has
//! stopped waiting for it.
use super::revocations::Revocations;
use crate::{
    actors::{
        command_actor::{Command, submit_then_reply},
        error::{Error, Reply},
        mailbox::Permit,
    },
    domain::{IdGenerator, Identity, MemberId, Session, SessionId, Timestamp},
    storage::{Committed, Credentials, NotBefore, SessionStore, SessionsToEnd},
};
use std::{sync::Arc, time::Duration};

/// A command on sessions. Its reply is sent when its commit is durable and the tokens that it ends are revoked, with
/// the position of the commit.
pub(super) enum SessionCommand {
    /// Stores a new session under an id that the slot assigns; replies with the session as stored. Refuses
    /// `LoginFailed` if the member's credentials are no longer those in `checked`.
    CreateSession {
        session: Box<Session>,
        checked: Credentials,
        rehashed: Option<String>,
        reply: Reply<Committed<Box<Session>>>,
    },
    /// Advances the refresh token from `rotation`; replies with false if that is not the current one.
    RefreshSession {
        id: SessionId,
        rotation: u64,
        expires_at: Timestamp,
        address: String,
        reply: Reply<Committed<bool>>,
    },
    /// Ends sessions; replies with their number.
    EndSessions { member: MemberId, which: EndedSessions, reply: Reply<Committed<usize>> },
    /// Stores another password hash and ends the other sessions. Refuses `LoginFailed` as `CreateSession` does.
    ChangePassword { identity: Identity, checked: Credentials, hash: String, reply: Reply<Committed<()>> },
    /// Deactivates the member and ends all sessions. Refuses `LoginFailed` as `CreateSession` does.
    Deactivate { identity: Identity, checked: Credentials, reply: Reply<Committed<()>> },
}

/// The sessions that `EndSessions` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actors) enum EndedSessions {
    /// This session, if it is one of the member's.
    One(SessionId),
    /// This session, which a token has proven to be the member's.
    Own(SessionId),
    /// Every session that exists when the command is submitted.
    All,
}

/// The store and the revocations that session commands change.
#[derive(Clone)]
pub(super) struct SessionState {
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) revocations: Arc<Revocations>,
    pub(super) ids: Arc<IdGenerator>,
    /// After this time every token that exists now has expired.
    pub(super) tokens_expire_after: Duration,
}

/// The sessions of a member that are older than one session.
struct OlderSessions {
    before: SessionId,
    /// An older session that is not among them.
    keep: Option<SessionId>,
}

impl Command for SessionCommand {
    type State = SessionState;

    async fn run(self, state: &SessionState, permit: Permit) {
        let state = state.clone();
        let now = Timestamp::now();
        // Assigned here, in the order of the member's commands: a session that is created after `EndSessions` has a
        // larger id than the sessions that the command ended.
        let next_id = SessionId(state.ids.next());
        match self {
            Self::CreateSession { mut session, checked, rehashed, reply } => {
                session.id = next_id;
                let create = async move {
                    let created = state.sessions.create_session((*session).clone(), checked, rehashed).await?;
                    Ok(created.map(|()| session))
                };
                submit_then_reply(permit, reply, create).await;
            }
            Self::RefreshSession { id, rotation, expires_at, address, reply } => {
                let refresh =
                    async move { Ok(state.sessions.refresh_session(id, rotation, now, expires_at, address).await?) };
                submit_then_reply(permit, reply, refresh).await;
            }
            Self::EndSessions { member, which, reply } => {
                let end = async move { state.end_sessions(member, which, next_id, now).await };
                submit_then_reply(permit, reply, end).await;
            }
            Self::ChangePassword { identity, checked, hash, reply } => {
                let change = async move {
                    let until = now.after(state.tokens_expire_after);
                    let ended = state.sessions.change_password(identity, checked, hash, next_id, until).await?;
                    let older = OlderSessions { before: next_id, keep: Some(identity.session) };
                    state.revoke(identity.member, &ended.value, Some(older), until);
                    Ok(ended.map(drop))
                };
                submit_then_reply(permit, reply, change).await;
            }
            Self::Deactivate { identity, checked, reply } => {
                let deactivate = async move {
                    let until = now.after(state.tokens_expire_after);
                    let ended = state.sessions.deactivate(identity, checked, now, next_id, until).await?;
                    let older = OlderSessions { before: next_id, keep: None };
                    state.revoke(identity.member, &ended.value, Some(older), until);
                    Ok(ended.map(drop))
                };
                submit_then_reply(permit, reply, deactivate).await;
            }
        }
    }
}

impl SessionState {
    async fn end_sessions(
        &self,
        member: MemberId,
        which: EndedSessions,
        next_id: SessionId,
        now: Timestamp,
    ) -> Result<Committed<usize>, Error> {
        let until = now.after(self.tokens_expire_after);
        let (which, older) = match which {
            EndedSessions::One(session) => (SessionsToEnd::One(session), None),
            EndedSessions::Own(session) => (SessionsToEnd::Own(session), None),
            EndedSessions::All => {
                (SessionsToEnd::All { before: next_id }, Some(OlderSessions { before: next_id, keep: None }))
            }
        };
        let ended = self.sessions.end_sessions(member, which, until).await?;
        self.revoke(member, &ended.value, older, until);
        Ok(ended.map(|ended| ended.len()))
    }

    /// Revokes the tokens of the ended and of the older sessions; the last of the tokens expires at `tokens_until`.
    fn revoke(&self, member: MemberId, ended: &[SessionId], older: Option<OlderSessions>, tokens_until: Timestamp) {
        self.revocations.add(ended, tokens_until);
        if let Some(OlderSessions { before, keep }) = older {
            self.revocations.add_member(member, NotBefore { before, keep, tokens_until });
        }
    }
}
