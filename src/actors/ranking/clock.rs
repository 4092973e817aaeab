//! The ranking's clock: every two seconds it asks the actor for a rebuild, loads the actor's tables if they are
//! missing, and freezes the scores of a day that is over.
use super::{
    Message, Rebuilt, Shared,
    tables::{Spans, Tables},
};
use crate::{
    actors::{
        backoff::{Backoff, PART_MAX},
        error::Error,
        mailbox::Mailbox,
    },
    domain::{CalendarDay, GENERATION_EVERY, PostId, Timestamp},
    storage::StoreResult,
};
use std::{sync::Arc, time::Instant};
use tokio::time::MissedTickBehavior;

/// Posts loaded by one query while the tables are loaded.
const LOAD_STEP: usize = 10_000;

/// Runs until the process ends, and skips the ticks without the lease. After a failure the next tick waits for a growing
/// pause.
pub(super) async fn run(shared: Arc<Shared>, mailbox: Mailbox<Message>) {
    let mut clock = tokio::time::interval(GENERATION_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut backoff = Backoff::up_to(PART_MAX);
    let mut last_frozen = None;
    loop {
        clock.tick().await;
        if !shared.lease.is_held().await {
            continue;
        }
        let rebuilt = rebuild(&shared, &mailbox).await;
        if let Err(error) = &rebuilt {
            tracing::warn!(error = error as &dyn std::error::Error, "cannot build rankings");
        }
        // Only a store error is a fault of the part: `Late` and `Restarting` pass by themselves.
        shared.store_fault.set(matches!(rebuilt, Err(Error::Store(_))));
        let mut frozen = true;
        if let Some(day) = day_to_freeze(Timestamp::now(), &shared)
            && last_frozen != Some(day.date)
        {
            frozen = freeze(&shared, day).await;
            if frozen {
                last_frozen = Some(day.date);
            }
        }
        if rebuilt.is_ok() && frozen {
            backoff.reset();
        } else {
            tokio::time::sleep(backoff.next()).await;
        }
    }
}

/// Asks the actor for a rebuild, and loads its tables if they are missing. A rebuild that takes longer than the answer
/// timeout still completes; only its answer is lost.
async fn rebuild(shared: &Shared, mailbox: &Mailbox<Message>) -> Result<(), Error> {
    match mailbox.ask(|reply| Message::Rebuild { reply }).await? {
        Rebuilt::Done => Ok(()),
        Rebuilt::TablesMissing => load(shared, mailbox).await,
    }
}

/// Loads the tables and sends them to the actor, which meanwhile marks the posts that events change.
async fn load(shared: &Shared, mailbox: &Mailbox<Message>) -> Result<(), Error> {
    let started = Instant::now();
    let Some(spans) = Spans::at(Timestamp::now(), shared.days.zone()) else { return Ok(()) };
    // Read before the tables: they are valid only for the incarnation that marked changes while they were read.
    let incarnation = shared.incarnation();
    let tables = read_tables(shared, spans).await?;
    let posts = tables.post_count();
    mailbox.ask(|reply| Message::TablesLoaded { tables: Box::new(tables), incarnation, reply }).await?;
    tracing::info!(posts, elapsed_ms = started.elapsed().as_millis() as u64, "rankings loaded");
    Ok(())
}

/// Reads the tallies of all posts, in steps of [`LOAD_STEP`].
pub(super) async fn read_tables(shared: &Shared, spans: Spans) -> StoreResult<Tables> {
    let mut tables = Tables::new(spans);
    let mut after = PostId(0);
    loop {
        let tallies = shared.store.tallies_after(after, spans.since, LOAD_STEP).await?;
        tallies.iter().for_each(|tallied| tables.push(tallied));
        match tallies.last() {
            Some(last) if tallies.len() == LOAD_STEP => after = last.post,
            _ => return Ok(tables),
        }
    }
}

/// Returns yesterday, once its scores are final.
fn day_to_freeze(now: Timestamp, shared: &Shared) -> Option<CalendarDay> {
    let zone = shared.days.zone();
    let yesterday = CalendarDay::at(now, zone)?.before(zone)?;
    if yesterday.is_frozen(now) { Some(yesterday) } else { None }
}

/// Stores the final scores of a day. Returns false if that failed.
async fn freeze(shared: &Shared, day: CalendarDay) -> bool {
    match shared.days.freeze(day).await {
        Ok(best) => best.frozen,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot freeze the scores of the day");
            false
        }
    }
}
