//! [`ConnectionActivity`]: how long one connection has been idle, which decides whether it is evicted (`admission.rs`).
//!
//! A connection is idle while it handles no request and no response body waits for data to send. An open stream is not
//! idle; a download that its client does not read is. Idle connections are closed after `http.idle_timeout_ms`, and
//! sooner if others wait for their permits.
use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// Requests in flight on one connection, and the time of its last activity.
pub(super) struct ConnectionActivity {
    opened: Instant,
    /// Requests being handled, and response bodies that wait for data to send.
    in_flight: AtomicU32,
    /// Milliseconds from `opened` to the last activity.
    last_active_ms: AtomicU64,
}

impl Default for ConnectionActivity {
    fn default() -> Self {
        Self { opened: Instant::now(), in_flight: AtomicU32::new(0), last_active_ms: AtomicU64::new(0) }
    }
}

impl ConnectionActivity {
    /// Time since the last activity; none while something is in flight.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let last_active = Duration::from_millis(self.last_active_ms.load(Ordering::Acquire));
        let idle = self.in_flight.load(Ordering::Acquire) == 0;
        idle.then(|| self.opened.elapsed().saturating_sub(last_active))
    }

    /// Returns when the connection has been idle for `max`.
    pub(super) async fn wait_until_idle(&self, max: Duration) {
        loop {
            let idle = self.idle_for().unwrap_or_default();
            if idle >= max {
                return;
            }
            tokio::time::sleep(max - idle).await;
        }
    }

    /// Notes that a request, or the wait of a response body, begins.
    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes activity now.
    pub(super) fn touch(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_active_ms.store(now, Ordering::Release);
    }

    /// Notes the end of what began.
    pub(super) fn end(&self) {
        self.touch();
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
