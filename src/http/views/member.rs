//! Members: the summary beside their posts and comments, the profile, and the member's own profile.
use super::{Time, image::ImageUrl};
use crate::{
    actors::members::Recommended,
    domain::{Gender, Member, MemberCard, Privacy, Relation},
};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A summary of a member.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MemberSummary, examples(json!({
    "id": 7288591360000001_u64, "handle": "minsu_kim", "displayName": "김민수", "avatarUrl": null,
})))]
pub(in crate::http) struct CardView<'a> {
    id: u64,
    #[schema(pattern = "^[a-zA-Z0-9_]{3,50}$")]
    handle: &'a str,
    /// The name to show: the chosen display name, or else the member's name.
    display_name: &'a str,
    /// The URL of the avatar's thumbnail.
    #[schema(value_type = Option<String>, format = "uri-reference", required = true)]
    avatar_url: Option<ImageUrl>,
}

impl<'a> From<&'a MemberCard> for CardView<'a> {
    fn from(card: &'a MemberCard) -> Self {
        let avatar_url = card.avatar.map(ImageUrl::avatar);
        Self { id: card.id.0, handle: &card.handle, display_name: &card.display_name, avatar_url }
    }
}

/// A page of members.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MemberPage, examples(json!({
    "items": [{"id": 7288591360000001_u64, "handle": "minsu_kim", "displayName": "김민수", "avatarUrl": null}],
    "nextCursor": null,
})))]
pub(in crate::http) struct MemberPage<'a> {
    items: Vec<CardView<'a>>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(required = true)]
    next_cursor: Option<&'a str>,
}

impl<'a> MemberPage<'a> {
    pub(in crate::http) fn new(cards: impl IntoIterator<Item = &'a MemberCard>, next_cursor: Option<&'a str>) -> Self {
        Self { items: cards.into_iter().map(CardView::from).collect(), next_cursor }
    }
}

/// A recommended member.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Recommendation)]
struct RecommendationView<'a> {
    #[serde(flatten)]
    member: CardView<'a>,
    /// The number of members whom the caller follows and who follow this member.
    common_follows: u64,
}

/// A page of recommended members.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RecommendationPage, examples(json!({
    "items": [{
        "id": 7288591360000001_u64, "handle": "minsu_kim", "displayName": "김민수", "avatarUrl": null,
        "commonFollows": 3,
    }],
    "nextCursor": null,
})))]
pub(in crate::http) struct RecommendationPage<'a> {
    items: Vec<RecommendationView<'a>>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(required = true)]
    next_cursor: Option<&'a str>,
}

impl<'a> RecommendationPage<'a> {
    pub(in crate::http) fn new(items: &'a [Recommended], next_cursor: Option<&'a str>) -> Self {
        let view = |item: &'a Recommended| RecommendationView {
            member: CardView::from(&item.member),
            common_follows: item.common_follows,
        };
        Self { items: items.iter().map(view).collect(), next_cursor }
    }
}

/// The widest audience of a member's posts: every member, followers, or only the member. The `audience` of a post can
/// narrow it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = Privacy)]
pub(in crate::http) enum PrivacyView {
    Public,
    Followers,
    Private,
}

impl From<Privacy> for PrivacyView {
    fn from(privacy: Privacy) -> Self {
        match privacy {
            Privacy::Public => Self::Public,
            Privacy::Followers => Self::Followers,
            Privacy::Private => Self::Private,
        }
    }
}

/// A member's profile, and the relations between the caller and the member.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Profile, examples(json!({
    "id": 7288591360000001_u64, "handle": "minsu_kim", "displayName": "김민수", "avatarUrl": null,
    "memberName": "김민수", "bio": "커피와 산책", "location": "서울", "websiteUrl": null, "privacy": "PUBLIC",
    "followerCount": 12, "followingCount": 30, "postCount": 4, "createdAt": "2026-11-24T03:00:00.000Z",
    "following": true, "requested": false, "followedBy": false, "blocked": false, "muted": false,
})))]
pub(in crate::http) struct ProfileView<'a> {
    id: u64,
    #[schema(pattern = "^[a-zA-Z0-9_]{3,50}$")]
    handle: &'a str,
    /// The name to show: the chosen display name, or else the member's name.
    display_name: &'a str,
    /// The URL of the avatar's thumbnail.
    #[schema(value_type = Option<String>, format = "uri-reference", required = true)]
    avatar_url: Option<ImageUrl>,
    member_name: &'a str,
    #[schema(required = true)]
    bio: Option<&'a str>,
    #[schema(required = true)]
    location: Option<&'a str>,
    #[schema(required = true)]
    website_url: Option<&'a str>,
    privacy: PrivacyView,
    follower_count: u64,
    following_count: u64,
    /// Posts of every audience.
    post_count: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// Whether the caller follows the member.
    following: bool,
    /// Whether the caller has requested to follow the member.
    requested: bool,
    /// Whether the member follows the caller.
    followed_by: bool,
    /// Whether the caller blocks the member.
    blocked: bool,
    /// Whether the caller mutes the member.
    muted: bool,
}

impl<'a> ProfileView<'a> {
    pub(in crate::http) fn new(member: &'a Member, relation: Relation) -> Self {
        let profile = &member.profile;
        Self {
            id: member.id.0,
            handle: &member.handle,
            display_name: profile.shown_name(),
            avatar_url: member.avatar.map(ImageUrl::avatar),
            member_name: &profile.member_name,
            bio: profile.bio.as_deref(),
            location: profile.location.as_deref(),
            website_url: profile.website_url.as_deref(),
            privacy: member.privacy.into(),
            follower_count: member.counts.followers,
            following_count: member.counts.followings,
            post_count: member.counts.posts,
            created_at: Time(member.created_at),
            following: relation.following,
            requested: relation.requested,
            followed_by: relation.followed_by,
            blocked: relation.blocked,
            muted: relation.muted,
        }
    }
}

/// The caller's own profile, with the fields that only the caller sees.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Me, examples(me_example))]
pub(in crate::http) struct MeView<'a> {
    #[serde(flatten)]
    profile: ProfileView<'a>,
    #[schema(format = Email)]
    email: &'a str,
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = Option<String>, format = Date, required = true)]
    birth_date: &'a Option<jiff::civil::Date>,
    #[schema(required = true)]
    gender: Option<GenderView>,
    #[schema(required = true)]
    language_code: Option<&'a str>,
    #[schema(required = true)]
    country_code: Option<&'a str>,
    #[schema(required = true)]
    timezone: Option<&'a str>,
}

impl<'a> From<&'a Member> for MeView<'a> {
    fn from(member: &'a Member) -> Self {
        let profile = &member.profile;
        Self {
            profile: ProfileView::new(member, Relation::default()),
            email: &member.email,
            birth_date: &profile.birth_date,
            gender: profile.gender.map(GenderView::from),
            language_code: profile.language_code.as_deref(),
            country_code: profile.country_code.as_deref(),
            timezone: profile.timezone.as_deref(),
        }
    }
}

/// The example of [`MeView`] in the OpenAPI document, here and in schemas that contain one.
pub(in crate::http) fn me_example() -> serde_json::Value {
    serde_json::json!({
        "id": 7_288_591_360_000_001_u64, "handle": "minsu_kim", "displayName": "김민수", "avatarUrl": null,
        "memberName": "김민수", "bio": "커피와 산책", "location": "서울", "websiteUrl": null, "privacy": "PUBLIC",
        "followerCount": 12, "followingCount": 30, "postCount": 4, "createdAt": "2026-11-24T03:00:00.000Z",
        "following": false, "requested": false, "followedBy": false, "blocked": false, "muted": false,
        "email": "minsu@example.kr", "birthDate": "1995-03-01", "gender": "MALE", "languageCode": "ko",
        "countryCode": "KR", "timezone": "Asia/Seoul",
    })
}

/// The gender that the member chose to give.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = Gender)]
pub(in crate::http) enum GenderView {
    Male,
    Female,
    Other,
    PreferNotToSay,
}

impl From<Gender> for GenderView {
    fn from(gender: Gender) -> Self {
        match gender {
            Gender::Male => Self::Male,
            Gender::Female => Self::Female,
            Gender::Other => Self::Other,
            Gender::PreferNotToSay => Self::PreferNotToSay,
        }
    }
}

fn as_text<S: Serializer>(date: &Option<jiff::civil::Date>, serializer: S) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => serializer.collect_str(date),
        None => serializer.serialize_none(),
    }
}
