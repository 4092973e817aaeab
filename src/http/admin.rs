//! The operating listener: metrics, and what the actors are doing. Never to be reached from outside.
use super::{answer, problem::Problem};
use crate::actors::{ActorRow, System};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

/// One actor.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActorView {
    name: &'static str,
    slot: Option<usize>,
    /// Messages waiting or being handled.
    queued: usize,
    capacity: usize,
    /// Age of the oldest of them.
    oldest_ms: u64,
    restarts: u64,
    handled: u64,
}

impl From<ActorRow> for ActorView {
    fn from(row: ActorRow) -> Self {
        let ActorRow { name, slot, queued, capacity, oldest_ms, restarts, handled } = row;
        Self { name, slot, queued, capacity, oldest_ms, restarts, handled }
    }
}

#[derive(Serialize)]
struct ActorsView {
    items: Vec<ActorView>,
}

/// `GET /admin/actors`.
pub(super) async fn actors(State(system): State<System>) -> Response {
    let items = system.rows().into_iter().map(ActorView::from).collect();
    answer::ok(&ActorsView { items })
}

/// `GET /metrics`, as Prometheus reads it.
pub(super) async fn metrics(
    State(system): State<System>,
    State(recorder): State<Option<PrometheusHandle>>,
) -> Result<Response, Problem> {
    let recorder = recorder.ok_or_else(Problem::unavailable)?;
    // Gauges of mailboxes are read when somebody looks, not kept up to date for nobody.
    system.publish_metrics();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render()).into_response())
}
