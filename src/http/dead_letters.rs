//! `/admin/deadletters`: events that could not be taken in. On the operating listener alone.
use super::{
    answer,
    extract::{Id, Paging},
    problem::Problem,
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
    answer::ok(&RedrivenView { redriven, failed })
}

/// `GET /admin/deadletters`: newest first.
pub(super) async fn list(State(activity): State<Activity>, paging: Paging) -> Result<Response, Problem> {
    let page = activity.dead_letters(paging.cursor(), paging.limit()).await?;
    let items = page.items.iter().map(DeadLetterView::from).collect();
    Ok(answer::ok(&DeadLetterPage { items, next_cursor: page.next.as_deref() }))
}

/// `GET /admin/deadletters/{id}`.
pub(super) async fn show(State(activity): State<Activity>, Id(id): Id<Position>) -> Result<Response, Problem> {
    let letter = activity.dead_letter(id).await?;
    Ok(answer::ok(&DeadLetterView::from(&letter)))
}

/// `POST /admin/deadletters/{id}/redrive`: tries it again, and says what came of it.
pub(super) async fn redrive(State(activity): State<Activity>, Id(id): Id<Position>) -> Result<Response, Problem> {
    Ok(outcome(activity.redrive(id).await?))
}

/// `POST /admin/deadletters/redrive`: tries all again, up to 1,000.
pub(super) async fn redrive_all(State(activity): State<Activity>) -> Result<Response, Problem> {
    Ok(outcome(activity.redrive_all().await?))
}

/// `DELETE /admin/deadletters/{id}`: gives it up for good.
pub(super) async fn drop(State(activity): State<Activity>, Id(id): Id<Position>) -> Result<StatusCode, Problem> {
    activity.drop_dead_letter(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
