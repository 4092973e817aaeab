//! The state of one connection: its requests report to it, its socket (`timed_socket.rs`) and the admission read it.
use super::connection_activity::ConnectionActivity;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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
}

impl ConnectionState {
    /// Notes that a request's header was read in full.
    pub(super) fn request_begins(&self, multiplexed: bool) {
        self.multiplexed.store(multiplexed, Ordering::Relaxed);
        self.responding.store(true, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Release);
    }

    /// Notes that the response is ready; it need not have been sent.
    pub(super) fn response_ready(&self) {
        self.responding.store(false, Ordering::Release);
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
