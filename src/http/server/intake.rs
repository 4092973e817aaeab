//! A request's body on its way in, over HTTP/1: whether it was read to its end decides what becomes of the connection.
use super::pace::Pace;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// Tells its connection when nothing is left of it.
pub(super) struct Intake {
    inner: Incoming,
    pace: Arc<Pace>,
}

impl Intake {
    pub(super) fn new(inner: Incoming, pace: Arc<Pace>) -> Self {
        Self { inner, pace }
    }
}

impl Body for Intake {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if frame.is_none() || self.inner.is_end_stream() {
            self.pace.has_body(false);
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
