//! The header `X-Write-Token`: the position of the write that a response is about, for a later `consistentWith`.
//!
//! A handler that writes returns [`Committed`], so its response cannot lack the position. `edge` turns that into the
//! header.
use crate::{
    actors::{Committed, visibility::Visibility},
    domain::Position,
};
use axum::{
    http::HeaderValue,
    response::{IntoResponse, Response},
};

/// The extension of a response to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WrittenAt(Position);

impl<R: IntoResponse> IntoResponse for Committed<R> {
    fn into_response(self) -> Response {
        let mut response = self.value.into_response();
        response.extensions_mut().insert(WrittenAt(self.at));
        response
    }
}

/// Sets the header of a response to a write.
pub(super) fn set_write_token(response: &mut Response, visibility: &Visibility) {
    let Some(WrittenAt(at)) = response.extensions_mut().remove() else { return };
    if let Ok(token) = HeaderValue::try_from(visibility.write_token(at)) {
        response.headers_mut().insert("x-write-token", token);
    }
}
