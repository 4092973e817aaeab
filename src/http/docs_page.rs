//! `/api/docs`: the contract as a page that loads nothing from elsewhere. `/` leads to it.
use super::{
    answer::{self, IfNoneMatch},
    problem::Problem,
};
use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};
use utoipa_swagger_ui::Config;

/// Where the page is. The slash makes its links relative to it.
const PLACE: &str = "/api/docs/";
const TITLE: &str = "<title>dailyfeed API</title>";
/// What the page may load: itself, and images that it has fetched. Its styles are set by its script. No other page may
/// frame it.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
    base-uri 'none'; form-action 'none'; object-src 'none'; frame-ancestors 'none'";
/// Everything that the page is made of, beside itself.
const PARTS: &[&str] = &[
    "swagger-ui.css",
    "index.css",
    "favicon-32x32.png",
    "favicon-16x16.png",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
];

/// Kept, but asked about each time.
pub(super) const REVALIDATED: &str = "public, no-cache";
/// Kept: a name with a version never gets other bytes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Something that is the same for everybody for as long as the process runs.
pub(super) struct Document {
    kind: String,
    bytes: Bytes,
    tag: String,
}

impl Document {
    pub(super) fn new(kind: &str, bytes: Bytes) -> Self {
        Self { kind: kind.to_owned(), tag: answer::tag(&bytes), bytes }
    }

    /// The bytes, or 304 where the client has them.
    pub(super) fn answer(&self, known: &IfNoneMatch, kept: &'static str) -> Response {
        let mut response = if known.knows(&self.tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.kind.as_str())], Body::from(self.bytes.clone())).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    /// What a link to it says after its name.
    fn version(&self) -> String {
        format!("v={}", self.tag.trim_start_matches("W/").trim_matches('"'))
    }
}

struct Page {
    html: Document,
    parts: HashMap<&'static str, Document>,
}

static PAGE: LazyLock<Page> = LazyLock::new(|| {
    // It asks nobody else whether the contract is valid.
    let config = Config::from("/api/openapi.json").validator_url("none").try_it_out_enabled(true);
    let config = Arc::new(config);
    let file = |name| utoipa_swagger_ui::serve(name, config.clone()).ok().flatten();
    let mut html = file("").map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default();
    html = html.replace("<title>Swagger UI</title>", TITLE);
    let mut parts = HashMap::new();
    for name in PARTS {
        if let Some(file) = file(name) {
            let part = Document::new(&file.content_type, file.bytes.into_owned().into());
            html = html.replace(&format!("{name}\""), &format!("{name}?{}\"", part.version()));
            parts.insert(*name, part);
        }
    }
    Page { html: Document::new("text/html; charset=utf-8", html.into()), parts }
});

/// The page, its parts, and the ways to it.
pub(super) fn pages() -> Router {
    Router::new()
        .route("/", get(lead))
        .route("/api/docs", get(lead))
        .route(PLACE, get(page))
        .route("/api/docs/{part}", get(part))
}

async fn lead() -> Response {
    guarded((StatusCode::FOUND, [(header::LOCATION, PLACE)]).into_response())
}

async fn page(known: IfNoneMatch) -> Response {
    guarded(PAGE.html.answer(&known, REVALIDATED))
}

async fn part(Path(name): Path<String>, uri: Uri, known: IfNoneMatch) -> Response {
    if name == "index.html" {
        return page(known).await;
    }
    let Some(part) = PAGE.parts.get(name.as_str()) else {
        return Problem::of_status(StatusCode::NOT_FOUND).into_response();
    };
    let named = uri.query().is_some_and(|query| query == part.version());
    guarded(part.answer(&known, if named { IMMUTABLE } else { REVALIDATED }))
}

fn guarded(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_there_and_linked_with_its_version() {
        assert_eq!(PAGE.parts.len(), PARTS.len());
        let html = std::str::from_utf8(&PAGE.html.bytes).unwrap();
        assert!(html.contains(TITLE) && !html.contains("Swagger UI"), "{html}");
        for (name, part) in &PAGE.parts {
            assert!(html.contains(&format!("{name}?{}\"", part.version())), "{name}: {html}");
        }
    }
}
