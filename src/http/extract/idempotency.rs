//! `Idempotency-Key`: a repeated request gets the stored response of the first one, and has no second effect.
use super::{
    body::{BODY_BYTES, BodyRules, parse, read_json},
    field::JsonObject,
};
use crate::{
    domain::{Answer, Receipt, Timestamp},
    http::problem::{Malformed, Problem},
};
use aws_lc_rs::digest::{Context, SHA256};
use axum::{
    extract::{FromRef, FromRequest, Request},
    http::{HeaderMap, Method, Uri},
};
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// Longest key, in characters.
const KEY_MAX: usize = 64;

/// A JSON body of at most `BYTES_MAX` bytes, and the request's `Idempotency-Key`.
pub(in crate::http) struct KeyedJson<T, const BYTES_MAX: usize = BODY_BYTES> {
    pub(in crate::http) request: T,
    pub(in crate::http) key: Option<IdempotencyKey>,
}

/// A key, and the parts of its request that the fingerprint covers.
pub(in crate::http) struct IdempotencyKey {
    text: String,
    method: Method,
    uri: Uri,
    body: Bytes,
}

impl<T, S, const BYTES_MAX: usize> FromRequest<S> for KeyedJson<T, BYTES_MAX>
where
    T: DeserializeOwned,
    S: Send + Sync,
    BodyRules: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let text = key(request.headers())?;
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let body = read_json(request, BodyRules::from_ref(state), BYTES_MAX).await?;
        let request = parse(&body)?;
        Ok(Self { request, key: text.map(|text| IdempotencyKey { text, method, uri, body }) })
    }
}

impl IdempotencyKey {
    /// The key of a request, if it has one, without keeping the body. [`Self::receipt_with_body`] makes the receipt.
    pub(in crate::http) fn of(request: &Request) -> Result<Option<Self>, Problem> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Ok(key(request.headers())?.map(|text| Self { text, method, uri, body: Bytes::new() }))
    }

    /// The receipt that is stored in the commit of the effect. `scope` names the owner of the key.
    pub(in crate::http) fn receipt(self, scope: String, answer: &Answer) -> Receipt {
        let body = self.body.clone();
        self.receipt_for(scope, answer, &body)
    }

    /// The receipt of a request whose body was not kept. `body` stands for it, such as a hash of its content.
    pub(in crate::http) fn receipt_with_body(self, scope: String, answer: &Answer, body: &[u8]) -> Receipt {
        self.receipt_for(scope, answer, body)
    }

    /// The receipt of a body with a secret member, which the fingerprint leaves out: a fast hash of a password could be
    /// guessed. The actor that stores the secret compares it by its slow hash.
    pub(in crate::http) fn receipt_without_secret(self, secret: &str, scope: String, answer: &Answer) -> Receipt {
        let members = parse::<JsonObject>(&self.body).map_or_else(|_| Vec::new(), |members| members.0);
        let rest: Vec<_> = members.iter().filter(|(name, _)| name != secret).collect();
        self.receipt_for(scope, answer, &serde_json::to_vec(&rest).unwrap_or_default())
    }

    fn receipt_for(self, scope: String, answer: &Answer, rest: &[u8]) -> Receipt {
        let mut hash = Context::new(&SHA256);
        for part in [self.method.as_str().as_bytes(), self.uri.path().as_bytes(), rest] {
            // The length prefix separates the parts.
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(hash.finish().as_ref());
        Receipt { scope, key: self.text, fingerprint, answer: answer.clone(), at: Timestamp::now() }
    }
}

/// The header's value, if the request has one.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let bytes = key.as_bytes();
    let visible = bytes.iter().all(u8::is_ascii_graphic);
    if keys.next().is_some() || !visible || !(1..=KEY_MAX).contains(&bytes.len()) {
        return Err(Problem::malformed(Malformed::IdempotencyKey));
    }
    Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(value: &[u8]) -> Result<Option<String>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", HeaderValue::from_bytes(value).unwrap());
        key(&headers)
    }

    #[test]
    fn a_key_is_1_to_64_visible_characters() {
        assert_eq!(key(&HeaderMap::new()).unwrap(), None);
        assert_eq!(of(b"3f2c-1!").unwrap().as_deref(), Some("3f2c-1!"));
        assert!(of(&[b'k'; 64]).is_ok());
        for bad in [b"".as_slice(), b"a b", &[b'k'; 65], "키".as_bytes()] {
            assert_eq!(of(bad).unwrap_err().code(), "MALFORMED_REQUEST");
        }
    }

    fn keyed(method: Method, uri: &'static str, body: &'static str) -> IdempotencyKey {
        IdempotencyKey {
            text: "k".into(),
            method,
            uri: Uri::from_static(uri),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    fn answer() -> Answer {
        Answer { status: 201, location: String::new(), body: String::new() }
    }

    #[test]
    fn different_requests_have_different_fingerprints() {
        let fingerprint = |uri, body| keyed(Method::POST, uri, body).receipt("member:7".into(), &answer()).fingerprint;
        let first = fingerprint("/api/posts", "{}");
        assert_eq!(first, fingerprint("/api/posts", "{}"));
        assert_ne!(first, fingerprint("/api/posts", "{ }"));
        assert_ne!(first, fingerprint("/api/post", "s{}"));
    }

    #[test]
    fn a_fingerprint_leaves_the_secret_out() {
        let fingerprint = |body| {
            let key = keyed(Method::POST, "/api/authentication/signup", body);
            key.receipt_without_secret("password", "signup:a@b.kr".into(), &answer()).fingerprint
        };
        let first = fingerprint(r#"{"email": "a@b.kr", "password": "one"}"#);
        assert_eq!(first, fingerprint(r#"{"email": "a@b.kr", "password": "two"}"#));
        assert_ne!(first, fingerprint(r#"{"email": "c@d.kr", "password": "one"}"#));
    }
}
