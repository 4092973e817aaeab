//! Housekeeping: an actor and its timer, which rotate the signing keys and prune expired rows every hour; another actor
//! and its task, which take the steps of departures (`departures.rs`).
mod actor;
mod departures;
#[cfg(test)]
mod tests;

use super::{
    activity::Activity,
    backoff::{Backoff, PART_MAX},
    error::Reply,
    lease::Lease,
    mailbox::Mailbox,
    projection::Projection,
    ranking::Ranking,
    search::Search,
    sessions::Sessions,
    supervisor::Supervisor,
};
use crate::{
    config::Config,
    storage::{Stores, Work},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// The time between two runs.
const EVERY: Duration = Duration::from_secs(3_600);

/// The messages of the housekeeping actor.
pub(super) enum Message {
    /// Runs all of it once.
    Run { reply: Reply<()> },
}

/// The readers of the log: an event that one of them has not applied is not pruned.
#[derive(Clone)]
pub(super) struct Readers {
    pub(super) projection: Projection,
    pub(super) ranking: Ranking,
    pub(super) activity: Activity,
    pub(super) search: Search,
}

/// Starts the actor and its timer. The first run is an hour after the start; a run with a failed job is repeated with
/// backoff.
pub(super) async fn start(
    supervisor: &Supervisor,
    stores: &Stores,
    readers: Readers,
    sessions: Sessions,
    config: &Config,
) {
    let part = supervisor.add_part("housekeeping");
    departures::start(supervisor, &part, stores).await;
    let retry = Arc::new(Notify::new());
    let state = actor::State {
        store: stores.housekeeping.clone(),
        views: stores.views.clone(),
        readers,
        sessions,
        lease: Lease::new(&stores.leases, Work::Pruning),
        retention: Duration::from_secs(u64::from(config.events.retention_hours) * 3_600),
        last_run_failed: part.new_fault(),
        retry: retry.clone(),
    };
    let mailbox: Mailbox<Message> =
        supervisor.spawn_part(&part, None, move || (actor::HousekeepingActor, state.clone())).await;
    supervisor.spawn_background(async move {
        let mut backoff = Backoff::up_to(PART_MAX);
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => backoff.reset(),
                () = retry.notified() => tokio::time::sleep(backoff.next()).await,
            }
            // A run that takes longer than the answer timeout still completes; only its answer is lost.
            if let Err(error) = mailbox.ask(|reply| Message::Run { reply }).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "housekeeping did not answer");
            }
        }
    });
}
