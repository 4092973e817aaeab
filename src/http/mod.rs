//! HTTP: parses requests, calls the actors' handles, and renders responses. Knows the handles and nothing below them.
mod activities;
mod admin;
mod authentication;
mod comments;
mod contract;
mod cookies;
mod dead_letters;
mod docs_page;
mod edge;
mod etag;
mod events;
mod extract;
mod feeds;
mod health;
mod images;
mod members;
mod notifications;
mod openapi;
mod posts;
mod problem;
mod profile;
mod rankings;
mod rate_limits;
mod relations;
mod response;
mod search;
mod server;
mod sessions;
mod settings;
mod stream;
mod views;
mod write_token;

pub use openapi::openapi;
pub use server::{Listener, bind, serve};
pub use settings::Settings;

use crate::actors::{
    Actors, System, activity::Activity, content::Content, feeds::Feeds, images::Images, members::Members,
    notifications::Notifications, ranking::Ranking, search::Search, sessions::Sessions, streams::Streams,
};
use axum::{
    Router,
    extract::FromRef,
    http::StatusCode,
    routing::{get, post},
};
use cookies::Cookies;
use edge::{AdminGuard, Edge, Guard, PublicGuard};
use extract::{BodyRules, UploadRules};
use metrics_exporter_prometheus::PrometheusHandle;
use problem::Problem;
use rate_limits::RateLimits;
use std::sync::{Arc, atomic::AtomicBool};
use stream::StreamContext;
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};
use views::PostJsonCache;

/// Every route of the public listener but the pages of `/api/docs`. The paths of the OpenAPI document are made from it.
///
/// A handler has the name of its operation id in snake case.
fn public_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::document())
        .routes(routes!(authentication::sign_up))
        .routes(routes!(authentication::log_in))
        .routes(routes!(authentication::refresh_session))
        .routes(routes!(sessions::renew_token))
        .routes(routes!(authentication::log_out))
        .routes(routes!(authentication::log_out_everywhere))
        .routes(routes!(sessions::list_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(sessions::change_password))
        .routes(routes!(sessions::deactivate))
        .routes(routes!(profile::show_me, profile::change_profile))
        .routes(routes!(profile::change_handle))
        .routes(routes!(members::show_member))
        .routes(routes!(members::show_member_by_handle))
        .routes(routes!(members::check_handle))
        .routes(routes!(members::query_members))
        .routes(routes!(members::recommend_members))
        .routes(routes!(relations::follow, relations::unfollow))
        .routes(routes!(relations::list_followers))
        .routes(routes!(relations::list_followings))
        .routes(routes!(relations::list_follow_requests))
        .routes(routes!(relations::accept_follow_request, relations::decline_follow_request))
        .routes(routes!(relations::remove_follower))
        .routes(routes!(relations::block, relations::unblock))
        .routes(routes!(relations::mute, relations::unmute))
        .routes(routes!(relations::list_blocks))
        .routes(routes!(relations::list_mutes))
        .routes(routes!(posts::create_post))
        .routes(routes!(posts::show_post, posts::edit_post, posts::delete_post))
        .routes(routes!(posts::like_post, posts::unlike_post))
        .routes(routes!(posts::list_post_likes))
        .routes(routes!(comments::list_comments, comments::create_comment))
        .routes(routes!(comments::show_comment, comments::edit_comment, comments::delete_comment))
        .routes(routes!(comments::list_replies))
        .routes(routes!(comments::like_comment, comments::unlike_comment))
        .routes(routes!(comments::list_member_comments))
        .routes(routes!(images::create_image))
        .routes(routes!(images::show_image, images::delete_image))
        .routes(routes!(feeds::home_feed))
        .routes(routes!(feeds::recent_feed))
        .routes(routes!(feeds::my_feed))
        .routes(routes!(feeds::member_feed))
        .routes(routes!(feeds::tag_feed))
        .routes(routes!(search::search_posts))
        .routes(routes!(search::search_comments))
        .routes(routes!(search::search_members))
        .routes(routes!(rankings::most_popular))
        .routes(routes!(rankings::most_commented))
        .routes(routes!(rankings::daily_top3))
        .routes(routes!(stream::open_stream))
        .routes(routes!(stream::stream_ticket))
        .routes(routes!(activities::list_activities))
        .routes(routes!(notifications::list_notifications))
        .routes(routes!(notifications::count_unread))
        .routes(routes!(notifications::show_marker, notifications::move_marker))
        .routes(routes!(events::list_events))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::startup))
        .routes(routes!(openapi::show_openapi))
}

/// The router of the public listener. Its streams send `bye` and end when `shutdown` is cancelled.
#[expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")]
pub fn public(actors: Actors, settings: &Settings, shutdown: CancellationToken) -> Router {
    let rate_limits = RateLimits::new(settings.limits.as_ref());
    let guard = PublicGuard {
        sessions: actors.sessions.clone(),
        visibility: actors.visibility,
        rate_limits: rate_limits.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        upload_time_max: settings.upload.time_max,
        proxy_warned: AtomicBool::new(false),
    };
    let post_json = PostJsonCache::new();
    let state = AppState(Arc::new(AppStateFields {
        members: actors.members,
        sessions: actors.sessions,
        content: actors.content,
        feeds: actors.feeds,
        streams: actors.streams,
        notifications: actors.notifications,
        search: actors.search,
        images: actors.images,
        ranking: actors.ranking,
        activity: actors.activity,
        system: actors.system,
        rate_limits,
        body: settings.body,
        upload: settings.upload,
        cookies: Cookies { secure: settings.secure_cookies },
        stream_context: StreamContext::new(settings.heartbeat, shutdown, post_json.clone()),
        post_json,
    }));
    let (router, _) = public_routes().split_for_parts();
    // The state is set before the layer is added: otherwise axum would build each route anew for every request.
    let router = router.with_state(state).merge(docs_page::pages()).fallback(not_found);
    let router = router.layer(Edge::new(Guard::Public(Box::new(guard)), settings.request_time_max));
    match edge::cors(&settings.cors_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

/// The router of the admin listener. It has no rate limits and no authentication, and refuses other origins.
pub fn admin(actors: &Actors, metrics: Option<PrometheusHandle>, settings: &Settings) -> Router {
    let Actors { system, activity, search, .. } = actors.clone();
    let guard = AdminGuard::new(settings.admin_listen, &settings.admin_hosts);
    Router::new()
        .route("/metrics", get(admin::metrics))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health/startup", get(health::startup))
        .route("/admin/actors", get(admin::actors))
        .route("/admin/deadletters", get(dead_letters::list))
        .route("/admin/deadletters/redrive", post(dead_letters::redrive_all))
        .route("/admin/deadletters/{id}", get(dead_letters::show).delete(dead_letters::drop_dead_letter))
        .route("/admin/deadletters/{id}/redrive", post(dead_letters::redrive))
        .route("/admin/search", get(admin::search))
        .route("/admin/search/reindex", post(admin::reindex))
        .with_state(AdminState { system, activity, search, metrics })
        .fallback(not_found)
        .layer(Edge::new(Guard::Admin(guard), settings.request_time_max))
}

async fn not_found() -> Problem {
    Problem::of_status(StatusCode::NOT_FOUND)
}

/// The state of the public router. A handler extracts the one field that it needs, never the whole.
#[derive(Clone)]
struct AppState(Arc<AppStateFields>);

struct AppStateFields {
    members: Members,
    sessions: Sessions,
    content: Content,
    feeds: Feeds,
    streams: Streams,
    notifications: Notifications,
    search: Search,
    images: Images,
    ranking: Ranking,
    activity: Activity,
    system: System,
    rate_limits: RateLimits,
    body: BodyRules,
    upload: UploadRules,
    cookies: Cookies,
    stream_context: StreamContext,
    post_json: PostJsonCache,
}

macro_rules! extract_fields {
    ($($field:ident: $type:ty),* $(,)?) => {
        $(impl FromRef<AppState> for $type {
            fn from_ref(state: &AppState) -> Self {
                state.0.$field.clone()
            }
        })*
    };
}

extract_fields! {
    members: Members,
    sessions: Sessions,
    content: Content,
    feeds: Feeds,
    streams: Streams,
    notifications: Notifications,
    search: Search,
    images: Images,
    ranking: Ranking,
    activity: Activity,
    system: System,
    rate_limits: RateLimits,
    body: BodyRules,
    upload: UploadRules,
    cookies: Cookies,
    stream_context: StreamContext,
    post_json: PostJsonCache,
}

/// The state of the admin router.
#[derive(Clone, FromRef)]
struct AdminState {
    system: System,
    activity: Activity,
    search: Search,
    metrics: Option<PrometheusHandle>,
}
