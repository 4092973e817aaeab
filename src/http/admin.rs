//! The operating listener: metrics, and what the actors are doing. Never to be reached from outside.
use super::{answer, problem::Problem};
use crate::actors::{
    ActorRow, System,
    search::{Search, SearchStatus},
};
use axum::{
    extract::State,
    http::{StatusCode, header},
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

/// Where search stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SearchView {
    documents: u64,
    /// In the log: everything up to here can be found.
    position: u64,
    lag_events: u64,
    /// Documents of the index that is being built; null where none is.
    building: Option<u64>,
    /// Indexes built since the process began.
    built: u64,
    failed: u64,
    error: Option<String>,
}

impl From<SearchStatus> for SearchView {
    fn from(status: SearchStatus) -> Self {
        Self {
            documents: status.documents,
            position: status.searchable_to.0,
            lag_events: status.lag_events,
            building: status.build_documents,
            built: status.builds_done,
            failed: status.builds_failed,
            error: status.last_error,
        }
    }
}

/// `GET /admin/search`.
pub(super) async fn search(State(search): State<Search>) -> Response {
    answer::ok(&SearchView::from(search.status()))
}

/// `POST /admin/search/reindex`: begins to build a new index, unless one is being built. `built` of the answer is one
/// less than it will be when this one has taken over.
pub(super) async fn reindex(State(search): State<Search>) -> Response {
    let before = SearchView::from(search.status());
    search.reindex();
    let mut response = answer::ok(&SearchView { building: before.building.or(Some(0)), ..before });
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// `GET /metrics`, as Prometheus reads it.
pub(super) async fn metrics(
    State(system): State<System>,
    State(recorder): State<Option<PrometheusHandle>>,
) -> Result<Response, Problem> {
    let recorder = recorder.ok_or_else(Problem::unavailable)?;
    // Gauges of mailboxes are read when somebody looks, not kept up to date for nobody.
    system.publish_metrics();
    // Under the names that every exporter gives them, which dashboards know.
    metrics_process::Collector::default().collect();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render()).into_response())
}
