//! What has to be done now and then: keys are checked, and what has run out is removed.
mod actor;

use super::{
    Reply, StartError, Supervisor, activity::Activity, mailbox::Mailbox, ranking::Ranking, search::Search,
    sessions::Sessions, timeline::Timeline,
};
use crate::{config::Config, storage::Stores};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often.
const EVERY: Duration = Duration::from_secs(3_600);

/// What the housekeeping actor can be told.
pub(super) enum Message {
    /// Does a round.
    Round { reply: Reply<()> },
}

/// Starts the actor and the clock that wakes it. The first round is an hour after the start.
pub(super) async fn start(
    supervisor: &Supervisor,
    stores: &Stores,
    (timeline, ranking, activity, search): (Timeline, Ranking, Activity, Search),
    sessions: Sessions,
    config: &Config,
) -> Result<(), StartError> {
    let state = actor::State {
        store: stores.upkeep.clone(),
        timeline,
        ranking,
        activity,
        search,
        sessions,
        retention: Duration::from_secs(u64::from(config.events.retention_hours) * 3_600),
    };
    let mailbox: Mailbox<Message> =
        supervisor.raise("housekeeping", None, move || (actor::HousekeepingActor, state.clone())).await?;
    supervisor.beside(async move {
        let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            clock.tick().await;
            // A round that takes longer than the patience of the mailbox still ends; only its answer is missed.
            if let Err(error) = mailbox.ask(|reply| Message::Round { reply }).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "housekeeping did not answer");
            }
        }
    });
    Ok(())
}
