//! [`listen`]: reads the events of one stream for `bench sse`, and with `--chaos` cuts the connection at random and
//! resumes it.
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

/// The state that all streams share.
pub(super) struct Shared {
    pub(super) address: SocketAddr,
    pub(super) begun: Instant,
    pub(super) ready: AtomicUsize,
    /// Marked posts that have arrived, summed over all streams.
    pub(super) arrived: AtomicUsize,
    pub(super) cuts: AtomicUsize,
    /// Streams that the server ended because their client was too slow. They are resumed like cut ones.
    pub(super) ended_by_server: AtomicUsize,
    /// Whether to cut connections at random.
    pub(super) chaos: bool,
    /// Cancelled when the streams should end.
    pub(super) over: CancellationToken,
}

/// The posts that one stream received: their numbers, each with the microseconds since the start.
pub(super) type Received = Vec<(usize, u64)>;

/// One stream of the measurement, over all its connections.
struct BenchStream {
    shared: Arc<Shared>,
    /// Selects the source address and seeds the random cuts.
    number: usize,
    token: String,
    /// The id from which the stream resumes.
    last_id: Option<String>,
    received: Received,
    /// Whether `ready` has arrived once.
    opened: bool,
}

/// Listens until `shared.over` is cancelled, and returns the posts received.
pub(super) async fn listen(shared: Arc<Shared>, number: usize, token: String) -> anyhow::Result<Received> {
    let mut random = StdRng::seed_from_u64(number as u64);
    let (over, chaos) = (shared.over.clone(), shared.chaos);
    let mut stream =
        BenchStream { shared: shared.clone(), number, token, last_id: None, received: Received::new(), opened: false };
    loop {
        let cut_after = Duration::from_millis(random.random_range(100..1_500));
        let connection = async {
            let read = stream.read_connection();
            if !chaos {
                return read.await;
            }
            // Cuts the connection at any point, even within an event.
            tokio::time::timeout(cut_after, read).await.unwrap_or_else(|_| {
                shared.cuts.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
        };
        let ended = tokio::select! {
            ended = connection => Some(ended),
            () = over.cancelled() => None,
        };
        let Some(ended) = ended else { return Ok(stream.received) };
        ended?;
        if !chaos {
            shared.ended_by_server.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl BenchStream {
    /// Opens the stream or resumes it, and reads its events until the connection ends.
    async fn read_connection(&mut self) -> anyhow::Result<()> {
        let mut client = Client::open(self.shared.address, self.number, Some(self.token.clone())).await?;
        let mut headers = vec![("accept", "text/event-stream")];
        if let Some(id) = self.last_id.as_deref() {
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
            let now = u64::try_from(self.shared.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            // A chunk can end within a character, an event cannot.
            bytes.extend_from_slice(data);
            while let Some(end) = bytes.windows(2).position(|pair| pair == b"\n\n") {
                let event = std::str::from_utf8(&bytes[..end]).context("an event is not UTF-8")?;
                self.note_event(event, now)?;
                bytes.drain(..end + 2);
            }
        }
        Ok(())
    }

    /// Notes the id of an event, and the number of a marked post.
    fn note_event(&mut self, event: &str, now: u64) -> anyhow::Result<()> {
        for line in event.lines() {
            if let Some(id) = line.strip_prefix("id:") {
                self.last_id = Some(id.trim().to_owned());
            } else if let Some(cursor) = line.strip_prefix(": cursor=") {
                self.last_id = Some(cursor.trim().to_owned());
            } else if line.strip_prefix("event:").is_some_and(|name| name.trim() == "ready") {
                if !self.opened {
                    self.opened = true;
                    self.shared.ready.fetch_add(1, Ordering::Relaxed);
                }
            } else if line.strip_prefix("event:").is_some_and(|name| name.trim() == "reset") {
                bail!("the server reset a stream");
            } else if let Some(at) = line.find(MARK) {
                let digits = line[at + MARK.len()..].split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
                self.received.push((digits.parse()?, now));
                self.shared.arrived.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}
