//! `RefreshToken`: token n of a session is a keyed hash of n, so that the successor of a token is computed and never
//! stored.
use crate::domain::{Session, SessionId};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Session, rotation and hash, as base64url.
const TOKEN_BYTES: usize = 8 + 8 + 32;

/// The contents of a refresh token, unproven before [`RefreshToken::is_of`].
pub(super) struct RefreshToken {
    pub(super) session: SessionId,
    pub(super) rotation: u64,
    hash: [u8; 32],
}

impl RefreshToken {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; TOKEN_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let number = |at: usize| Some(u64::from_be_bytes(bytes[at..at + 8].try_into().ok()?));
        Some(Self { session: SessionId(number(0)?), rotation: number(8)?, hash: bytes[16..].try_into().ok()? })
    }

    /// Returns whether the token belongs to the session, whatever its rotation. Runs in constant time.
    pub(super) fn is_of(&self, session: &Session) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &session.secret);
        hmac::verify(&key, &message(session.id, self.rotation), &self.hash).is_ok()
    }
}

/// Returns the session's token of a rotation.
pub(super) fn token(session: &Session, rotation: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &session.secret);
    let hash = hmac::sign(&key, &message(session.id, rotation));
    let mut bytes = Vec::with_capacity(TOKEN_BYTES);
    bytes.extend(session.id.0.to_be_bytes());
    bytes.extend(rotation.to_be_bytes());
    bytes.extend(hash.as_ref());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn message(session: SessionId, rotation: u64) -> [u8; 16] {
    let mut message = [0; 16];
    message[..8].copy_from_slice(&session.0.to_be_bytes());
    message[8..].copy_from_slice(&rotation.to_be_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MemberId, Timestamp};

    fn session(secret: u8) -> Session {
        Session {
            id: SessionId(5),
            member: MemberId(7),
            device: String::new(),
            address: String::new(),
            created_at: Timestamp(0),
            last_used_at: Timestamp(0),
            expires_at: Timestamp(0),
            secret: [secret; 32],
            rotation: 3,
            rotated_at: Timestamp(0),
        }
    }

    #[test]
    fn a_token_belongs_to_its_session_and_generation() {
        let text = token(&session(1), 3);
        let parsed = RefreshToken::parse(&text).unwrap();
        assert_eq!((parsed.session, parsed.rotation), (SessionId(5), 3));
        assert!(parsed.is_of(&session(1)));
        assert!(!parsed.is_of(&session(2)));
        let forged = RefreshToken { rotation: 4, ..parsed };
        assert!(!forged.is_of(&session(1)));
        assert!(RefreshToken::parse("garbage").is_none());
    }
}
