//! `/api/members/{id}/follow`, `/followers`, `/followings`: who follows whom.
use super::{
    answer,
    extract::{Auth, Id, Paging},
    problem::Problem,
    views::MemberPage,
};
use crate::{
    actors::members::{Followed, Members, RelationList},
    domain::{MemberId, RelationChange},
};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// That the member was asked.
#[derive(Serialize, ToSchema)]
#[schema(as = Requested, examples(json!({"requested": true})))]
pub(super) struct RequestedView {
    requested: bool,
}

/// Follows a member, or asks to where the member approves followers. Following twice is no error.
#[utoipa::path(
    put, path = "/api/members/{id}/follow", operation_id = "follow", tag = "follows",
    responses(
        (status = 204, description = "The caller follows the member"),
        (status = 202, description = "The member approves followers, and has been asked", body = RequestedView),
        (status = 403, description = "`FOLLOW_BLOCKED`"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
        (status = 422, description = "`FOLLOW_SELF`, `FOLLOW_LIMIT_EXCEEDS`"),
    )
)]
pub(super) async fn follow(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<Response, Problem> {
    match members.follow(identity.member, id).await? {
        Followed::Requested => Ok(answer::accepted(&RequestedView { requested: true })),
        Followed::Now(_) | Followed::Already => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// Unfollows a member, or withdraws the request. Unfollowing a stranger is no error.
#[utoipa::path(
    delete, path = "/api/members/{id}/follow", operation_id = "unfollow", tag = "follows",
    responses((status = 204, description = "The caller does not follow the member"))
)]
pub(super) async fn unfollow(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    members.change_relation(RelationChange::Unfollow, identity.member, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who follows a member, newest first.
#[utoipa::path(
    get, path = "/api/members/{id}/followers", operation_id = "listFollowers", tag = "follows",
    params(Paging),
    responses(
        (status = 200, description = "A page of members", body = MemberPage),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(super) async fn followers(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let list = RelationList::Followers;
    let page = members.relation_list(identity.member, list, id, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&MemberPage::new(&page.items, page.next.as_deref())))
}

/// Whom a member follows, newest first.
#[utoipa::path(
    get, path = "/api/members/{id}/followings", operation_id = "listFollowings", tag = "follows",
    params(Paging),
    responses(
        (status = 200, description = "A page of members", body = MemberPage),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(super) async fn followings(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let list = RelationList::Followings;
    let page = members.relation_list(identity.member, list, id, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&MemberPage::new(&page.items, page.next.as_deref())))
}
