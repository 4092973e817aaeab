//! `/api/notifications`: the caller's notifications, the unread count and the read marker.
use super::{
    etag::{IfMatch, IfNoneMatch},
    extract::{Auth, Check, Field, Json, Paging, Query},
    problem::Problem,
    response,
    views::{MarkerView, NotificationPage, UnreadView},
};
use crate::{
    actors::{Committed, members::Members, notifications::Notifications},
    domain::Position,
};
use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Whether notifications are grouped.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GroupQuery {
    /// Groups likes of one post, comments on one post, likes of one comment, and follows of one day (UTC) into one item
    /// each.
    #[serde(default)]
    #[param(default = false)]
    group: bool,
}

/// The new position of the read marker.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"lastReadId": 1203})))]
pub(super) struct MoveMarker {
    /// The newest notification that was read.
    #[serde(default)]
    #[schema(value_type = u64, required = true)]
    last_read_id: Field<u64>,
}

/// Lists the caller's notifications, newest first.
///
/// Notifications are about likes, comments, replies, mentions, follows and follow requests. The newest 10,000 are kept.
/// A notification is left out when its cause was undone or deleted, or is hidden from the caller (blocks, mutes,
/// privacy, deactivated members).
#[utoipa::path(
    get, path = "/api/notifications", operation_id = "listNotifications", tag = "activity",
    params(GroupQuery, Paging),
    responses((status = 200, description = "A page of notifications", body = NotificationPage))
)]
pub(super) async fn list_notifications(
    State(notifications): State<Notifications>,
    Auth(identity): Auth,
    Query(GroupQuery { group }): Query<GroupQuery>,
    paging: Paging,
) -> Result<Response, Problem> {
    if group {
        let page = notifications.groups(identity.member, paging.cursor(), paging.limit()).await?;
        return Ok(response::ok(&NotificationPage::new(&page.items, page.next.as_deref())));
    }
    let page = notifications.list(identity.member, paging.cursor(), paging.limit()).await?;
    Ok(response::ok(&NotificationPage::new(&page.items, page.next.as_deref())))
}

/// Counts the caller's unread notifications: those after the read marker.
#[utoipa::path(
    get, path = "/api/notifications/unread-count", operation_id = "countUnread", tag = "activity",
    responses((status = 200, description = "The count", body = UnreadView))
)]
pub(super) async fn count_unread(
    State(notifications): State<Notifications>,
    Auth(identity): Auth,
) -> Result<Response, Problem> {
    let count = notifications.unread_count(identity.member).await?;
    Ok(response::ok(&UnreadView { count }))
}

/// Returns the caller's read marker, which all devices share.
#[utoipa::path(
    get, path = "/api/notifications/marker", operation_id = "showMarker", tag = "activity",
    responses((status = 200, description = "The read marker", body = MarkerView), (status = 304, description = "The client's version is current"))
)]
pub(super) async fn show_marker(
    State(notifications): State<Notifications>,
    Auth(identity): Auth,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    let Position(last_read_id) = notifications.marker(identity.member).await?;
    Ok(if_none_match.respond(&MarkerView { last_read_id }))
}

/// Marks notifications up to the given one as read, on all devices.
///
/// The marker never moves back: an older notification has no effect.
#[utoipa::path(
    put, path = "/api/notifications/marker", operation_id = "moveMarker", tag = "activity",
    request_body = MoveMarker,
    responses(
        (status = 204, description = "The marker is at this notification or a newer one"),
        (status = 422, description = "`VALIDATION_FAILED`: the id is greater than that of any notification so far"),
    )
)]
pub(super) async fn move_marker(
    State(notifications): State<Notifications>,
    State(members): State<Members>,
    Auth(identity): Auth,
    if_match: IfMatch,
    Json(request): Json<MoveMarker>,
) -> Result<Committed<Response>, Problem> {
    let mut check = Check::default();
    let last_read = check.required("lastReadId", request.last_read_id);
    let last_read = Position(check.pass(last_read)?);
    notifications.check_marker(last_read).await?;
    if if_match.is_given() {
        // Checked before the commit, not in it: the marker never moves back, so a concurrent move loses nothing.
        let Position(last_read_id) = notifications.marker(identity.member).await?;
        if_match.check(&MarkerView { last_read_id })?;
    }
    let moved = members.move_marker(identity.member, last_read).await?;
    let Position(last_read_id) = notifications.marker(identity.member).await?;
    Ok(moved.map(|_| response::no_content_with_etag(&MarkerView { last_read_id })))
}
