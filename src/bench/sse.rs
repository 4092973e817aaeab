//! `dailyfeed bench sse`: measures live streams under load, with or without cut connections.
use super::{
    process::Process,
    stream::{self, MARK, Received, Shared},
};
use crate::client::Client;
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

/// Streams per member; the server allows 20 by default.
const PER_READER: usize = 20;
/// The same with `--chaos`: a stream can be resumed before the server has noticed that its old connection is closed.
const PER_READER_CUT: usize = 10;
/// Longest wait for the last events; then they count as lost.
const LAST_WAIT: Duration = Duration::from_secs(15);
/// Time to wait for duplicates after every event has arrived.
const DOUBLES_WAIT: Duration = Duration::from_secs(1);
const PASSWORD: &str = "Passw0rd!";

/// The options of `dailyfeed bench sse`. The server must run with `limits.enabled = false`.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Address of the server
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub address: SocketAddr,
    /// Streams to hold
    #[arg(long, default_value_t = 1_000)]
    pub streams: usize,
    /// Members who create posts; every stream follows all of them
    #[arg(long, default_value_t = 4)]
    pub writers: usize,
    /// Posts per second of all writers together
    #[arg(long, default_value_t = 50)]
    pub rate: usize,
    /// Seconds of writing
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Cut every stream at random and resume it; no event may be lost or duplicated
    #[arg(long)]
    pub chaos: bool,
    /// Process id of the server, for its CPU time and memory
    #[arg(long)]
    pub pid: Option<u32>,
}

/// Runs the measurement and prints it as JSON. Fails if an event was lost or duplicated.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let per_reader = if options.chaos { PER_READER_CUT } else { PER_READER };
    let readers = options.streams.div_ceil(per_reader);
    eprintln!("signing up {} writers and {readers} readers", options.writers);
    let writers = sign_up(&options, "w", options.writers).await?;
    let tokens = sign_up(&options, "r", readers).await?;
    for (_, token) in &tokens {
        let mut client = Client::open(options.address, 0, Some(token.clone())).await?;
        for (writer, _) in &writers {
            client.json("PUT", &format!("/api/members/{writer}/follow"), None).await?;
        }
    }
    let idle = options.pid.map(Process::of).transpose()?;
    let shared = Arc::new(Shared {
        address: options.address,
        begun: Instant::now(),
        ready: AtomicUsize::new(0),
        arrived: AtomicUsize::new(0),
        cuts: AtomicUsize::new(0),
        ended_by_server: AtomicUsize::new(0),
        chaos: options.chaos,
        over: CancellationToken::new(),
    });
    let mut streams = JoinSet::new();
    for number in 0..options.streams {
        let token = tokens[number / per_reader].1.clone();
        streams.spawn(stream::listen(shared.clone(), number, token));
        if number % 100 == 99 {
            // Let the server empty its accept queue.
            wait_ready(&shared, number.saturating_sub(400)).await?;
        }
    }
    wait_ready(&shared, options.streams).await?;
    let held = options.pid.map(Process::of).transpose()?;
    eprintln!(
        "{} streams are open; writing {} posts per second for {} s",
        options.streams, options.rate, options.seconds
    );
    let acknowledged = write(&options, &shared, &writers).await?;
    // The last posts can still be in transit, and with `--chaos` a stream can be between two connections.
    let waiting = Instant::now();
    while shared.arrived.load(Ordering::Relaxed) < acknowledged.len() * options.streams && waiting.elapsed() < LAST_WAIT
    {
        sleep(Duration::from_millis(10)).await;
    }
    let done = options.pid.map(Process::of).transpose()?;
    sleep(DOUBLES_WAIT).await;
    shared.over.cancel();
    let mut seen = Vec::new();
    while let Some(received) = streams.join_next().await {
        seen.push(received.context("a stream panicked")??);
    }
    let mut report = report(&options, &acknowledged, &seen, &shared);
    if let (Some(idle), Some(held), Some(done)) = (idle, held, done) {
        let per_stream = held.resident.saturating_sub(idle.resident) / options.streams.max(1) as u64;
        let deliveries = report["deliveries"].as_u64().unwrap_or_default().max(1);
        report["residentBytesPerStream"] = per_stream.into();
        report["residentBytes"] = done.resident.into();
        report["cpuMicrosPerDelivery"] =
            (((done.cpu_us - held.cpu_us) as f64 / deliveries as f64 * 10.0).round() / 10.0).into();
    }
    println!("{}", serde_json::to_string_pretty(&report)?);
    ensure!(report["lost"] == 0 && report["doubled"] == 0, "events were lost or duplicated");
    Ok(())
}

async fn sign_up(options: &Options, role: &str, count: usize) -> anyhow::Result<Vec<(u64, String)>> {
    let run = uuid::Uuid::new_v4().simple().to_string();
    let mut client = Client::open(options.address, 0, None).await?;
    let mut members = Vec::with_capacity(count);
    for number in 0..count {
        let name = format!("{role}{number}_{}", &run[..12]);
        let email = format!("{name}@example.com");
        let who = json!({"email": email, "password": PASSWORD, "handle": name, "memberName": "bench"});
        let member = client.json("POST", "/api/authentication/signup", Some(&who)).await?;
        let login = json!({"email": email, "password": PASSWORD});
        let tokens = client.json("POST", "/api/authentication/login", Some(&login)).await?;
        let token = tokens["accessToken"].as_str().context("a login returned no token")?;
        members.push((member["id"].as_u64().context("a sign-up returned no id")?, token.to_owned()));
    }
    Ok(members)
}

async fn wait_ready(shared: &Shared, count: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    while shared.ready.load(Ordering::Relaxed) < count {
        ensure!(begun.elapsed() < Duration::from_secs(60), "the streams did not open within a minute");
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Creates posts at a constant rate, independent of the response times. Returns the time at which each was
/// acknowledged.
async fn write(options: &Options, shared: &Shared, writers: &[(u64, String)]) -> anyhow::Result<Vec<u64>> {
    let total = options.rate * usize::try_from(options.seconds)?;
    let begun = Instant::now();
    let mut writing = JoinSet::new();
    for (index, (_, token)) in writers.iter().enumerate() {
        let (token, address, count, rate) = (token.clone(), options.address, writers.len(), options.rate);
        let clock = shared.begun;
        writing.spawn(async move {
            let mut client = Client::open(address, 0, Some(token)).await?;
            let mut acknowledged = Vec::new();
            for number in (index..total).step_by(count) {
                let due = begun + Duration::from_micros(1_000_000 * number as u64 / rate as u64);
                tokio::time::sleep_until(due.into()).await;
                let post = json!({"content": format!("{MARK}{number} 안녕하세요, 오늘의 소식입니다")});
                client.json("POST", "/api/posts", Some(&post)).await?;
                acknowledged.push((number, u64::try_from(clock.elapsed().as_micros())?));
            }
            anyhow::Ok(acknowledged)
        });
    }
    let mut acknowledged = vec![0; total];
    while let Some(written) = writing.join_next().await {
        for (number, at) in written.context("a writer panicked")?? {
            acknowledged[number] = at;
        }
    }
    Ok(acknowledged)
}

fn report(options: &Options, acknowledged: &[u64], seen: &[Received], shared: &Shared) -> Value {
    let (mut lost, mut doubled, mut latencies) = (0, 0, Vec::new());
    let mut counts = vec![0_u32; acknowledged.len()];
    for stream in seen {
        counts.fill(0);
        for (number, at) in stream {
            counts[*number] += 1;
            latencies.push(at.saturating_sub(acknowledged[*number]));
        }
        lost += counts.iter().filter(|count| **count == 0).count();
        doubled += counts.iter().filter(|count| **count > 1).count();
    }
    latencies.sort_unstable();
    let percentile = |p: f64| {
        let at = ((latencies.len() as f64 * p) as usize).min(latencies.len().saturating_sub(1));
        latencies.get(at).map(|us| *us as f64 / 1000.0)
    };
    let first = acknowledged.iter().min().copied().unwrap_or_default();
    let last = seen.iter().flatten().map(|(_, at)| *at).max().unwrap_or_default();
    let seconds = last.saturating_sub(first) as f64 / 1e6;
    json!({
        "streams": seen.len(),
        "posts": acknowledged.len(),
        "postsPerSecond": options.rate,
        "deliveries": latencies.len(),
        "deliveriesPerSecond": (latencies.len() as f64 / seconds.max(0.001)).round(),
        "latencyMs": {"p50": percentile(0.5), "p90": percentile(0.9), "p99": percentile(0.99), "max": percentile(1.0)},
        "lost": lost,
        "doubled": doubled,
        "cuts": shared.cuts.load(Ordering::Relaxed),
        "endedByServer": shared.ended_by_server.load(Ordering::Relaxed),
    })
}
