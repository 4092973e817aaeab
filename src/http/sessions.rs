//! `/api/authentication/sessions`, `/password`, `/deactivate`, `/api/token/refresh`: a member's sessions and account.
use super::{
    authentication::logged_out,
    cookies::Cookies,
    extract::{Address, Auth, Check, Field, Id, Json, bearer},
    problem::Problem,
    response,
    views::Time,
};
use crate::{
    actors::{Committed, sessions::Sessions},
    domain::{Identity, Password, Session, SessionId},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A session: a login on one device.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
struct SessionView<'a> {
    id: u64,
    /// The `User-Agent` of the device.
    device: &'a str,
    /// The address that the session was last used from.
    address: &'a str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Time,
    /// When the session ends unless it is used.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
    /// Whether this is the session of the request.
    current: bool,
}

impl<'a> SessionView<'a> {
    fn new(session: &'a Session, caller: Identity) -> Self {
        Self {
            id: session.id.0,
            device: &session.device,
            address: &session.address,
            created_at: Time(session.created_at),
            last_used_at: Time(session.last_used_at),
            expires_at: Time(session.expires_at),
            current: session.id == caller.session,
        }
    }
}

/// The sessions of the caller.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionPage, examples(json!({
    "items": [{
        "id": 7288591360000256_u64, "device": "curl/8.5.0", "address": "127.0.0.1",
        "createdAt": "2026-11-24T03:00:00.000Z", "lastUsedAt": "2026-11-24T03:00:00.000Z",
        "expiresAt": "2026-12-24T03:00:00.000Z", "current": true,
    }],
    "nextCursor": null,
})))]
pub(super) struct SessionPage<'a> {
    items: Vec<SessionView<'a>>,
    /// Always null: all sessions are on one page.
    #[schema(required = true)]
    next_cursor: Option<&'a str>,
}

/// Lists the caller's sessions.
#[utoipa::path(
    get, path = "/api/authentication/sessions", operation_id = "listSessions", tag = "authentication",
    responses((status = 200, description = "The sessions", body = SessionPage))
)]
pub(super) async fn list_sessions(State(sessions): State<Sessions>, Auth(identity): Auth) -> Result<Response, Problem> {
    let list = sessions.list(identity).await?;
    let items = list.iter().map(|session| SessionView::new(session, identity)).collect();
    Ok(response::ok(&SessionPage { items, next_cursor: None }))
}

/// Ends one of the caller's sessions.
#[utoipa::path(
    delete, path = "/api/authentication/sessions/{id}", operation_id = "endSession", tag = "authentication",
    responses((status = 204, description = "The session was ended"), (status = 404, description = "`SESSION_NOT_FOUND`"))
)]
pub(super) async fn end_session(
    State(sessions): State<Sessions>,
    Auth(identity): Auth,
    Id(session): Id<SessionId>,
) -> Result<Committed<StatusCode>, Problem> {
    Ok(response::no_content(sessions.end_session(identity, session).await?))
}

/// An access token that is signed with the primary key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Renewed, examples(json!({"accessToken": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "expiresIn": 3600})))]
pub(super) struct RenewedView<'a> {
    access_token: &'a str,
    /// Lifetime of the access token in seconds.
    expires_in: u64,
}

/// Exchanges an access token for one that is signed with the primary key.
///
/// Call it when a response has `X-Token-Refresh-Needed: true`: the token was signed with an older key. The new token
/// has the full lifetime, but expires no later than the session. A token that the primary key has signed already is
/// replaced by one that expires at the same time.
#[utoipa::path(
    post, path = "/api/token/refresh", operation_id = "renewToken", tag = "authentication",
    responses(
        (status = 200, description = "The new access token", body = RenewedView),
        (status = 401, description = "`TOKEN_REVOKED`: the session has ended"),
    )
)]
pub(super) async fn renew_token(
    State(sessions): State<Sessions>,
    Auth(_identity): Auth,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let token = bearer(&headers).map_err(|_| Problem::token_missing())?;
    let (token, lasts) = sessions.renew(token).await?;
    Ok(response::ok_no_store(&RenewedView { access_token: &token, expires_in: lasts.as_secs() }))
}

/// The new password, and the current one as proof.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"currentPassword": "Passw0rd!", "newPassword": "N3wPassw0rd!"})))]
pub(super) struct ChangePassword {
    #[serde(default)]
    #[schema(value_type = String, format = Password, required = true)]
    current_password: Field<String>,
    #[serde(default)]
    #[schema(
        value_type = String, format = Password, min_length = 8, max_length = 50, required = true,
        pattern = "^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?=.*[@$!%*?&#])"
    )]
    new_password: Field<String>,
}

/// Changes the caller's password and ends the caller's other sessions.
///
/// Wrong passwords count like those of a login.
#[utoipa::path(
    put, path = "/api/authentication/password", operation_id = "changePassword", tag = "authentication",
    request_body = ChangePassword,
    responses(
        (status = 204, description = "The password was changed"),
        (status = 422, description = "`VALIDATION_FAILED`: the current password is wrong, or the new one is not valid"),
        (status = 429, description = "`LOGIN_LOCKED`: too many wrong passwords", headers(("Retry-After" = u64))),
    )
)]
pub(super) async fn change_password(
    State(sessions): State<Sessions>,
    Auth(identity): Auth,
    Address(address): Address,
    Json(request): Json<ChangePassword>,
) -> Result<Committed<StatusCode>, Problem> {
    let mut check = Check::default();
    let current = check.required("currentPassword", request.current_password);
    let new = check.required("newPassword", request.new_password);
    let new = new.and_then(|new| check.rule(Password::new("newPassword", &new)));
    let (current, new) = check.pass(current.zip(new))?;
    Ok(response::no_content(sessions.change_password(identity, &current, new, address).await?))
}

/// The current password as proof.
#[derive(Default, Deserialize, ToSchema)]
#[schema(examples(json!({"password": "Passw0rd!"})))]
pub(super) struct Deactivate {
    #[serde(default)]
    #[schema(value_type = String, format = Password, required = true)]
    password: Field<String>,
}

/// Deactivates the caller's account.
///
/// The member and all their posts and comments are hidden at once, and all sessions end. Logging in within 30 days
/// restores the account; after that it is deleted. Wrong passwords count like those of a login.
#[utoipa::path(
    delete, path = "/api/authentication/deactivate", operation_id = "deactivate", tag = "authentication",
    request_body = Deactivate,
    responses(
        (status = 204, description = "The account was deactivated"),
        (status = 422, description = "`VALIDATION_FAILED`: the password is wrong"),
        (status = 429, description = "`LOGIN_LOCKED`: too many wrong passwords", headers(("Retry-After" = u64))),
    )
)]
pub(super) async fn deactivate(
    State(sessions): State<Sessions>,
    State(cookies): State<Cookies>,
    Auth(identity): Auth,
    Address(address): Address,
    Json(request): Json<Deactivate>,
) -> Result<Committed<Response>, Problem> {
    let mut check = Check::default();
    let password = check.required("password", request.password);
    let deactivated = sessions.deactivate(identity, &check.pass(password)?, address).await?;
    Ok(deactivated.map(|()| logged_out(cookies)))
}
