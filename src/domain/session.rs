//! Sessions: logins on devices, the identity in an access token, and the keys that sign tokens.
use super::{MemberId, SessionId, Timestamp};
use uuid::Uuid;

/// The verified identity of a request, from its access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The member.
    pub member: MemberId,
    /// The session that the token belongs to.
    pub session: SessionId,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// One login on one device.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// The member who logged in.
    pub member: MemberId,
    /// `User-Agent` of the client, at most 200 characters.
    pub device: String,
    /// IP address of its last request for tokens.
    pub address: String,
    /// When the member logged in.
    pub created_at: Timestamp,
    /// When tokens were last issued for it.
    pub last_used_at: Timestamp,
    /// When it expires unless it is used.
    pub expires_at: Timestamp,
    /// The seed of its refresh tokens: token n is a keyed hash of n.
    pub secret: [u8; 32],
    /// Number of rotations; the refresh token of this number is the current one.
    pub rotation: u64,
    /// When the current refresh token was issued.
    pub rotated_at: Timestamp,
}

/// A key that signs access tokens: 256 random bits, stored in the database.
#[derive(Clone)]
pub struct SigningKey {
    /// The `kid` in a token's header.
    pub id: Uuid,
    /// The secret.
    pub secret: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When another key replaced it; `None` for the key that signs.
    pub replaced_at: Option<Timestamp>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}
