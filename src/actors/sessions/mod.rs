//! Who is logged in: passwords, tokens, sessions, signing keys.
mod actor;
mod asker;
mod hasher;
mod keyring;
mod lanes;
mod lockout;
mod login;
mod password;
mod refresh;
mod revocations;
mod tickets;

pub(super) use asker::Asker;
pub(super) use hasher::Hasher;
pub use keyring::Verified;
pub use tickets::TicketUse;

use super::{Error, Reply, StartError, Supervisor, slots::Slots, timeline::Timeline};
use crate::{
    config::Config,
    domain::{IdGenerator, Identity, MemberId, Refusal, Session, SessionId, SigningKey, Timestamp},
    storage::{Credentials, MemberStore, SessionStore, Stores},
};
use actor::Ending;
use keyring::Keyring;
use lockout::Lockout;
use revocations::Revocations;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tickets::Tickets;

/// Characters of a client's own name that are kept.
const DEVICE_MAX: usize = 200;
/// How much longer than a token lives its revocation is remembered: a token may be on its way while its session ends,
/// and another clock may be ahead.
const TOKENS_LATE: Duration = Duration::from_secs(60);

/// What one slot's sessions actor can be asked. Every message is answered once its commit is durable, and once what it
/// ends is void.
pub(super) enum Message {
    /// Stores a new session, under an id that the actor gives it, for credentials that were checked; refuses
    /// `LoginFailed` where they are others by now. Answers with the session as stored.
    Open { session: Box<Session>, checked: Credentials, rehashed: Option<String>, reply: Reply<Box<Session>> },
    /// Moves a refresh token on; answers whether it was the current one.
    Rotate { id: SessionId, generation: u64, expires_at: Timestamp, address: String, reply: Reply<bool> },
    /// Ends sessions, and answers how many.
    End { member: MemberId, which: Ending, reply: Reply<usize> },
    /// Sets a password for credentials that were checked, and ends the other sessions.
    ChangePassword { identity: Identity, checked: Credentials, hash: String, reply: Reply<()> },
    /// Takes a member whose credentials were checked, and all that the member wrote, out of every view.
    Leave { identity: Identity, checked: Credentials, reply: Reply<()> },
}

/// Where a login comes from.
#[derive(Debug, Clone)]
pub struct Client {
    /// What the client calls itself; cut at 200 characters.
    pub device: String,
    /// The address that it comes from.
    pub address: IpAddr,
}

/// What a login or a refresh hands out.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Proves who the client is.
    pub access: String,
    /// For how long.
    pub expires_in: Duration,
    /// Buys the next pair, once.
    pub refresh: String,
    /// For how long.
    pub refresh_expires_in: Duration,
}

/// Sessions, from outside. Verifying a token asks nobody; writes go through the member's slot.
#[derive(Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
    slots: Slots<Message>,
    hasher: Hasher,
    timeline: Timeline,
}

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
        timeline: Timeline,
        config: &Config,
    ) -> Result<Self, StartError> {
        let settings = &config.authentication;
        let (sessions, members) = (stores.sessions.clone(), stores.members.clone());
        let known = sessions.keys().await?;
        let keys = match known {
            Some(keys) => keys,
            None => sessions.rotate_key(None, new_key(), Timestamp(0)).await?,
        };
        let token_lifetime = Duration::from_secs(settings.access_token_seconds);
        let failures_max = if config.limits.enabled { config.limits.login_failures_max as usize } else { 0 };
        let window = Duration::from_secs(config.limits.login_lock_seconds);
        let revocations = Arc::new(Revocations::default());
        let state = actor::State {
            sessions: sessions.clone(),
            revocations: revocations.clone(),
            ids,
            tokens_last: token_lifetime + TOKENS_LATE,
        };
        let slots = Slots::start(supervisor, "sessions", move || (actor::SessionsActor, state.clone())).await?;
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
        let started = Self { shared, slots, hasher, timeline };
        started.recall().await?;
        // A disk that is full does not keep anybody from reading: the keys there are stay in force until the next check.
        if let Err(error) = started.check_keys().await {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot check the signing keys");
        }
        Ok(started)
    }

    /// Who sent this access token. Refuses `TokenInvalid`, `TokenExpired`, `TokenRevoked`.
    pub fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        let verified = self.shared.keyring.verify(token)?;
        if self.is_revoked(verified.identity) { Err(Refusal::TokenRevoked) } else { Ok(verified) }
    }

    /// Whether the session was ended.
    pub fn is_revoked(&self, identity: Identity) -> bool {
        self.shared.revocations.cover(identity.member, identity.session)
    }

    /// Ends the session that the identity stands for.
    pub async fn log_out(&self, identity: Identity) -> Result<(), Error> {
        // Void from now on, whatever becomes of the commit.
        self.shared.revocations.add(&[identity.session], self.tokens_until());
        self.end_sessions(identity.member, Ending::Own(identity.session)).await.map(|_| ())
    }

    /// Ends every session of the member.
    pub async fn log_out_everywhere(&self, identity: Identity) -> Result<(), Error> {
        self.shared.revocations.add(&[identity.session], self.tokens_until());
        self.end_sessions(identity.member, Ending::All).await.map(|_| ())
    }

    /// The member's sessions, last used first.
    pub async fn list(&self, identity: Identity) -> Result<Vec<Session>, Error> {
        Ok(self.shared.sessions.sessions(identity.member, Timestamp::now()).await?)
    }

    /// Ends one session of the member. Refuses `SessionNotFound`.
    pub async fn end(&self, identity: Identity, session: SessionId) -> Result<(), Error> {
        let ended = self.end_sessions(identity.member, Ending::One(session)).await?;
        if ended == 0 { Err(Refusal::SessionNotFound.into()) } else { Ok(()) }
    }

    /// A ticket that opens one stream, and how long it is good for.
    pub fn ticket(&self, identity: Identity) -> Result<(String, Duration), Error> {
        Ok((self.shared.tickets.issue(identity)?, tickets::LIFETIME))
    }

    /// Whose ticket it is: the first time, and again where it `resumes` its stream, for as long as the session lives and
    /// then as long as a new token would be good. Refuses `TokenInvalid`, `TokenRevoked`.
    pub async fn redeem(&self, ticket: &str, resumes: bool) -> Result<(Identity, TicketUse), Error> {
        let redeemed = self.shared.tickets.redeem(ticket, resumes);
        let (mut identity, in_use) = redeemed.ok_or(Refusal::TokenInvalid)?;
        if self.is_revoked(identity) {
            return Err(Refusal::TokenRevoked.into());
        }
        if in_use.is_resumption() {
            let session_end = self.of(identity).await?.expires_at;
            identity.expires_at = Timestamp::now().after(self.shared.keyring.lifetime()).min(session_end);
        }
        Ok((identity, in_use))
    }

    /// Whose ticket it is, as long as it is good. Uses nothing up.
    pub fn holder(&self, ticket: &str) -> Option<Identity> {
        self.shared.tickets.holder(ticket).filter(|identity| !self.is_revoked(*identity))
    }

    /// Puts a new key in the place of one that is too old, and forgets what has run out. Done hourly.
    pub(super) async fn check_keys(&self) -> Result<(), Error> {
        let now = Timestamp::now();
        let store = &self.shared.sessions;
        // What an old key signed has expired once a token's lifetime has passed since it was replaced.
        let disable_before = now.before(self.shared.keyring.lifetime() + Duration::from_secs(60));
        store.disable_keys(disable_before).await?;
        let Some(mut keys) = store.keys().await? else { return Ok(()) };
        if keys.primary.created_at.until(now) >= self.shared.key_age_max {
            keys = store.rotate_key(Some(keys.primary.id), new_key(), disable_before).await?;
            tracing::info!(key = %keys.primary.id, "signing key rotated");
        }
        if keys.primary.id != self.shared.keyring.primary() {
            metrics::counter!("dailyfeed_key_rotations_total").increment(1);
        }
        self.shared.keyring.replace(&keys);
        self.shared.revocations.sweep(now);
        Ok(())
    }

    /// Reads which tokens are void. Done at the start, and when sessions were swept.
    pub(super) async fn recall(&self) -> Result<(), Error> {
        let now = Timestamp::now();
        for (session, until) in self.shared.sessions.revoked(now).await? {
            self.shared.revocations.add(&[session], until);
        }
        for (member, not_before) in self.shared.sessions.not_before(now).await? {
            self.shared.revocations.add_member(member, not_before);
        }
        Ok(())
    }

    async fn end_sessions(&self, member: MemberId, which: Ending) -> Result<usize, Error> {
        self.slots.of(member).ask(|reply| Message::End { member, which, reply }).await
    }

    /// When every token that exists now will have expired.
    fn tokens_until(&self) -> Timestamp {
        Timestamp::now().after(self.shared.keyring.lifetime() + TOKENS_LATE)
    }
}

fn new_key() -> SigningKey {
    SigningKey { id: uuid::Uuid::new_v4(), secret: random(), created_at: Timestamp::now(), replaced_at: None }
}

fn random() -> [u8; 32] {
    rand::random()
}
