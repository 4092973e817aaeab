//! The variable segment of a path: an id or a text.
use crate::{
    domain::{CommentId, ID_END, ImageId, MemberId, Position, PostId, SessionId},
    http::problem::{Malformed, Problem},
};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};

/// An id that is a number.
pub(in crate::http) trait NumericId {
    fn from_number(number: u64) -> Self;
}

macro_rules! numeric_ids {
    ($($id:ident),*) => {
        $(impl NumericId for $id {
            fn from_number(number: u64) -> Self {
                Self(number)
            }
        })*
    };
}
numeric_ids!(MemberId, PostId, CommentId, SessionId, ImageId, Position);

/// The id in a path with one variable segment.
pub(in crate::http) struct Id<T>(pub(in crate::http) T);

impl<T: NumericId, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segment(text) = Segment::from_request_parts(parts, state).await?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Problem::malformed(Malformed::Path));
        }
        // A number beyond every id is well-formed, and names no resource.
        let number = text.parse().unwrap_or(ID_END);
        Ok(Self(T::from_number(number.min(ID_END))))
    }
}

/// The text of a path's variable segment, decoded.
pub(in crate::http) struct Segment(pub(in crate::http) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let malformed = || Problem::malformed(Malformed::Path);
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| malformed())?;
        let (_, value) = params.iter().next().ok_or_else(malformed)?;
        Ok(Self(value.to_owned()))
    }
}
