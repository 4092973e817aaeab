//! Logs one line for each failed request, at a bounded rate.
//!
//! No line contains a path or a query, since they contain handles and searched words; the route and the code are enough
//! to find the cause.
use crate::http::problem::Problem;
use axum::http::{Method, StatusCode};
use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Maximum number of lines per second, so that a flood of requests does not fill the disk. Refusals and server errors
/// have a limit each, so that a flood of refusals hides no error. Lines beyond it are counted, and the number is logged
/// with the next line.
const LINES_PER_SECOND_MAX: u32 = 200;

static REFUSALS: LineRate = LineRate::new();
static ERRORS: LineRate = LineRate::new();

/// A request that failed.
pub(super) struct FailedRequest<'a> {
    /// As in `X-Request-Id` and in the problem's `traceId`.
    pub(super) id: &'a str,
    pub(super) method: &'a Method,
    pub(super) route: &'a str,
    pub(super) status: StatusCode,
}

impl FailedRequest<'_> {
    pub(super) fn log(&self, problem: &Problem) {
        let Self { id, method, route, status } = *self;
        // A failed health check is no error: probes repeat until the server is ready.
        let refused = !status.is_server_error() || route.starts_with("/health/");
        if !if refused { &REFUSALS } else { &ERRORS }.admits_line() {
            return;
        }
        let (status, code) = (status.as_u16(), problem.code());
        match problem.cause() {
            _ if refused => tracing::info!(request_id = id, %method, route, status, code, "request refused"),
            Some(cause) => {
                let error = cause as &dyn std::error::Error;
                tracing::error!(request_id = id, %method, route, status, code, error, "request failed");
            }
            None => {
                let error = problem.note().unwrap_or("unavailable");
                tracing::error!(request_id = id, %method, route, status, code, error, "request failed");
            }
        }
    }
}

/// Logs the answer to a request whose header cannot be read: neither its method nor its route is known.
pub(in crate::http) fn log_unread_request(id: &str, status: StatusCode, code: &str) {
    if REFUSALS.admits_line() {
        tracing::info!(request_id = id, status = status.as_u16(), code, "unreadable request refused");
    }
}

/// Counts the lines of the current second. If two threads meet at the change of a second, a few more are written.
struct LineRate {
    second: AtomicU64,
    written: AtomicU32,
    skipped: AtomicU64,
}

impl LineRate {
    const fn new() -> Self {
        Self { second: AtomicU64::new(0), written: AtomicU32::new(0), skipped: AtomicU64::new(0) }
    }

    /// Returns whether another line may be written now. Logs how many were skipped before it.
    fn admits_line(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        match self.take(now) {
            None => return false,
            Some(0) => {}
            Some(lines) => tracing::warn!(lines, "left refused or failed requests out of the log"),
        }
        true
    }

    /// Returns how many lines were skipped before this one; none if this one has to be skipped too.
    fn take(&self, now: u64) -> Option<u64> {
        if self.second.swap(now, Ordering::Relaxed) != now {
            self.written.store(0, Ordering::Relaxed);
        }
        if self.written.fetch_add(1, Ordering::Relaxed) < LINES_PER_SECOND_MAX {
            return Some(self.skipped.swap(0, Ordering::Relaxed));
        }
        self.skipped.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_failures_is_logged_at_a_bounded_rate() {
        let lines = LineRate::new();
        let written = (0..LINES_PER_SECOND_MAX + 50).filter(|_| lines.take(7).is_some()).count();
        assert_eq!(written, LINES_PER_SECOND_MAX as usize);
        assert_eq!((lines.take(8), lines.take(8)), (Some(50), Some(0)));
    }
}
