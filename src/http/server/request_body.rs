//! A request body over HTTP/1 that reports when it was read to its end: an unread rest can force the connection to
//! close.
use super::connection_state::ConnectionState;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// Clears `ConnectionState::is_body_unread` at its end.
pub(super) struct RequestBody {
    inner: Incoming,
    state: Arc<ConnectionState>,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, state: Arc<ConnectionState>) -> Self {
        Self { inner, state }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if frame.is_none() || self.inner.is_end_stream() {
            self.state.set_body_unread(false);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
