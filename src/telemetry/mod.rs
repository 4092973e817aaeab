//! Sets up the log and the metrics, once per process.
mod help;

use crate::{causes::WithCauses, config};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    io::IsTerminal,
    sync::{OnceLock, PoisonError},
    time::Duration,
};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Buckets of histograms in seconds: from a cached read to a request that timed out.
const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Buckets of histograms in bytes: from a short response to a large image.
const BYTES: &[f64] = &[256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];
/// Buckets of histograms of counts, such as commands per commit or rows per step.
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
/// Interval at which samples are folded into histograms, so that they do not grow while `/metrics` is not read.
const UPKEEP: Duration = Duration::from_secs(5);

/// Sends the log to standard error: text on a terminal, else one JSON object per line. The configuration has checked
/// the level; an invalid one falls back to `info`.
pub fn init_tracing(settings: &config::Log) {
    let filter = EnvFilter::try_new(&settings.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let text = match settings.format.as_str() {
        "text" => true,
        "json" => false,
        _ => std::io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines =
        if text { lines.boxed() } else { lines.json().flatten_event(true).map_event_format(WithCauses).boxed() };
    // Fails if a subscriber is already set, as in a test that starts several servers.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// Returns the metrics of the process; the first call installs the recorder. `None` if another recorder is installed.
pub fn metrics() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    static INSTALL: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = INSTALL.lock().unwrap_or_else(PoisonError::into_inner);
    HANDLE.get_or_init(install).clone()
}

fn install() -> Option<PrometheusHandle> {
    let bounds = [("_seconds", SECONDS), ("_bytes", BYTES), ("_commands", COUNTS), ("_rows", COUNTS)];
    let builder = bounds.into_iter().try_fold(PrometheusBuilder::new(), |builder, (unit, bounds)| {
        builder.set_buckets_for_metric(Matcher::Suffix(unit.to_owned()), bounds)
    });
    let handle = builder.and_then(PrometheusBuilder::install_recorder);
    let unavailable =
        |error| tracing::error!(error = &error as &dyn std::error::Error, "cannot install the metrics recorder");
    let handle = handle.map_err(unavailable).ok();
    help::describe();
    handle
}

/// Folds samples into histograms until the task is aborted.
pub async fn run_metrics_upkeep(handle: PrometheusHandle) {
    let mut clock = tokio::time::interval(UPKEEP);
    loop {
        clock.tick().await;
        handle.run_upkeep();
    }
}
