//! A socket that gives up on clients which keep it waiting: for the rest of a header, or for room to write.
//!
//! The second matters for streams: whoever opens one and stops reading would keep it for ever, since nothing that the
//! server does to end it gets past a full socket.
use super::places::Activity;
use hyper::rt::{Read, ReadBufCursor, Write};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, Sleep},
};

/// How long a write may wait for a client that takes nothing. A phone that passes through a tunnel is back sooner.
const WRITE_MAX: Duration = Duration::from_secs(30);

/// What a connection's requests tell its socket, and whoever looks for connections that can go.
#[derive(Default)]
pub(super) struct Pace {
    pub(super) activity: Activity,
    leave: Notify,
    requests: AtomicU32,
    /// A request is being answered: what comes is its body.
    busy: AtomicBool,
    /// Over HTTP/2 much that comes is neither header nor body. It has its own way to find who is gone.
    multiplexed: AtomicBool,
    /// Over HTTP/1: the request that is being answered has a body of which something is still to come.
    unread: AtomicBool,
}

impl Pace {
    /// A whole header has come.
    pub(super) fn begins(&self, multiplexed: bool) {
        self.multiplexed.store(multiplexed, Ordering::Relaxed);
        self.busy.store(true, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Release);
    }

    /// The place is wanted by somebody else.
    pub(super) fn ask_to_leave(&self) {
        self.leave.notify_one();
    }

    /// Returns once the place is wanted.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Whether something is still to come of the request's body.
    pub(super) fn has_body(&self, unread: bool) {
        self.unread.store(unread, Ordering::Relaxed);
    }

    /// Whether the answer is there before the request's body.
    pub(super) fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// The answer is there, though it may not have been sent.
    pub(super) fn answered(&self) {
        self.busy.store(false, Ordering::Release);
    }
}

/// The header that a connection waits for.
struct Header {
    /// How many came before it.
    after: u32,
    due: Instant,
}

pub(super) struct Paced<T> {
    inner: T,
    pace: Arc<Pace>,
    header_max: Duration,
    header: Option<Header>,
    /// Run only while something waits. Most connections need neither for long.
    read_clock: Option<Pin<Box<Sleep>>>,
    write_clock: Option<Pin<Box<Sleep>>>,
}

impl<T> Paced<T> {
    /// The first header is waited for at once; every other from its first byte on.
    pub(super) fn new(inner: T, pace: Arc<Pace>, header_max: Duration) -> Self {
        let header = Some(Header { after: 0, due: Instant::now() + header_max });
        Self { inner, pace, header_max, header, read_clock: None, write_clock: None }
    }

    /// Passes on what a read came to; fails where a header has been begun and does not end.
    fn watch_read(&mut self, cx: &mut Context<'_>, read: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        let requests = self.pace.requests.load(Ordering::Acquire);
        let busy = self.pace.busy.load(Ordering::Acquire) || self.pace.multiplexed.load(Ordering::Relaxed);
        if busy || self.header.as_ref().is_some_and(|header| header.after != requests) {
            self.header = None;
        }
        if busy || read.is_ready() {
            self.read_clock = None;
            if !busy && self.header.is_none() {
                self.header = Some(Header { after: requests, due: Instant::now() + self.header_max });
            }
            return read;
        }
        let Some(header) = &self.header else { return read };
        let clock = self.read_clock.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(header.due)));
        clock.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Passes on what a write came to; fails where it has waited for too long.
    fn watch_write<V>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<V>>) -> Poll<io::Result<V>> {
        if written.is_ready() {
            self.write_clock = None;
            return written;
        }
        let clock = self.write_clock.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_MAX)));
        clock.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: Read + Unpin> Read for Paced<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        self.watch_read(cx, read)
    }
}

impl<T: Write + Unpin> Write for Paced<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watch_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.watch_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.watch_write(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watch_write(cx, closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper_util::rt::TokioIo;
    use std::future::poll_fn;
    use tokio::io::{AsyncWriteExt, DuplexStream};

    const HEADER_MAX: Duration = Duration::from_secs(5);

    fn socket(pace: &Arc<Pace>) -> (DuplexStream, Paced<TokioIo<DuplexStream>>) {
        let (client, server) = tokio::io::duplex(8);
        (client, Paced::new(TokioIo::new(server), pace.clone(), HEADER_MAX))
    }

    async fn read(socket: &mut Paced<TokioIo<DuplexStream>>) -> io::Result<()> {
        let mut bytes = [0; 8];
        let mut buffer = hyper::rt::ReadBuf::new(&mut bytes);
        poll_fn(|cx| Pin::new(&mut *socket).poll_read(cx, buffer.unfilled())).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_given_up() {
        let (_client, mut socket) = socket(&Arc::default());
        let begun = Instant::now();
        let mut write = async || poll_fn(|cx| Pin::new(&mut socket).poll_write(cx, b"12345678")).await;
        assert_eq!(write().await.unwrap(), 8);
        assert_eq!(write().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), WRITE_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_must_end_in_time() {
        let (mut client, mut socket) = socket(&Arc::default());
        let begun = Instant::now();
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            client.write_all(b"GET ").await.unwrap();
            read(&mut socket).await.unwrap();
        }
        assert_eq!(read(&mut socket).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), HEADER_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_and_pauses_are_not_headers() {
        let pace = Arc::<Pace>::default();
        let (mut client, mut socket) = socket(&pace);
        client.write_all(b"GET /").await.unwrap();
        read(&mut socket).await.unwrap();
        pace.begins(false);
        assert!(tokio::time::timeout(HEADER_MAX * 3, read(&mut socket)).await.is_err());
        pace.answered();
        assert!(tokio::time::timeout(HEADER_MAX * 3, read(&mut socket)).await.is_err());
        client.write_all(b"GET /").await.unwrap();
        read(&mut socket).await.unwrap();
        assert_eq!(read(&mut socket).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
