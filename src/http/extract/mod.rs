//! What handlers take from a request, checked.
mod address;
mod body;
mod field;
mod idempotency;
mod page;
mod places;
mod query;
mod upload;

pub(super) use address::{client_address, is_trusted};
pub(super) use body::{BodyRules, Json, OptionalJson, body_with};
pub(super) use field::{Check, Field, Members};
pub(super) use idempotency::{Key, Keyed};
pub(super) use page::Paging;
pub(super) use query::Query;
pub(super) use upload::{Upload, UploadRules, discard_upload};

use super::problem::{Malformed, Problem};
use crate::{
    actors::sessions::Client,
    domain::{CommentId, ID_END, Identity, ImageId, MemberId, Position, PostId, Refusal, SessionId, line_of},
};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, header, request::Parts},
};
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
};

/// Longest device name that is kept, in characters (as in `domain::Session`).
const DEVICE_MAX: usize = 200;

/// Who asks, as found out once per request by the outermost layer.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) address: IpAddr,
    pub(super) identity: Result<Identity, NoIdentity>,
}

/// Why nobody is known to ask.
#[derive(Debug, Clone)]
pub(super) enum NoIdentity {
    NoToken,
    /// It says that it carries one, and carries none.
    Malformed,
    Refused(Refusal),
}

impl From<Refusal> for NoIdentity {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a token is made of (RFC 6750). A table, since every request is held against it.
static TOKEN_BYTES: [bool; 256] = {
    let (mut fits, mut byte) = ([false; 256], 0);
    while byte < 256 {
        let sign = byte as u8;
        fits[byte] = sign.is_ascii_alphanumeric() || matches!(sign, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
        byte += 1;
    }
    fits
};

/// The bearer token (RFC 6750). A header of another scheme is none.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, NoIdentity> {
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

/// A member, proven by a token. There is no other way to be one.
pub(super) struct Auth(pub(super) Identity);

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

/// The address that a request came from, past trusted proxies.
pub(super) struct Address(pub(super) IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Caller>();
        Ok(Self(caller.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |caller| caller.address)))
    }
}

/// What a session remembers of the device that opened it.
pub(super) struct Device(pub(super) Client);

impl<S: Send + Sync> FromRequestParts<S> for Device {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let Address(address) = Address::from_request_parts(parts, state).await?;
        let agent = parts.headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let device = line_of(&agent.unwrap_or_default(), DEVICE_MAX);
        Ok(Self(Client { device, address }))
    }
}

/// What can be named by a number in a path.
pub(super) trait Numbered {
    fn numbered(number: u64) -> Self;
}

macro_rules! numbered {
    ($($id:ident),*) => {
        $(impl Numbered for $id {
            fn numbered(number: u64) -> Self {
                Self(number)
            }
        })*
    };
}
numbered!(MemberId, PostId, CommentId, SessionId, ImageId, Position);

/// The number in the path.
pub(super) struct Id<T>(pub(super) T);

impl<T: Numbered, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segment(text) = Segment::from_request_parts(parts, state).await?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Problem::malformed(Malformed::Path));
        }
        // A number beyond every id is a well-formed name of nothing.
        let number = text.parse().unwrap_or(ID_END);
        Ok(Self(T::numbered(number.min(ID_END))))
    }
}

/// The one variable part of a path, decoded.
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed = || Problem::malformed(Malformed::Path);
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| malformed())?;
        let (_, value) = params.iter().next().ok_or_else(malformed)?;
        Ok(Self(value.to_owned()))
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
    fn only_a_bearer_token_is_one() {
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
    fn two_tokens_are_none() {
        let mut headers = HeaderMap::new();
        for token in ["Bearer a", "Bearer b"] {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(token));
        }
        assert!(matches!(bearer(&headers), Err(NoIdentity::Malformed)));
    }

    #[tokio::test]
    async fn nobody_is_a_member_without_proof() {
        let mut parts = parts("/api/posts");
        parts.headers.insert("x-member-id", HeaderValue::from_static("7"));
        let refused = Auth::from_request_parts(&mut parts, &()).await.err().unwrap();
        assert_eq!(refused.code(), "BEARER_TOKEN_MISSING");
    }
}
