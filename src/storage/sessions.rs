//! Keeps sessions, signing keys, and which sessions were ended while their tokens still run.
use super::StoreResult;
use crate::domain::{MemberId, Position, Session, SessionId, SigningKey, Timestamp};
use async_trait::async_trait;

/// Which sessions of a member to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// This one.
    One(SessionId),
    /// Every one but this.
    AllBut(SessionId),
    /// Every one.
    All,
}

/// The signing keys that still verify.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Signs new tokens.
    pub primary: SigningKey,
    /// Verify until the last token that they signed has expired.
    pub others: Vec<SigningKey>,
}

/// Sessions and keys.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Stores a session and the login that made it, in one commit.
    async fn open_session(&self, session: Session) -> StoreResult<Position>;
    /// One session that has not ended.
    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>>;
    /// Those of a member that have neither ended nor expired, last used first. At most 100.
    async fn sessions(&self, member: MemberId, now: Timestamp) -> StoreResult<Vec<Session>>;
    /// Moves the refresh token on from `generation`, if it is still the current one (else `false`).
    async fn rotate(
        &self,
        id: SessionId,
        generation: u64,
        now: Timestamp,
        expires_at: Timestamp,
        address: String,
    ) -> StoreResult<bool>;
    /// Ends sessions and remembers until `tokens_until` that their tokens are revoked, in one commit. Returns which.
    async fn end_sessions(&self, member: MemberId, which: End, tokens_until: Timestamp) -> StoreResult<Vec<SessionId>>;
    /// Sets a new password and ends every other session, in one commit. Returns which.
    async fn change_password(
        &self,
        member: MemberId,
        password_hash: String,
        keep: SessionId,
        tokens_until: Timestamp,
    ) -> StoreResult<Vec<SessionId>>;
    /// Every session whose tokens are revoked, with the time from which the last of them has expired anyway.
    async fn revoked(&self, now: Timestamp) -> StoreResult<Vec<(SessionId, Timestamp)>>;

    /// The keys; none before the first was made.
    async fn keys(&self) -> StoreResult<Option<Keys>>;
    /// Makes the new key the primary, if `expected` still is (`None`: if there is no key at all). Disables keys that
    /// were replaced before `disable_replaced_before`. Returns the keys that are now in force.
    async fn rotate_key(
        &self,
        expected: Option<uuid::Uuid>,
        new: SigningKey,
        disable_replaced_before: Timestamp,
    ) -> StoreResult<Keys>;
    /// Disables keys that were replaced before that.
    async fn disable_keys(&self, replaced_before: Timestamp) -> StoreResult<()>;
}
