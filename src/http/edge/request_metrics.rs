//! Metrics of requests by method, route and status: a counter and a histogram of durations.
use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use rustc_hash::FxHashMap;
use std::{cell::RefCell, time::Duration};

/// Stands for the route of an unknown path: each path would otherwise become a metric of its own.
pub(super) const UNMATCHED: &str = "unmatched";

/// The metrics of one method and status of a route.
struct Meters {
    method: &'static str,
    status: u16,
    requests: Counter,
    seconds: Histogram,
}

thread_local! {
    /// Looking a metric up by its labels allocates, so each thread keeps the metrics that it has used: a handful for
    /// each route.
    static METERS: RefCell<FxHashMap<String, Vec<Meters>>> = RefCell::default();
}

/// Records one response.
pub(super) fn record(method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
    let (method, route, status) = (name(method), route.unwrap_or(UNMATCHED), status.as_u16());
    METERS.with_borrow_mut(|routes| match routes.get_mut(route) {
        Some(meters) => match meters.iter().find(|meters| meters.status == status && meters.method == method) {
            Some(meters) => meters.record(took),
            None => meters.push(Meters::with_first(method, route, status, took)),
        },
        None => drop(routes.insert(route.to_owned(), vec![Meters::with_first(method, route, status, took)])),
    });
}

impl Meters {
    fn with_first(method: &'static str, route: &str, status: u16, took: Duration) -> Self {
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

/// The method as a label; all unknown methods share one.
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
