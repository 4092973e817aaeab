//! The response of one SSE connection: sends the events of a source, heartbeats, and the reason why it ends.
use super::{StreamContext, frame::Frames};
use crate::{
    actors::{
        sessions::{Sessions, TicketUse},
        streams::{StreamItem, Subscription},
    },
    domain::{Identity, Timestamp},
};
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use futures::{Stream, stream};
use metrics::Gauge;
use std::{convert::Infallible, future::Future, pin::Pin, time::Duration};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// How often a stream checks whether its session has ended or its ticket has opened another stream, and so the longest
/// that it outlives either. A check is one lookup in memory; a signal would wake every stream for every ended session.
const SESSION_CHECK_EVERY: Duration = Duration::from_secs(3);
/// How long before its token expires a stream sends `auth.expiring`.
const EXPIRING_BEFORE: Duration = Duration::from_secs(60);
/// Bytes after which a batch of events is sent, even if more events are ready.
const BATCH_BYTES_MAX: usize = 32 * 1024;
/// Shortest delay in milliseconds before a client reconnects a broken stream.
const RETRY_MIN_MS: u64 = 1_000;
/// Longest delay in milliseconds.
const RETRY_MAX_MS: u64 = 5_000;

/// The events of one stream, public or a member's own.
pub(in crate::http) trait StreamSource: Send + 'static {
    /// One event.
    type Item: Send;

    /// Waits for the next event; none if the stream has to end. Dropping the future loses no event.
    fn next(&mut self) -> impl Future<Output = Option<Self::Item>> + Send;

    /// The next event, if one is ready. Starts no work.
    fn ready(&mut self) -> Option<Self::Item>;

    /// The cursor from which the client resumes without missing an event.
    fn cursor(&self) -> String;

    /// Writes an event in the format of server-sent events.
    fn write(item: &Self::Item, context: &StreamContext, frames: &mut Frames);
}

impl StreamSource for Subscription {
    type Item = StreamItem;

    fn next(&mut self) -> impl Future<Output = Option<StreamItem>> + Send {
        Self::next(self)
    }

    fn ready(&mut self) -> Option<StreamItem> {
        Self::ready(self)
    }

    fn cursor(&self) -> String {
        Self::cursor(self)
    }

    fn write(item: &StreamItem, context: &StreamContext, frames: &mut Frames) {
        frames.live(item, &context.post_json);
    }
}

/// One open stream and its timers.
pub(in crate::http) struct SseResponse<S> {
    source: S,
    identity: Identity,
    /// The ticket stays in use while the stream is open.
    ticket: Option<TicketUse>,
    sessions: Sessions,
    context: StreamContext,
    _gauge: StreamGauge,
    /// Registered once, not again for each event.
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    timer: Pin<Box<Sleep>>,
    next_heartbeat: Instant,
    /// When to send `auth.expiring`; none once it was sent.
    expiring_at: Option<Instant>,
    token_expires_at: Instant,
    started: bool,
    ended: bool,
}

impl<S: StreamSource> SseResponse<S> {
    pub(in crate::http) fn new(
        source: S,
        identity: Identity,
        ticket: Option<TicketUse>,
        sessions: Sessions,
        context: StreamContext,
    ) -> Self {
        let now = Instant::now();
        let token_lasts = Timestamp::now().until(identity.expires_at);
        // Spreads the heartbeats of streams that were opened at the same time.
        let first_heartbeat = context.heartbeat.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        Self {
            source,
            identity,
            ticket,
            sessions,
            _gauge: StreamGauge::new(context.open.clone()),
            shutdown: Box::pin(context.shutdown.clone().cancelled_owned()),
            timer: Box::pin(tokio::time::sleep_until(now)),
            next_heartbeat: now + first_heartbeat,
            expiring_at: Some(now + token_lasts.saturating_sub(EXPIRING_BEFORE)),
            token_expires_at: now + token_lasts,
            context,
            started: false,
            ended: false,
        }
    }

    /// Makes the response. Dropping its body ends the stream.
    pub(in crate::http) fn into_response(self) -> Response {
        with_headers(Body::from_stream(self.into_stream()))
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut response| async move {
            let bytes = response.next().await?;
            Some((Ok(bytes), response))
        })
    }

    /// Waits for the next bytes; none when the stream has ended.
    async fn next(&mut self) -> Option<Bytes> {
        let mut frames = Frames::default();
        if !self.started {
            self.started = true;
            frames.retry(reconnect_ms());
            // The first event is `ready`, which the source has without waiting.
            let ready = self.source.next().await?;
            self.write_batch(&ready, &mut frames);
        }
        while !self.ended && frames.is_empty() {
            match self.step().await {
                Step::Shutdown => {
                    frames.bye(&self.source.cursor(), reconnect_ms());
                    self.ended = true;
                }
                Step::TimerDue => self.handle_timer(&mut frames),
                Step::Event(Some(event)) => self.write_batch(&event, &mut frames),
                // More events wait for this client than a stream may buffer: the client resumes from its last id.
                Step::Event(None) => self.ended = true,
            }
        }
        (!frames.is_empty()).then(|| frames.into_bytes())
    }

    /// Waits for the first of shutdown, timer and event. A session check without result does not drop the source's
    /// future, so that a slow source does not start over with every check.
    async fn step(&mut self) -> Step<S::Item> {
        let Self { source, shutdown, timer, identity, ticket, sessions, .. } = self;
        let mut event = std::pin::pin!(source.next());
        loop {
            // Biased: a flood of events must not keep a stream open that has to end.
            tokio::select! {
                biased;
                () = &mut *shutdown => return Step::Shutdown,
                () = &mut *timer => {
                    let now = Instant::now();
                    let expiring_at = self.expiring_at.unwrap_or(self.token_expires_at);
                    let next_due = self.next_heartbeat.min(expiring_at).min(self.token_expires_at);
                    if now >= next_due || is_over(sessions, *identity, ticket.as_ref()) {
                        return Step::TimerDue;
                    }
                    timer.as_mut().reset(next_due.min(now + SESSION_CHECK_EVERY));
                }
                event = &mut event => return Step::Event(event),
            }
        }
    }

    /// Writes an event and those that are ready behind it, so that they are sent at once.
    fn write_batch(&mut self, first: &S::Item, frames: &mut Frames) {
        S::write(first, &self.context, frames);
        self.context.sent.increment(1);
        while frames.len() < BATCH_BYTES_MAX
            && let Some(next) = self.source.ready()
        {
            S::write(&next, &self.context, frames);
            self.context.sent.increment(1);
        }
    }

    /// Ends the stream with its session or its token, or sends `auth.expiring` and heartbeats that are due.
    fn handle_timer(&mut self, frames: &mut Frames) {
        let now = Instant::now();
        if now >= self.token_expires_at || is_over(&self.sessions, self.identity, self.ticket.as_ref()) {
            self.ended = true;
            return;
        }
        if self.expiring_at.is_some_and(|at| now >= at) {
            self.expiring_at = None;
            frames.expiring(&self.source.cursor(), self.identity.expires_at);
        }
        if now >= self.next_heartbeat {
            self.next_heartbeat = now + self.context.heartbeat;
            frames.heartbeat(&self.source.cursor());
        }
        let expiring_at = self.expiring_at.unwrap_or(self.token_expires_at);
        let next = (now + SESSION_CHECK_EVERY).min(self.next_heartbeat).min(expiring_at).min(self.token_expires_at);
        self.timer.as_mut().reset(next);
    }
}

/// The response of a HEAD, which opens no stream. It has no length, because a stream has none.
pub(in crate::http) fn headers_only() -> Response {
    with_headers(Body::from_stream(stream::empty::<Result<Bytes, Infallible>>()))
}

fn with_headers(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Tells proxies not to buffer events.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Whether the stream has to end: its session has ended, or its ticket has opened another stream.
fn is_over(sessions: &Sessions, identity: Identity, ticket: Option<&TicketUse>) -> bool {
    sessions.is_revoked(identity) || ticket.is_some_and(|ticket| !ticket.is_latest())
}

/// The event that [`SseResponse::step`] waited for.
enum Step<T> {
    Shutdown,
    /// A heartbeat or `auth.expiring` is due, or the session or the token has ended.
    TimerDue,
    /// The next event of the source; none if the source has ended.
    Event(Option<T>),
}

/// A random delay, so that clients that were disconnected at the same time do not reconnect at the same time.
fn reconnect_ms() -> u64 {
    rand::random_range(RETRY_MIN_MS..=RETRY_MAX_MS)
}

/// Counts an open stream until it is dropped.
struct StreamGauge(Gauge);

impl StreamGauge {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for StreamGauge {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
