//! A socket with two timeouts: one for a request header that has begun, which is answered with 408, and one for a write
//! while the client reads nothing.
//!
//! The write timeout matters for streams: a client that opens one and stops reading would keep it for ever, since the
//! end of a stream cannot be written to a full socket either.
use super::{connection_state::ConnectionState, unread_request};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// Longest wait of a write for a client that reads no bytes. A phone in a tunnel is back sooner.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);

/// A request header that is being read.
struct PendingHeader {
    /// Headers that were read before it.
    after: u32,
    due: Instant,
}

/// A socket of one connection, with its timeouts.
pub(super) struct TimedSocket<T> {
    inner: T,
    state: Arc<ConnectionState>,
    header_time_max: Duration,
    header: Option<PendingHeader>,
    /// The timers exist only while a read or a write waits: most connections need neither for long.
    read_timer: Option<Pin<Box<Sleep>>>,
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<T: Write + Unpin> TimedSocket<T> {
    /// The first header is due `header_time_max` from now; every later one that long after its first byte.
    pub(super) fn new(inner: T, state: Arc<ConnectionState>, header_time_max: Duration) -> Self {
        let header = Some(PendingHeader { after: 0, due: Instant::now() + header_time_max });
        Self { inner, state, header_time_max, header, read_timer: None, write_timer: None }
    }

    /// Returns the result of a read. Fails with `TimedOut` if a header has started and is overdue.
    fn limit_read(&mut self, cx: &mut Context<'_>, read: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        let requests = self.state.requests();
        let no_header = self.state.expects_other_than_header();
        if no_header || self.header.as_ref().is_some_and(|header| header.after != requests) {
            self.header = None;
        }
        if no_header || read.is_ready() {
            self.read_timer = None;
            if !no_header && self.header.is_none() {
                self.header = Some(PendingHeader { after: requests, due: Instant::now() + self.header_time_max });
            }
            return read;
        }
        let Some(header) = &self.header else { return read };
        let timer = self.read_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(header.due)));
        ready!(timer.as_mut().poll(cx));
        self.answer_timeout(cx);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Answers a header that is overdue, if a part of it has arrived and no other answer is being written: hyper only
    /// closes the connection. The buffer of the socket is empty then and takes the answer at once.
    fn answer_timeout(&mut self, cx: &mut Context<'_>) {
        if self.state.header().has_started() && self.state.is_between_responses() {
            let answer = unread_request::timeout(self.state.header());
            let _ = Pin::new(&mut self.inner).poll_write(cx, &answer);
        }
    }

    /// Returns the result of a write. Fails with `TimedOut` if it has waited for [`WRITE_TIME_MAX`].
    fn limit_write<V>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<V>>) -> Poll<io::Result<V>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_TIME_MAX)));
        timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: Read + Write + Unpin> Read for TimedSocket<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        self.limit_read(cx, read)
    }
}

impl<T: Write + Unpin> Write for TimedSocket<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.limit_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.limit_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.limit_write(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.limit_write(cx, closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper_util::rt::TokioIo;
    use std::future::poll_fn;
    use tokio::io::{AsyncWriteExt, DuplexStream};

    const HEADER_TIME_MAX: Duration = Duration::from_secs(5);

    fn socket(state: &Arc<ConnectionState>) -> (DuplexStream, TimedSocket<TokioIo<DuplexStream>>) {
        let (client, server) = tokio::io::duplex(8);
        (client, TimedSocket::new(TokioIo::new(server), state.clone(), HEADER_TIME_MAX))
    }

    async fn read(socket: &mut TimedSocket<TokioIo<DuplexStream>>) -> io::Result<()> {
        let mut bytes = [0; 8];
        let mut buffer = hyper::rt::ReadBuf::new(&mut bytes);
        poll_fn(|cx| Pin::new(&mut *socket).poll_read(cx, buffer.unfilled())).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_to_a_client_that_does_not_read_times_out() {
        let (_client, mut socket) = socket(&Arc::default());
        let started = Instant::now();
        let mut write = async || poll_fn(|cx| Pin::new(&mut socket).poll_write(cx, b"12345678")).await;
        assert_eq!(write().await.unwrap(), 8);
        assert_eq!(write().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), WRITE_TIME_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_header_times_out() {
        let (mut client, mut socket) = socket(&Arc::default());
        let started = Instant::now();
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            client.write_all(b"GET ").await.unwrap();
            read(&mut socket).await.unwrap();
        }
        assert_eq!(read(&mut socket).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), HEADER_TIME_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_and_pauses_have_no_header_timeout() {
        let state = Arc::<ConnectionState>::default();
        let (mut client, mut socket) = socket(&state);
        client.write_all(b"GET /").await.unwrap();
        read(&mut socket).await.unwrap();
        state.request_begins(false);
        assert!(tokio::time::timeout(HEADER_TIME_MAX * 3, read(&mut socket)).await.is_err());
        state.response_ready();
        assert!(tokio::time::timeout(HEADER_TIME_MAX * 3, read(&mut socket)).await.is_err());
        client.write_all(b"GET /").await.unwrap();
        read(&mut socket).await.unwrap();
        assert_eq!(read(&mut socket).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
