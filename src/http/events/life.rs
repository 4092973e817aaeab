//! One event stream from its first byte to its last.
use super::EventStreams;
use crate::{
    actors::{
        activity::{EventLive, EventStream},
        sessions::Sessions,
    },
    domain::{Identity, Timestamp},
    http::views::EventView,
};
use bytes::Bytes;
use futures::{FutureExt, Stream, stream};
use metrics::Gauge;
use serde::Serialize;
use serde_json::json;
use std::{convert::Infallible, pin::Pin, time::Duration};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// How often a stream looks whether its session was ended: a stream of an ended session lasts at most this long.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Bytes after which what has been gathered is sent, even if more is ready.
const GATHERED_MAX: usize = 32 * 1024;
/// A broken stream is opened again after this many milliseconds at least...
const RETRY_MIN_MS: u64 = 1_000;
/// ...and at most.
const RETRY_MAX_MS: u64 = 5_000;

pub(super) struct Life {
    events: EventStream,
    identity: Identity,
    sessions: Sessions,
    streams: EventStreams,
    _open: Open,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    clock: Pin<Box<Sleep>>,
    next_beat: Instant,
    ends_at: Instant,
    begun: bool,
    ended: bool,
}

impl Life {
    pub(super) fn new(events: EventStream, identity: Identity, sessions: Sessions, streams: EventStreams) -> Self {
        let now = Instant::now();
        // Streams that were opened together do not beat together.
        let first_beat = streams.heartbeat.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        Self {
            events,
            identity,
            sessions,
            _open: Open::new(streams.open.clone()),
            shutdown: Box::pin(streams.shutdown.clone().cancelled_owned()),
            clock: Box::pin(tokio::time::sleep_until(now)),
            next_beat: now + first_beat,
            ends_at: now + Timestamp::now().until(identity.expires_at),
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
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(format!("retry: {}\n", reconnect_ms()).as_bytes());
            let ready = self.events.next().await?;
            self.gather(&ready, &mut out);
        }
        while !self.ended && out.is_empty() {
            // In this order: a flood of events must not keep a stream open that should end.
            tokio::select! {
                biased;
                () = &mut self.shutdown => {
                    write(&mut out, &self.events.cursor(), "bye", &json!({"reconnectAfterMs": reconnect_ms()}));
                    self.ended = true;
                }
                () = &mut self.clock => self.look(&mut out),
                live = self.events.next() => match live {
                    Some(live) => self.gather(&live, &mut out),
                    None => self.ended = true,
                },
            }
        }
        (!out.is_empty()).then(|| out.into())
    }

    /// An event, and those that are ready behind it: one write for all.
    fn gather(&mut self, first: &EventLive, out: &mut Vec<u8>) {
        say(out, first);
        self.streams.sent.increment(1);
        while out.len() < GATHERED_MAX {
            match self.events.next().now_or_never() {
                Some(Some(live)) => {
                    say(out, &live);
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

    /// What time brings: the end of the session or the token, a heartbeat.
    fn look(&mut self, out: &mut Vec<u8>) {
        let now = Instant::now();
        if now >= self.ends_at || self.sessions.is_revoked(self.identity.session) {
            self.ended = true;
            return;
        }
        if now >= self.next_beat {
            self.next_beat = now + self.streams.heartbeat;
            out.extend_from_slice(format!(": cursor={}\n\n", self.events.cursor()).as_bytes());
        }
        self.clock.as_mut().reset((now + LOOK_EVERY).min(self.next_beat).min(self.ends_at));
    }
}

fn say(out: &mut Vec<u8>, live: &EventLive) {
    match live {
        EventLive::Ready(cursor) => write(out, cursor, "ready", &json!({"cursor": cursor})),
        EventLive::Happened(cursor, envelope) => write(out, cursor, envelope.r#type, &EventView::from(&**envelope)),
        EventLive::Reset(cursor, reason) => {
            write(out, cursor, "reset", &json!({"reason": reason, "restCursor": null}));
        }
    }
}

/// JSON escapes line breaks, so the data is one line.
fn write(out: &mut Vec<u8>, id: &str, name: &str, data: &impl Serialize) {
    out.extend_from_slice(format!("id: {id}\nevent: {name}\ndata: ").as_bytes());
    // Writing a view to memory does not fail.
    let _ = serde_json::to_writer(&mut *out, data);
    out.extend_from_slice(b"\n\n");
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
