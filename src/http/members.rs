//! `/api/members`: profiles, handles, summaries, recommendations. The caller's own profile is in `profile.rs`, follows,
//! blocks and mutes are in `relations/`.
use super::{
    contract::RecommendationStrategy,
    etag::IfNoneMatch,
    extract::{Auth, Check, Field, Id, Json, Paging, Query, Segment},
    problem::Problem,
    response,
    views::{MemberPage, ProfileView, RecommendationPage},
};
use crate::{
    actors::members::Members,
    domain::{FieldError, Handle, Identity, Member, MemberId, QUERY_IDS_MAX, Reason, Recommendation, Refusal},
};
use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Returns a member's profile.
#[utoipa::path(
    get, path = "/api/members/{id}", operation_id = "showMember", tag = "members",
    responses(
        (status = 200, description = "The profile", body = ProfileView),
        (status = 304, description = "The client's version is current"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(super) async fn show_member(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    let member = members.member(id).await?;
    respond_profile(&members, identity, member, &if_none_match).await
}

/// Returns a member's profile by handle.
#[utoipa::path(
    get, path = "/api/members/@{handle}", operation_id = "showMemberByHandle", tag = "members",
    responses(
        (status = 200, description = "The profile", body = ProfileView),
        (status = 304, description = "The client's version is current"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(super) async fn show_member_by_handle(
    State(members): State<Members>,
    Auth(identity): Auth,
    Segment(handle): Segment,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    let member = members.member_by_handle(&handle).await?;
    respond_profile(&members, identity, member, &if_none_match).await
}

/// Responds with a profile as the caller sees it.
async fn respond_profile(
    members: &Members,
    caller: Identity,
    member: Member,
    if_none_match: &IfNoneMatch,
) -> Result<Response, Problem> {
    let (member, relation) = members.visible_profile(caller.member, member).await?;
    Ok(if_none_match.respond(&ProfileView::new(&member, relation)))
}

/// The availability of a handle.
#[derive(Serialize, ToSchema)]
#[schema(as = Availability, examples(json!({"available": true})))]
pub(super) struct AvailabilityView {
    available: bool,
}

/// Checks whether a handle is available.
///
/// A reserved word is never available. A handle that is not valid gets a 422.
#[utoipa::path(
    get, path = "/api/members/handles/{handle}", operation_id = "checkHandle", tag = "members", security(()),
    responses(
        (status = 200, description = "The availability of the handle", body = AvailabilityView),
        (status = 422, description = "`VALIDATION_FAILED`"),
    )
)]
pub(super) async fn check_handle(
    State(members): State<Members>,
    Segment(handle): Segment,
) -> Result<Response, Problem> {
    let available = match Handle::new(&handle) {
        Ok(handle) => members.handle_available(&handle).await?,
        Err(FieldError { reason: Reason::Reserved, .. }) => false,
        Err(malformed) => return Err(malformed.into()),
    };
    Ok(response::ok(&AvailabilityView { available }))
}

/// The ids of members.
#[derive(Default, Deserialize, ToSchema)]
#[schema(examples(json!({"ids": [7288591360000001_u64, 7288591360000002_u64]})))]
pub(super) struct QueryMembers {
    #[serde(default)]
    #[schema(value_type = Vec<u64>, max_items = 100, required = true)]
    ids: Field<Vec<u64>>,
}

/// Returns the summaries of up to 100 members, in the order of the ids.
///
/// Unknown members are left out.
#[utoipa::path(
    post, path = "/api/members/query", operation_id = "queryMembers", tag = "members",
    request_body = QueryMembers,
    responses(
        (status = 200, description = "The summaries", body = MemberPage),
        (status = 422, description = "`MEMBER_IDS_LIMIT_EXCEEDS`, `VALIDATION_FAILED`"),
    )
)]
pub(super) async fn query_members(
    State(members): State<Members>,
    Auth(identity): Auth,
    Json(request): Json<QueryMembers>,
) -> Result<Response, Problem> {
    let mut check = Check::default();
    let ids = check.required("ids", request.ids);
    let ids: Vec<MemberId> = check.pass(ids)?.into_iter().map(MemberId).collect();
    if ids.len() > QUERY_IDS_MAX {
        return Err(Refusal::TooManyIds { max: QUERY_IDS_MAX }.into());
    }
    let cards = members.cards(identity.member, &ids).await?;
    Ok(response::ok(&MemberPage::new(cards.iter().map(|card| &**card), None)))
}

/// The strategy of recommendations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Strategy {
    /// The strategy; `newest` by default.
    #[param(value_type = Option<RecommendationStrategy>)]
    strategy: Option<String>,
}

/// Recommends members whom the caller does not follow yet.
#[utoipa::path(
    get, path = "/api/members/recommendations", operation_id = "recommendMembers", tag = "members",
    params(Strategy, Paging),
    responses((status = 200, description = "A page of members", body = RecommendationPage))
)]
pub(super) async fn recommend_members(
    State(members): State<Members>,
    Auth(identity): Auth,
    Query(Strategy { strategy }): Query<Strategy>,
    paging: Paging,
) -> Result<Response, Problem> {
    let strategy = match strategy.as_deref() {
        None | Some("newest") => Recommendation::Newest,
        Some("network") => Recommendation::Network,
        Some(_) => return Err(FieldError { field: "strategy", reason: Reason::UnknownValue }.into()),
    };
    let page = members.recommend(identity.member, strategy, paging.cursor(), paging.limit()).await?;
    Ok(response::ok(&RecommendationPage::new(&page.items, page.next.as_deref())))
}
