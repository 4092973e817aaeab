//! One stream's client: reads events, and where asked to, cuts the line and resumes.
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

/// What marks a post of the measurement; its number follows.
pub(super) const MARK: &str = "bench-post-";

/// What every listener shares.
pub(super) struct Shared {
    pub(super) address: SocketAddr,
    pub(super) begun: Instant,
    pub(super) ready: AtomicUsize,
    /// Marked posts that arrived, at all listeners together.
    pub(super) arrived: AtomicUsize,
    pub(super) cuts: AtomicUsize,
    /// Streams that the server let go because their client was too slow; they are resumed like those that were cut.
    pub(super) let_go: AtomicUsize,
    /// Whether to cut the line at random.
    pub(super) chaos: bool,
    /// Turns true when the listeners should end.
    pub(super) over: CancellationToken,
}

/// What one listener saw: post numbers with the microseconds since the beginning.
pub(super) type Seen = Vec<(usize, u64)>;

/// Listens until it is over, and returns what it saw.
pub(super) async fn listen(shared: Arc<Shared>, number: usize, token: String) -> anyhow::Result<Seen> {
    let mut random = StdRng::seed_from_u64(number as u64);
    let (mut seen, mut last_id, mut first) = (Seen::new(), None::<String>, true);
    loop {
        let line = async {
            let life = Duration::from_millis(random.random_range(100..1_500));
            let read = read(&shared, number, &token, &mut last_id, &mut seen, &mut first);
            if !shared.chaos {
                return read.await;
            }
            // A cut in the middle of whatever is on its way.
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
            shared.let_go.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn read(
    shared: &Shared,
    number: usize,
    token: &str,
    last_id: &mut Option<String>,
    seen: &mut Seen,
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
        // A line that breaks is resumed like one that was cut.
        let Ok(frame) = frame else { return Ok(()) };
        let Some(data) = frame.data_ref() else { continue };
        let now = u64::try_from(shared.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        // A chunk may end in the middle of a character, an event never does.
        bytes.extend_from_slice(data);
        while let Some(end) = bytes.windows(2).position(|pair| pair == b"\n\n") {
            let text = std::str::from_utf8(&bytes[..end]).context("an event that is not UTF-8")?;
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
    seen: &mut Seen,
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
