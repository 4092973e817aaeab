//! `/health`: for load balancers and orchestrators.
use super::{answer, problem::Problem};
use crate::actors::System;
use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Said by a process that is well.
#[derive(Serialize, ToSchema)]
#[schema(as = Health, examples(json!({"status": "UP"})))]
pub(super) struct HealthView {
    /// Always `UP`: anything else is a 503.
    status: &'static str,
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

/// Requests are welcome. Where they are not, they should go elsewhere.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "health", security(()),
    responses((status = 200, description = "It is ready", body = HealthView))
)]
pub(super) async fn ready(State(system): State<System>) -> Result<Response, Problem> {
    if system.is_ready() { Ok(up()) } else { Err(Problem::unavailable()) }
}

/// The process has started. Until then it should not be asked whether it lives.
#[utoipa::path(
    get, path = "/health/startup", operation_id = "startup", tag = "health", security(()),
    responses((status = 200, description = "It has started", body = HealthView))
)]
pub(super) async fn startup(State(system): State<System>) -> Result<Response, Problem> {
    if system.is_ready() { Ok(up()) } else { Err(Problem::unavailable()) }
}
