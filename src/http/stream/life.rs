//! One stream from its first byte to its last.
use super::{Streams, frame::Frames};
use crate::{
    actors::{
        sessions::{Sessions, TicketUse},
        streams::{Live, Subscription},
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

/// How often a stream looks whether its session was ended, or its ticket has opened another: such a stream lasts at most this long.
/// Looking costs one lookup in memory; being told would wake every stream for every session that ends.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long before its end a token is announced to run out.
const EXPIRING_BEFORE: Duration = Duration::from_secs(60);
/// Bytes after which what has been gathered is sent, even if more is ready.
const GATHERED_MAX: usize = 32 * 1024;
/// A broken stream is opened again after this many milliseconds at least...
const RETRY_MIN_MS: u64 = 1_000;
/// ...and at most.
const RETRY_MAX_MS: u64 = 5_000;

/// What a stream tells of, whatever it is.
pub(in crate::http) trait Source: Send + 'static {
    /// One thing to tell.
    type Item: Send;

    /// The next one; none where the stream has to end. Dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = Option<Self::Item>> + Send;

    /// The next one, where it is there already. Begins nothing.
    fn ready(&mut self) -> Option<Self::Item>;

    /// Where the client may resume from without missing anything.
    fn cursor(&self) -> String;

    /// As it goes over the wire.
    fn write(item: &Self::Item, streams: &Streams, frames: &mut Frames);
}

impl Source for Subscription {
    type Item = Live;

    fn next(&mut self) -> impl Future<Output = Option<Live>> + Send {
        Self::next(self)
    }

    fn ready(&mut self) -> Option<Live> {
        Self::ready(self)
    }

    fn cursor(&self) -> String {
        Self::cursor(self)
    }

    fn write(live: &Live, streams: &Streams, frames: &mut Frames) {
        frames.live(live, &streams.rendered);
    }
}

pub(in crate::http) struct Life<S> {
    source: S,
    identity: Identity,
    /// In use for as long as the stream is open.
    ticket: Option<TicketUse>,
    sessions: Sessions,
    streams: Streams,
    _open: Open,
    /// Registered once, not again for each event.
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    clock: Pin<Box<Sleep>>,
    next_beat: Instant,
    /// When to announce the end of the token; none once that is done.
    announce_at: Option<Instant>,
    ends_at: Instant,
    begun: bool,
    ended: bool,
}

impl<S: Source> Life<S> {
    pub(in crate::http) fn new(
        source: S,
        identity: Identity,
        ticket: Option<TicketUse>,
        sessions: Sessions,
        streams: Streams,
    ) -> Self {
        let now = Instant::now();
        let left = Timestamp::now().until(identity.expires_at);
        // Streams that were opened together do not beat together.
        let first_beat = streams.heartbeat.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        Self {
            source,
            identity,
            ticket,
            sessions,
            _open: Open::new(streams.open.clone()),
            shutdown: Box::pin(streams.shutdown.clone().cancelled_owned()),
            clock: Box::pin(tokio::time::sleep_until(now)),
            next_beat: now + first_beat,
            announce_at: Some(now + left.saturating_sub(EXPIRING_BEFORE)),
            ends_at: now + left,
            streams,
            begun: false,
            ended: false,
        }
    }

    /// The response. Dropping its body ends the stream.
    pub(in crate::http) fn answer(self) -> Response {
        described(Body::from_stream(self.into_stream()))
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut life| async move {
            let bytes = life.next().await?;
            Some((Ok(bytes), life))
        })
    }

    /// The next bytes; none when the stream has ended.
    async fn next(&mut self) -> Option<Bytes> {
        let mut frames = Frames::default();
        if !self.begun {
            // Before anything else, and there already.
            self.begun = true;
            frames.retry(reconnect_ms());
            let ready = self.source.next().await?;
            self.gather(&ready, &mut frames);
        }
        while !self.ended && frames.is_empty() {
            match self.turn().await {
                Turn::Shutdown => {
                    frames.bye(&self.source.cursor(), reconnect_ms());
                    self.ended = true;
                }
                Turn::Time => self.look(&mut frames),
                Turn::Told(Some(live)) => self.gather(&live, &mut frames),
                // More has happened than may wait for this client: it resumes from the last id that it has.
                Turn::Told(None) => self.ended = true,
            }
        }
        (!frames.is_empty()).then(|| frames.into_bytes())
    }

    /// Waits for whatever comes first. A look that finds nothing to say disturbs nothing: what the source has begun
    /// goes on, so that one that takes its time is not begun again and again.
    async fn turn(&mut self) -> Turn<S::Item> {
        let Self { source, shutdown, clock, identity, ticket, sessions, .. } = self;
        let mut told = std::pin::pin!(source.next());
        loop {
            // In this order: a flood of events must not keep a stream open that should end.
            tokio::select! {
                biased;
                () = &mut *shutdown => return Turn::Shutdown,
                () = &mut *clock => {
                    let now = Instant::now();
                    let next = self.announce_at.map_or(self.next_beat, |at| at.min(self.next_beat)).min(self.ends_at);
                    if now >= next || is_over(sessions, *identity, ticket.as_ref()) {
                        return Turn::Time;
                    }
                    clock.as_mut().reset(next.min(now + LOOK_EVERY));
                }
                live = &mut told => return Turn::Told(live),
            }
        }
    }

    /// An event, and those that are ready behind it: one write for all.
    fn gather(&mut self, first: &S::Item, frames: &mut Frames) {
        S::write(first, &self.streams, frames);
        self.streams.sent.increment(1);
        while frames.len() < GATHERED_MAX
            && let Some(next) = self.source.ready()
        {
            S::write(&next, &self.streams, frames);
            self.streams.sent.increment(1);
        }
    }

    /// What time brings: the end of the session, the end of the token, a heartbeat.
    fn look(&mut self, frames: &mut Frames) {
        let now = Instant::now();
        if now >= self.ends_at || is_over(&self.sessions, self.identity, self.ticket.as_ref()) {
            self.ended = true;
            return;
        }
        if self.announce_at.is_some_and(|at| now >= at) {
            self.announce_at = None;
            frames.expiring(&self.source.cursor(), self.identity.expires_at);
        }
        if now >= self.next_beat {
            self.next_beat = now + self.streams.heartbeat;
            frames.heartbeat(&self.source.cursor());
        }
        let next = (now + LOOK_EVERY).min(self.next_beat).min(self.ends_at);
        self.clock.as_mut().reset(self.announce_at.map_or(next, |at| next.min(at)));
    }
}

/// What a HEAD is told of a stream, which it does not open. Without a length: a stream has none.
pub(in crate::http) fn unopened() -> Response {
    described(Body::from_stream(stream::empty::<Result<Bytes, Infallible>>()))
}

fn described(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that would gather the events are told not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Whether the stream has no right to go on: its session was ended, or its ticket has opened another.
fn is_over(sessions: &Sessions, identity: Identity, ticket: Option<&TicketUse>) -> bool {
    sessions.is_revoked(identity) || ticket.is_some_and(|ticket| !ticket.is_latest())
}

/// What came first.
enum Turn<T> {
    Shutdown,
    /// Something is due, or the session has ended.
    Time,
    Told(Option<T>),
}

/// Clients that were cut off together come back apart.
fn reconnect_ms() -> u64 {
    rand::random_range(RETRY_MIN_MS..=RETRY_MAX_MS)
}

/// Counts a stream for as long as it is open.
struct Open(Gauge);

impl Open {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
