//! Which other origins a browser may call from.
use axum::http::{HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember the answer to a preflight request.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// The layer, where other origins may call at all. `*` lets all of them, but without cookies.
pub(in crate::http) fn cors(origins: &[HeaderValue]) -> Option<CorsLayer> {
    let header = HeaderName::from_static;
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::ACCEPT_LANGUAGE,
            header::CACHE_CONTROL,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::IF_RANGE,
            header::RANGE,
            header("idempotency-key"),
            header("last-event-id"),
            header("traceparent"),
            header("x-request-id"),
        ])
        .expose_headers([
            header::ACCEPT_RANGES,
            header::CONTENT_RANGE,
            header::ETAG,
            header::LINK,
            header::LOCATION,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            header("x-relogin-required"),
            header("x-request-id"),
            header("x-search-behind"),
            header("x-token-refresh-needed"),
            header("x-write-token"),
        ])
        .max_age(REMEMBERED);
    match origins {
        [] => None,
        origins if origins.iter().any(|origin| origin == "*") => Some(layer.allow_origin(AllowOrigin::any())),
        origins => Some(layer.allow_origin(AllowOrigin::list(origins.iter().cloned())).allow_credentials(true)),
    }
}
