//! The methods of [`Sessions`] that issue tokens: login with a password, refresh with a refresh token, and the renewal
//! of an access token after a change of keys.
use super::{
    Client, DEVICE_MAX, Sessions, Tokens,
    caller::Caller,
    commands::{EndedSessions, SessionCommand},
    hasher::{Hasher, PasswordCheck},
    password::CHECKS_MAX,
    random_bytes, refresh,
    refresh::RefreshToken,
};
use crate::{
    actors::error::Error,
    domain::{Email, Identity, Member, MemberId, Password, Refusal, Session, SessionId, Timestamp},
    storage::{Committed, Credentials},
};
use std::time::Duration;

impl Sessions {
    /// Checks a password and creates a session. Restores a deactivated member. Refuses `Invalid` for more characters
    /// than an e-mail address can have, `LoginFailed`, `LoginLocked`, `Busy`.
    pub async fn log_in(
        &self,
        email: &str,
        password: &str,
        client: Client,
    ) -> Result<Committed<(Tokens, Member)>, Error> {
        let key = Email::key_of(email).map_err(Refusal::from)?;
        let caller = Caller::new(&key, client.address);
        let pair = [caller.pair()];
        for _ in 0..CHECKS_MAX {
            self.shared.lockout.check(&pair)?;
            let credentials = self.shared.sessions.credentials_by_email(&key).await?;
            let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
            let check = self.count_and_verify(caller, &pair, password, hash).await?;
            let Some(checked) = credentials.filter(|_| check != PasswordCheck::Wrong) else { break };
            self.shared.lockout.clear(&pair);
            let member = checked.member;
            let outdated = check == PasswordCheck::RightAsTyped || Hasher::is_outdated(&checked.password_hash);
            let rehashed = if outdated {
                Some(self.hasher.acquire(caller).await?.hash(Password::typed(password)).await?)
            } else {
                None
            };
            let Committed { value: session, at } = match self.create_session(checked, rehashed, &client).await {
                Err(Error::Refused(Refusal::LoginFailed)) => continue,
                created => created?,
            };
            self.visibility.note_write(member, at);
            return Ok(Committed { value: (self.tokens(&session, 0)?, self.member(member).await?), at });
        }
        Err(Refusal::LoginFailed.into())
    }

    /// Creates a session for checked credentials. Refuses `LoginFailed` if the credentials have changed since.
    async fn create_session(
        &self,
        checked: Credentials,
        rehashed: Option<String>,
        client: &Client,
    ) -> Result<Committed<Box<Session>>, Error> {
        let (now, member) = (Timestamp::now(), checked.member);
        let session = Box::new(Session {
            // Assigned by the member's slot.
            id: SessionId(0),
            member,
            device: client.device.chars().take(DEVICE_MAX).collect(),
            address: client.address.to_string(),
            created_at: now,
            last_used_at: now,
            expires_at: now.after(self.shared.session_lifetime),
            secret: random_bytes(),
            rotation: 0,
            rotated_at: now,
        });
        let create = |reply| SessionCommand::CreateSession { session, checked, rehashed, reply };
        self.slots.mailbox_of(member).ask(create).await
    }

    /// Exchanges an access token for one that the primary key signs; returns it with its lifetime.
    ///
    /// If an older key signed the token, the new one has the full lifetime, up to the end of the session; otherwise it
    /// expires with the old one. Refuses what [`Sessions::verify`] refuses, and `TokenRevoked` if the session has
    /// ended.
    pub async fn renew(&self, token: &str) -> Result<(String, Duration), Error> {
        let verified = self.verify(token)?;
        let session = self.live_session(verified.identity).await?;
        let end = if verified.under_old_key {
            session.expires_at
        } else {
            session.expires_at.min(verified.identity.expires_at)
        };
        let signed = self.shared.keyring.sign(session.member, session.id, end);
        signed.ok_or(Error::Late("keyring"))
    }

    /// Returns the session of an identity. Refuses `TokenRevoked` if it has ended or expired, and revokes its tokens in
    /// memory.
    pub(super) async fn live_session(&self, identity: Identity) -> Result<Session, Error> {
        let session = self.shared.sessions.session(identity.session).await?;
        let is_live = |session: &Session| session.member == identity.member && session.expires_at > Timestamp::now();
        let Some(session) = session.filter(is_live) else {
            self.shared.revocations.add(&[identity.session], self.tokens_until());
            return Err(Refusal::TokenRevoked.into());
        };
        Ok(session)
    }

    /// Exchanges a refresh token for the next pair of tokens. Refuses `ReloginRequired`.
    ///
    /// A token that was exchanged within the grace period gets the same successor again, because the answer can have
    /// been lost. One that was exchanged earlier has been stolen, and ends its session.
    pub async fn refresh_session(
        &self,
        refresh_token: &str,
        client: Client,
    ) -> Result<Committed<(Tokens, Member)>, Error> {
        let token = RefreshToken::parse(refresh_token).ok_or(Refusal::ReloginRequired)?;
        let mut session = self.session_of_token(&token).await?;
        let (id, rotation) = (session.id, token.rotation);
        let expires_at = Timestamp::now().after(self.shared.session_lifetime);
        let address = client.address.to_string();
        // Changes nothing if the token was exchanged before; its position then covers that exchange.
        let refresh = |reply| SessionCommand::RefreshSession { id, rotation, expires_at, address, reply };
        let refreshed = self.slots.mailbox_of(session.member).ask(refresh).await?;
        let at = refreshed.at;
        self.visibility.note_write(session.member, at);
        if refreshed.value {
            session.expires_at = expires_at;
            let value = (self.tokens(&session, rotation + 1)?, self.member(session.member).await?);
            return Ok(Committed { value, at });
        }
        // Exchanged before: by this client a moment ago, or by a thief.
        let session = self.session_of_token(&token).await?;
        let since = session.rotated_at.until(Timestamp::now());
        if session.rotation == rotation + 1 && since <= self.shared.refresh_grace {
            let value = (self.tokens(&session, session.rotation)?, self.member(session.member).await?);
            return Ok(Committed { value, at });
        }
        tracing::warn!(session = id.0, "refresh token used twice; ending its session");
        self.end_sessions(session.member, EndedSessions::One(id)).await?;
        Err(Refusal::ReloginRequired.into())
    }

    /// Returns the session of a refresh token. Refuses `ReloginRequired` if it has ended or expired.
    async fn session_of_token(&self, token: &RefreshToken) -> Result<Session, Error> {
        let session = self.shared.sessions.session(token.session).await?;
        let session = session.filter(|session| token.is_of(session) && session.expires_at > Timestamp::now());
        session.ok_or(Refusal::ReloginRequired.into())
    }

    /// Signs an access token, and computes the refresh token of a rotation.
    fn tokens(&self, session: &Session, rotation: u64) -> Result<Tokens, Error> {
        let signed = self.shared.keyring.sign(session.member, session.id, session.expires_at);
        let (access, expires_in) = signed.ok_or(Error::Late("keyring"))?;
        Ok(Tokens {
            access,
            expires_in,
            refresh: refresh::token(session, rotation),
            refresh_expires_in: self.shared.session_lifetime,
        })
    }

    async fn member(&self, id: MemberId) -> Result<Member, Error> {
        self.shared.members.member(id).await?.ok_or(Refusal::ReloginRequired.into())
    }
}
