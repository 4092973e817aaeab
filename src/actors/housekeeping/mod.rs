//! What has to be done now and then: keys are checked, and what has run out is removed.
mod actor;

use super::{
    Reply, Supervisor,
    activity::Activity,
    mailbox::Mailbox,
    pauses::{Pauses, SIDE_MAX},
    projection::Projection,
    ranking::Ranking,
    search::Search,
    sessions::Sessions,
};
use crate::{config::Config, storage::Stores};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// How often.
const EVERY: Duration = Duration::from_secs(3_600);

/// What the housekeeping actor can be told.
pub(super) enum Message {
    /// Does a round.
    Round { reply: Reply<()> },
}

/// Starts the actor and the clock that wakes it. The first round is an hour after the start; one that failed is done again
/// after growing pauses.
pub(super) async fn start(
    supervisor: &Supervisor,
    stores: &Stores,
    (projection, ranking, activity, search): (Projection, Ranking, Activity, Search),
    sessions: Sessions,
    config: &Config,
) {
    let part = supervisor.part("housekeeping");
    let (undone, failed) = (part.trouble(), Arc::new(Notify::new()));
    let state = actor::State {
        store: stores.upkeep.clone(),
        projection,
        ranking,
        activity,
        search,
        sessions,
        retention: Duration::from_secs(u64::from(config.events.retention_hours) * 3_600),
        undone: undone.clone(),
        failed: failed.clone(),
    };
    let mailbox: Mailbox<Message> =
        supervisor.spawn_part(&part, None, move || (actor::HousekeepingActor, state.clone())).await;
    supervisor.spawn_background(async move {
        let mut pauses = Pauses::up_to(SIDE_MAX);
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => pauses.reset(),
                () = failed.notified() => tokio::time::sleep(pauses.next()).await,
            }
            // A round that takes longer than the patience of the mailbox still ends; only its answer is missed.
            if let Err(error) = mailbox.ask(|reply| Message::Round { reply }).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "housekeeping did not answer");
            }
        }
    });
}
