//! A request in flight and the body of its response, which report to the activity of their connection.
use super::connection_state::ConnectionState;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// A request that is being handled, from its header to the header of its response.
pub(super) struct ActiveRequest(Arc<ConnectionState>);

impl ActiveRequest {
    pub(super) fn begin(state: Arc<ConnectionState>) -> Self {
        state.activity.begin();
        Self(state)
    }

    /// Ends the request when its response is ready. The body tracks the connection's activity from here on.
    pub(super) fn respond(self, body: Body) -> ResponseBody {
        self.0.response_ready();
        ResponseBody { inner: body, state: self.0.clone(), pending: false }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.activity.end();
    }
}

/// A response body that reports to the connection's activity.
pub(super) struct ResponseBody {
    inner: Body,
    state: Arc<ConnectionState>,
    /// It was polled and had no data. A body is not polled while its client reads nothing.
    pending: bool,
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        let activity = &self.state.activity;
        match (self.pending, polled.is_pending()) {
            (false, true) => activity.begin(),
            (true, false) => activity.end(),
            (false, false) => activity.touch(),
            (true, true) => {}
        }
        self.pending = polled.is_pending();
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.state.response_complete();
        if self.pending {
            self.state.activity.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, StreamExt, stream};
    use http_body_util::BodyExt;
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_between_requests_and_while_its_client_reads_nothing() {
        const MAX: Duration = Duration::from_secs(60);
        let state = Arc::<ConnectionState>::default();
        let mut idle = Box::pin(state.activity.wait_until_idle(MAX));
        let active = ActiveRequest::begin(state.clone());
        assert!(
            tokio::time::timeout(Duration::from_secs(600), idle.as_mut()).await.is_err(),
            "a request is being handled"
        );
        let events = stream::once(async { Ok::<_, std::io::Error>("event") }).chain(stream::pending());
        let mut body = active.respond(Body::from_stream(events));
        body.frame().await.unwrap().unwrap();
        assert!(body.frame().now_or_never().is_none());
        assert!(tokio::time::timeout(Duration::from_secs(600), idle.as_mut()).await.is_err(), "a stream is open");
        drop(body);
        let started = Instant::now();
        idle.await;
        assert_eq!(started.elapsed().as_secs(), 60);

        let stalled = ActiveRequest::begin(state.clone()).respond(Body::from("never read"));
        let started = Instant::now();
        state.activity.wait_until_idle(MAX).await;
        assert_eq!(started.elapsed().as_secs(), 60);
        drop(stalled);
    }
}
