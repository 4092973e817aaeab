//! `/api/members/me/follow-requests`: requests to follow the caller, accepted or declined.
use super::{change_relation, list_own};
use crate::{
    actors::{
        Committed,
        members::{Members, RelationList},
    },
    domain::{MemberId, RelationChange},
    http::{
        extract::{Auth, Id, Paging},
        problem::Problem,
        response,
        views::MemberPage,
    },
};
use axum::{extract::State, http::StatusCode, response::Response};

/// Lists the members who requested to follow the caller, latest first.
#[utoipa::path(
    get, path = "/api/members/me/follow-requests", operation_id = "listFollowRequests", tag = "follows",
    params(Paging),
    responses((status = 200, description = "A page of members", body = MemberPage))
)]
pub(in crate::http) async fn list_follow_requests(
    State(members): State<Members>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    list_own(&members, identity, RelationList::Requests, &paging).await
}

/// Accepts a follow request: the member follows the caller. Has no effect if it was accepted already.
#[utoipa::path(
    put, path = "/api/members/me/follow-requests/{id}", operation_id = "acceptFollowRequest", tag = "follows",
    responses(
        (status = 204, description = "The member follows the caller"),
        (status = 404, description = "`FOLLOW_REQUEST_NOT_FOUND`"),
    )
)]
pub(in crate::http) async fn accept_follow_request(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<Committed<StatusCode>, Problem> {
    Ok(response::no_content(members.accept_follow_request(identity.member, id).await?))
}

/// Declines a follow request. The member is not notified. Has no effect if there is no request.
#[utoipa::path(
    delete, path = "/api/members/me/follow-requests/{id}", operation_id = "declineFollowRequest", tag = "follows",
    responses((status = 204, description = "The member has no pending follow request"))
)]
pub(in crate::http) async fn decline_follow_request(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<Committed<StatusCode>, Problem> {
    change_relation(&members, identity, RelationChange::Decline, id).await
}
