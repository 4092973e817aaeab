//! `/api/members/me`: show and change the caller's own profile and handle.
use super::{
    etag::{IfMatch, IfNoneMatch},
    extract::{Auth, Check, Field, Json, JsonObject, body_with},
    problem::Problem,
    response,
    views::{GenderView, MeView, PrivacyView},
};
use crate::{
    actors::{Committed, members::Members},
    domain::{Handle, Identity, ImageId, Member, Privacy, Profile, ProfilePatch, Reason},
};
use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

/// Maximum number of bytes of a request that changes a profile.
const PROFILE_BODY: usize = body_with(Profile::JSON_BYTES_MAX);

/// Returns the caller's own profile.
#[utoipa::path(
    get, path = "/api/members/me", operation_id = "showMe", tag = "members",
    responses((status = 200, description = "The profile", body = MeView), (status = 304, description = "The client's version is current"))
)]
pub(super) async fn show_me(
    State(members): State<Members>,
    Auth(identity): Auth,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    let me = members.member(identity.member).await?;
    Ok(if_none_match.respond(&MeView::from(&me)))
}

/// A change of a profile (JSON merge patch): an absent field is kept, a null clears it.
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
    /// A date in the past, from 1900 on.
    #[schema(format = Date)]
    birth_date: Option<String>,
    gender: Option<GenderView>,
    /// ISO 639-1 such as `ko`, optionally with a country (`pt-BR`).
    #[schema(pattern = "^[a-z]{2}(-[A-Z]{2})?$")]
    language_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(pattern = "^[A-Z]{2}$")]
    country_code: Option<String>,
    /// An IANA time zone name.
    #[schema(min_length = 1)]
    timezone: Option<String>,
    /// Cannot be cleared.
    #[schema(nullable = false)]
    privacy: Option<PrivacyView>,
    /// An image that the caller uploaded for a profile.
    avatar_id: Option<u64>,
}

/// Parses the change of a profile. Refuses unknown members by name.
fn patch_of(object: JsonObject) -> Result<ProfilePatch, Problem> {
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
    if unknown.is_empty() { check.pass(Some(patch)) } else { Err(Problem::fields_named_by_client(unknown)) }
}

/// Changes the caller's profile.
///
/// The content type may also be `application/merge-patch+json`.
#[utoipa::path(
    patch, path = "/api/members/me", operation_id = "changeProfile", tag = "members",
    request_body = ChangeProfile,
    responses(
        (status = 200, description = "The changed profile", body = MeView),
        (status = 403, description = "`IMAGE_FORBIDDEN`"),
        (status = 404, description = "`IMAGE_NOT_FOUND`"),
        (status = 422, description = "`VALIDATION_FAILED`, `TEXT_MALFORMED`"),
    )
)]
pub(super) async fn change_profile(
    State(members): State<Members>,
    Auth(identity): Auth,
    if_match: IfMatch,
    Json(object): Json<JsonObject, PROFILE_BODY>,
) -> Result<Committed<Response>, Problem> {
    let patch = patch_of(object)?;
    let expected = expected_profile(&members, identity, &if_match).await?;
    let changed = members.change_profile(identity.member, patch, expected).await?;
    Ok(changed.map(|me| response::ok_with_etag(&MeView::from(&me))))
}

/// The current profile, if the request has an `If-Match` that names it; the command applies only to that version.
async fn expected_profile(members: &Members, caller: Identity, if_match: &IfMatch) -> Result<Option<Member>, Problem> {
    if !if_match.is_given() {
        return Ok(None);
    }
    let me = members.member(caller.member).await?;
    if_match.check(&MeView::from(&me))?;
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
        (status = 200, description = "The changed profile", body = MeView),
        (status = 409, description = "`MEMBER_HANDLE_ALREADY_EXISTS`"),
    )
)]
pub(super) async fn change_handle(
    State(members): State<Members>,
    Auth(identity): Auth,
    if_match: IfMatch,
    Json(request): Json<ChangeHandle>,
) -> Result<Committed<Response>, Problem> {
    let mut check = Check::default();
    let handle = check.required("handle", request.handle).and_then(|handle| check.rule(Handle::new(&handle)));
    let handle = check.pass(handle)?;
    let expected = expected_profile(&members, identity, &if_match).await?;
    let changed = members.change_handle(identity.member, handle, expected).await?;
    Ok(changed.map(|me| response::ok_with_etag(&MeView::from(&me))))
}
