//! `Sessions`: the handle for login and logout, passwords, access and refresh tokens, signing keys, and stream tickets.
//! Its methods for login and refresh are in `login.rs`, those for a change of password and deactivation in
//! `password.rs`.
mod caller;
mod commands;
mod hash_queue;
mod hasher;
mod key_sync;
mod keyring;
mod lockout;
mod login;
mod password;
mod refresh;
mod revocation_sync;
mod revocations;
#[cfg(test)]
mod tests;
mod tickets;

pub(super) use caller::Caller;
pub(super) use hasher::Hasher;
pub use keyring::Verified;
pub use tickets::TicketUse;

use super::{
    error::{Error, StartError},
    lease::Lease,
    slots::Slots,
    supervisor::Supervisor,
    visibility::Visibility,
};
use crate::{
    config::Config,
    domain::{IdGenerator, Identity, MemberId, Refusal, Session, SessionId, Timestamp},
    storage::{Committed, MemberStore, SessionStore, Stores, Work},
};
use commands::{EndedSessions, SessionCommand, SessionState};
use key_sync::KeySync;
use keyring::Keyring;
use lockout::Lockout;
use revocation_sync::RevocationSync;
use revocations::Revocations;
use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tickets::Tickets;

/// Characters of a device name that are stored; the rest is cut.
const DEVICE_MAX: usize = 200;
/// How much longer than the lifetime of a token its revocation is remembered: a token can be signed while its session
/// ends, and another clock can be ahead.
const REVOCATION_MARGIN: Duration = Duration::from_secs(60);

/// The client of a login or refresh.
#[derive(Debug, Clone)]
pub struct Client {
    /// The device name that the client sends; cut at 200 characters.
    pub device: String,
    /// The client's address.
    pub address: IpAddr,
}

/// The pair of tokens that a login or a refresh returns.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Authenticates requests.
    pub access: String,
    /// The lifetime of `access`.
    pub expires_in: Duration,
    /// Is exchanged for the next pair, once.
    pub refresh: String,
    /// The lifetime of `refresh`.
    pub refresh_expires_in: Duration,
}

/// The handle of sessions. Commands go through the member's slot; tokens are verified in memory.
#[derive(Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
    slots: Slots<SessionCommand>,
    hasher: Hasher,
    visibility: Visibility,
}

/// The state that all clones of [`Sessions`] share; each field has its own lock.
struct Shared {
    sessions: Arc<dyn SessionStore>,
    members: Arc<dyn MemberStore>,
    keyring: Arc<Keyring>,
    key_sync: Arc<KeySync>,
    lockout: Lockout,
    tickets: Tickets,
    revocations: Arc<Revocations>,
    revocation_sync: RevocationSync,
    session_lifetime: Duration,
    refresh_grace: Duration,
}

impl Sessions {
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        ids: Arc<IdGenerator>,
        hasher: Hasher,
        visibility: Visibility,
        config: &Config,
    ) -> Result<Self, StartError> {
        let settings = &config.authentication;
        let (sessions, members) = (stores.sessions.clone(), stores.members.clone());
        let token_lifetime = Duration::from_secs(settings.access_token_seconds);
        let key_age_max = Duration::from_secs(u64::from(settings.key_rotation_hours) * 3_600);
        let lease = Lease::new(&stores.leases, Work::SigningKeys);
        let key_sync = Arc::new(KeySync::start(sessions.clone(), lease, token_lifetime, key_age_max).await?);
        let failures_max = if config.limits.enabled { config.limits.login_failures_max as usize } else { 0 };
        let window = Duration::from_secs(config.limits.login_lock_seconds);
        let revocations = Arc::new(Revocations::default());
        let state = SessionState {
            sessions: sessions.clone(),
            revocations: revocations.clone(),
            ids,
            tokens_expire_after: token_lifetime + REVOCATION_MARGIN,
        };
        let slots = Slots::start(supervisor, "sessions", state).await?;
        let revocation_sync = RevocationSync::start(supervisor, stores, revocations.clone()).await?;
        let shared = Arc::new(Shared {
            sessions,
            members,
            keyring: key_sync.keyring().clone(),
            key_sync: key_sync.clone(),
            lockout: Lockout::new(failures_max, window, settings.hash_threads),
            tickets: Tickets::default(),
            revocations,
            revocation_sync,
            session_lifetime: Duration::from_secs(u64::from(settings.session_days) * 86_400),
            refresh_grace: Duration::from_secs(settings.refresh_grace_seconds),
        });
        let started = Self { shared, slots, hasher, visibility };
        // With a full disk the server still starts and answers reads: the present keys stay valid until the next check.
        if let Err(error) = started.check_keys(Timestamp::now()).await {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot check the signing keys");
        }
        supervisor.spawn_background(key_sync::read_periodically(key_sync));
        Ok(started)
    }

    /// Verifies an access token. Refuses `TokenInvalid`, `TokenExpired`, `TokenRevoked`.
    pub fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        let verified = self.shared.keyring.verify(token, Timestamp::now())?;
        if self.is_revoked(verified.identity) { Err(Refusal::TokenRevoked) } else { Ok(verified) }
    }

    /// Returns whether an invalid token names a key that this process does not have: [`Sessions::read_keys`] may find
    /// it, if another process has stored it since the last read.
    pub fn lacks_key_of(&self, token: &str) -> bool {
        self.shared.keyring.lacks_key_of(token)
    }

    /// Reads the signing keys, at most once per second: a call within a second after another one changes nothing.
    pub async fn read_keys(&self) {
        self.shared.key_sync.read_for_unknown_key(Instant::now()).await;
    }

    /// Returns whether the session of the identity has ended.
    pub fn is_revoked(&self, identity: Identity) -> bool {
        self.shared.revocations.contains(identity.member, identity.session)
    }

    /// Ends the session of the identity, with the command `EndSessions`.
    pub async fn log_out(&self, identity: Identity) -> Result<Committed<()>, Error> {
        // The token is refused from now on, even if the commit fails.
        self.shared.revocations.add(&[identity.session], self.tokens_until());
        let ended = self.end_sessions(identity.member, EndedSessions::Own(identity.session)).await?;
        Ok(ended.map(drop))
    }

    /// Ends every session of the member, with the command `EndSessions`.
    pub async fn log_out_everywhere(&self, identity: Identity) -> Result<Committed<()>, Error> {
        self.shared.revocations.add(&[identity.session], self.tokens_until());
        let ended = self.end_sessions(identity.member, EndedSessions::All).await?;
        Ok(ended.map(drop))
    }

    /// Lists the member's sessions, last used first; at most 100.
    pub async fn list(&self, identity: Identity) -> Result<Vec<Session>, Error> {
        Ok(self.shared.sessions.sessions(identity.member, Timestamp::now()).await?)
    }

    /// Ends one session of the member, with the command `EndSessions`. Refuses `SessionNotFound`.
    pub async fn end_session(&self, identity: Identity, session: SessionId) -> Result<Committed<()>, Error> {
        let ended = self.end_sessions(identity.member, EndedSessions::One(session)).await?;
        if ended.value == 0 { Err(Refusal::SessionNotFound.into()) } else { Ok(ended.map(drop)) }
    }

    /// Issues a ticket that opens one stream; returns it with its lifetime. Refuses `Busy`.
    pub fn issue_ticket(&self, identity: Identity) -> Result<(String, Duration), Error> {
        Ok((self.shared.tickets.issue(identity)?, tickets::LIFETIME))
    }

    /// Uses a ticket to open its stream: once, and again to resume the stream (`resumes`), until the session ends. A
    /// resumed stream lasts as long as a new access token. Refuses `TokenInvalid`, `TokenRevoked`.
    pub async fn redeem_ticket(&self, ticket: &str, resumes: bool) -> Result<(Identity, TicketUse), Error> {
        let Some((mut identity, in_use)) = self.shared.tickets.redeem(ticket, resumes) else {
            return Err(Refusal::TokenInvalid.into());
        };
        if self.is_revoked(identity) {
            return Err(Refusal::TokenRevoked.into());
        }
        if in_use.is_resumption() {
            let session_end = self.live_session(identity).await?.expires_at;
            identity.expires_at = Timestamp::now().after(self.shared.keyring.lifetime()).min(session_end);
        }
        Ok((identity, in_use))
    }

    /// Returns the identity of a valid ticket without using it.
    pub fn ticket_identity(&self, ticket: &str) -> Option<Identity> {
        self.shared.tickets.identity(ticket).filter(|identity| !self.is_revoked(*identity))
    }

    /// Replaces the signing key when it is too old, disables old keys, and prunes revocations. Runs hourly.
    pub(super) async fn check_keys(&self, now: Timestamp) -> Result<(), Error> {
        self.shared.revocations.prune(now);
        self.shared.key_sync.check(now).await
    }

    /// Reads the revocations of every process. Runs hourly.
    pub(super) async fn load_revocations(&self, now: Timestamp) -> Result<(), Error> {
        Ok(self.shared.revocation_sync.load(now).await?)
    }

    async fn end_sessions(&self, member: MemberId, which: EndedSessions) -> Result<Committed<usize>, Error> {
        let end = |reply| SessionCommand::EndSessions { member, which, reply };
        let ended = self.slots.mailbox_of(member).ask(end).await?;
        self.visibility.note_write(member, ended.at);
        Ok(ended)
    }

    /// Returns the time at which every token that exists now has expired.
    fn tokens_until(&self) -> Timestamp {
        Timestamp::now().after(self.shared.keyring.lifetime() + REVOCATION_MARGIN)
    }
}

fn random_bytes() -> [u8; 32] {
    rand::random()
}
