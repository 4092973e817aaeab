//! Logging in, and staying so: passwords buy tokens, refresh tokens buy the next pair.
use super::{Client, DEVICE_MAX, Message, Sessions, Tokens, hasher::Hasher, random, refresh, refresh::RefreshToken};
use crate::{
    actors::Error,
    domain::{Member, MemberId, Password, Refusal, Session, SessionId, Timestamp},
    storage::End,
};

impl Sessions {
    /// Checks a password and opens a session. Refuses `LoginFailed`, `LoginLocked`. A member who had left is back.
    pub async fn log_in(&self, email: &str, password: &str, client: Client) -> Result<(Tokens, Member), Error> {
        let key = email.trim().to_lowercase();
        self.shared.lockout.check(&key, client.address)?;
        let credentials = self.shared.members.credentials_by_email(&key).await?;
        let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
        let matches = self.hasher.verify(password.to_owned(), hash).await?;
        let Some(credentials) = credentials.filter(|_| matches) else {
            self.shared.lockout.failed(&key, client.address);
            return Err(Refusal::LoginFailed.into());
        };
        self.shared.lockout.succeeded(&key, client.address);
        let member = credentials.member;
        if credentials.deactivated_at.is_some() {
            self.slots.of(member).ask(|reply| Message::Restore { member, reply }).await?;
        }
        if Hasher::is_outdated(&credentials.password_hash)
            && let Ok(password) = Password::new("password", password)
        {
            let hash = self.hasher.hash(password).await?;
            self.slots.of(member).ask(|reply| Message::Rehash { member, hash, reply }).await?;
        }
        let tokens = self.open(member, client).await?;
        self.timeline.wrote(member);
        Ok((tokens, self.member(member).await?))
    }

    async fn open(&self, member: MemberId, client: Client) -> Result<Tokens, Error> {
        let now = Timestamp::now();
        let session = Box::new(Session {
            id: SessionId(self.shared.ids.next()),
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
        let stored = session.clone();
        self.slots.of(member).ask(|reply| Message::Open { session: stored, reply }).await?;
        self.tokens(&session, 0)
    }

    /// Trades a refresh token for the next pair. Refuses `ReloginRequired`.
    ///
    /// A token that was traded a moment ago gets the same successor again, because the answer may have been lost; one
    /// that was traded earlier is in two hands, and ends its session.
    pub async fn refresh(&self, refresh_token: &str, client: Client) -> Result<(Tokens, Member), Error> {
        let token = RefreshToken::parse(refresh_token).ok_or(Refusal::ReloginRequired)?;
        let session = self.living(&token).await?;
        let (id, generation) = (session.id, token.generation);
        if session.generation == generation {
            let expires_at = Timestamp::now().after(self.shared.session_lifetime);
            let address = client.address.to_string();
            let rotate = |reply| Message::Rotate { id, generation, expires_at, address, reply };
            if self.slots.of(session.member).ask(rotate).await? {
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
        self.end_sessions(session.member, End::One(id)).await?;
        Err(Refusal::ReloginRequired.into())
    }

    /// The session that made the token, if it has neither ended nor expired.
    async fn living(&self, token: &RefreshToken) -> Result<Session, Error> {
        let session = self.shared.sessions.session(token.session).await?;
        let session = session.filter(|session| token.is_of(session) && session.expires_at > Timestamp::now());
        session.ok_or(Refusal::ReloginRequired.into())
    }

    fn tokens(&self, session: &Session, generation: u64) -> Result<Tokens, Error> {
        let access = self.shared.keyring.sign(session.member, session.id).ok_or(Error::Late("keyring"))?;
        Ok(Tokens {
            access,
            expires_in: self.shared.keyring.lifetime(),
            refresh: refresh::token(session, generation),
            refresh_expires_in: self.shared.session_lifetime,
        })
    }

    async fn member(&self, id: MemberId) -> Result<Member, Error> {
        self.shared.members.member(id).await?.ok_or(Refusal::ReloginRequired.into())
    }
}
