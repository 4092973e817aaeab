//! The load of a published test of a similar feed: ten minutes of 10 to 100 users, each with four GETs a second apart.
use super::{
    Options,
    graph::Graph,
    open,
    report::{Measured, Sample},
    shape::Route,
};
use crate::client::Client;
use anyhow::Context;
use rand::{SeedableRng, rngs::StdRng};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};

/// Users at the end of each stage, and the length of the stage in tenths of the run.
const STAGES: [(u32, u32); 7] = [(10, 1), (10, 2), (50, 1), (50, 2), (100, 1), (100, 2), (0, 1)];
const USERS_AT_FIRST: u32 = 10;
const USERS_MAX: u32 = 100;
const ROUTES: [Route; 4] = [Route::Home, Route::Recent, Route::Post, Route::Comments];
const PAUSE: Duration = Duration::from_secs(1);

/// Returns the number of users after this fraction (0 to 1) of the run.
fn users(at: f64) -> f64 {
    let (mut from, mut before) = (0.0, f64::from(USERS_AT_FIRST));
    for (until, tenths) in STAGES {
        let (until, length) = (f64::from(until), f64::from(tenths) / 10.0);
        if at < from + length {
            return before + (until - before) * (at - from) / length;
        }
        (from, before) = (from + length, until);
    }
    0.0
}

/// Runs all users until the end of the run.
pub(super) async fn run(options: &Options, graph: Graph) -> anyhow::Result<Measured> {
    let (graph, begun) = (Arc::new(graph), Instant::now());
    let whole = Duration::from_secs(options.seconds);
    let mut users_running = JoinSet::new();
    for user in 0..USERS_MAX {
        let (graph, address) = (graph.clone(), options.address);
        users_running.spawn(async move {
            let mut random = StdRng::seed_from_u64(u64::from(user));
            let mut client = Client::open(address, 0, None).await?;
            let (mut samples, mut paused) = (Vec::new(), false);
            while begun.elapsed() < whole {
                if f64::from(user) >= users(begun.elapsed().div_duration_f64(whole)) {
                    paused = true;
                    sleep(PAUSE / 10).await;
                    continue;
                }
                // A user who starts later opens a new connection, as the server can have closed the idle one.
                if std::mem::take(&mut paused) {
                    client = Client::open(address, 0, None).await?;
                }
                for route in ROUTES {
                    let sent = Instant::now();
                    let status = open::ask(&mut client, &graph, route, &mut random).await;
                    samples.push(Sample::new(route, 0, sent.elapsed(), status.as_ref().copied().unwrap_or(0)));
                    if status.is_err() {
                        client = Client::open(address, 0, None).await?;
                    }
                    sleep(PAUSE).await;
                }
            }
            anyhow::Ok(samples)
        });
    }
    let mut samples = Vec::new();
    while let Some(ended) = users_running.join_next().await {
        samples.extend(ended.context("a user panicked")??);
    }
    Ok(Measured { samples, rates: vec![0], took: begun.elapsed(), visible_us: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_users_follows_the_published_test() {
        let at = [0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0].map(|at| users(at).round() as u32);
        assert_eq!(at, [10, 10, 30, 50, 75, 100, 50, 0]);
        assert_eq!(STAGES.iter().map(|(_, tenths)| tenths).sum::<u32>(), 10);
    }
}
