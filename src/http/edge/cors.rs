//! The CORS layer: the other origins whose pages may call the API from a browser.
use axum::http::{HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may cache the response to a preflight request.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(3_600);

/// The layer; none if no other origin is configured. `*` allows every origin, but without cookies.
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
        .max_age(PREFLIGHT_MAX_AGE);
    match origins {
        [] => None,
        origins if origins.iter().any(|origin| origin == "*") => Some(layer.allow_origin(AllowOrigin::any())),
        origins => Some(layer.allow_origin(AllowOrigin::list(origins.iter().cloned())).allow_credentials(true)),
    }
}
