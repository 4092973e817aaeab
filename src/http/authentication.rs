//! `/api/authentication`: sign-up, login, logout and token refresh. Sessions and passwords are in `sessions.rs`.
use super::{
    cookies::Cookies,
    extract::{Address, Auth, Check, Device, Field, Json, KeyedJson, OptionalJson, body_with},
    problem::Problem,
    rate_limits::RateLimits,
    response,
    views::{GenderView, MeView, me_example},
};
use crate::{
    actors::{
        Committed, Error,
        members::Members,
        sessions::{Sessions, Tokens},
    },
    domain::{Email, Handle, Member, Password, Patch, Profile, ProfilePatch, Refusal, json_bytes_max},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Maximum number of bytes of a sign-up request.
const SIGN_UP_BODY: usize =
    body_with(Profile::JSON_BYTES_MAX + json_bytes_max(Email::MAX + Handle::MAX + Password::MAX));

/// The account and profile of a new member.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "email": "minsu@example.kr", "password": "Passw0rd!", "handle": "minsu_kim", "memberName": "김민수",
    "languageCode": "ko", "countryCode": "KR", "timezone": "Asia/Seoul",
})))]
pub(super) struct SignUp {
    #[serde(default)]
    #[schema(value_type = String, format = Email, min_length = 1, max_length = 100, required = true)]
    email: Field<String>,
    /// Contains a lower-case letter, an upper-case letter, a digit and one of `@$!%*?&#`.
    #[serde(default)]
    #[schema(
        value_type = String, format = Password, min_length = 8, max_length = 50, required = true,
        pattern = "^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?=.*[@$!%*?&#])"
    )]
    password: Field<String>,
    /// Unique, ignoring case.
    #[serde(default)]
    #[schema(value_type = String, pattern = "^[a-zA-Z0-9_]{3,50}$", required = true)]
    handle: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 30, required = true)]
    member_name: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 50)]
    display_name: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    bio: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    location: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uri", min_length = 1, max_length = 200)]
    website_url: Field<String>,
    /// A date in the past, from 1900 on.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    birth_date: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<GenderView>)]
    gender: Field<String>,
    /// ISO 639-1 such as `ko`, optionally with a country (`pt-BR`).
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[a-z]{2}(-[A-Z]{2})?$")]
    language_code: Field<String>,
    /// ISO 3166-1 alpha-2.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{2}$")]
    country_code: Field<String>,
    /// An IANA time zone name.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1)]
    timezone: Field<String>,
}

/// A [`SignUp`] whose fields passed their rules.
struct NewMember {
    email: Email,
    handle: Handle,
    password: Password,
    profile: Profile,
}

impl SignUp {
    /// Checks every field, so that one response names every error.
    fn checked(self) -> Result<NewMember, Problem> {
        let mut check = Check::default();
        let email = check.required("email", self.email).and_then(|email| check.rule(Email::new(&email)));
        let password = check.required("password", self.password);
        let password = password.and_then(|password| check.rule(Password::new("password", &password)));
        let handle = check.required("handle", self.handle).and_then(|handle| check.rule(Handle::new(&handle)));
        let patch = ProfilePatch {
            member_name: check.patch("memberName", self.member_name),
            display_name: check.patch("displayName", self.display_name),
            bio: check.patch("bio", self.bio),
            location: check.patch("location", self.location),
            website_url: check.patch("websiteUrl", self.website_url),
            birth_date: check.patch("birthDate", self.birth_date),
            gender: check.patch("gender", self.gender),
            language_code: check.patch("languageCode", self.language_code),
            country_code: check.patch("countryCode", self.country_code),
            timezone: check.patch("timezone", self.timezone),
            privacy: None,
            avatar: Patch::Keep,
        };
        let profile = check.rules(Profile::new(patch));
        let new_member =
            (|| Some(NewMember { email: email?, handle: handle?, password: password?, profile: profile? }))();
        check.pass(new_member)
    }
}

/// Creates an account.
#[utoipa::path(
    post, path = "/api/authentication/signup", operation_id = "signUp", tag = "authentication", security(()),
    request_body = SignUp,
    responses(
        (status = 201, description = "The new member", body = MeView, headers(("Location" = String))),
        (status = 409, description = "`MEMBER_ALREADY_EXISTS`, `MEMBER_HANDLE_ALREADY_EXISTS`"),
    )
)]
pub(super) async fn sign_up(
    State(members): State<Members>,
    State(rate_limits): State<RateLimits>,
    Address(address): Address,
    KeyedJson { request, key }: KeyedJson<SignUp, SIGN_UP_BODY>,
) -> Result<Committed<Response>, Problem> {
    let NewMember { email, handle, password, profile } = request.checked()?;
    rate_limits.signup(address)?;
    let scope = format!("signup:{}", email.key());
    let draft = members.draft_member(email, handle, profile);
    let answer = response::created(format!("/api/members/{}", draft.member.id), &MeView::from(&draft.member));
    let receipt = key.map(|key| key.receipt_without_secret("password", scope, &answer));
    let signed_up = members.sign_up(draft, password, receipt, address).await?;
    Ok(signed_up.map(|outcome| response::created_or_repeated(answer, outcome)))
}

/// The credentials of a login.
#[derive(Default, Deserialize, ToSchema)]
#[schema(examples(json!({"email": "minsu@example.kr", "password": "Passw0rd!"})))]
pub(super) struct LogIn {
    #[serde(default)]
    #[schema(value_type = String, format = Email, max_length = 100, required = true)]
    email: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, format = Password, required = true)]
    password: Field<String>,
}

/// The tokens of a session, and its member.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LoggedIn, examples(json!({
    "accessToken": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "expiresIn": 3600,
    "refreshToken": "7288591360000256.0.b64NgQ", "member": me_example(),
})))]
pub(super) struct LoggedInView<'a> {
    /// For `Authorization: Bearer`.
    access_token: &'a str,
    /// Lifetime of the access token in seconds.
    expires_in: u64,
    /// Exchanged once for the next pair of tokens. Also set as the cookie `refresh_token`.
    refresh_token: &'a str,
    member: MeView<'a>,
}

/// Logs in and opens a session.
///
/// An unknown e-mail address and a wrong password get the same response. Five wrong passwords for one account from one
/// address within 15 minutes lock that account for that address for 15 minutes. Wrong passwords given elsewhere, such
/// as when changing the password, count too. Logging in within 30 days restores a deactivated account.
#[utoipa::path(
    post, path = "/api/authentication/login", operation_id = "logIn", tag = "authentication", security(()),
    request_body = LogIn,
    responses(
        (status = 200, description = "The session was opened", body = LoggedInView, headers(("Set-Cookie" = String))),
        (status = 401, description = "`LOGIN_FAILED`"),
        (status = 422, description = "`VALIDATION_FAILED`: a field is missing, or the e-mail address is too long"),
        (status = 429, description = "`LOGIN_LOCKED`, `TOO_MANY_REQUESTS`", headers(("Retry-After" = u64))),
    )
)]
pub(super) async fn log_in(
    State(sessions): State<Sessions>,
    State(rate_limits): State<RateLimits>,
    State(cookies): State<Cookies>,
    Device(client): Device,
    Json(request): Json<LogIn>,
) -> Result<Committed<Response>, Problem> {
    let mut check = Check::default();
    let (email, password) = (check.required("email", request.email), check.required("password", request.password));
    let (email, password) = check.pass(email.zip(password))?;
    rate_limits.login(client.address)?;
    let session = sessions.log_in(&email, &password, client).await?;
    Ok(session.map(|(tokens, member)| logged_in(&tokens, &member, cookies)))
}

fn logged_in(tokens: &Tokens, member: &Member, cookies: Cookies) -> Response {
    let mut response = response::ok_no_store(&LoggedInView {
        access_token: &tokens.access,
        expires_in: tokens.expires_in.as_secs(),
        refresh_token: &tokens.refresh,
        member: member.into(),
    });
    cookies.set(response.headers_mut(), &tokens.refresh, tokens.refresh_expires_in);
    response
}

/// A refresh token, for clients that use no cookies.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"refreshToken": "7288591360000256.0.b64NgQ"})))]
pub(super) struct Refresh {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    refresh_token: Field<String>,
}

/// Exchanges a refresh token for a new pair of tokens.
///
/// The refresh token is taken from the body, or else from the cookie `refresh_token`.
#[utoipa::path(
    post, path = "/api/authentication/refresh", operation_id = "refreshSession", tag = "authentication", security(()),
    request_body = Option<Refresh>,
    responses(
        (status = 200, description = "The new tokens", body = LoggedInView, headers(("Set-Cookie" = String))),
        (status = 401, description = "`RELOGIN_REQUIRED`", headers(("X-Relogin-Required" = bool))),
    )
)]
pub(super) async fn refresh_session(
    State(sessions): State<Sessions>,
    State(cookies): State<Cookies>,
    Device(client): Device,
    headers: HeaderMap,
    OptionalJson(request): OptionalJson<Refresh>,
) -> Result<Response, Problem> {
    let mut check = Check::default();
    let token = check.optional("refreshToken", request.unwrap_or_default().refresh_token);
    let token = check.pass(Some(token))?.or_else(|| Cookies::get(&headers));
    let Some(token) = token else { return Err(Refusal::ReloginRequired.into()) };
    match sessions.refresh_session(&token, client).await {
        Ok(session) => Ok(session.map(|(tokens, member)| logged_in(&tokens, &member, cookies)).into_response()),
        Err(Error::Refused(refusal @ Refusal::ReloginRequired)) => {
            let mut response = Problem::from(refusal).into_response();
            cookies.clear(response.headers_mut());
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// Logs out: ends the session of the request.
#[utoipa::path(
    post, path = "/api/authentication/logout", operation_id = "logOut", tag = "authentication",
    responses((status = 204, description = "The session was ended"))
)]
pub(super) async fn log_out(
    State(sessions): State<Sessions>,
    State(cookies): State<Cookies>,
    Auth(identity): Auth,
) -> Result<Committed<Response>, Problem> {
    Ok(sessions.log_out(identity).await?.map(|()| logged_out(cookies)))
}

/// Logs out everywhere: ends all sessions of the caller.
#[utoipa::path(
    post, path = "/api/authentication/logout-all", operation_id = "logOutEverywhere", tag = "authentication",
    responses((status = 204, description = "All sessions were ended"))
)]
pub(super) async fn log_out_everywhere(
    State(sessions): State<Sessions>,
    State(cookies): State<Cookies>,
    Auth(identity): Auth,
) -> Result<Committed<Response>, Problem> {
    Ok(sessions.log_out_everywhere(identity).await?.map(|()| logged_out(cookies)))
}

/// 204, and clears the cookie.
pub(super) fn logged_out(cookies: Cookies) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookies.clear(response.headers_mut());
    response
}
