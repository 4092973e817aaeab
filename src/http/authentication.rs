//! `/api/authentication`: signing up, logging in and out, trading tokens. Sessions and passwords are in `sessions.rs`.
use super::{
    answer,
    cookies::Cookies,
    extract::{Address, Auth, Check, Device, Field, Json, Keyed, OptionalJson, body_with},
    limits::Limits,
    problem::Problem,
    views::{GenderView, MeView, me_example},
};
use crate::{
    actors::{
        Error,
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

/// Bytes of a request that signs up.
const SIGN_UP_BODY: usize =
    body_with(Profile::JSON_BYTES_MAX + json_bytes_max(Email::MAX + Handle::MAX + Password::MAX));

/// A newcomer.
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
    /// With a lower-case letter, an upper-case letter, a digit and one of `@$!%*?&#`.
    #[serde(default)]
    #[schema(
        value_type = String, format = Password, min_length = 8, max_length = 50, required = true,
        pattern = "^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?=.*[@$!%*?&#])"
    )]
    password: Field<String>,
    /// Unique whatever its case.
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
    /// In the past.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    birth_date: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<GenderView>)]
    gender: Field<String>,
    /// ISO 639-1; a region may follow.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[a-z]{2}(-[A-Z]{2})?$")]
    language_code: Field<String>,
    /// ISO 3166-1 alpha-2.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{2}$")]
    country_code: Field<String>,
    /// An IANA name.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1)]
    timezone: Field<String>,
}

impl SignUp {
    /// Every rule is asked, so that one answer names all that is wrong.
    fn checked(self) -> Result<(Email, Handle, Password, Profile), Problem> {
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
        let newcomer = (|| Some((email?, handle?, password?, profile?)))();
        check.pass(newcomer)
    }
}

/// Signs up.
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
    State(limits): State<Limits>,
    Address(address): Address,
    Keyed { request, key }: Keyed<SignUp, SIGN_UP_BODY>,
) -> Result<Response, Problem> {
    let (email, handle, password, profile) = request.checked()?;
    limits.signup(address)?;
    let scope = format!("signup:{}", email.key());
    let draft = members.draft_member(email, handle, profile);
    let answer = answer::created(format!("/api/members/{}", draft.member.id), &MeView::from(&draft.member));
    let receipt = key.map(|key| key.receipt_without("password", scope, &answer));
    let outcome = members.sign_up(draft, password, receipt, address).await?;
    Ok(answer::settled(answer, outcome))
}

/// Who wants to log in.
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

/// What a login or a refresh hands out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LoggedIn, examples(json!({
    "accessToken": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "expiresIn": 3600,
    "refreshToken": "7288591360000256.0.b64NgQ", "member": me_example(),
})))]
pub(super) struct LoggedInView<'a> {
    /// For `Authorization: Bearer`.
    access_token: &'a str,
    /// Seconds that the access token is good for.
    expires_in: u64,
    /// Buys the next pair, once. Also in the cookie `refresh_token`.
    refresh_token: &'a str,
    member: MeView<'a>,
}

/// Logs in. Unknown e-mail and wrong password get the same answer.
///
/// Five wrong passwords for one account from one address within 15 minutes, here and where the current password is asked
/// for, lock that pair for as long.
#[utoipa::path(
    post, path = "/api/authentication/login", operation_id = "logIn", tag = "authentication", security(()),
    request_body = LogIn,
    responses(
        (status = 200, description = "A session", body = LoggedInView, headers(("Set-Cookie" = String))),
        (status = 401, description = "`LOGIN_FAILED`"),
        (status = 422, description = "`VALIDATION_FAILED`: a field is missing, or longer than an address may be"),
        (status = 429, description = "`LOGIN_LOCKED`, `TOO_MANY_REQUESTS`", headers(("Retry-After" = u64))),
    )
)]
pub(super) async fn log_in(
    State(sessions): State<Sessions>,
    State(limits): State<Limits>,
    State(cookies): State<Cookies>,
    Device(client): Device,
    Json(request): Json<LogIn>,
) -> Result<Response, Problem> {
    let mut check = Check::default();
    let (email, password) = (check.required("email", request.email), check.required("password", request.password));
    let (email, password) = check.pass(email.zip(password))?;
    limits.login(client.address)?;
    let (tokens, member) = sessions.log_in(&email, &password, client).await?;
    Ok(logged_in(&tokens, &member, cookies))
}

fn logged_in(tokens: &Tokens, member: &Member, cookies: Cookies) -> Response {
    let mut response = answer::secret(&LoggedInView {
        access_token: &tokens.access,
        expires_in: tokens.expires_in.as_secs(),
        refresh_token: &tokens.refresh,
        member: member.into(),
    });
    cookies.set(response.headers_mut(), &tokens.refresh, tokens.refresh_expires_in);
    response
}

/// A refresh token, for clients without cookies.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"refreshToken": "7288591360000256.0.b64NgQ"})))]
pub(super) struct Refresh {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    refresh_token: Field<String>,
}

/// Trades a refresh token, from the body or else the cookie, for a new pair.
#[utoipa::path(
    post, path = "/api/authentication/refresh", operation_id = "refreshSession", tag = "authentication", security(()),
    request_body = Option<Refresh>,
    responses(
        (status = 200, description = "A new pair", body = LoggedInView, headers(("Set-Cookie" = String))),
        (status = 401, description = "`RELOGIN_REQUIRED`", headers(("X-Relogin-Required" = bool))),
    )
)]
pub(super) async fn refresh(
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
    match sessions.refresh(&token, client).await {
        Ok((tokens, member)) => Ok(logged_in(&tokens, &member, cookies)),
        Err(Error::Refused(refusal @ Refusal::ReloginRequired)) => {
            let mut response = Problem::from(refusal).into_response();
            cookies.clear(response.headers_mut());
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// Logs out: ends this session.
#[utoipa::path(
    post, path = "/api/authentication/logout", operation_id = "logOut", tag = "authentication",
    responses((status = 204, description = "The session has ended"))
)]
pub(super) async fn log_out(
    State(sessions): State<Sessions>,
    State(cookies): State<Cookies>,
    Auth(identity): Auth,
) -> Result<Response, Problem> {
    sessions.log_out(identity).await?;
    Ok(gone(cookies))
}

/// Logs out everywhere: ends every session of the member.
#[utoipa::path(
    post, path = "/api/authentication/logout-all", operation_id = "logOutEverywhere", tag = "authentication",
    responses((status = 204, description = "Every session has ended"))
)]
pub(super) async fn log_out_everywhere(
    State(sessions): State<Sessions>,
    State(cookies): State<Cookies>,
    Auth(identity): Auth,
) -> Result<Response, Problem> {
    sessions.log_out_everywhere(identity).await?;
    Ok(gone(cookies))
}

/// 204, and the cookie with it.
pub(super) fn gone(cookies: Cookies) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookies.clear(response.headers_mut());
    response
}
