//! `/admin` and `/metrics` (admin listener): state of the actors and of search, metrics. Not for the public network.
use super::{problem::Problem, response};
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

/// The state of one actor.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActorView {
    name: &'static str,
    slot: Option<usize>,
    /// Messages in the mailbox or being handled.
    queued: usize,
    capacity: usize,
    /// Age of the oldest of these messages.
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
    response::ok(&ActorsView { items })
}

/// The state of the search index.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SearchView {
    documents: u64,
    /// Position in the log up to which everything is searchable.
    position: u64,
    lag_events: u64,
    /// Documents of the index that is being built; null if none is.
    building: Option<u64>,
    /// Indexes built since the process started.
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
    response::ok(&SearchView::from(search.status()))
}

/// `POST /admin/search/reindex`: starts building a new index, unless one is being built. Its `built` increases by one
/// when the new index is in use.
pub(super) async fn reindex(State(search): State<Search>) -> Response {
    let before = SearchView::from(search.status());
    search.reindex();
    let mut response = response::ok(&SearchView { building: before.building.or(Some(0)), ..before });
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// `GET /metrics`: the Prometheus text format.
pub(super) async fn metrics(
    State(system): State<System>,
    State(recorder): State<Option<PrometheusHandle>>,
) -> Result<Response, Problem> {
    let recorder = recorder.ok_or_else(Problem::unavailable)?;
    // The gauges of mailboxes are set here, when they are scraped, rather than with every message.
    system.publish_metrics();
    // Process metrics under the standard names, which dashboards expect.
    metrics_process::Collector::default().collect();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render()).into_response())
}
