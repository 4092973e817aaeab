//! `/health`: liveness, readiness and startup probes for load balancers and orchestrators.
use super::{problem::Problem, response};
use crate::actors::System;
use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The process is up.
#[derive(Serialize, ToSchema)]
#[schema(as = Health, examples(json!({"status": "UP"})))]
pub(super) struct HealthView {
    /// Always `UP`; otherwise the response is a 503.
    status: &'static str,
}

/// The readiness of the server and the parts that are down.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness, examples(json!({"status": "UP"}), json!({"status": "degraded", "parts": ["search"]})))]
pub(super) struct ReadinessView {
    status: ReadinessStatus,
    /// The parts that are down while the status is `degraded`: `search`, `ranking`, `activity`, `images`, `views`,
    /// `housekeeping`. Their routes respond with 503 `UNAVAILABLE`. The server retries until they are up again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    parts: Vec<&'static str>,
}

/// The readiness of the server.
#[derive(Serialize, ToSchema)]
enum ReadinessStatus {
    /// All parts are up.
    #[serde(rename = "UP")]
    Up,
    /// Feeds, writes and logins work; some parts are down.
    #[serde(rename = "degraded")]
    Degraded,
}

fn up() -> Response {
    response::ok(&HealthView { status: "UP" })
}

/// Liveness probe: the process responds. Restart the process if it does not.
#[utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "health", security(()),
    responses((status = 200, description = "The process is alive", body = HealthView))
)]
pub(super) async fn live() -> Response {
    up()
}

/// Readiness probe: the server accepts requests, even if some parts are down.
///
/// Send no traffic to the server while it responds with 503.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "health", security(()),
    responses((status = 200, description = "The server is ready", body = ReadinessView))
)]
pub(super) async fn ready(State(system): State<System>) -> Result<Response, Problem> {
    if !system.is_ready() {
        return Err(Problem::unavailable());
    }
    let parts = system.parts_down();
    let status = if parts.is_empty() { ReadinessStatus::Up } else { ReadinessStatus::Degraded };
    Ok(response::ok(&ReadinessView { status, parts }))
}

/// Startup probe: the server has started. Use the liveness probe only after it has.
#[utoipa::path(
    get, path = "/health/startup", operation_id = "startup", tag = "health", security(()),
    responses((status = 200, description = "The server has started", body = HealthView))
)]
pub(super) async fn startup(State(system): State<System>) -> Result<Response, Problem> {
    if system.is_ready() { Ok(up()) } else { Err(Problem::unavailable()) }
}
