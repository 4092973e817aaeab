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
    ops::Range,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use uuid::Uuid;

/// The issuer and the audience of every token.
const ISSUER: &str = "dailyfeed";
/// How far the clock of another process can be ahead, in seconds.
pub(super) const LEEWAY_SECONDS: u64 = 5;
/// How long a new key is stored before it signs. Every process reads the keys within this time (`keys.rs`), so each one
/// can verify a token before another one signs it.
pub(super) const PUBLISHED_FOR: Duration = Duration::from_secs(60);
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
    /// Oldest first, never empty. The newest one that has been published for long enough signs.
    signing_keys: Vec<RingKey>,
    /// By `kid`, each with its index in `signing_keys`.
    verifying_keys: HashMap<String, (usize, DecodingKey)>,
    /// Dropped with the ring, so that a disabled key no longer verifies any token.
    verified: Cache<Box<str>, Remembered>,
}

/// One key of a ring.
struct RingKey {
    id: Uuid,
    /// When it signs: from a moment after its creation to the same moment after its replacement.
    signs: Range<Timestamp>,
    header: Header,
    secret: EncodingKey,
}

/// A token that was verified before.
#[derive(Clone, Copy)]
struct Remembered {
    identity: Identity,
    /// The index of its key in `Ring::signing_keys`.
    key: usize,
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

    /// Takes over the keys of the store. Returns whether a new key is among them.
    pub(super) fn replace(&self, keys: &Keys) -> bool {
        let present = self.ring();
        let ids = || keys.others.iter().chain([&keys.primary]).map(|key| key.id);
        if present.signing_keys.iter().map(|key| key.id).eq(ids()) {
            // The same ring remembers the tokens that it has verified.
            return false;
        }
        let is_new = |id: Uuid| present.signing_keys.iter().all(|key| key.id != id);
        let ring = Arc::new(Ring::new(keys));
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        ids().any(is_new)
    }

    /// Returns whether the token names a key that is not among the keys: unknown to this process, disabled or made up.
    pub(super) fn lacks_key_of(&self, token: &str) -> bool {
        let kid = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        kid.is_some_and(|kid| kid.parse::<Uuid>().is_ok() && !self.ring().verifying_keys.contains_key(&kid))
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
        now: Timestamp,
    ) -> Option<(String, Duration)> {
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
        let key = &ring.signing_keys[ring.signing_key(now)];
        match jsonwebtoken::encode(&key.header, &claims, &key.secret) {
            Ok(token) => Some((token, now.until(end))),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot sign a token");
                None
            }
        }
    }

    /// Checks key, algorithm, signature, issuer, audience and time, but not whether the session has ended. Refuses
    /// `TokenInvalid`, `TokenExpired`.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, Refusal> {
        let ring = self.ring();
        let remembered = ring.verified.get(token).filter(|remembered| now < remembered.identity.expires_at);
        let Remembered { identity, key } = match remembered {
            Some(remembered) => remembered,
            None => {
                let verified = self.verify_anew(&ring, token, now)?;
                ring.verified.insert(token.into(), verified);
                verified
            }
        };
        Ok(Verified { identity, under_old_key: key < ring.signing_key(now) })
    }

    /// Verifies a token that is not remembered.
    fn verify_anew(&self, ring: &Ring, token: &str, now: Timestamp) -> Result<Remembered, Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refusal::TokenInvalid)?;
        let kid = header.kid.ok_or(Refusal::TokenInvalid)?;
        let (key, secret) = ring.verifying_keys.get(&kid).ok_or(Refusal::TokenInvalid)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, secret, &self.validation);
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
        if expires_at.after(Duration::from_secs(LEEWAY_SECONDS)) < now {
            return Err(Refusal::TokenExpired);
        }
        let identity = Identity { member: MemberId(member), session: SessionId(claims.sid), expires_at };
        Ok(Remembered { identity, key: *key })
    }
}

impl Ring {
    fn new(keys: &Keys) -> Self {
        let all = || keys.others.iter().chain([&keys.primary]);
        let verifying_keys = all()
            .enumerate()
            .map(|(index, key)| (key.id.to_string(), (index, DecodingKey::from_secret(&key.secret))))
            .collect();
        Self { signing_keys: all().map(RingKey::new).collect(), verifying_keys, verified: Cache::new(VERIFIED_MAX) }
    }

    /// Returns the index of the key that signs at this time. Without an older key the newest one signs at once: it is
    /// the first, or an operator has disabled the others.
    fn signing_key(&self, now: Timestamp) -> usize {
        let newest = self.signing_keys.len().saturating_sub(1);
        self.signing_keys.iter().rposition(|key| key.signs.contains(&now)).unwrap_or(newest)
    }
}

impl RingKey {
    fn new(key: &SigningKey) -> Self {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.id.to_string());
        let until = key.replaced_at.map_or(Timestamp(i64::MAX), |at| at.after(PUBLISHED_FOR));
        let signs = key.created_at.after(PUBLISHED_FOR)..until;
        Self { id: key.id, signs, header, secret: EncodingKey::from_secret(&key.secret) }
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
        let token = keyring.sign(MemberId(7), SessionId(9), END, Timestamp::now()).unwrap().0;
        let verified = keyring.verify(&token, Timestamp::now()).unwrap();
        assert_eq!((verified.identity.member, verified.identity.session), (MemberId(7), SessionId(9)));
        assert!(!verified.under_old_key);
        keyring.replace(&Keys { primary: new.clone(), others: vec![old] });
        assert!(keyring.verify(&token, Timestamp::now()).unwrap().under_old_key);
        keyring.replace(&Keys { primary: new, others: vec![] });
        assert_eq!(keyring.verify(&token, Timestamp::now()).unwrap_err(), Refusal::TokenInvalid);
    }

    #[test]
    fn a_token_expires_with_its_session_and_with_the_lifetime_of_tokens() {
        let keys = Keys { primary: key(1), others: vec![] };
        let keyring = Keyring::new(&keys, Duration::from_secs(3_600));
        let end = Timestamp(Timestamp::now().after(Duration::from_secs(60)).0 / 1000 * 1000);
        let (token, lasts) = keyring.sign(MemberId(7), SessionId(9), end, Timestamp::now()).unwrap();
        assert_eq!(keyring.verify(&token, Timestamp::now()).unwrap().identity.expires_at, end);
        assert!(lasts <= Duration::from_secs(60), "{lasts:?}");
        let (token, _) = keyring.sign(MemberId(7), SessionId(9), END, Timestamp::now()).unwrap();
        let stricter = Keyring::new(&keys, Duration::from_secs(10));
        let left = Timestamp::now().until(stricter.verify(&token, Timestamp::now()).unwrap().identity.expires_at);
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
        let token = jsonwebtoken::encode(&ring.signing_keys[0].header, &claims, &ring.signing_keys[0].secret).unwrap();
        let identity = Identity { member: MemberId(7), session: SessionId(9), expires_at: past };
        ring.verified.insert(token.as_str().into(), Remembered { identity, key: 0 });
        drop(ring);
        assert_eq!(keyring.verify(&token, Timestamp::now()).unwrap_err(), Refusal::TokenExpired);
    }

    #[test]
    fn a_remembered_token_verifies_only_its_own_text() {
        let keyring = Keyring::new(&Keys { primary: key(1), others: vec![] }, Duration::from_secs(60));
        let token = keyring.sign(MemberId(7), SessionId(9), END, Timestamp::now()).unwrap().0;
        let first = keyring.verify(&token, Timestamp::now()).unwrap();
        assert_eq!(keyring.verify(&token, Timestamp::now()).unwrap().identity.member, first.identity.member);
        assert_eq!(keyring.verify(&token[..token.len() - 1], Timestamp::now()).unwrap_err(), Refusal::TokenInvalid);
    }
}
