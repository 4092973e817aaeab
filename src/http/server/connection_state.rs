//! The state of one connection: its requests report to it, its socket (`timed_socket.rs`) and the admission read it.
use super::connection_activity::ConnectionActivity;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use tokio::sync::Notify;

/// Shared by the tasks of one connection.
#[derive(Default)]
pub(super) struct ConnectionState {
    pub(super) activity: ConnectionActivity,
    evict: Notify,
    /// Request headers that were read in full.
    requests: AtomicU32,
    /// A request is being handled: bytes that arrive belong to its body.
    responding: AtomicBool,
    /// The connection speaks HTTP/2: many of its frames are neither header nor body, and pings find dead clients.
    multiplexed: AtomicBool,
    /// HTTP/1 only: part of the current request's body has not been read yet.
    body_unread: AtomicBool,
    /// HTTP/1 only: a request was read, and hyper does not have its whole response yet.
    response_open: AtomicBool,
    /// The connection speaks HTTP/2, which a request need not have shown yet: bytes other than a response were written.
    frames: AtomicBool,
    /// The number of requests whose responses had been written to the socket in full at the last flush.
    answered: AtomicU32,
    /// The bits of [`Header`].
    header: AtomicU8,
}

/// The state of the request header that is being read. Does not count bytes that arrived with an earlier request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Header(u8);

impl Header {
    const STARTED: u8 = 1;
    const LINE_ENDED: u8 = 2;
    const OF_HEAD: u8 = 4;

    fn after(self, bytes: &[u8]) -> Self {
        let mut bits = self.0;
        if bits & Self::STARTED == 0 && bytes.starts_with(b"HEAD ") {
            bits |= Self::OF_HEAD;
        }
        if bytes.contains(&b'\n') {
            bits |= Self::LINE_ENDED;
        }
        Self(bits | Self::STARTED)
    }

    /// Whether a byte of it has arrived.
    pub(super) fn has_started(self) -> bool {
        self.0 & Self::STARTED != 0
    }

    /// Whether its request line has arrived in full.
    pub(super) fn has_request_line(self) -> bool {
        self.0 & Self::LINE_ENDED != 0
    }

    /// Whether it begins a HEAD request, whose response has no body.
    pub(super) fn is_of_head_request(self) -> bool {
        self.0 & Self::OF_HEAD != 0
    }
}

impl ConnectionState {
    /// Notes that a request's header was read in full.
    pub(super) fn request_begins(&self, multiplexed: bool) {
        self.multiplexed.store(multiplexed, Ordering::Relaxed);
        self.responding.store(true, Ordering::Relaxed);
        self.response_open.store(true, Ordering::Relaxed);
        self.header.store(0, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Release);
    }

    /// Notes that the response is ready; it need not have been sent.
    pub(super) fn response_ready(&self) {
        self.responding.store(false, Ordering::Release);
    }

    /// Notes that hyper has the whole response; it need not have been written.
    pub(super) fn response_complete(&self) {
        self.response_open.store(false, Ordering::Relaxed);
    }

    /// Notes that everything that hyper wrote so far was given to the socket.
    pub(super) fn written_in_full(&self) {
        if !self.response_open.load(Ordering::Relaxed) {
            self.answered.store(self.requests(), Ordering::Relaxed);
        }
    }

    /// Whether every response so far was written in full: what hyper writes now answers a header that it cannot read.
    /// False on HTTP/2.
    pub(super) fn is_between_responses(&self) -> bool {
        !self.multiplexed.load(Ordering::Relaxed)
            && !self.frames.load(Ordering::Relaxed)
            && !self.response_open.load(Ordering::Relaxed)
            && self.answered.load(Ordering::Relaxed) == self.requests()
    }

    /// Notes that bytes were written which are neither a response of the service nor an answer of hyper's own.
    pub(super) fn note_frames(&self) {
        self.frames.store(true, Ordering::Relaxed);
    }

    /// Notes bytes that were read, unless they need not belong to a header.
    pub(super) fn note_read(&self, bytes: &[u8]) {
        if bytes.is_empty() || self.expects_other_than_header() {
            return;
        }
        let header = self.header();
        if !header.has_request_line() {
            self.header.store(header.after(bytes).0, Ordering::Relaxed);
        }
    }

    /// Returns the state of the request header that is being read.
    pub(super) fn header(&self) -> Header {
        Header(self.header.load(Ordering::Relaxed))
    }

    /// Request headers read so far.
    pub(super) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Acquire)
    }

    /// Whether the next bytes need not belong to a header: a body can follow, or the connection speaks HTTP/2.
    pub(super) fn expects_other_than_header(&self) -> bool {
        self.responding.load(Ordering::Acquire) || self.multiplexed.load(Ordering::Relaxed)
    }

    /// Notes whether part of the request's body is still unread.
    pub(super) fn set_body_unread(&self, unread: bool) {
        self.body_unread.store(unread, Ordering::Relaxed);
    }

    pub(super) fn is_body_unread(&self) -> bool {
        self.body_unread.load(Ordering::Relaxed)
    }

    /// Asks the connection to close because another one needs its permit.
    pub(super) fn evict(&self) {
        self.evict.notify_one();
    }

    /// Returns once the connection is evicted.
    pub(super) async fn evicted(&self) {
        self.evict.notified().await;
    }
}
