//! The caller of a request: client address, bearer token, identity, device.
use crate::{
    actors::sessions::Client,
    domain::{Identity, Refusal, to_line},
    http::problem::Problem,
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
};

/// Longest device name of a session, in characters (as in `domain::Session`).
const DEVICE_MAX: usize = 200;

/// The caller's address and identity. `edge::PublicGuard` determines it once per request.
#[derive(Debug, Clone)]
pub(in crate::http) struct Caller {
    pub(in crate::http) address: IpAddr,
    pub(in crate::http) identity: Result<Identity, NoIdentity>,
}

/// Why a request has no identity.
#[derive(Debug, Clone)]
pub(in crate::http) enum NoIdentity {
    NoToken,
    /// An `Authorization: Bearer` header without exactly one well-formed token.
    Malformed,
    /// The token is invalid, expired or revoked.
    Refused(Refusal),
}

impl From<Refusal> for NoIdentity {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The bytes that are allowed in a token (RFC 6750). A table, because every request is checked against it.
static TOKEN_BYTES: [bool; 256] = {
    let (mut fits, mut byte) = ([false; 256], 0);
    while byte < 256 {
        let sign = byte as u8;
        fits[byte] = sign.is_ascii_alphanumeric() || matches!(sign, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
        byte += 1;
    }
    fits
};

/// The bearer token of a request (RFC 6750). A header of another scheme counts as no token.
pub(in crate::http) fn bearer(headers: &HeaderMap) -> Result<&str, NoIdentity> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(NoIdentity::NoToken)?;
    let value = value.to_str().ok().filter(|_| values.next().is_none()).ok_or(NoIdentity::Malformed)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(NoIdentity::NoToken);
    }
    let token = token.trim();
    if token.is_empty() || !token.bytes().all(|byte| TOKEN_BYTES[usize::from(byte)]) {
        Err(NoIdentity::Malformed)
    } else {
        Ok(token)
    }
}

/// A member who is authenticated by a bearer token: the only proof that is accepted.
pub(in crate::http) struct Auth(pub(in crate::http) Identity);

impl<S: Send + Sync> FromRequestParts<S> for Auth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>().map(|caller| &caller.identity) {
            Some(Ok(identity)) => Ok(Self(*identity)),
            Some(Err(NoIdentity::Refused(refusal))) => Err(refusal.clone().into()),
            Some(Err(NoIdentity::Malformed)) => Err(Problem::authorization_malformed()),
            Some(Err(NoIdentity::NoToken)) | None => Err(Problem::token_missing()),
        }
    }
}

/// The client's address, behind trusted proxies.
pub(in crate::http) struct Address(pub(in crate::http) IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Caller>();
        Ok(Self(caller.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |caller| caller.address)))
    }
}

/// The device and address that a session stores.
pub(in crate::http) struct Device(pub(in crate::http) Client);

impl<S: Send + Sync> FromRequestParts<S> for Device {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let Address(address) = Address::from_request_parts(parts, state).await?;
        let agent = parts.headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let device = to_line(&agent.unwrap_or_default(), DEVICE_MAX);
        Ok(Self(Client { device, address }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, Request};

    fn parts(uri: &str) -> Parts {
        Request::builder().uri(uri).body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_a_bearer_header_has_a_token() {
        let token = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(token("Bearer abc").ok().as_deref(), Some("abc"));
        assert_eq!(token("bearer  a.b-c_d~e+f/g=").ok().as_deref(), Some("a.b-c_d~e+f/g="));
        for none in ["Basic abc", "abc", "", "Bearers abc"] {
            assert!(matches!(token(none), Err(NoIdentity::NoToken)), "{none}");
        }
        for malformed in ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer \"a\""] {
            assert!(matches!(token(malformed), Err(NoIdentity::Malformed)), "{malformed}");
        }
    }

    #[test]
    fn two_tokens_are_malformed() {
        let mut headers = HeaderMap::new();
        for token in ["Bearer a", "Bearer b"] {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(token));
        }
        assert!(matches!(bearer(&headers), Err(NoIdentity::Malformed)));
    }

    #[tokio::test]
    async fn a_caller_without_a_token_is_refused() {
        let mut parts = parts("/api/posts");
        parts.headers.insert("x-member-id", HeaderValue::from_static("7"));
        let refused = Auth::from_request_parts(&mut parts, &()).await.err().unwrap();
        assert_eq!(refused.code(), "BEARER_TOKEN_MISSING");
    }
}
