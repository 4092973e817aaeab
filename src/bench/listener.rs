//! The client of one stream: reads its events, and with `--chaos` cuts the connection at random and resumes.
use crate::client::Client;
use anyhow::{Context, bail};
use http_body_util::BodyExt;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// Marks a post of the measurement; the number of the post follows.
pub(super) const MARK: &str = "bench-post-";

/// The state that all listeners share.
pub(super) struct Shared {
    pub(super) address: SocketAddr,
    pub(super) begun: Instant,
    pub(super) ready: AtomicUsize,
    /// Marked posts that have arrived at all listeners together.
    pub(super) arrived: AtomicUsize,
    pub(super) cuts: AtomicUsize,
    /// Streams that the server ended because their client was too slow. They are resumed like cut ones.
    pub(super) ended_by_server: AtomicUsize,
    /// Whether to cut connections at random.
    pub(super) chaos: bool,
    /// Cancelled when the listeners should end.
    pub(super) over: CancellationToken,
}

/// The posts that one listener received: their numbers, each with the microseconds since the start.
pub(super) type Received = Vec<(usize, u64)>;

/// Listens until `shared.over` is cancelled, and returns the posts received.
pub(super) async fn listen(shared: Arc<Shared>, number: usize, token: String) -> anyhow::Result<Received> {
    let mut random = StdRng::seed_from_u64(number as u64);
    let (mut seen, mut last_id, mut first) = (Received::new(), None::<String>, true);
    loop {
        let line = async {
            let life = Duration::from_millis(random.random_range(100..1_500));
            let read = read(&shared, number, &token, &mut last_id, &mut seen, &mut first);
            if !shared.chaos {
                return read.await;
            }
            // Cuts the connection wherever it is, even within an event.
            tokio::time::timeout(life, read).await.unwrap_or_else(|_| {
                shared.cuts.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
        };
        tokio::select! {
            ended = line => ended?,
            () = shared.over.cancelled() => return Ok(seen),
        }
        if !shared.chaos {
            shared.ended_by_server.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn read(
    shared: &Shared,
    number: usize,
    token: &str,
    last_id: &mut Option<String>,
    seen: &mut Received,
    first: &mut bool,
) -> anyhow::Result<()> {
    let mut client = Client::open(shared.address, number, Some(token.to_owned())).await?;
    let mut headers = vec![("accept", "text/event-stream")];
    if let Some(id) = last_id.as_deref() {
        headers.push(("last-event-id", id));
    }
    let answer = client.send("GET", "/api/timeline/stream", &headers, None).await?;
    if !answer.status().is_success() {
        bail!("the stream was refused with {}", answer.status());
    }
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        // A failed connection is resumed like a cut one.
        let Ok(frame) = frame else { return Ok(()) };
        let Some(data) = frame.data_ref() else { continue };
        let now = u64::try_from(shared.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        // A chunk may end within a character, an event cannot.
        bytes.extend_from_slice(data);
        while let Some(end) = bytes.windows(2).position(|pair| pair == b"\n\n") {
            let text = std::str::from_utf8(&bytes[..end]).context("an event is not UTF-8")?;
            event(text, now, last_id, seen, shared, first)?;
            bytes.drain(..end + 2);
        }
    }
    Ok(())
}

fn event(
    event: &str,
    now: u64,
    last_id: &mut Option<String>,
    seen: &mut Received,
    shared: &Shared,
    first: &mut bool,
) -> anyhow::Result<()> {
    for line in event.lines() {
        if let Some(id) = line.strip_prefix("id:") {
            *last_id = Some(id.trim().to_owned());
        } else if let Some(cursor) = line.strip_prefix(": cursor=") {
            *last_id = Some(cursor.trim().to_owned());
        } else if line.strip_prefix("event:").is_some_and(|name| name.trim() == "ready") {
            if std::mem::take(first) {
                shared.ready.fetch_add(1, Ordering::Relaxed);
            }
        } else if line.strip_prefix("event:").is_some_and(|name| name.trim() == "reset") {
            bail!("the server reset a stream");
        } else if let Some(at) = line.find(MARK) {
            let digits = line[at + MARK.len()..].split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            seen.push((digits.parse()?, now));
            shared.arrived.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
