//! What goes on on a connection, and so whether it may give its place to another.
//!
//! A connection is idle while no request is being answered and no body of an answer waits for something to send: an open
//! stream is not idle, a download that its client does not take is. Idle connections are closed after a time, and sooner
//! where others wait for their places (`room.rs`).
use super::pace::Pace;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;

/// What goes on on one connection.
pub(super) struct Activity {
    opened: Instant,
    /// Requests being answered, and bodies that wait for something to send.
    under_way: AtomicU32,
    /// Milliseconds from `opened` to the last thing that happened.
    last: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self { opened: Instant::now(), under_way: AtomicU32::new(0), last: AtomicU64::new(0) }
    }
}

impl Activity {
    /// For how long nothing has happened; none while something is under way.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let last = Duration::from_millis(self.last.load(Ordering::Acquire));
        let idle = self.under_way.load(Ordering::Acquire) == 0;
        idle.then(|| self.opened.elapsed().saturating_sub(last))
    }

    /// Returns when the connection has been idle for so long.
    pub(super) async fn idles(&self, max: Duration) {
        loop {
            let idle = self.idle_for().unwrap_or_default();
            if idle >= max {
                return;
            }
            tokio::time::sleep(max - idle).await;
        }
    }

    fn begins(&self) {
        self.under_way.fetch_add(1, Ordering::AcqRel);
    }

    fn moves(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Release);
    }

    fn ends(&self) {
        self.moves();
        self.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A request being answered, from its header to the answer's.
pub(super) struct Answering(Arc<Pace>);

impl Answering {
    pub(super) fn begin(pace: Arc<Pace>) -> Self {
        pace.activity.begins();
        Self(pace)
    }

    /// The answer is there: from here on its body is watched.
    pub(super) fn answered(self, body: Body) -> Watched {
        self.0.answered();
        Watched { inner: body, pace: self.0.clone(), waits: false }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.activity.ends();
    }
}

/// A body on its way out.
pub(super) struct Watched {
    inner: Body,
    pace: Arc<Pace>,
    /// It was asked for more, and has nothing yet. A body that nobody asks is one whose client takes nothing.
    waits: bool,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        let activity = &self.pace.activity;
        match (self.waits, polled.is_pending()) {
            (false, true) => activity.begins(),
            (true, false) => activity.ends(),
            (false, false) => activity.moves(),
            (true, true) => {}
        }
        self.waits = polled.is_pending();
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.waits {
            self.pace.activity.ends();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, StreamExt, stream};
    use http_body_util::BodyExt;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_between_requests_and_while_its_client_takes_nothing() {
        const MAX: Duration = Duration::from_secs(60);
        let pace = Arc::<Pace>::default();
        let mut passes = Box::pin(pace.activity.idles(MAX));
        let answering = Answering::begin(pace.clone());
        assert!(tokio::time::timeout(Duration::from_secs(600), passes.as_mut()).await.is_err(), "it is being answered");
        let events = stream::once(async { Ok::<_, std::io::Error>("event") }).chain(stream::pending());
        let mut body = answering.answered(Body::from_stream(events));
        body.frame().await.unwrap().unwrap();
        assert!(body.frame().now_or_never().is_none());
        assert!(tokio::time::timeout(Duration::from_secs(600), passes.as_mut()).await.is_err(), "a stream is open");
        drop(body);
        let begun = Instant::now();
        passes.await;
        assert_eq!(begun.elapsed().as_secs(), 60);

        let stalled = Answering::begin(pace.clone()).answered(Body::from("nobody takes it"));
        let begun = Instant::now();
        pace.activity.idles(MAX).await;
        assert_eq!(begun.elapsed().as_secs(), 60);
        drop(stalled);
    }
}
