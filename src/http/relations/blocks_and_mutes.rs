//! `/api/members/{id}/block`, `/mute`, `/api/members/me/blocks`, `/mutes`: members that the caller blocks or mutes.
use super::{change_relation, list_own};
use crate::{
    actors::{
        Committed,
        members::{Members, RelationList},
    },
    domain::{MemberId, Reason, RelationChange, Timestamp},
    http::{
        extract::{Auth, Check, Field, Id, OptionalJson, Paging},
        problem::Problem,
        response,
        views::MemberPage,
    },
};
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Longest mute that ends, in seconds: 366 days. A permanent mute has no end.
const MUTE_SECONDS_MAX: u64 = 366 * 86_400;

/// Blocks a member: removes follows in both directions, and hides the two members from each other.
///
/// Has no effect if the member is blocked already.
#[utoipa::path(
    put, path = "/api/members/{id}/block", operation_id = "block", tag = "follows",
    responses(
        (status = 204, description = "The member is blocked"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
        (status = 422, description = "`VALIDATION_FAILED` (also if the id is the caller's own), `BLOCK_LIMIT_EXCEEDS`"),
    )
)]
pub(in crate::http) async fn block(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<Committed<StatusCode>, Problem> {
    Ok(response::no_content(members.block(identity.member, id).await?))
}

/// Unblocks a member. Removed follows are not restored. Has no effect if the member is not blocked.
#[utoipa::path(
    delete, path = "/api/members/{id}/block", operation_id = "unblock", tag = "follows",
    responses((status = 204, description = "The member is not blocked"))
)]
pub(in crate::http) async fn unblock(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<Committed<StatusCode>, Problem> {
    change_relation(&members, identity, RelationChange::Unblock, id).await
}

/// The duration of a mute.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"expiresIn": 86400})))]
pub(in crate::http) struct Mute {
    /// Seconds from now, at most 366 days. If absent, the mute is permanent.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 31622400)]
    expires_in: Field<u64>,
}

impl Mute {
    /// The end of the mute; none if it is permanent.
    fn until(self) -> Result<Option<Timestamp>, Problem> {
        let mut check = Check::default();
        let seconds = check.optional("expiresIn", self.expires_in);
        if seconds.is_some_and(|seconds| !(1..=MUTE_SECONDS_MAX).contains(&seconds)) {
            check.wrong("expiresIn", Reason::OutOfRange { min: 1, max: MUTE_SECONDS_MAX });
        }
        check.pass(Some(seconds.map(|seconds| Timestamp::now().after(Duration::from_secs(seconds)))))
    }
}

/// Mutes a member: hides the member from the caller's feeds, streams and notifications.
///
/// Muting again changes the end of the mute.
#[utoipa::path(
    put, path = "/api/members/{id}/mute", operation_id = "mute", tag = "follows",
    request_body = Option<Mute>,
    responses(
        (status = 204, description = "The member is muted"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
        (status = 422, description = "`VALIDATION_FAILED` (also if the id is the caller's own), `MUTE_LIMIT_EXCEEDS`"),
    )
)]
pub(in crate::http) async fn mute(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    OptionalJson(mute): OptionalJson<Mute>,
) -> Result<Committed<StatusCode>, Problem> {
    let until = mute.unwrap_or_default().until()?;
    Ok(response::no_content(members.mute(identity.member, id, until).await?))
}

/// Unmutes a member. Has no effect if the member is not muted.
#[utoipa::path(
    delete, path = "/api/members/{id}/mute", operation_id = "unmute", tag = "follows",
    responses((status = 204, description = "The member is not muted"))
)]
pub(in crate::http) async fn unmute(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
) -> Result<Committed<StatusCode>, Problem> {
    change_relation(&members, identity, RelationChange::Unmute, id).await
}

/// Lists the members whom the caller blocks, latest first.
#[utoipa::path(
    get, path = "/api/members/me/blocks", operation_id = "listBlocks", tag = "follows",
    params(Paging),
    responses((status = 200, description = "A page of members", body = MemberPage))
)]
pub(in crate::http) async fn list_blocks(
    State(members): State<Members>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    list_own(&members, identity, RelationList::Blocks, &paging).await
}

/// Lists the members whom the caller mutes, latest first.
#[utoipa::path(
    get, path = "/api/members/me/mutes", operation_id = "listMutes", tag = "follows",
    params(Paging),
    responses((status = 200, description = "A page of members", body = MemberPage))
)]
pub(in crate::http) async fn list_mutes(
    State(members): State<Members>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    list_own(&members, identity, RelationList::Mutes, &paging).await
}
