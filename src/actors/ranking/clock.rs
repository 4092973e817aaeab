//! What happens by itself: rounds, the loading of tables, the end of days.
use super::{
    Message, Shared, actor,
    tables::{Spans, Tables},
};
use crate::{
    actors::{
        Error,
        backoff::{Backoff, PART_MAX},
        mailbox::Mailbox,
    },
    domain::{Day, GENERATION_EVERY, PostId, Timestamp},
    storage::StoreResult,
};
use std::{sync::Arc, time::Instant};
use tokio::time::MissedTickBehavior;

/// Posts loaded in one step while the tables are built.
const LOAD_STEP: usize = 10_000;

/// Wakes the actor for rounds, loads its tables when it has none, and freezes a day when it is time.
pub(super) async fn wake(shared: Arc<Shared>, mailbox: Mailbox<Message>) {
    let mut clock = tokio::time::interval(GENERATION_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut frozen, mut backoff) = (None, Backoff::up_to(PART_MAX));
    loop {
        clock.tick().await;
        // A round that takes longer than the patience of the mailbox still ends; only its answer is missed.
        let made = match mailbox.ask(|reply| Message::Round { reply }).await {
            Ok(true) => load(&shared, &mailbox).await,
            made => made.map(drop),
        };
        if let Err(error) = &made {
            tracing::warn!(error = error as &dyn std::error::Error, "cannot build rankings");
        }
        // An actor that is late, or being started again, says nothing about the rows.
        shared.uncounted.set(matches!(made, Err(Error::Store(_))));
        let day = actor::to_freeze(Timestamp::now(), &shared).filter(|day| frozen != Some(day.date));
        let kept = match day {
            Some(day) => freeze(&shared, day).await,
            None => true,
        };
        if let Some(day) = day.filter(|_| kept) {
            frozen = Some(day.date);
        }
        if made.is_err() || !kept {
            tokio::time::sleep(backoff.next()).await;
        } else {
            backoff.reset();
        }
    }
}

/// Makes the scores of a day stand; says whether they do.
async fn freeze(shared: &Shared, day: Day) -> bool {
    match shared.days.frozen(day).await {
        Ok(best) => best.frozen,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot freeze the scores of the day");
            false
        }
    }
}

/// Beside the actor, which goes on noting what changes meanwhile.
async fn load(shared: &Shared, mailbox: &Mailbox<Message>) -> Result<(), Error> {
    let begun = Instant::now();
    let Some(spans) = Spans::at(Timestamp::now(), shared.days.zone()) else { return Ok(()) };
    // What changes while the tables are read is noted by this life alone: another one has to have them read again.
    let life = shared.life();
    let tables = read(shared, spans).await?;
    let posts = tables.posts();
    mailbox.ask(|reply| Message::Loaded { tables: Box::new(tables), life, reply }).await?;
    tracing::info!(posts, elapsed_ms = begun.elapsed().as_millis() as u64, "rankings loaded");
    Ok(())
}

pub(super) async fn read(shared: &Shared, spans: Spans) -> StoreResult<Tables> {
    let mut tables = Tables::new(spans);
    let mut after = PostId(0);
    loop {
        let step = shared.store.tallies_after(after, spans.since, LOAD_STEP).await?;
        step.iter().for_each(|tallied| tables.push(tallied));
        match step.last().filter(|_| step.len() == LOAD_STEP) {
            Some(last) => after = last.post,
            None => return Ok(tables),
        }
    }
}
