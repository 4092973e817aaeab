//! `/api/openapi.json`: the OpenAPI document, generated from the routes and completed by `contract/`.
use super::{
    contract::{self, FieldCode, ImageVariant, ProblemCode, RankingWindow, RecommendationStrategy, SearchSort},
    docs_page::{REVALIDATED, StaticFile},
    etag::IfNoneMatch,
    problem::ProblemView,
    public_routes,
    stream::schemas,
};
use axum::response::Response;
use serde_json::Value;
use std::sync::LazyLock;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "dailyfeed",
        description = "A social feed server: members, posts, comments, follows, feeds, live streams.\n\n\
            Errors are `application/problem+json` with a stable `code`; `detail` is in Korean or English, as \
            `Accept-Language` prefers. Lists are `{items, nextCursor}`: pass `nextCursor` as `cursor` to get the next \
            page. Lengths of texts are in user-perceived characters (grapheme clusters). Unknown members of a request \
            are ignored unless documented otherwise; later versions may add members to responses.\n\n\
            A request whose header cannot be read (400, 408, 414, 431) gets a problem in English with the `instance` \
            `/`, as neither its path nor its language is known; it ends the connection.\n\n\
            Every response has an `X-Request-Id`, which the request may set. `X-Token-Refresh-Needed: true`: call \
            `POST /api/token/refresh`. `X-Relogin-Required: true`: log in again.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(
        ProblemView, ProblemCode, FieldCode, RankingWindow, RecommendationStrategy, SearchSort, ImageVariant,
        schemas::Ready, schemas::AuthExpiring, schemas::Reset, schemas::Bye, schemas::PostDeleted,
        schemas::PostCounts, schemas::NotificationRetracted, schemas::Top3Changed,
    )),
    tags(
        (name = "authentication", description = "Sign-up, login, tokens, sessions, passwords, deactivation."),
        (name = "members", description = "Profiles, handles, recommendations."),
        (name = "follows", description = "Follows, follow requests, blocks, mutes."),
        (name = "posts", description = "Create, read, edit, delete and like posts."),
        (name = "comments", description = "Comments on posts and replies to them."),
        (name = "images", description = "Images for posts and profiles."),
        (name = "timeline", description = "Feeds, rankings and the live stream."),
        (name = "search", description = "Full-text search for posts, comments and members."),
        (name = "activity", description = "Activities, notifications, public events."),
        (name = "health", description = "Probes for load balancers and orchestrators."),
        (name = "documentation", description = "This document."),
    ),
    security(("bearer" = [])),
    modifiers(&Bearer),
    servers((url = "/")),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document without the routes.
pub(super) fn document() -> openapi::OpenApi {
    Document::openapi()
}

/// The complete OpenAPI 3.1 document.
pub fn openapi() -> Value {
    let (_, document) = public_routes().split_for_parts();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    contract::complete(&mut document);
    document
}

static FILE: LazyLock<StaticFile> = LazyLock::new(|| StaticFile::new("application/json", openapi().to_string().into()));

/// Returns this document.
#[utoipa::path(
    get, path = "/api/openapi.json", operation_id = "openapi", tag = "documentation", security(()),
    responses((status = 200, description = "The OpenAPI 3.1 document", body = Object), (status = 304, description = "The client's version is current"))
)]
pub(super) async fn show_openapi(if_none_match: IfNoneMatch) -> Response {
    FILE.respond(&if_none_match, REVALIDATED)
}
