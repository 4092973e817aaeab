//! `Sessions`: the handle for login and logout, passwords, access and refresh tokens, signing keys, and stream tickets.
//! Its methods for login and refresh are in `login.rs`, those for a change of password and deactivation in
//! `password.rs`.
mod caller;
mod commands;
mod hash_queue;
mod hasher;
mod keyring;
mod lockout;
mod login;
mod password;
mod refresh;
mod revocations;
mod tickets;

pub(super) use caller::Caller;
pub(super) use hasher::Hasher;
pub use keyring::Verified;
pub use tickets::TicketUse;

use super::{
    error::{Error, StartError},
    slots::Slots,
    supervisor::Supervisor,
    visibility::Visibility,
};
use crate::{
    config::Config,
    domain::{IdGenerator, Identity, MemberId, Refusal, Session, SessionId, SigningKey, Timestamp},
    storage::{Committed, MemberStore, SessionStore, Stores},
};
use commands::{EndedSessions, SessionCommand, SessionState};
use keyring::Keyring;
use lockout::Lockout;
use revocations::Revocations;
use std::{net::IpAddr, sync::Arc, time::Duration};
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
    keyring: Keyring,
    lockout: Lockout,
    tickets: Tickets,
    revocations: Arc<Revocations>,
    session_lifetime: Duration,
    refresh_grace: Duration,
    key_age_max: Duration,
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
        let stored = sessions.keys().await?;
        let keys = match stored {
            Some(keys) => keys,
            None => sessions.rotate_key(None, new_key(), Timestamp(0)).await?.value,
        };
        let token_lifetime = Duration::from_secs(settings.access_token_seconds);
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
        let shared = Arc::new(Shared {
            sessions,
            members,
            keyring: Keyring::new(&keys, token_lifetime),
            lockout: Lockout::new(failures_max, window, settings.hash_threads),
            tickets: Tickets::default(),
            revocations,
            session_lifetime: Duration::from_secs(u64::from(settings.session_days) * 86_400),
            refresh_grace: Duration::from_secs(settings.refresh_grace_seconds),
            key_age_max: Duration::from_secs(u64::from(settings.key_rotation_hours) * 3_600),
        });
        let started = Self { shared, slots, hasher, visibility };
        started.load_revocations().await?;
        // With a full disk the server still starts and answers reads: the present keys stay valid until the next check.
        if let Err(error) = started.check_keys().await {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot check the signing keys");
        }
        Ok(started)
    }

    /// Verifies an access token. Refuses `TokenInvalid`, `TokenExpired`, `TokenRevoked`.
    pub fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        let verified = self.shared.keyring.verify(token)?;
        if self.is_revoked(verified.identity) { Err(Refusal::TokenRevoked) } else { Ok(verified) }
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

    /// Rotates the signing key when it is too old, disables old keys, and prunes revocations. Runs hourly.
    pub(super) async fn check_keys(&self) -> Result<(), Error> {
        let now = Timestamp::now();
        let store = &self.shared.sessions;
        // The tokens of a replaced key have expired after the lifetime of a token.
        let disable_before = now.before(self.shared.keyring.lifetime() + Duration::from_secs(60));
        store.disable_keys(disable_before).await?;
        let Some(mut keys) = store.keys().await? else { return Ok(()) };
        if keys.primary.created_at.until(now) >= self.shared.key_age_max {
            keys = store.rotate_key(Some(keys.primary.id), new_key(), disable_before).await?.value;
            tracing::info!(key = %keys.primary.id, "signing key rotated");
        }
        if keys.primary.id != self.shared.keyring.primary() {
            metrics::counter!("dailyfeed_key_rotations_total").increment(1);
        }
        self.shared.keyring.replace(&keys);
        self.shared.revocations.prune(now);
        Ok(())
    }

    /// Loads the revoked tokens from the store. Runs at the start, and after the store was pruned.
    pub(super) async fn load_revocations(&self) -> Result<(), Error> {
        let now = Timestamp::now();
        for (session, until) in self.shared.sessions.revoked(now).await? {
            self.shared.revocations.add(&[session], until);
        }
        for (member, not_before) in self.shared.sessions.not_before(now).await? {
            self.shared.revocations.add_member(member, not_before);
        }
        Ok(())
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

fn new_key() -> SigningKey {
    SigningKey { id: uuid::Uuid::new_v4(), secret: random_bytes(), created_at: Timestamp::now(), replaced_at: None }
}

fn random_bytes() -> [u8; 32] {
    rand::random()
}
