//! A socket that gives up on a client which does not read.
//!
//! Without this, whoever opens a stream and stops reading would keep it for ever: nothing that the server does to end
//! it gets past a full socket.
use hyper::rt::{Read, ReadBufCursor, Write};
use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Sleep;

/// How long a write may wait for a client that takes nothing. A phone that passes through a tunnel is back sooner.
const STALL_MAX: Duration = Duration::from_secs(30);

pub(super) struct Unstalled<T> {
    inner: T,
    /// Runs while a write waits. Most connections never need it.
    clock: Option<Pin<Box<Sleep>>>,
}

impl<T> Unstalled<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, clock: None }
    }

    /// Passes on what a write came to; fails where it has waited for too long.
    fn watch<V>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<V>>) -> Poll<io::Result<V>> {
        if written.is_ready() {
            self.clock = None;
            return written;
        }
        let clock = self.clock.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL_MAX)));
        clock.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: Read + Unpin> Read for Unstalled<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: Write + Unpin> Write for Unstalled<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watch(cx, closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper_util::rt::TokioIo;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_given_up() {
        let (_client, server) = tokio::io::duplex(8);
        let mut socket = Unstalled::new(TokioIo::new(server));
        let begun = tokio::time::Instant::now();
        let mut write = async || poll_fn(|cx| Pin::new(&mut socket).poll_write(cx, b"12345678")).await;
        assert_eq!(write().await.unwrap(), 8);
        assert_eq!(write().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), STALL_MAX.as_secs());
    }
}
