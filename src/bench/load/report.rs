//! The report of a run, as JSON of the same form as that of the k6 scripts.
use super::{Options, shape::Route};
use crate::bench::process::Process;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// One response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    us: u32,
    status: u16,
    route: u8,
    step: u8,
}

impl Sample {
    /// Creates a sample. `status` is 0 if no response came.
    pub(super) fn new(route: Route, step: usize, took: Duration, status: u16) -> Self {
        let us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        Self { us, status, route: route as u8, step: u8::try_from(step).unwrap_or(u8::MAX) }
    }

    fn shed(&self) -> bool {
        matches!(self.status, 429 | 503)
    }

    fn failed(&self) -> bool {
        use Route as R;
        // A 404 is fine on these routes: the post was deleted, or its author deactivated, meanwhile.
        let can_be_deleted =
            [R::Author, R::Post, R::Comments, R::Comment, R::Like].iter().any(|route| *route as u8 == self.route);
        !(matches!(self.status, 200..=299) || self.shed() || self.status == 404 && can_be_deleted)
    }
}

/// The samples of a run.
pub(super) struct Measured {
    pub(super) samples: Vec<Sample>,
    /// Requests per second offered in each step; 0 for a closed loop.
    pub(super) rates: Vec<u64>,
    pub(super) took: Duration,
    /// Microseconds from the acknowledgement of each post until every follower of the sample had it in the feed.
    pub(super) visible_us: Vec<u32>,
}

/// Returns the report. `process` has the snapshots of the server before and after the run.
pub(super) fn report(options: &Options, measured: &Measured, process: Option<(Process, Process)>) -> Value {
    let samples = &measured.samples;
    let count = |wanted: fn(&Sample) -> bool| samples.iter().filter(|sample| wanted(sample)).count();
    let requests = samples.len().max(1);
    let mut routes = Map::new();
    for route in Route::ALL {
        let of_route = latencies(samples.iter().filter(|sample| sample.route == route as u8));
        if !of_route.is_null() {
            routes.insert(route.name().to_owned(), of_route);
        }
    }
    let steps: Vec<Value> = measured
        .rates
        .iter()
        .enumerate()
        .map(|(step, rate)| {
            let of_step = || samples.iter().filter(move |sample| usize::from(sample.step) == step);
            let shed = of_step().filter(|sample| sample.shed()).count();
            json!({"rate": rate, "requests": of_step().count(), "shed": shed, "latencyMs": latencies(of_step())})
        })
        .collect();
    let scenario = format!("{:?}", options.scenario).to_lowercase();
    let cpu = process.map(|(before, after)| after.cpu_us.saturating_sub(before.cpu_us) as f64 / requests as f64);
    json!({
        "scenario": scenario,
        "generator": "dailyfeed bench load",
        "offeredPerSecond": measured.rates.iter().max(),
        "seconds": options.seconds,
        "requests": samples.len(),
        "requestsPerSecond": (samples.len() as f64 / measured.took.as_secs_f64().max(0.001)).round(),
        "failedRatio": count(Sample::failed) as f64 / requests as f64,
        "shed": count(Sample::shed),
        "latencyMs": latencies(samples.iter()),
        "visibleMs": percentiles(measured.visible_us.clone()),
        "routes": routes,
        "steps": if steps.len() > 1 { Value::from(steps) } else { Value::Null },
        "cpuMicrosPerRequest": cpu.map(|us| (us * 10.0).round() / 10.0),
        "residentBytes": process.map(|(_, after)| after.resident),
    })
}

fn latencies<'s>(samples: impl Iterator<Item = &'s Sample>) -> Value {
    percentiles(samples.map(|sample| sample.us).collect())
}

/// Returns percentiles in milliseconds, or null without samples.
fn percentiles(mut us: Vec<u32>) -> Value {
    us.sort_unstable();
    let Some(max) = us.last() else { return Value::Null };
    let at = |part: f64| f64::from(us[((us.len() as f64 * part) as usize).min(us.len() - 1)]) / 1000.0;
    json!({"p50": at(0.5), "p90": at(0.9), "p95": at(0.95), "p99": at(0.99), "max": f64::from(*max) / 1000.0})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_samples() {
        assert_eq!(percentiles(Vec::new()), Value::Null);
        let all = percentiles((1..=1_000).map(|number| number * 1_000).collect());
        assert_eq!(all["p50"], 501.0);
        assert_eq!((&all["p99"], &all["max"]), (&json!(991.0), &json!(1_000.0)));
    }

    #[test]
    fn a_shed_request_is_no_failure_and_a_missing_response_is() {
        let failed = |route, status| Sample::new(route, 0, Duration::ZERO, status).failed();
        let home = [200, 429, 503, 500, 401, 404, 0].map(|status| failed(Route::Home, status));
        assert_eq!(home, [false, false, false, true, true, true, true]);
        assert!(!failed(Route::Post, 404) && failed(Route::Post, 403));
    }
}
