//! `/health`: for load balancers and orchestrators.
use super::{answer, problem::Problem};
use crate::actors::System;
use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Said by a process that is there.
#[derive(Serialize, ToSchema)]
#[schema(as = Health, examples(json!({"status": "UP"})))]
pub(super) struct HealthView {
    /// Always `UP`: anything else is a 503.
    status: &'static str,
}

/// Whether everything works.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness, examples(json!({"status": "UP"}), json!({"status": "degraded", "parts": ["search"]})))]
pub(super) struct ReadinessView {
    status: ReadinessStatus,
    /// The parts that are down while the status is `degraded`: `search`, `ranking`, `activity`, `images`, `views`,
    /// `housekeeping`. What they serve is answered 503 with `UNAVAILABLE`; they are tried again for as long as it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    parts: Vec<&'static str>,
}

/// How ready the server is.
#[derive(Serialize, ToSchema)]
enum ReadinessStatus {
    /// Everything works.
    #[serde(rename = "UP")]
    Up,
    /// Feeds, writes and logins work, and some parts do not.
    #[serde(rename = "degraded")]
    Degraded,
}

fn up() -> Response {
    answer::ok(&HealthView { status: "UP" })
}

/// The process answers. Where it does not, it should be started again.
#[utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "health", security(()),
    responses((status = 200, description = "It lives", body = HealthView))
)]
pub(super) async fn live() -> Response {
    up()
}

/// Requests are welcome, though some parts may be down. Where requests are not welcome, they should go elsewhere.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "health", security(()),
    responses((status = 200, description = "It is ready", body = ReadinessView))
)]
pub(super) async fn ready(State(system): State<System>) -> Result<Response, Problem> {
    if !system.is_ready() {
        return Err(Problem::unavailable());
    }
    let parts = system.parts_down();
    let status = if parts.is_empty() { ReadinessStatus::Up } else { ReadinessStatus::Degraded };
    Ok(answer::ok(&ReadinessView { status, parts }))
}

/// The process has started. Until then it should not be asked whether it lives.
#[utoipa::path(
    get, path = "/health/startup", operation_id = "startup", tag = "health", security(()),
    responses((status = 200, description = "It has started", body = HealthView))
)]
pub(super) async fn startup(State(system): State<System>) -> Result<Response, Problem> {
    if system.is_ready() { Ok(up()) } else { Err(Problem::unavailable()) }
}
