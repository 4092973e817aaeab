//! Sessions and keys: who is logged in, and what proves it.
use super::{MemberId, SessionId, Timestamp};
use uuid::Uuid;

/// A verified identity: what every command and personal read is done as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Who.
    pub member: MemberId,
    /// On which device.
    pub session: SessionId,
    /// When the token runs out.
    pub expires_at: Timestamp,
}

/// A device that has logged in.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Whose it is.
    pub member: MemberId,
    /// What the client called itself (`User-Agent`), at most 200 characters.
    pub device: String,
    /// The address that it last came from.
    pub address: String,
    /// When the member logged in.
    pub created_at: Timestamp,
    /// When a token was last made for it.
    pub last_used_at: Timestamp,
    /// When it ends if it is not used.
    pub expires_at: Timestamp,
    /// The seed of its refresh tokens: token n is a keyed hash of n.
    pub secret: [u8; 32],
    /// How often the refresh token was rotated; the one of this number is the current one.
    pub generation: u64,
    /// When the current refresh token was made.
    pub rotated_at: Timestamp,
}

/// A key that signs access tokens. Random, 256 bits, kept in the database.
#[derive(Clone)]
pub struct SigningKey {
    /// The `kid` in a token's header.
    pub id: Uuid,
    /// The secret.
    pub secret: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When another key took its place; none for the primary.
    pub replaced_at: Option<Timestamp>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}
