//! Who is logged in: passwords, tokens, sessions, signing keys.
mod actor;
mod hasher;
mod keyring;
mod lockout;
mod login;
mod refresh;
mod tickets;

pub(super) use hasher::Hasher;
pub use keyring::Verified;

use super::{Error, Reply, StartError, Supervisor, slots::Slots, timeline::Timeline};
use crate::{
    config::Config,
    domain::{
        FieldError, IdGenerator, Identity, MemberId, Password, Reason, Refusal, Session, SessionId, SigningKey,
        Timestamp,
    },
    storage::{End, MemberStore, SessionStore, Stores},
};
use keyring::Keyring;
use lockout::Lockout;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tickets::Tickets;
use tokio::sync::watch;

/// Characters of a client's own name that are kept.
const DEVICE_MAX: usize = 200;

/// What one slot's sessions actor can be asked. Every message is answered once its commit is durable.
pub(super) enum Message {
    /// Stores a new session.
    Open { session: Box<Session>, reply: Reply<()> },
    /// Moves a refresh token on; answers whether it was the current one.
    Rotate { id: SessionId, generation: u64, expires_at: Timestamp, address: String, reply: Reply<bool> },
    /// Ends sessions, and answers which.
    End { member: MemberId, which: End, tokens_until: Timestamp, reply: Reply<Vec<SessionId>> },
    /// Sets a password and ends the other sessions, and answers which.
    ChangePassword {
        member: MemberId,
        hash: String,
        keep: SessionId,
        tokens_until: Timestamp,
        reply: Reply<Vec<SessionId>>,
    },
    /// Takes a member and all that the member wrote out of every view.
    Deactivate { member: MemberId, tokens_until: Timestamp, reply: Reply<Vec<SessionId>> },
    /// Brings a member back.
    Restore { member: MemberId, reply: Reply<()> },
    /// Keeps the same password under today's parameters.
    Rehash { member: MemberId, hash: String, reply: Reply<()> },
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
    ids: Arc<IdGenerator>,
    keyring: Keyring,
    lockout: Lockout,
    tickets: Tickets,
    /// Ended sessions whose access tokens have not all expired, with the time when they have.
    revoked: RwLock<HashMap<SessionId, Timestamp>>,
    ended: watch::Sender<u64>,
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
        let keys = match sessions.keys().await? {
            Some(keys) => keys,
            None => sessions.rotate_key(None, new_key(), Timestamp(0)).await?,
        };
        let revoked = sessions.revoked(Timestamp::now()).await?.into_iter().collect();
        let failures_max = if config.limits.enabled { config.limits.login_failures_max as usize } else { 0 };
        let state = actor::State { sessions: sessions.clone(), members: members.clone() };
        let slots = Slots::start(supervisor, "sessions", move || (actor::SessionsActor, state.clone())).await?;
        let shared = Arc::new(Shared {
            sessions,
            members,
            ids,
            keyring: Keyring::new(&keys, Duration::from_secs(settings.access_token_seconds)),
            lockout: Lockout::new(failures_max, Duration::from_secs(config.limits.login_lock_seconds)),
            tickets: Tickets::default(),
            revoked: RwLock::new(revoked),
            ended: watch::channel(0).0,
            session_lifetime: Duration::from_secs(u64::from(settings.session_days) * 86_400),
            refresh_grace: Duration::from_secs(settings.refresh_grace_seconds),
            key_age_max: Duration::from_secs(u64::from(settings.key_rotation_hours) * 3_600),
        });
        let started = Self { shared, slots, hasher, timeline };
        // A disk that is full does not keep anybody from reading: the keys there are stay in force until the next check.
        if let Err(error) = started.check_keys().await {
            tracing::error!(error = &error as &dyn std::error::Error, "signing keys were not checked");
        }
        Ok(started)
    }

    /// Who sent this access token. Refuses `TokenInvalid`, `TokenExpired`, `TokenRevoked`.
    pub fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        let verified = self.shared.keyring.verify(token)?;
        if self.is_revoked(verified.identity.session) { Err(Refusal::TokenRevoked) } else { Ok(verified) }
    }

    /// Whether the session was ended.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.shared.revoked.read().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }

    /// Changes whenever some session was ended.
    pub fn ended(&self) -> watch::Receiver<u64> {
        self.shared.ended.subscribe()
    }

    /// An access token for the same session, signed with today's key, and how long it is good for.
    pub fn renew(&self, identity: Identity) -> Result<(String, Duration), Error> {
        let signed = self.shared.keyring.sign(identity.member, identity.session);
        Ok((signed.ok_or(Error::Late("keyring"))?, self.shared.keyring.lifetime()))
    }

    /// Ends the session that the identity stands for.
    pub async fn log_out(&self, identity: Identity) -> Result<(), Error> {
        // Void from now on, whatever becomes of the commit.
        self.revoke(&[identity.session], self.tokens_until());
        self.end_sessions(identity.member, End::One(identity.session)).await.map(|_| ())
    }

    /// Ends every session of the member.
    pub async fn log_out_everywhere(&self, identity: Identity) -> Result<(), Error> {
        self.revoke(&[identity.session], self.tokens_until());
        self.end_sessions(identity.member, End::All).await.map(|_| ())
    }

    /// The member's sessions, last used first.
    pub async fn list(&self, identity: Identity) -> Result<Vec<Session>, Error> {
        Ok(self.shared.sessions.sessions(identity.member, Timestamp::now()).await?)
    }

    /// Ends one session of the member. Refuses `SessionNotFound`.
    pub async fn end(&self, identity: Identity, session: SessionId) -> Result<(), Error> {
        let ended = self.end_sessions(identity.member, End::One(session)).await?;
        if ended.is_empty() { Err(Refusal::SessionNotFound.into()) } else { Ok(()) }
    }

    /// Sets a new password and ends every other session. Refuses `Invalid` for a wrong current one.
    pub async fn change_password(&self, identity: Identity, current: &str, new: Password) -> Result<(), Error> {
        self.check_password(identity.member, "currentPassword", current).await?;
        let hash = self.hasher.hash(new).await?;
        let (member, keep, tokens_until) = (identity.member, identity.session, self.tokens_until());
        let message = |reply| Message::ChangePassword { member, hash, keep, tokens_until, reply };
        let ended = self.slots.of(member).ask(message).await?;
        self.revoke(&ended, tokens_until);
        Ok(())
    }

    /// Takes the member and all that the member wrote out of every view. Refuses `Invalid` for a wrong password.
    pub async fn deactivate(&self, identity: Identity, password: &str) -> Result<(), Error> {
        self.check_password(identity.member, "password", password).await?;
        let (member, tokens_until) = (identity.member, self.tokens_until());
        let ended = self.slots.of(member).ask(|reply| Message::Deactivate { member, tokens_until, reply }).await?;
        self.revoke(&ended, tokens_until);
        // Gone from every view at once, for everybody: the answer waits until the projection has it.
        self.timeline.wrote(member);
        self.timeline.caught_up(member).await;
        Ok(())
    }

    /// A ticket that opens one stream, and how long it is good for.
    pub fn ticket(&self, identity: Identity) -> (String, Duration) {
        (self.shared.tickets.issue(identity), tickets::LIFETIME)
    }

    /// Whose ticket it is, the first time.
    pub fn redeem(&self, ticket: &str) -> Option<Identity> {
        self.shared.tickets.redeem(ticket).filter(|identity| !self.is_revoked(identity.session))
    }

    /// Whose ticket it is, as long as it is good. Uses nothing up.
    pub fn holder(&self, ticket: &str) -> Option<Identity> {
        self.shared.tickets.holder(ticket).filter(|identity| !self.is_revoked(identity.session))
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
        let mut revoked = self.shared.revoked.write().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_, until| *until > now);
        Ok(())
    }

    async fn check_password(&self, member: MemberId, field: &'static str, password: &str) -> Result<(), Error> {
        let credentials = self.shared.members.credentials(member).await?;
        let hash = credentials.map(|credentials| credentials.password_hash);
        if self.hasher.verify(password.to_owned(), hash).await? {
            return Ok(());
        }
        Err(Refusal::from(FieldError { field, reason: Reason::WrongPassword }).into())
    }

    async fn end_sessions(&self, member: MemberId, which: End) -> Result<Vec<SessionId>, Error> {
        let (sessions, tokens_until) = (self.clone(), self.tokens_until());
        // Beside the request, whose client may go away: what was ended must be void here as well.
        let ending = tokio::spawn(async move {
            let message = |reply| Message::End { member, which, tokens_until, reply };
            let ended = sessions.slots.of(member).ask(message).await?;
            sessions.revoke(&ended, tokens_until);
            Ok(ended)
        });
        ending.await.unwrap_or(Err(Error::Restarting("sessions")))
    }

    fn revoke(&self, ended: &[SessionId], tokens_until: Timestamp) {
        let mut revoked = self.shared.revoked.write().unwrap_or_else(PoisonError::into_inner);
        revoked.extend(ended.iter().map(|session| (*session, tokens_until)));
        drop(revoked);
        self.shared.ended.send_modify(|count| *count += 1);
    }

    /// When every token that exists now will have expired.
    fn tokens_until(&self) -> Timestamp {
        Timestamp::now().after(self.shared.keyring.lifetime() + Duration::from_secs(60))
    }
}

fn new_key() -> SigningKey {
    SigningKey { id: uuid::Uuid::new_v4(), secret: random(), created_at: Timestamp::now(), replaced_at: None }
}

fn random() -> [u8; 32] {
    rand::random()
}
