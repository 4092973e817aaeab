//! `/api/activities`: the caller's own activities.
use super::{
    contract::ActivityType,
    extract::{Auth, Paging, Query},
    problem::Problem,
    response,
    views::ActivityPage,
};
use crate::{
    actors::activity::Activity,
    domain::{FieldError, Reason, activity_kind},
};
use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

/// The filter of activities.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TypeQuery {
    /// Only activities of this type.
    #[param(value_type = Option<ActivityType>)]
    r#type: Option<String>,
}

/// Lists the caller's own activities, newest first.
///
/// Activities are posts, comments, likes, views, follows, blocks, logins and other actions; they are kept for a year.
/// The list includes every request that was answered before this one.
#[utoipa::path(
    get, path = "/api/activities", operation_id = "listActivities", tag = "activity",
    params(TypeQuery, Paging),
    responses((status = 200, description = "A page of activities", body = ActivityPage))
)]
pub(super) async fn list_activities(
    State(activity): State<Activity>,
    Auth(identity): Auth,
    Query(query): Query<TypeQuery>,
    paging: Paging,
) -> Result<Response, Problem> {
    let unknown = FieldError { field: "type", reason: Reason::UnknownValue };
    let kind = query.r#type.map(|name| activity_kind(&name).ok_or(unknown)).transpose()?;
    let page = activity.activities(identity.member, kind, paging.cursor(), paging.limit()).await?;
    Ok(response::ok(&ActivityPage::new(&page.items, page.next.as_deref())))
}
