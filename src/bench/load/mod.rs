//! `dailyfeed bench load`: the scenarios of `loadtests/k6` by this program itself, for machines without k6.
//!
//! Rates are open loop: a request is due at its time whatever the answers before it took, and its latency counts from
//! that time where all connections were busy then. A slow server cannot slow its own measurement down.
mod blog;
mod celebrity;
mod graph;
mod open;
mod report;
mod shape;

pub use shape::Scenario;

use super::process::Process;
use anyhow::ensure;
use graph::Graph;
use shape::Schedule;
use std::net::SocketAddr;

/// Most requests of one run: each is remembered with 8 bytes.
const REQUESTS_MAX: u64 = 20_000_000;

/// What to measure. The server must be seeded and run with `limits.enabled = false`.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Which scenario
    #[arg(value_enum)]
    pub scenario: Scenario,
    /// Address of the server
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub address: SocketAddr,
    /// Requests a second that are offered; of a spike, at its foot; of `celebrity`, beside the author's posts
    #[arg(long, default_value_t = 500)]
    pub rate: u64,
    /// Seconds to offer them for; `blog` has a shape of ten minutes that is pressed into this
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Connections, and so requests under way at once
    #[arg(long, default_value_t = 128)]
    pub connections: usize,
    /// Seeded members who log in
    #[arg(long, default_value_t = 50)]
    pub members: usize,
    /// Seeded members that there are; those who log in are spread over them
    #[arg(long, default_value_t = 1_000)]
    pub seeded: usize,
    /// Process id of the server, for its CPU time and memory
    #[arg(long)]
    pub pid: Option<u32>,
}

/// Runs the scenario, prints the result as JSON, and fails where more than one answer in a hundred was wrong.
pub async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(options.rate > 0 && options.seconds > 0 && options.connections > 0, "nothing is asked for");
    let schedule = Schedule::new(options.scenario, options.rate, options.seconds);
    ensure!(schedule.total() <= REQUESTS_MAX, "more than {REQUESTS_MAX} requests");
    eprintln!("logging in {} members", options.members);
    let graph = Graph::load(&options).await?;
    let before = options.pid.map(Process::of).transpose()?;
    let measured = match options.scenario {
        Scenario::Blog => blog::run(&options, graph).await?,
        Scenario::Celebrity => celebrity::run(&options, schedule, graph).await?,
        _ => open::run(&options, schedule, graph).await?,
    };
    let after = options.pid.map(Process::of).transpose()?;
    let report = report::report(&options, &measured, before.zip(after));
    println!("{}", serde_json::to_string_pretty(&report)?);
    let wrong = report["failedRatio"].as_f64().unwrap_or(1.0);
    ensure!(wrong <= 0.01, "{:.2} % of the answers were wrong", wrong * 100.0);
    Ok(())
}
