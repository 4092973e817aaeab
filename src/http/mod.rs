//! Requests in, answers out. Knows the actors' handles, and nothing below them.
mod activities;
mod admin;
mod answer;
mod authentication;
mod comments;
mod contract;
mod cookies;
mod dead_letters;
mod docs;
mod docs_page;
mod edge;
mod events;
mod extract;
mod follows;
mod health;
mod images;
mod limits;
mod members;
mod notifications;
mod posts;
mod problem;
mod profile;
mod ranked;
mod relations;
mod search;
mod server;
mod sessions;
mod settings;
mod stream;
mod timeline;
mod views;

pub use docs::openapi;
pub use server::{Listener, bind, serve};
pub use settings::Settings;

use crate::actors::{
    Actors, System, activity::Activity, content::Content, feeds::Feeds, images::Images, members::Members,
    notifications::Notifications, ranking::Ranking, search::Search, sessions::Sessions,
    streams::Streams as LiveStreams,
};
use axum::{
    Router,
    extract::FromRef,
    http::StatusCode,
    routing::{get, post},
};
use cookies::Cookies;
use edge::{Door, Edge, Entrance, Gate};
use extract::{BodyRules, UploadRules};
use limits::Limits;
use metrics_exporter_prometheus::PrometheusHandle;
use problem::Problem;
use std::sync::{Arc, atomic::AtomicBool};
use stream::Streams;
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};
use views::Rendered;

/// Every route of the public listener but `/api/docs`, and so every path of the OpenAPI document.
fn table() -> OpenApiRouter<Handles> {
    OpenApiRouter::with_openapi(docs::document())
        .routes(routes!(authentication::sign_up))
        .routes(routes!(authentication::log_in))
        .routes(routes!(authentication::refresh))
        .routes(routes!(sessions::renew))
        .routes(routes!(authentication::log_out))
        .routes(routes!(authentication::log_out_everywhere))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(sessions::change_password))
        .routes(routes!(sessions::deactivate))
        .routes(routes!(profile::show, profile::change))
        .routes(routes!(profile::change_handle))
        .routes(routes!(members::show))
        .routes(routes!(members::show_by_handle))
        .routes(routes!(members::handle_available))
        .routes(routes!(members::query))
        .routes(routes!(members::recommend))
        .routes(routes!(follows::follow, follows::unfollow))
        .routes(routes!(follows::followers))
        .routes(routes!(follows::followings))
        .routes(routes!(relations::requests))
        .routes(routes!(relations::accept, relations::decline))
        .routes(routes!(relations::remove_follower))
        .routes(routes!(relations::block, relations::unblock))
        .routes(routes!(relations::mute, relations::unmute))
        .routes(routes!(relations::blocks))
        .routes(routes!(relations::mutes))
        .routes(routes!(posts::create))
        .routes(routes!(posts::show, posts::edit, posts::delete))
        .routes(routes!(posts::like, posts::unlike))
        .routes(routes!(posts::likes))
        .routes(routes!(comments::list, comments::create))
        .routes(routes!(comments::show, comments::edit, comments::delete))
        .routes(routes!(comments::replies))
        .routes(routes!(comments::like, comments::unlike))
        .routes(routes!(comments::of_member))
        .routes(routes!(images::send))
        .routes(routes!(images::show, images::delete))
        .routes(routes!(timeline::home))
        .routes(routes!(timeline::recent))
        .routes(routes!(timeline::mine))
        .routes(routes!(timeline::of_member))
        .routes(routes!(timeline::of_tag))
        .routes(routes!(search::posts))
        .routes(routes!(search::comments))
        .routes(routes!(search::members))
        .routes(routes!(ranked::most_popular))
        .routes(routes!(ranked::most_commented))
        .routes(routes!(ranked::daily_top3))
        .routes(routes!(stream::open))
        .routes(routes!(stream::ticket))
        .routes(routes!(activities::list))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::unread))
        .routes(routes!(notifications::marker, notifications::move_marker))
        .routes(routes!(events::list))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::startup))
        .routes(routes!(docs::show))
}

/// The public listener. Streams say `bye` and end when `shutdown` is cancelled.
#[expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")]
pub fn public(actors: Actors, settings: &Settings, shutdown: CancellationToken) -> Router {
    let limits = Limits::new(settings.limits.as_ref());
    let door = Door {
        sessions: actors.sessions.clone(),
        visibility: actors.visibility,
        limits: limits.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        upload_time_max: settings.upload.time_max,
        warned: AtomicBool::new(false),
    };
    let rendered = Rendered::new();
    let handles = Handles(Arc::new(All {
        members: actors.members,
        sessions: actors.sessions,
        content: actors.content,
        feeds: actors.feeds,
        live_streams: actors.streams,
        notifications: actors.notifications,
        search: actors.search,
        images: actors.images,
        ranking: actors.ranking,
        activity: actors.activity,
        system: actors.system,
        limits,
        body: settings.body,
        upload: settings.upload,
        cookies: Cookies { secure: settings.secure_cookies },
        streams: Streams::new(settings.heartbeat, shutdown, rendered.clone()),
        rendered,
    }));
    let (router, _) = table().split_for_parts();
    // The state goes in before the layer does: a route that is whole is not put together again for each request.
    let router = router.with_state(handles).merge(docs_page::pages()).fallback(nothing_here);
    let router = router.layer(Edge::new(Entrance::Door(Box::new(door)), settings.request_time_max));
    match edge::cors(&settings.cors_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

/// The operating listener. No limits, no members, and no pages from elsewhere.
pub fn admin(actors: &Actors, metrics: Option<PrometheusHandle>, settings: &Settings) -> Router {
    let Actors { system, activity, search, .. } = actors.clone();
    let gate = Gate::new(settings.admin_listen, &settings.admin_hosts);
    Router::new()
        .route("/metrics", get(admin::metrics))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health/startup", get(health::startup))
        .route("/admin/actors", get(admin::actors))
        .route("/admin/deadletters", get(dead_letters::list))
        .route("/admin/deadletters/redrive", post(dead_letters::redrive_all))
        .route("/admin/deadletters/{id}", get(dead_letters::show).delete(dead_letters::drop))
        .route("/admin/deadletters/{id}/redrive", post(dead_letters::redrive))
        .route("/admin/search", get(admin::search))
        .route("/admin/search/reindex", post(admin::reindex))
        .with_state(Operating { system, activity, search, metrics })
        .fallback(nothing_here)
        .layer(Edge::new(Entrance::Gate(gate), settings.request_time_max))
}

async fn nothing_here() -> Problem {
    Problem::of_status(StatusCode::NOT_FOUND)
}

/// A handler names the one handle it needs, never the whole of this.
#[derive(Clone)]
struct Handles(Arc<All>);

struct All {
    members: Members,
    sessions: Sessions,
    content: Content,
    feeds: Feeds,
    live_streams: LiveStreams,
    notifications: Notifications,
    search: Search,
    images: Images,
    ranking: Ranking,
    activity: Activity,
    system: System,
    limits: Limits,
    body: BodyRules,
    upload: UploadRules,
    cookies: Cookies,
    streams: Streams,
    rendered: Rendered,
}

macro_rules! handles {
    ($($field:ident: $handle:ty),* $(,)?) => {
        $(impl FromRef<Handles> for $handle {
            fn from_ref(handles: &Handles) -> Self {
                handles.0.$field.clone()
            }
        })*
    };
}

handles! {
    members: Members,
    sessions: Sessions,
    content: Content,
    feeds: Feeds,
    live_streams: LiveStreams,
    notifications: Notifications,
    search: Search,
    images: Images,
    ranking: Ranking,
    activity: Activity,
    system: System,
    limits: Limits,
    body: BodyRules,
    upload: UploadRules,
    cookies: Cookies,
    streams: Streams,
    rendered: Rendered,
}

/// What the operating listener may look at.
#[derive(Clone, FromRef)]
struct Operating {
    system: System,
    activity: Activity,
    search: Search,
    metrics: Option<PrometheusHandle>,
}
