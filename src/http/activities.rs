//! `/api/activities`: what the caller did.
use super::{
    answer,
    contract::ActivityType,
    extract::{Auth, Paging, Query},
    problem::Problem,
    views::ActivityPage,
};
use crate::{
    actors::activity::Activity,
    domain::{FieldError, Reason, activity_kind},
};
use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which activities.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfType {
    /// Only of this type.
    #[param(value_type = Option<ActivityType>)]
    r#type: Option<String>,
}

/// The caller's own log, newest first: posts, comments, likes, reads, follows, blocks, logins and the like, for a year.
///
/// Whatever was answered before the request is in it.
#[utoipa::path(
    get, path = "/api/activities", operation_id = "listActivities", tag = "activity",
    params(OfType, Paging),
    responses((status = 200, description = "A page of activities", body = ActivityPage))
)]
pub(super) async fn list(
    State(activity): State<Activity>,
    Auth(identity): Auth,
    Query(of): Query<OfType>,
    paging: Paging,
) -> Result<Response, Problem> {
    let unknown = FieldError { field: "type", reason: Reason::UnknownValue };
    let kind = of.r#type.map(|name| activity_kind(&name).ok_or(unknown)).transpose()?;
    let page = activity.activities(identity.member, kind, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&ActivityPage::new(&page.items, page.next.as_deref())))
}
