//! Keeps sessions, signing keys, and which sessions were ended while their tokens still run.
use super::{Credentials, StoreResult};
use crate::domain::{Identity, MemberId, Position, Session, SessionId, SigningKey, Timestamp};
use async_trait::async_trait;

/// Which sessions of a member to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// This one, if it is the member's.
    One(SessionId),
    /// This one, which a token has proven to be the member's: its tokens are void even where its row is gone.
    Own(SessionId),
    /// Every one but `keep`, and whatever was made before `before`, whether or not its row is still there.
    AllBut {
        /// Goes on.
        keep: SessionId,
        /// Made within the member's slot, in the order of its commits.
        before: SessionId,
    },
    /// Every one, likewise.
    All {
        /// As above.
        before: SessionId,
    },
}

/// From when on a member's tokens are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBefore {
    /// Tokens of sessions that were made before this one are void...
    pub before: SessionId,
    /// ...but for this one's.
    pub keep: Option<SessionId>,
    /// When the last of those tokens has run out by itself.
    pub tokens_until: Timestamp,
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
    /// Stores a session and the login that made it, in one commit; brings back a member who had left; keeps the same
    /// password under another hash, where one is given. Refuses `LoginFailed` where the member's credentials are not
    /// those that the password was checked against.
    async fn open_session(
        &self,
        session: Session,
        checked: Credentials,
        rehashed: Option<String>,
    ) -> StoreResult<Position>;
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
    /// Sets a new password and ends every other session, in one commit. Returns which. Refuses `LoginFailed` where the
    /// credentials are not those that were checked, `TokenRevoked` where the session does not live.
    async fn change_password(
        &self,
        identity: Identity,
        checked: Credentials,
        password_hash: String,
        before: SessionId,
        tokens_until: Timestamp,
    ) -> StoreResult<Vec<SessionId>>;
    /// Ends every session of the member and marks the member as gone at `at`, in one commit. Returns which. Refuses
    /// what a change of the password refuses.
    async fn leave(
        &self,
        identity: Identity,
        checked: Credentials,
        at: Timestamp,
        before: SessionId,
        tokens_until: Timestamp,
    ) -> StoreResult<Vec<SessionId>>;
    /// Every session whose tokens are revoked, with the time from which the last of them has expired anyway.
    async fn revoked(&self, now: Timestamp) -> StoreResult<Vec<(SessionId, Timestamp)>>;
    /// Every member whose older tokens are void, where some of them may still run.
    async fn not_before(&self, now: Timestamp) -> StoreResult<Vec<(MemberId, NotBefore)>>;

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
