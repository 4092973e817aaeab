//! `/api/docs`: the OpenAPI document as a page (Swagger UI) that loads only from this server. `/` redirects to it.
use super::{
    etag::{self, IfNoneMatch},
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

/// The path of the page. The slash makes its links relative to it.
const PATH: &str = "/api/docs/";
const TITLE: &str = "<title>dailyfeed API</title>";
/// The page loads only its own files and images that it has fetched. Its script sets styles. No other page can frame
/// it.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
    base-uri 'none'; form-action 'none'; object-src 'none'; frame-ancestors 'none'";
/// The files of the page.
const FILES: &[&str] = &[
    "swagger-ui.css",
    "index.css",
    "favicon-32x32.png",
    "favicon-16x16.png",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
];

/// Cached, and revalidated for each use.
pub(super) const REVALIDATED: &str = "public, no-cache";
/// Cached without revalidation: the bytes of a URL with a version never change.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// A file that is the same for all callers and does not change while the process runs.
pub(super) struct StaticFile {
    content_type: String,
    bytes: Bytes,
    tag: String,
}

impl StaticFile {
    pub(super) fn new(content_type: &str, bytes: Bytes) -> Self {
        Self { content_type: content_type.to_owned(), tag: etag::of(&bytes), bytes }
    }

    /// 200 with the bytes, or 304 if the client has them.
    pub(super) fn respond(&self, if_none_match: &IfNoneMatch, cache_control: &'static str) -> Response {
        let mut response = if if_none_match.contains(&self.tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.content_type.as_str())], Body::from(self.bytes.clone())).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    /// The query of a link to the file, which names its version.
    fn version(&self) -> String {
        format!("v={}", self.tag.trim_start_matches("W/").trim_matches('"'))
    }
}

struct Page {
    html: StaticFile,
    files: HashMap<&'static str, StaticFile>,
}

static PAGE: LazyLock<Page> = LazyLock::new(|| {
    // Swagger UI would send the document to an external validator.
    let config = Config::from("/api/openapi.json").validator_url("none").try_it_out_enabled(true);
    let config = Arc::new(config);
    let file = |name| utoipa_swagger_ui::serve(name, config.clone()).ok().flatten();
    let mut html = file("").map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default();
    html = html.replace("<title>Swagger UI</title>", TITLE);
    let mut files = HashMap::new();
    for name in FILES {
        if let Some(file) = file(name) {
            let static_file = StaticFile::new(&file.content_type, file.bytes.into_owned().into());
            html = html.replace(&format!("{name}\""), &format!("{name}?{}\"", static_file.version()));
            files.insert(*name, static_file);
        }
    }
    Page { html: StaticFile::new("text/html; charset=utf-8", html.into()), files }
});

/// The routes of the page and its files, and the redirects to it.
pub(super) fn pages() -> Router {
    Router::new()
        .route("/", get(redirect))
        .route("/api/docs", get(redirect))
        .route(PATH, get(page))
        .route("/api/docs/{file}", get(file))
}

async fn redirect() -> Response {
    with_policy((StatusCode::FOUND, [(header::LOCATION, PATH)]).into_response())
}

async fn page(if_none_match: IfNoneMatch) -> Response {
    with_policy(PAGE.html.respond(&if_none_match, REVALIDATED))
}

async fn file(Path(name): Path<String>, uri: Uri, if_none_match: IfNoneMatch) -> Response {
    if name == "index.html" {
        return page(if_none_match).await;
    }
    let Some(file) = PAGE.files.get(name.as_str()) else {
        return Problem::of_status(StatusCode::NOT_FOUND).into_response();
    };
    let versioned = uri.query().is_some_and(|query| query == file.version());
    with_policy(file.respond(&if_none_match, if versioned { IMMUTABLE } else { REVALIDATED }))
}

/// Sets the content security policy.
fn with_policy(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_exists_and_is_linked_with_its_version() {
        assert_eq!(PAGE.files.len(), FILES.len());
        let html = std::str::from_utf8(&PAGE.html.bytes).unwrap();
        assert!(html.contains(TITLE) && !html.contains("Swagger UI"), "{html}");
        for (name, file) in &PAGE.files {
            assert!(html.contains(&format!("{name}?{}\"", file.version())), "{name}: {html}");
        }
    }
}
