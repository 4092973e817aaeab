//! `/admin/deadletters` (admin listener): list, show, redrive and drop events that could not be applied.
use super::{
    extract::{Id, Paging},
    problem::Problem,
    response,
    views::DeadLetterView,
};
use crate::{
    actors::activity::{Activity, Redriven},
    domain::Position,
};
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeadLetterPage<'a> {
    items: Vec<DeadLetterView<'a>>,
    next_cursor: Option<&'a str>,
}

#[derive(Serialize)]
struct RedrivenView {
    redriven: u64,
    failed: u64,
}

fn outcome(Redriven { redriven, failed }: Redriven) -> Response {
    response::ok(&RedrivenView { redriven, failed })
}

/// `GET /admin/deadletters`: newest first.
pub(super) async fn list(State(activity): State<Activity>, paging: Paging) -> Result<Response, Problem> {
    let page = activity.dead_letters(paging.cursor(), paging.limit()).await?;
    let items = page.items.iter().map(DeadLetterView::from).collect();
    Ok(response::ok(&DeadLetterPage { items, next_cursor: page.next.as_deref() }))
}

/// `GET /admin/deadletters/{id}`.
pub(super) async fn show(State(activity): State<Activity>, Id(id): Id<Position>) -> Result<Response, Problem> {
    let dead_letter = activity.dead_letter(id).await?;
    Ok(response::ok(&DeadLetterView::from(&dead_letter)))
}

/// `POST /admin/deadletters/{id}/redrive`: applies the event again, and responds with the outcome.
pub(super) async fn redrive(State(activity): State<Activity>, Id(id): Id<Position>) -> Result<Response, Problem> {
    Ok(outcome(activity.redrive(id).await?))
}

/// `POST /admin/deadletters/redrive`: applies all events again, up to 1,000.
pub(super) async fn redrive_all(State(activity): State<Activity>) -> Result<Response, Problem> {
    Ok(outcome(activity.redrive_all().await?))
}

/// `DELETE /admin/deadletters/{id}`: drops the event permanently.
pub(super) async fn drop_dead_letter(
    State(activity): State<Activity>,
    Id(id): Id<Position>,
) -> Result<StatusCode, Problem> {
    activity.drop_dead_letter(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
