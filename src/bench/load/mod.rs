//! `dailyfeed bench load`: runs the scenarios of `loadtests/k6` in this program, for machines without k6.
//!
//! Rates are an open loop: each request is due at its scheduled time, independent of earlier responses. If all
//! connections are busy then, its latency still counts from that time. A slow server cannot slow down its measurement.
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

/// Maximum requests of one run; each sample takes 8 bytes.
const REQUESTS_MAX: u64 = 20_000_000;

/// The options of `dailyfeed bench load`. The server must be seeded and run with `limits.enabled = false`.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Scenario to run
    #[arg(value_enum)]
    pub scenario: Scenario,
    /// Address of the server
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub address: SocketAddr,
    /// Requests per second; of `spike` its lowest step, of `celebrity` without the author's posts
    #[arg(long, default_value_t = 500)]
    pub rate: u64,
    /// Seconds of the run; `blog` compresses its ten minutes into this time
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Connections, which limit the requests in progress
    #[arg(long, default_value_t = 128)]
    pub connections: usize,
    /// Seeded members who log in
    #[arg(long, default_value_t = 50)]
    pub members: usize,
    /// Number of seeded members; those who log in are spread over them
    #[arg(long, default_value_t = 1_000)]
    pub seeded: usize,
    /// Process id of the server, for its CPU time and memory
    #[arg(long)]
    pub pid: Option<u32>,
}

/// Runs the scenario and prints the result as JSON. Fails if more than 1 % of the responses were wrong.
pub async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(
        options.rate > 0 && options.seconds > 0 && options.connections > 0,
        "rate, seconds and connections must be above 0"
    );
    let schedule = Schedule::new(options.scenario, options.rate, options.seconds);
    ensure!(schedule.total() <= REQUESTS_MAX, "a run can have at most {REQUESTS_MAX} requests");
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
    ensure!(wrong <= 0.01, "{:.2} % of the responses were wrong", wrong * 100.0);
    Ok(())
}
