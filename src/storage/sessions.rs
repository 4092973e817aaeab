//! The store of sessions: logins, refresh tokens, revocations, credentials and signing keys.
use super::{Committed, StoreResult};
use crate::domain::{Identity, MemberId, Position, Session, SessionId, SigningKey, Timestamp};
use async_trait::async_trait;

/// The stored data that a password is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The member who has them.
    pub member: MemberId,
    /// The key form of the e-mail address, which failed logins are counted under.
    pub email_key: String,
    /// argon2id, in the PHC format.
    pub password_hash: String,
    /// The time of the member's deactivation; a login restores the member until the purge.
    pub deactivated_at: Option<Timestamp>,
}

/// Selects the sessions of a member to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionsToEnd {
    /// This session, if it is the member's.
    One(SessionId),
    /// This session, which a token proves to be the member's: its tokens are revoked even if its row is missing.
    Own(SessionId),
    /// Every session except `keep`, and every session made before `before`, whether or not its row still exists.
    AllBut {
        /// The session that continues.
        keep: SessionId,
        /// An id made within the member's slot, in the order of its commits.
        before: SessionId,
    },
    /// Every session, and every session made before `before`, whether or not its row still exists.
    All {
        /// An id made within the member's slot, in the order of its commits.
        before: SessionId,
    },
}

/// The oldest session of a member whose tokens are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBefore {
    /// Tokens of sessions made before this one are revoked, except those of `keep`.
    pub before: SessionId,
    /// The session that continues.
    pub keep: Option<SessionId>,
    /// The expiry of the last revoked token.
    pub tokens_until: Timestamp,
}

/// Revocations of tokens in the store, each with the expiry of the last revoked token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredRevocations {
    /// Single sessions.
    pub sessions: Vec<(SessionId, Timestamp)>,
    /// Members whose older sessions have ended.
    pub members: Vec<(MemberId, NotBefore)>,
}

/// The signing keys that verify tokens.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The newest key. It signs new tokens once every process has had the time to read it.
    pub primary: SigningKey,
    /// Oldest first. They verify until the last token that they signed has expired; the newest of them signs until the
    /// primary does.
    pub others: Vec<SigningKey>,
}

/// Stores sessions, credentials and keys.
///
/// A command with `checked` credentials refuses `LoginFailed` if they are no longer the member's. The argument `before`
/// is an id made within the member's slot, as in [`SessionsToEnd`]. Each command that revokes tokens emits an event in
/// its commit (`EventKind::revokes_tokens`), whose position its revocations name.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Stores a session with the event of its login in one commit. Restores a deactivated member. Replaces the password
    /// hash with `rehashed`, a newer hash of the same password, if given. Refuses `LoginFailed`.
    async fn create_session(
        &self,
        session: Session,
        checked: Credentials,
        rehashed: Option<String>,
    ) -> StoreResult<Committed<()>>;
    /// Rotates the refresh token of a session. Returns `false` if the session has ended or `rotation` is not the
    /// current one.
    async fn refresh_session(
        &self,
        id: SessionId,
        rotation: u64,
        now: Timestamp,
        expires_at: Timestamp,
        address: String,
    ) -> StoreResult<Committed<bool>>;
    /// Ends sessions and revokes their tokens until `tokens_until`, in one commit. Returns the ended sessions.
    async fn end_sessions(
        &self,
        member: MemberId,
        which: SessionsToEnd,
        tokens_until: Timestamp,
    ) -> StoreResult<Committed<Vec<SessionId>>>;
    /// Stores a password and ends every other session in one commit. Returns the ended sessions. Refuses `LoginFailed`,
    /// and `TokenRevoked` if the session has ended or expired.
    async fn change_password(
        &self,
        identity: Identity,
        checked: Credentials,
        password_hash: String,
        before: SessionId,
        tokens_until: Timestamp,
    ) -> StoreResult<Committed<Vec<SessionId>>>;
    /// Deactivates the member at `at`, subtracts the member's follows, likes and comments from all counters, and ends
    /// every session, in one commit. Returns the ended sessions. Refuses `LoginFailed`, `TokenRevoked`.
    async fn deactivate(
        &self,
        identity: Identity,
        checked: Credentials,
        at: Timestamp,
        before: SessionId,
        tokens_until: Timestamp,
    ) -> StoreResult<Committed<Vec<SessionId>>>;

    /// Returns one session that has not ended.
    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>>;
    /// Returns the member's sessions that have neither ended nor expired, last used first. At most 100.
    async fn sessions(&self, member: MemberId, now: Timestamp) -> StoreResult<Vec<Session>>;
    /// Returns every session with revoked tokens that have not all expired, and the expiry of the last one.
    async fn revoked(&self, now: Timestamp) -> StoreResult<Vec<(SessionId, Timestamp)>>;
    /// Returns every member whose older tokens are revoked and have not all expired.
    async fn not_before(&self, now: Timestamp) -> StoreResult<Vec<(MemberId, NotBefore)>>;
    /// Returns the revocations whose events are after `after` and up to `until`, in no order: at most those of the
    /// commands in this part of the log.
    async fn revocations_between(&self, after: Position, until: Position) -> StoreResult<StoredRevocations>;

    /// Returns the credentials of an active or deactivated member.
    async fn credentials(&self, id: MemberId) -> StoreResult<Option<Credentials>>;
    /// Returns the credentials of the active or deactivated member with this e-mail address (key form).
    async fn credentials_by_email(&self, key: &str) -> StoreResult<Option<Credentials>>;

    /// Returns the keys that are not disabled, or `None` before the first one was made.
    async fn keys(&self) -> StoreResult<Option<Keys>>;
    /// Makes the new key the primary if `expected` is still the primary; `None` expects that there is no key. Disables
    /// keys that were replaced before `disable_replaced_before`. Returns the keys that are valid afterwards.
    async fn rotate_key(
        &self,
        expected: Option<uuid::Uuid>,
        new: SigningKey,
        disable_replaced_before: Timestamp,
    ) -> StoreResult<Committed<Keys>>;
    /// Disables keys that were replaced before that time.
    async fn disable_keys(&self, replaced_before: Timestamp) -> StoreResult<Committed<()>>;
}
