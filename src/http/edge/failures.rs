//! What the log says of requests that failed: one line each, here, where it is known what was asked. No line has a path
//! or a query, which name members and carry what they write; the route and the code are enough to find the cause.
use crate::http::problem::Problem;
use axum::http::{Method, StatusCode};
use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Lines a second, of refusals and of the server's own failures each, so that a flood of the first hides none of the
/// others. Whoever floods the server would else fill its disk; what is left out is counted, and the number is logged
/// with the next line.
const LINES_MAX: u32 = 200;

static REFUSED: Lines = Lines::new();
static FAILED: Lines = Lines::new();

/// A request that failed.
pub(super) struct Failure<'a> {
    /// As in `X-Request-Id` and in the problem's `traceId`.
    pub(super) id: &'a str,
    pub(super) method: &'a Method,
    pub(super) route: &'a str,
    pub(super) status: StatusCode,
}

impl Failure<'_> {
    pub(super) fn log(&self, problem: &Problem) {
        let Self { id, method, route, status } = *self;
        // A probe that finds the server not ready asks again and again.
        let refused = !status.is_server_error() || route.starts_with("/health/");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        match if refused { &REFUSED } else { &FAILED }.take(now) {
            None => return,
            Some(0) => {}
            Some(lines) => tracing::warn!(lines, "left refused or failed requests out of the log"),
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

/// How many lines were written in a second. Two threads that meet at its turn may write a few more.
struct Lines {
    second: AtomicU64,
    written: AtomicU32,
    left_out: AtomicU64,
}

impl Lines {
    const fn new() -> Self {
        Self { second: AtomicU64::new(0), written: AtomicU32::new(0), left_out: AtomicU64::new(0) }
    }

    /// Whether a line may be written, and how many were left out before it.
    fn take(&self, now: u64) -> Option<u64> {
        if self.second.swap(now, Ordering::Relaxed) != now {
            self.written.store(0, Ordering::Relaxed);
        }
        if self.written.fetch_add(1, Ordering::Relaxed) < LINES_MAX {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_does_not_fill_the_log() {
        let lines = Lines::new();
        let written = (0..LINES_MAX + 50).filter(|_| lines.take(7).is_some()).count();
        assert_eq!(written, LINES_MAX as usize);
        assert_eq!((lines.take(8), lines.take(8)), (Some(50), Some(0)));
    }
}
