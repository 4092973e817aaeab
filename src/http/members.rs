//! `/api/members`: profiles, handles, summaries, recommendations. Who follows whom is in `follows.rs`.
use super::{
    answer::{self, IfMatch, IfNoneMatch},
    contract::RecommendationStrategy,
    extract::{Auth, Check, Field, Id, Json, Members as Object, Paging, Query, Segment, body_with},
    problem::Problem,
    views::{GenderView, MeView, MemberPage, PrivacyView, ProfileView, RecommendationPage},
};
use crate::{
    actors::members::Members,
    domain::{
        FieldError, Handle, Identity, ImageId, Member, MemberId, Privacy, Profile, ProfilePatch, QUERY_IDS_MAX, Reason,
        Recommendation, Refusal,
    },
};
use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Bytes of a request with a profile.
pub(super) const PROFILE_BODY: usize = body_with(Profile::JSON_BYTES_MAX);

/// The caller's own profile.
#[utoipa::path(
    get, path = "/api/members/me", operation_id = "showMe", tag = "members",
    responses((status = 200, description = "The profile", body = MeView), (status = 304, description = "As known"))
)]
pub(super) async fn show_me(
    State(members): State<Members>,
    Auth(identity): Auth,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let me = members.member(identity.member).await?;
    Ok(known.answer(&MeView::from(&me)))
}

/// A change of a profile (JSON merge patch): what is absent stays, null clears.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", examples(json!({"bio": "커피와 산책", "websiteUrl": null})))]
#[expect(dead_code, reason = "read member by member, since unknown ones are refused by name")]
pub(super) struct ChangeProfile {
    /// Cannot be cleared.
    #[schema(min_length = 2, max_length = 30, nullable = false)]
    member_name: Option<String>,
    #[schema(min_length = 1, max_length = 50)]
    display_name: Option<String>,
    #[schema(max_length = 500)]
    bio: Option<String>,
    #[schema(max_length = 100)]
    location: Option<String>,
    #[schema(format = "uri", min_length = 1, max_length = 200)]
    website_url: Option<String>,
    /// In the past.
    #[schema(format = Date)]
    birth_date: Option<String>,
    gender: Option<GenderView>,
    /// ISO 639-1, such as `ko`; a country may follow (`pt-BR`).
    #[schema(pattern = "^[a-z]{2}(-[A-Z]{2})?$")]
    language_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(pattern = "^[A-Z]{2}$")]
    country_code: Option<String>,
    /// An IANA name.
    #[schema(min_length = 1)]
    timezone: Option<String>,
    /// Cannot be cleared.
    #[schema(nullable = false)]
    privacy: Option<PrivacyView>,
    /// The member's own image, made for a profile.
    avatar_id: Option<u64>,
}

/// A profile's change, and the members of the object that are none of it.
fn patch_of(object: Object) -> Result<ProfilePatch, Problem> {
    let (mut check, mut unknown) = (Check::default(), Vec::new());
    let mut patch = ProfilePatch::default();
    for (name, value) in object.0 {
        let (field, name) = match name.as_str() {
            "memberName" => (&mut patch.member_name, "memberName"),
            "displayName" => (&mut patch.display_name, "displayName"),
            "bio" => (&mut patch.bio, "bio"),
            "location" => (&mut patch.location, "location"),
            "websiteUrl" => (&mut patch.website_url, "websiteUrl"),
            "birthDate" => (&mut patch.birth_date, "birthDate"),
            "gender" => (&mut patch.gender, "gender"),
            "languageCode" => (&mut patch.language_code, "languageCode"),
            "countryCode" => (&mut patch.country_code, "countryCode"),
            "timezone" => (&mut patch.timezone, "timezone"),
            "privacy" => {
                let privacy = check.required("privacy", Field::<String>::of(&value));
                patch.privacy = privacy.and_then(|name| check.rule(Privacy::named(&name)));
                continue;
            }
            "avatarId" => {
                patch.avatar = check.patch("avatarId", Field::<u64>::of(&value)).map(ImageId);
                continue;
            }
            _ => {
                unknown.push((name, Reason::UnknownValue));
                continue;
            }
        };
        *field = check.patch(name, Field::of(&value));
    }
    if unknown.is_empty() { check.pass(Some(patch)) } else { Err(Problem::unknown_fields(unknown)) }
}

/// Changes the caller's profile. The body may be called `application/merge-patch+json` as well.
#[utoipa::path(
    patch, path = "/api/members/me", operation_id = "changeProfile", tag = "members",
    request_body = ChangeProfile,
    responses(
        (status = 200, description = "The profile as it is now", body = MeView),
        (status = 403, description = "`IMAGE_FORBIDDEN`"),
        (status = 404, description = "`IMAGE_NOT_FOUND`"),
        (status = 422, description = "`VALIDATION_FAILED`, `TEXT_MALFORMED`"),
    )
)]
pub(super) async fn change_profile(
    State(members): State<Members>,
    Auth(identity): Auth,
    expected: IfMatch,
    Json(object): Json<Object, PROFILE_BODY>,
) -> Result<Response, Problem> {
    let patch = patch_of(object)?;
    let over = meant(&members, identity, &expected).await?;
    let me = members.change_profile(identity.member, patch, over).await?;
    Ok(answer::changed(&MeView::from(&me)))
}

/// The profile that a change is meant for, where the request names one.
async fn meant(members: &Members, caller: Identity, expected: &IfMatch) -> Result<Option<Member>, Problem> {
    if !expected.is_given() {
        return Ok(None);
    }
    let me = members.member(caller.member).await?;
    expected.check(&MeView::from(&me))?;
    Ok(Some(me))
}

/// A new handle.
#[derive(Default, Deserialize, ToSchema)]
#[schema(examples(json!({"handle": "minsu_kim"})))]
pub(super) struct ChangeHandle {
    #[serde(default)]
    #[schema(value_type = String, pattern = "^[a-zA-Z0-9_]{3,50}$", required = true)]
    handle: Field<String>,
}

/// Changes the caller's handle.
#[utoipa::path(
    put, path = "/api/members/me/handle", operation_id = "changeHandle", tag = "members",
    request_body = ChangeHandle,
    responses(
        (status = 200, description = "The profile as it is now", body = MeView),
        (status = 409, description = "`MEMBER_HANDLE_ALREADY_EXISTS`"),
    )
)]
pub(super) async fn change_handle(
    State(members): State<Members>,
    Auth(identity): Auth,
    expected: IfMatch,
    Json(request): Json<ChangeHandle>,
) -> Result<Response, Problem> {
    let mut check = Check::default();
    let handle = check.required("handle", request.handle).and_then(|handle| check.rule(Handle::new(&handle)));
    let handle = check.pass(handle)?;
    let over = meant(&members, identity, &expected).await?;
    let me = members.change_handle(identity.member, handle, over).await?;
    Ok(answer::changed(&MeView::from(&me)))
}

/// A member's profile.
#[utoipa::path(
    get, path = "/api/members/{id}", operation_id = "showMember", tag = "members",
    responses(
        (status = 200, description = "The profile", body = ProfileView),
        (status = 304, description = "As known"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(super) async fn show(
    State(members): State<Members>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let member = members.member(id).await?;
    profile(&members, identity, member, &known).await
}

/// A member's profile, by handle.
#[utoipa::path(
    get, path = "/api/members/@{handle}", operation_id = "showMemberByHandle", tag = "members",
    responses(
        (status = 200, description = "The profile", body = ProfileView),
        (status = 304, description = "As known"),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(super) async fn show_by_handle(
    State(members): State<Members>,
    Auth(identity): Auth,
    Segment(handle): Segment,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let member = members.by_handle(&handle).await?;
    profile(&members, identity, member, &known).await
}

async fn profile(
    members: &Members,
    caller: Identity,
    member: Member,
    known: &IfNoneMatch,
) -> Result<Response, Problem> {
    let (member, relation) = members.seen(caller.member, member).await?;
    Ok(known.answer(&ProfileView::new(&member, relation)))
}

/// Whether a handle is free.
#[derive(Serialize, ToSchema)]
#[schema(as = Availability, examples(json!({"available": true})))]
pub(super) struct AvailabilityView {
    available: bool,
}

/// Whether a handle is free. One that breaks the rules is a 422.
#[utoipa::path(
    get, path = "/api/members/handles/{handle}", operation_id = "checkHandle", tag = "members", security(()),
    responses(
        (status = 200, description = "Whether it is free", body = AvailabilityView),
        (status = 422, description = "`VALIDATION_FAILED`"),
    )
)]
pub(super) async fn handle_available(
    State(members): State<Members>,
    Segment(handle): Segment,
) -> Result<Response, Problem> {
    let available = members.handle_available(&Handle::new(&handle)?).await?;
    Ok(answer::ok(&AvailabilityView { available }))
}

/// Members to name.
#[derive(Default, Deserialize, ToSchema)]
#[schema(examples(json!({"ids": [7288591360000001_u64, 7288591360000002_u64]})))]
pub(super) struct QueryMembers {
    #[serde(default)]
    #[schema(value_type = Vec<u64>, max_items = 100, required = true)]
    ids: Field<Vec<u64>>,
}

/// Summaries of up to 100 members in the order asked; unknown ones are left out.
#[utoipa::path(
    post, path = "/api/members/query", operation_id = "queryMembers", tag = "members",
    request_body = QueryMembers,
    responses(
        (status = 200, description = "The summaries", body = MemberPage),
        (status = 422, description = "`MEMBER_IDS_LIMIT_EXCEEDS`, `VALIDATION_FAILED`"),
    )
)]
pub(super) async fn query(
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
    Ok(answer::ok(&MemberPage::new(cards.iter().map(|card| &**card), None)))
}

/// How to choose members.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Strategy {
    /// `newest` by default.
    #[param(value_type = Option<RecommendationStrategy>)]
    strategy: Option<String>,
}

/// Members that the caller does not follow yet.
#[utoipa::path(
    get, path = "/api/members/recommendations", operation_id = "recommendMembers", tag = "members",
    params(Strategy, Paging),
    responses((status = 200, description = "A page of members", body = RecommendationPage))
)]
pub(super) async fn recommend(
    State(members): State<Members>,
    Auth(identity): Auth,
    Query(Strategy { strategy }): Query<Strategy>,
    paging: Paging,
) -> Result<Response, Problem> {
    let how = match strategy.as_deref() {
        None | Some("newest") => Recommendation::Newest,
        Some("network") => Recommendation::Network,
        Some(_) => return Err(FieldError { field: "strategy", reason: Reason::UnknownValue }.into()),
    };
    let page = members.recommend(identity.member, how, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&RecommendationPage::new(&page.items, page.next.as_deref())))
}
