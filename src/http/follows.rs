//! `/api/members/{id}/follow`, `/followers`, `/followings`: who follows whom.
use super::{
    answer,
    extract::{Auth, Id, Paging},
    problem::Problem,
    views::MemberPage,
};
use crate::{actors::members::Members, domain::MemberId};
use axum::{extract::State, http::StatusCode, response::Response};

/// Follows a member. Following twice is no error.
#[utoipa::path(
    put, path = "/api/members/{id}/follow", operation_id = "follow", tag = "follows",
    responses(
        (status = 204, description = "The caller follows the member"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
        (status = 422, description = "`FOLLOW_SELF`, `FOLLOW_LIMIT_EXCEEDS`"),
    )
)]
pub(super) async fn follow(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    members.follow(identity.member, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unfollows a member. Unfollowing a stranger is no error.
#[utoipa::path(
    delete, path = "/api/members/{id}/follow", operation_id = "unfollow", tag = "follows",
    responses((status = 204, description = "The caller does not follow the member"))
)]
pub(super) async fn unfollow(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    members.unfollow(identity.member, id).await?;
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
    Auth(_caller): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = members.followers(id, paging.cursor(), paging.limit()).await?;
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
    Auth(_caller): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = members.followings(id, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&MemberPage::new(&page.items, page.next.as_deref())))
}
