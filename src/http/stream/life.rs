//! One stream from its first byte to its last.
use super::{Streams, frame::Frames};
use crate::{
    actors::{
        sessions::Sessions,
        timeline::{Live, Subscription},
    },
    domain::{Identity, Timestamp},
};
use bytes::Bytes;
use futures::{FutureExt, Stream, stream};
use metrics::Gauge;
use std::{convert::Infallible, pin::Pin, time::Duration};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// How often a stream looks whether its session was ended: a stream of an ended session lasts at most this long.
/// Looking costs one lookup in memory; being told would wake every stream for every session that ends.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long before its end a token is announced to run out.
const EXPIRING_BEFORE: Duration = Duration::from_secs(60);
/// Bytes after which what has been gathered is sent, even if more is ready.
const GATHERED_MAX: usize = 32 * 1024;
/// A broken stream is opened again after this many milliseconds at least...
const RETRY_MIN_MS: u64 = 1_000;
/// ...and at most: clients that were cut off together come back apart.
const RETRY_MAX_MS: u64 = 5_000;

pub(super) struct Life {
    subscription: Subscription,
    identity: Identity,
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

/// What a stream wakes up for.
enum Woken {
    Live(Option<Live>),
    Clock,
    Shutdown,
}

impl Life {
    pub(super) fn new(subscription: Subscription, identity: Identity, sessions: Sessions, streams: Streams) -> Self {
        let now = Instant::now();
        let left = Timestamp::now().until(identity.expires_at);
        // Streams that were opened together do not beat together.
        let first_beat = streams.heartbeat.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        Self {
            subscription,
            identity,
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

    /// The body of the response. Dropping it ends the stream.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut life| async move {
            let bytes = life.next().await?;
            Some((Ok(bytes), life))
        })
    }

    /// The next bytes; none when the stream has ended.
    async fn next(&mut self) -> Option<Bytes> {
        let mut frames = Frames::default();
        if !self.begun {
            self.begun = true;
            frames.retry(rand::random_range(RETRY_MIN_MS..=RETRY_MAX_MS));
        }
        while !self.ended {
            let woken = tokio::select! {
                biased;
                () = &mut self.shutdown => Woken::Shutdown,
                () = &mut self.clock => Woken::Clock,
                live = self.subscription.next() => Woken::Live(live),
            };
            match woken {
                Woken::Live(Some(live)) => self.gather(&live, &mut frames),
                // More has happened than may wait for this client: it resumes from the last id that it has.
                Woken::Live(None) => self.ended = true,
                Woken::Shutdown => {
                    frames.bye(&self.subscription.cursor(), rand::random_range(RETRY_MIN_MS..=RETRY_MAX_MS));
                    self.ended = true;
                }
                Woken::Clock => self.look(&mut frames),
            }
            if frames.len() > 0 && self.begun_with(&frames) {
                return Some(frames.into_bytes());
            }
        }
        (frames.len() > 0).then(|| frames.into_bytes())
    }

    /// An event, and those that are ready behind it: one write for all.
    fn gather(&mut self, first: &Live, frames: &mut Frames) {
        frames.live(first);
        self.streams.sent.increment(1);
        while frames.len() < GATHERED_MAX {
            match self.subscription.next().now_or_never() {
                Some(Some(live)) => {
                    frames.live(&live);
                    self.streams.sent.increment(1);
                }
                Some(None) => {
                    self.ended = true;
                    break;
                }
                None => break,
            }
        }
    }

    /// What time brings: the end of the session, the end of the token, a heartbeat.
    fn look(&mut self, frames: &mut Frames) {
        let now = Instant::now();
        if now >= self.ends_at || self.sessions.is_revoked(self.identity.session) {
            self.ended = true;
            return;
        }
        if self.announce_at.is_some_and(|at| now >= at) {
            self.announce_at = None;
            frames.expiring(&self.subscription.cursor(), self.identity.expires_at);
        }
        if now >= self.next_beat {
            self.next_beat = now + self.streams.heartbeat;
            frames.heartbeat(&self.subscription.cursor());
        }
        let next = (now + LOOK_EVERY).min(self.next_beat).min(self.ends_at);
        self.clock.as_mut().reset(self.announce_at.map_or(next, |at| next.min(at)));
    }
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
