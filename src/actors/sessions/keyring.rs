//! `Keyring`: the signing keys in memory. It signs and verifies access tokens without a read from the store.
use crate::{
    domain::{Identity, MemberId, Refusal, SessionId, SigningKey, Timestamp},
    storage::Keys,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use uuid::Uuid;

/// The issuer and the audience of every token.
const ISSUER: &str = "dailyfeed";
/// How far the clock of another process can be ahead, in seconds.
const LEEWAY_SECONDS: u64 = 5;
/// Verified tokens that are remembered, about 500 bytes each. A token that is not remembered is verified again, which
/// costs as much as a page of a feed.
const VERIFIED_MAX: usize = 8_192;

/// The claims of an access token. `sid` is the session, so that ending a session revokes all of its tokens.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    sid: u64,
    iat: i64,
    exp: i64,
}

/// One set of keys, replaced as a whole.
struct Ring {
    primary: Uuid,
    header: Header,
    signing_key: EncodingKey,
    verifying_keys: HashMap<String, DecodingKey>,
    /// Dropped with the ring, so that a disabled key no longer verifies any token.
    verified: Cache<Box<str>, Verified>,
}

/// The keys that are in force, and the lifetime of the tokens that they sign.
pub(super) struct Keyring {
    /// Cloned out of its lock: no caller waits for the signature of another.
    ring: RwLock<Arc<Ring>>,
    validation: Validation,
    lifetime: Duration,
}

/// A verified access token.
#[derive(Debug, Clone, Copy)]
pub struct Verified {
    /// The member and session of the token.
    pub identity: Identity,
    /// An older key signed the token: the client should get a new one.
    pub under_old_key: bool,
}

impl Keyring {
    pub(super) fn new(keys: &Keys, lifetime: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[ISSUER]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY_SECONDS;
        Self { ring: RwLock::new(Arc::new(Ring::new(keys))), validation, lifetime }
    }

    /// Replaces the keys by those in the store.
    pub(super) fn replace(&self, keys: &Keys) {
        let ring = Arc::new(Ring::new(keys));
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
    }

    /// Returns the id of the key that signs new tokens.
    pub(super) fn primary(&self) -> Uuid {
        self.ring().primary
    }

    fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the lifetime of a new token.
    pub(super) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Signs a new access token of a session; returns it with its lifetime, which ends with the session at the latest.
    /// `None` only when the signing library fails.
    pub(super) fn sign(
        &self,
        member: MemberId,
        session: SessionId,
        session_end: Timestamp,
    ) -> Option<(String, Duration)> {
        let now = Timestamp::now();
        let end = now.after(self.lifetime).min(session_end);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: member.to_string(),
            jti: Uuid::new_v4().to_string(),
            sid: session.0,
            iat: now.0 / 1000,
            exp: end.0 / 1000,
        };
        let ring = self.ring();
        match jsonwebtoken::encode(&ring.header, &claims, &ring.signing_key) {
            Ok(token) => Some((token, now.until(end))),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot sign a token");
                None
            }
        }
    }

    /// Checks key, algorithm, signature, issuer, audience and time, but not whether the session has ended. Refuses
    /// `TokenInvalid`, `TokenExpired`.
    pub(super) fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        let ring = self.ring();
        if let Some(verified) = ring.verified.get(token)
            && Timestamp::now() < verified.identity.expires_at
        {
            return Ok(verified);
        }
        let verified = self.verify_anew(&ring, token)?;
        ring.verified.insert(token.into(), verified);
        Ok(verified)
    }

    /// Verifies a token that is not remembered.
    fn verify_anew(&self, ring: &Ring, token: &str) -> Result<Verified, Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refusal::TokenInvalid)?;
        let kid = header.kid.ok_or(Refusal::TokenInvalid)?;
        let key = ring.verifying_keys.get(&kid).ok_or(Refusal::TokenInvalid)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &self.validation);
        let decoded = decoded.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => Refusal::TokenExpired,
            _ => Refusal::TokenInvalid,
        })?;
        let claims = decoded.claims;
        let member = claims.sub.parse().map_err(|_| Refusal::TokenInvalid)?;
        // A revocation is remembered for the configured lifetime of a token, so a longer `exp` of an older
        // configuration must not count.
        let lifetime_end = Timestamp(claims.iat.saturating_mul(1000)).after(self.lifetime);
        let expires_at = Timestamp(claims.exp.saturating_mul(1000)).min(lifetime_end);
        if expires_at.after(Duration::from_secs(LEEWAY_SECONDS)) < Timestamp::now() {
            return Err(Refusal::TokenExpired);
        }
        let identity = Identity { member: MemberId(member), session: SessionId(claims.sid), expires_at };
        Ok(Verified { identity, under_old_key: ring.header.kid.as_ref() != Some(&kid) })
    }
}

impl Ring {
    fn new(keys: &Keys) -> Self {
        let all = keys.others.iter().chain([&keys.primary]);
        let verifying_keys =
            all.map(|key: &SigningKey| (key.id.to_string(), DecodingKey::from_secret(&key.secret))).collect();
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(keys.primary.id.to_string());
        let signing_key = EncodingKey::from_secret(&keys.primary.secret);
        Self { primary: keys.primary.id, header, signing_key, verifying_keys, verified: Cache::new(VERIFIED_MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Timestamp = Timestamp(i64::MAX);

    fn key(secret: u8) -> SigningKey {
        SigningKey { id: Uuid::new_v4(), secret: [secret; 32], created_at: Timestamp(0), replaced_at: None }
    }

    #[test]
    fn a_token_outlives_the_rotation_of_its_key_but_not_its_removal() {
        let (old, new) = (key(1), key(2));
        let keyring = Keyring::new(&Keys { primary: old.clone(), others: vec![] }, Duration::from_secs(60));
        let token = keyring.sign(MemberId(7), SessionId(9), END).unwrap().0;
        let verified = keyring.verify(&token).unwrap();
        assert_eq!((verified.identity.member, verified.identity.session), (MemberId(7), SessionId(9)));
        assert!(!verified.under_old_key);
        keyring.replace(&Keys { primary: new.clone(), others: vec![old] });
        assert!(keyring.verify(&token).unwrap().under_old_key);
        keyring.replace(&Keys { primary: new, others: vec![] });
        assert_eq!(keyring.verify(&token).unwrap_err(), Refusal::TokenInvalid);
    }

    #[test]
    fn a_token_expires_with_its_session_and_with_the_lifetime_of_tokens() {
        let keys = Keys { primary: key(1), others: vec![] };
        let keyring = Keyring::new(&keys, Duration::from_secs(3_600));
        let end = Timestamp(Timestamp::now().after(Duration::from_secs(60)).0 / 1000 * 1000);
        let (token, lasts) = keyring.sign(MemberId(7), SessionId(9), end).unwrap();
        assert_eq!(keyring.verify(&token).unwrap().identity.expires_at, end);
        assert!(lasts <= Duration::from_secs(60), "{lasts:?}");
        let (token, _) = keyring.sign(MemberId(7), SessionId(9), END).unwrap();
        let stricter = Keyring::new(&keys, Duration::from_secs(10));
        let left = Timestamp::now().until(stricter.verify(&token).unwrap().identity.expires_at);
        assert!(left <= Duration::from_secs(10), "{left:?}");
    }

    #[test]
    fn a_remembered_token_is_refused_after_its_expiry() {
        let keyring = Keyring::new(&Keys { primary: key(1), others: vec![] }, Duration::from_secs(60));
        let past = Timestamp::now().before(Duration::from_secs(60));
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: "7".to_owned(),
            jti: String::new(),
            sid: 9,
            iat: 0,
            exp: past.0 / 1000,
        };
        let ring = keyring.ring();
        let token = jsonwebtoken::encode(&ring.header, &claims, &ring.signing_key).unwrap();
        let identity = Identity { member: MemberId(7), session: SessionId(9), expires_at: past };
        ring.verified.insert(token.as_str().into(), Verified { identity, under_old_key: false });
        drop(ring);
        assert_eq!(keyring.verify(&token).unwrap_err(), Refusal::TokenExpired);
    }

    #[test]
    fn a_remembered_token_verifies_only_its_own_text() {
        let keyring = Keyring::new(&Keys { primary: key(1), others: vec![] }, Duration::from_secs(60));
        let token = keyring.sign(MemberId(7), SessionId(9), END).unwrap().0;
        let first = keyring.verify(&token).unwrap();
        assert_eq!(keyring.verify(&token).unwrap().identity.member, first.identity.member);
        assert_eq!(keyring.verify(&token[..token.len() - 1]).unwrap_err(), Refusal::TokenInvalid);
    }
}
