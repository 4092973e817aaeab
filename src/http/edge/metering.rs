//! Requests by method, route and status: how many, how long.
use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use rustc_hash::FxHashMap;
use std::{cell::RefCell, time::Duration};

/// The route of paths that lead nowhere. Their own text would make a metric each.
const UNMATCHED: &str = "unmatched";

struct Meters {
    requests: Counter,
    seconds: Histogram,
}

thread_local! {
    /// Looking a metric up by its labels allocates, so each thread keeps those that it has used: at most one for each
    /// method and status of each route.
    static METERS: RefCell<FxHashMap<&'static str, FxHashMap<String, FxHashMap<u16, Meters>>>> =
        RefCell::default();
}

/// Counts one answer.
pub(super) fn record(method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
    let (method, route, status) = (name(method), route.unwrap_or(UNMATCHED), status.as_u16());
    METERS.with_borrow_mut(|meters| {
        let routes = meters.entry(method).or_default();
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), FxHashMap::default());
        }
        let Some(statuses) = routes.get_mut(route) else { return };
        let meters = statuses.entry(status).or_insert_with(|| Meters::new(method, route, status));
        meters.requests.increment(1);
        meters.seconds.record(took.as_secs_f64());
    });
}

impl Meters {
    fn new(method: &'static str, route: &str, status: u16) -> Self {
        let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        Self {
            requests: metrics::counter!("dailyfeed_http_requests_total", &labels),
            seconds: metrics::histogram!("dailyfeed_http_request_duration_seconds", &labels),
        }
    }
}

/// Methods that clients make up are one.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
