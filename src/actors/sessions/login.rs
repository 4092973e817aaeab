//! Logging in, and staying so: passwords buy tokens, refresh tokens buy the next pair.
use super::{
    Client, DEVICE_MAX, Message, Sessions, Tokens,
    actor::Ending,
    asker::Asker,
    hasher::{Hasher, Verdict},
    password::TRIES,
    random, refresh,
    refresh::RefreshToken,
};
use crate::{
    actors::Error,
    domain::{Email, Identity, Member, MemberId, Password, Refusal, Session, SessionId, Timestamp},
    storage::Credentials,
};
use std::time::Duration;

impl Sessions {
    /// Checks a password and opens a session. Refuses `Invalid` for more characters than an address may have,
    /// `LoginFailed`, `LoginLocked`. A member who had left is back.
    pub async fn log_in(&self, email: &str, password: &str, client: Client) -> Result<(Tokens, Member), Error> {
        let key = Email::key_of(email).map_err(Refusal::from)?;
        let asker = Asker::new(&key, client.address);
        let pair = [asker.pair()];
        for _ in 0..TRIES {
            self.shared.lockout.check(&pair)?;
            let credentials = self.shared.sessions.credentials_by_email(&key).await?;
            let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
            let turn = self.hasher.turn(asker).await?.unless(|| self.shared.lockout.count(&pair));
            let verdict = turn?.verify(password.to_owned(), hash).await?;
            let Some(checked) = credentials.filter(|_| verdict != Verdict::Wrong) else { break };
            self.shared.lockout.forgive(&pair);
            let member = checked.member;
            let outdated = verdict == Verdict::RightAsTyped || Hasher::is_outdated(&checked.password_hash);
            let rehashed = match outdated {
                true => Some(self.hasher.turn(asker).await?.hash(Password::typed(password)).await?),
                false => None,
            };
            let session = match self.open(checked, rehashed, &client).await {
                Err(Error::Refused(Refusal::LoginFailed)) => continue,
                opened => opened?,
            };
            self.timeline.wrote(member);
            return Ok((self.tokens(&session, 0)?, self.member(member).await?));
        }
        Err(Refusal::LoginFailed.into())
    }

    /// Opens a session for who was checked. Refuses `LoginFailed` where the credentials are others by now.
    async fn open(
        &self,
        checked: Credentials,
        rehashed: Option<String>,
        client: &Client,
    ) -> Result<Box<Session>, Error> {
        let (now, member) = (Timestamp::now(), checked.member);
        let session = Box::new(Session {
            // Decided where the member's commands are in order.
            id: SessionId(0),
            member,
            device: client.device.chars().take(DEVICE_MAX).collect(),
            address: client.address.to_string(),
            created_at: now,
            last_used_at: now,
            expires_at: now.after(self.shared.session_lifetime),
            secret: random(),
            generation: 0,
            rotated_at: now,
        });
        self.slots.of(member).ask(|reply| Message::Open { session, checked, rehashed, reply }).await
    }

    /// An access token under today's key for this one, and how long it is good for: as long as a new one, but never past
    /// the session's end, where an older key signed this; else exactly as long as this one. Refuses what `verify`
    /// refuses, and `TokenRevoked` where the session does not live.
    pub async fn renew(&self, token: &str) -> Result<(String, Duration), Error> {
        let verified = self.verify(token)?;
        let session = self.of(verified.identity).await?;
        let end = match verified.under_old_key {
            true => session.expires_at,
            false => session.expires_at.min(verified.identity.expires_at),
        };
        let signed = self.shared.keyring.sign(session.member, session.id, end);
        signed.ok_or(Error::Late("keyring"))
    }

    /// The session that an identity stands for. Refuses `TokenRevoked` where it has ended or run out, and remembers.
    pub(super) async fn of(&self, identity: Identity) -> Result<Session, Error> {
        let session = self.shared.sessions.session(identity.session).await?;
        let lives = |session: &Session| session.member == identity.member && session.expires_at > Timestamp::now();
        let Some(session) = session.filter(lives) else {
            self.shared.revocations.add(&[identity.session], self.tokens_until());
            return Err(Refusal::TokenRevoked.into());
        };
        Ok(session)
    }

    /// Trades a refresh token for the next pair. Refuses `ReloginRequired`.
    ///
    /// A token that was traded a moment ago gets the same successor again, because the answer may have been lost; one
    /// that was traded earlier is in two hands, and ends its session.
    pub async fn refresh(&self, refresh_token: &str, client: Client) -> Result<(Tokens, Member), Error> {
        let token = RefreshToken::parse(refresh_token).ok_or(Refusal::ReloginRequired)?;
        let mut session = self.living(&token).await?;
        let (id, generation) = (session.id, token.generation);
        if session.generation == generation {
            let expires_at = Timestamp::now().after(self.shared.session_lifetime);
            let address = client.address.to_string();
            let rotate = |reply| Message::Rotate { id, generation, expires_at, address, reply };
            if self.slots.of(session.member).ask(rotate).await? {
                session.expires_at = expires_at;
                return Ok((self.tokens(&session, generation + 1)?, self.member(session.member).await?));
            }
        }
        // Traded before: by this client a moment ago, or by somebody else.
        let session = self.living(&token).await?;
        let since = session.rotated_at.until(Timestamp::now());
        if session.generation == generation + 1 && since <= self.shared.refresh_grace {
            return Ok((self.tokens(&session, session.generation)?, self.member(session.member).await?));
        }
        tracing::warn!(session = id.0, "a refresh token was used twice; its session ends");
        self.end_sessions(session.member, Ending::One(id)).await?;
        Err(Refusal::ReloginRequired.into())
    }

    /// The session that made the token, if it has neither ended nor expired.
    async fn living(&self, token: &RefreshToken) -> Result<Session, Error> {
        let session = self.shared.sessions.session(token.session).await?;
        let session = session.filter(|session| token.is_of(session) && session.expires_at > Timestamp::now());
        session.ok_or(Refusal::ReloginRequired.into())
    }

    fn tokens(&self, session: &Session, generation: u64) -> Result<Tokens, Error> {
        let signed = self.shared.keyring.sign(session.member, session.id, session.expires_at);
        let (access, expires_in) = signed.ok_or(Error::Late("keyring"))?;
        Ok(Tokens {
            access,
            expires_in,
            refresh: refresh::token(session, generation),
            refresh_expires_in: self.shared.session_lifetime,
        })
    }

    async fn member(&self, id: MemberId) -> Result<Member, Error> {
        self.shared.members.member(id).await?.ok_or(Refusal::ReloginRequired.into())
    }
}
