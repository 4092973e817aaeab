//! `/api/members/{id}/follow`, `/followers`, `/followings`, `/api/members/me/followers`: follows between members.
use super::{change_relation, list_relations};
use crate::{
    actors::{
        Committed,
        members::{Followed, Members, RelationList},
    },
    domain::{MemberId, RelationChange},
    http::{
        extract::{Auth, Id, Paging},
        problem::Problem,
        response,
        views::MemberPage,
    },
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The follow request was sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Requested, examples(json!({"requested": true})))]
pub(in crate::http) struct RequestedView {
    requested: bool,
}

/// Follows a member, or sends a follow request if the member approves followers.
///
/// Has no effect if the caller follows the member already.
#[utoipa::path(
    put, path = "/api/members/{id}/follow", operation_id = "follow", tag = "follows",
    responses(
        (status = 204, description = "The caller follows the member"),
        (status = 202, description = "The member approves followers; a follow request was sent", body = RequestedView),
        (status = 403, description = "`FOLLOW_BLOCKED`"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
        (status = 422, description = "`FOLLOW_SELF`, `FOLLOW_LIMIT_EXCEEDS`"),
    )
)]
pub(in crate::http) async fn follow(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<Committed<Response>, Problem> {
    let followed = members.follow(identity.member, id).await?;
    Ok(followed.map(|followed| match followed {
        Followed::Requested => response::accepted(&RequestedView { requested: true }),
        Followed::Now | Followed::Already => StatusCode::NO_CONTENT.into_response(),
    }))
}

/// Unfollows a member, or withdraws the follow request. Has no effect if there is neither.
#[utoipa::path(
    delete, path = "/api/members/{id}/follow", operation_id = "unfollow", tag = "follows",
    responses((status = 204, description = "The caller does not follow the member"))
)]
pub(in crate::http) async fn unfollow(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<Committed<StatusCode>, Problem> {
    change_relation(&members, identity, RelationChange::Unfollow, id).await
}

/// Removes a follower of the caller. Has no effect if the member does not follow the caller.
#[utoipa::path(
    delete, path = "/api/members/me/followers/{id}", operation_id = "removeFollower", tag = "follows",
    responses((status = 204, description = "The member does not follow the caller"))
)]
pub(in crate::http) async fn remove_follower(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<Committed<StatusCode>, Problem> {
    change_relation(&members, identity, RelationChange::RemoveFollower, id).await
}

/// Lists the followers of a member, latest first.
#[utoipa::path(
    get, path = "/api/members/{id}/followers", operation_id = "listFollowers", tag = "follows",
    params(Paging),
    responses(
        (status = 200, description = "A page of members", body = MemberPage),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(in crate::http) async fn list_followers(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    list_relations(&members, identity, RelationList::Followers, id, &paging).await
}

/// Lists the members whom a member follows, latest first.
#[utoipa::path(
    get, path = "/api/members/{id}/followings", operation_id = "listFollowings", tag = "follows",
    params(Paging),
    responses(
        (status = 200, description = "A page of members", body = MemberPage),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(in crate::http) async fn list_followings(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    list_relations(&members, identity, RelationList::Followings, id, &paging).await
}
