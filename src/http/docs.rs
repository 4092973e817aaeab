//! `/api/openapi.json`: the contract, generated from the routes. `docs_page.rs` shows it.
use super::{
    answer::IfNoneMatch,
    contract::{self, FieldCode, ImageVariant, ProblemCode, RankingWindow, RecommendationStrategy, SearchSort},
    docs_page::{Document as File, REVALIDATED},
    problem::ProblemView,
    stream::schemas,
    table,
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
            Failures are `application/problem+json` with a stable `code`; `detail` is Korean or English by \
            `Accept-Language`. Lists are `{items, nextCursor}`: the next page is asked for with `nextCursor` as \
            `cursor`. Lengths of texts count characters as people do (grapheme clusters). Requests may have members \
            that are not named here, which are ignored, and later versions may answer with more than is named here.\n\n\
            Every answer has an `X-Request-Id`, which a request may choose. `X-Token-Refresh-Needed: true` asks for \
            `POST /api/token/refresh`; `X-Relogin-Required: true` says that only a new login helps.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(
        ProblemView, ProblemCode, FieldCode, RankingWindow, RecommendationStrategy, SearchSort, ImageVariant,
        schemas::Ready, schemas::AuthExpiring, schemas::Reset, schemas::Bye, schemas::PostDeleted,
        schemas::PostCounts, schemas::NotificationRetracted, schemas::Top3Changed,
    )),
    tags(
        (name = "authentication", description = "Signing up, logging in, tokens, sessions, passwords, leaving."),
        (name = "members", description = "Profiles, handles, recommendations."),
        (name = "follows", description = "Follows and requests to follow, blocks, mutes."),
        (name = "posts", description = "Writing, reading, changing, liking posts."),
        (name = "comments", description = "Comments on posts and replies to them."),
        (name = "images", description = "Images for posts and profiles."),
        (name = "timeline", description = "Feeds, rankings and the live stream."),
        (name = "search", description = "Posts, comments and members by what they say."),
        (name = "activity", description = "What the caller did, notifications, public events."),
        (name = "health", description = "For load balancers and orchestrators."),
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

/// The document before the routes are in it.
pub(super) fn document() -> openapi::OpenApi {
    Document::openapi()
}

/// The OpenAPI 3.1 document.
pub fn openapi() -> Value {
    let (_, document) = table().split_for_parts();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    contract::complete(&mut document);
    document
}

static FILE: LazyLock<File> = LazyLock::new(|| File::new("application/json", openapi().to_string().into()));

/// This document.
#[utoipa::path(
    get, path = "/api/openapi.json", operation_id = "openapi", tag = "documentation", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object), (status = 304, description = "As known"))
)]
pub(super) async fn show(known: IfNoneMatch) -> Response {
    FILE.answer(&known, REVALIDATED)
}
