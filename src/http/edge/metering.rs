//! Requests by method, route and status: how many, how long.
use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use rustc_hash::FxHashMap;
use std::{cell::RefCell, time::Duration};

/// The route of paths that lead nowhere. Their own text would make a metric each.
const UNMATCHED: &str = "unmatched";

/// What is counted of one method and status of a route.
struct Meters {
    method: &'static str,
    status: u16,
    requests: Counter,
    seconds: Histogram,
}

thread_local! {
    /// Looking a metric up by its labels allocates, so each thread keeps those that it has used, by route: a handful
    /// each.
    static METERS: RefCell<FxHashMap<String, Vec<Meters>>> = RefCell::default();
}

/// Counts one answer.
pub(super) fn record(method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
    let (method, route, status) = (name(method), route.unwrap_or(UNMATCHED), status.as_u16());
    METERS.with_borrow_mut(|routes| match routes.get_mut(route) {
        Some(meters) => match meters.iter().find(|meters| meters.status == status && meters.method == method) {
            Some(meters) => meters.record(took),
            None => meters.push(Meters::begin(method, route, status, took)),
        },
        None => drop(routes.insert(route.to_owned(), vec![Meters::begin(method, route, status, took)])),
    });
}

impl Meters {
    fn begin(method: &'static str, route: &str, status: u16, took: Duration) -> Self {
        let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        let requests = metrics::counter!("dailyfeed_http_requests_total", &labels);
        let seconds = metrics::histogram!("dailyfeed_http_request_duration_seconds", &labels);
        let meters = Self { method, status, requests, seconds };
        meters.record(took);
        meters
    }

    fn record(&self, took: Duration) {
        self.requests.increment(1);
        self.seconds.record(took.as_secs_f64());
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
