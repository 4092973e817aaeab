//! Publishes the counters of the tokio runtime, which runs the actors, as metrics.
use tokio::runtime::Handle;

/// Sets the metrics of the runtime; does nothing outside one. The caller runs it before metrics are read.
pub(super) fn publish_metrics() {
    let Ok(runtime) = Handle::try_current().map(|handle| handle.metrics()) else { return };
    let workers = 0..runtime.num_workers();
    let busy: f64 = workers.clone().map(|worker| runtime.worker_total_busy_duration(worker).as_secs_f64()).sum();
    let parks: u64 = workers.map(|worker| runtime.worker_park_count(worker)).sum();
    metrics::gauge!("dailyfeed_runtime_workers").set(runtime.num_workers() as f64);
    metrics::gauge!("dailyfeed_runtime_tasks").set(runtime.num_alive_tasks() as f64);
    metrics::gauge!("dailyfeed_runtime_queued_tasks").set(runtime.global_queue_depth() as f64);
    metrics::gauge!("dailyfeed_runtime_busy_seconds").set(busy);
    metrics::counter!("dailyfeed_runtime_parks_total").absolute(parks);
}
