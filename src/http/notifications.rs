//! `/api/notifications`: what others did to the caller, or to what is the caller's.
use super::{
    answer::{self, IfMatch, IfNoneMatch},
    extract::{Auth, Check, Field, Json, Paging, Query},
    problem::Problem,
    views::{MarkerView, NotificationPage, UnreadView},
};
use crate::{
    actors::{members::Members, notifications::Notifications},
    domain::Position,
};
use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// How notifications are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Grouping {
    /// Likes and comments of one post, likes of one comment and follows of one day (UTC) as one item each.
    #[serde(default)]
    #[param(default = false)]
    group: bool,
}

/// How far notifications have been read.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"lastReadId": 1203})))]
pub(super) struct MoveMarker {
    /// The newest notification that was read.
    #[serde(default)]
    #[schema(value_type = u64, required = true)]
    last_read_id: Field<u64>,
}

/// Likes, comments, replies, mentions, follows and follow requests that concern the caller, newest first; the newest
/// 10,000 are kept.
///
/// What was taken back, deleted or hidden (blocks, mutes, privacy, members who left) is in no answer.
#[utoipa::path(
    get, path = "/api/notifications", operation_id = "listNotifications", tag = "activity",
    params(Grouping, Paging),
    responses((status = 200, description = "A page of notifications", body = NotificationPage))
)]
pub(super) async fn list(
    State(notifications): State<Notifications>,
    Auth(identity): Auth,
    Query(Grouping { group }): Query<Grouping>,
    paging: Paging,
) -> Result<Response, Problem> {
    if group {
        let page = notifications.groups(identity.member, paging.cursor(), paging.limit()).await?;
        return Ok(answer::ok(&NotificationPage::new(&page.items, page.next.as_deref())));
    }
    let page = notifications.list(identity.member, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&NotificationPage::new(&page.items, page.next.as_deref())))
}

/// How many notifications after the marker the caller may see now.
#[utoipa::path(
    get, path = "/api/notifications/unread-count", operation_id = "countUnread", tag = "activity",
    responses((status = 200, description = "The count", body = UnreadView))
)]
pub(super) async fn unread(
    State(notifications): State<Notifications>,
    Auth(identity): Auth,
) -> Result<Response, Problem> {
    let count = notifications.unread_count(identity.member).await?;
    Ok(answer::ok(&UnreadView { count }))
}

/// How far the caller has read, on any device.
#[utoipa::path(
    get, path = "/api/notifications/marker", operation_id = "showMarker", tag = "activity",
    responses((status = 200, description = "The marker", body = MarkerView), (status = 304, description = "As known"))
)]
pub(super) async fn marker(
    State(notifications): State<Notifications>,
    Auth(identity): Auth,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let Position(last_read_id) = notifications.marker(identity.member).await?;
    Ok(known.answer(&MarkerView { last_read_id }))
}

/// Marks notifications up to this one as read, on all devices. Never goes back: an older one changes nothing.
#[utoipa::path(
    put, path = "/api/notifications/marker", operation_id = "moveMarker", tag = "activity",
    request_body = MoveMarker,
    responses(
        (status = 204, description = "The marker is there, or further"),
        (status = 422, description = "`VALIDATION_FAILED`: beyond every notification so far"),
    )
)]
pub(super) async fn move_marker(
    State(notifications): State<Notifications>,
    State(members): State<Members>,
    Auth(identity): Auth,
    expected: IfMatch,
    Json(request): Json<MoveMarker>,
) -> Result<Response, Problem> {
    let mut check = Check::default();
    let last_read = check.required("lastReadId", request.last_read_id);
    let last_read = Position(check.pass(last_read)?);
    notifications.check_marker(last_read).await?;
    if expected.is_given() {
        // Before the commit, not in it: a marker never goes back, so nothing is lost to whoever comes in between.
        let Position(last_read_id) = notifications.marker(identity.member).await?;
        expected.check(&MarkerView { last_read_id })?;
    }
    members.move_marker(identity.member, last_read).await?;
    let Position(last_read_id) = notifications.marker(identity.member).await?;
    Ok(answer::changed_unseen(&MarkerView { last_read_id }))
}
