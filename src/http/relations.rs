//! Follow requests, blocks and mutes: whom a member lets in, and whom the member keeps away.
use super::{
    answer,
    extract::{Auth, Check, Field, Id, OptionalJson, Paging},
    problem::Problem,
    views::MemberPage,
};
use crate::{
    actors::members::{Members, RelationList},
    domain::{Identity, MemberId, Reason, RelationChange, Timestamp},
};
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Longest mute with an end, in seconds: a year. One for good has none.
const MUTE_SECONDS_MAX: u64 = 366 * 86_400;

async fn own(members: &Members, caller: Identity, list: RelationList, paging: &Paging) -> Result<Response, Problem> {
    let me = caller.member;
    let page = members.relation_list(me, list, me, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&MemberPage::new(&page.items, page.next.as_deref())))
}

async fn change(
    members: &Members,
    caller: Identity,
    change: RelationChange,
    other: MemberId,
) -> Result<StatusCode, Problem> {
    members.change_relation(change, caller.member, other).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who has asked to follow the caller, newest first.
#[utoipa::path(
    get, path = "/api/members/me/follow-requests", operation_id = "listFollowRequests", tag = "follows",
    params(Paging),
    responses((status = 200, description = "A page of members", body = MemberPage))
)]
pub(super) async fn requests(
    State(members): State<Members>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    own(&members, identity, RelationList::Requests, &paging).await
}

/// Accepts a request: the member follows the caller from now on. Accepting twice is no error.
#[utoipa::path(
    put, path = "/api/members/me/follow-requests/{id}", operation_id = "acceptFollowRequest", tag = "follows",
    responses(
        (status = 204, description = "The member follows the caller"),
        (status = 404, description = "`FOLLOW_REQUEST_NOT_FOUND`"),
    )
)]
pub(super) async fn accept(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    members.accept_request(identity.member, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Declines a request, of which the member is not told. Declining none is no error.
#[utoipa::path(
    delete, path = "/api/members/me/follow-requests/{id}", operation_id = "declineFollowRequest", tag = "follows",
    responses((status = 204, description = "There is no such request any more"))
)]
pub(super) async fn decline(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    change(&members, identity, RelationChange::Decline, id).await
}

/// Makes a member not follow the caller any more. Removing a stranger is no error.
#[utoipa::path(
    delete, path = "/api/members/me/followers/{id}", operation_id = "removeFollower", tag = "follows",
    responses((status = 204, description = "The member does not follow the caller"))
)]
pub(super) async fn remove_follower(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    change(&members, identity, RelationChange::RemoveFollower, id).await
}

/// Blocks a member: ends follows both ways, and hides each from the other everywhere. Blocking twice is no error.
#[utoipa::path(
    put, path = "/api/members/{id}/block", operation_id = "block", tag = "follows",
    responses(
        (status = 204, description = "The member is blocked"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
        (status = 422, description = "`VALIDATION_FAILED` (oneself), `BLOCK_LIMIT_EXCEEDS`"),
    )
)]
pub(super) async fn block(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    members.block(identity.member, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts a block; follows do not come back. Lifting none is no error.
#[utoipa::path(
    delete, path = "/api/members/{id}/block", operation_id = "unblock", tag = "follows",
    responses((status = 204, description = "The member is not blocked"))
)]
pub(super) async fn unblock(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    change(&members, identity, RelationChange::Unblock, id).await
}

/// How long to mute.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"expiresIn": 86400})))]
pub(super) struct Mute {
    /// Seconds from now; for good where it is absent.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 31622400)]
    expires_in: Field<u64>,
}

impl Mute {
    fn until(self) -> Result<Option<Timestamp>, Problem> {
        let mut check = Check::default();
        let seconds = check.optional("expiresIn", self.expires_in);
        if seconds.is_some_and(|seconds| !(1..=MUTE_SECONDS_MAX).contains(&seconds)) {
            check.wrong("expiresIn", Reason::OutOfRange { min: 1, max: MUTE_SECONDS_MAX });
        }
        check.pass(Some(seconds.map(|seconds| Timestamp::now().after(Duration::from_secs(seconds)))))
    }
}

/// Mutes a member: hides them from the caller's feeds, streams and notifications alone. Again, it sets another end.
#[utoipa::path(
    put, path = "/api/members/{id}/mute", operation_id = "mute", tag = "follows",
    request_body = Option<Mute>,
    responses(
        (status = 204, description = "The member is muted"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
        (status = 422, description = "`VALIDATION_FAILED` (also: oneself), `MUTE_LIMIT_EXCEEDS`"),
    )
)]
pub(super) async fn mute(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    OptionalJson(mute): OptionalJson<Mute>,
) -> Result<StatusCode, Problem> {
    members.mute(identity.member, id, mute.unwrap_or_default().until()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lifts a mute. Lifting none is no error.
#[utoipa::path(
    delete, path = "/api/members/{id}/mute", operation_id = "unmute", tag = "follows",
    responses((status = 204, description = "The member is not muted"))
)]
pub(super) async fn unmute(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    change(&members, identity, RelationChange::Unmute, id).await
}

/// Whom the caller blocks, newest first.
#[utoipa::path(
    get, path = "/api/members/me/blocks", operation_id = "listBlocks", tag = "follows",
    params(Paging),
    responses((status = 200, description = "A page of members", body = MemberPage))
)]
pub(super) async fn blocks(
    State(members): State<Members>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    own(&members, identity, RelationList::Blocks, &paging).await
}

/// Whom the caller mutes, newest first.
#[utoipa::path(
    get, path = "/api/members/me/mutes", operation_id = "listMutes", tag = "follows",
    params(Paging),
    responses((status = 200, description = "A page of members", body = MemberPage))
)]
pub(super) async fn mutes(
    State(members): State<Members>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    own(&members, identity, RelationList::Mutes, &paging).await
}
