//! Logs and metrics, set up once per process.
use crate::config;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    io::IsTerminal,
    sync::{OnceLock, PoisonError},
    time::Duration,
};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Bounds of histograms in seconds: from a cached read to a request that timed out.
const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Bounds of histograms of counts, such as commands in a commit.
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
/// How often histograms are folded, so that they do not grow while nobody reads them.
const UPKEEP: Duration = Duration::from_secs(5);

/// Sends the log to standard error: text on a terminal, else one JSON object a line.
pub fn init_tracing(settings: &config::Log) {
    let filter = EnvFilter::try_new(&settings.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let text = match settings.format.as_str() {
        "text" => true,
        "json" => false,
        _ => std::io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if text { lines.boxed() } else { lines.json().flatten_event(true).boxed() };
    // Set already where a test starts several servers.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// The process's metrics; the first call begins to gather them. `None` where something else gathers them.
pub fn metrics() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    static INSTALL: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = INSTALL.lock().unwrap_or_else(PoisonError::into_inner);
    HANDLE.get_or_init(install).clone()
}

fn install() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), COUNTS));
    let handle = builder.and_then(PrometheusBuilder::install_recorder);
    handle.map_err(|error| tracing::error!(%error, "metrics are not available")).ok()
}

/// Keeps histograms small for as long as the process runs.
pub async fn upkeep(handle: PrometheusHandle) {
    let mut clock = tokio::time::interval(UPKEEP);
    loop {
        clock.tick().await;
        handle.run_upkeep();
    }
}
