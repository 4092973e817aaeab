//! Delivers the event log to one reader: reads a batch, waits until the reader has handled it, reads the next.
//!
//! The reader sets the pace, so no events queue up between the log and the reader.
use super::{
    backoff::{Backoff, CORE_MAX, PART_MAX},
    error::Error,
    wait_until::wait_until,
};
use crate::{
    domain::{Event, Position},
    storage::EventLog,
};
use std::{future::Future, sync::Arc};
use tokio::sync::Notify;

/// Events in one batch: enough to keep a reader busy, few enough that a batch ends within milliseconds.
const BATCH_MAX: usize = 256;

/// Delivers the events after `after` to a reader of the core, until the log is dropped.
///
/// `deliver` returns the position to continue after. A batch that it refuses is delivered again, with backoff.
pub(super) async fn follow<F, A>(log: Arc<dyn EventLog>, after: Position, deliver: F)
where
    F: FnMut(Vec<Event>) -> A + Send,
    A: Future<Output = Result<Position, Error>> + Send,
{
    deliver_batches(log, after, Arc::default(), Backoff::up_to(CORE_MAX), deliver).await;
}

/// Does as [`follow`] does, for a reader of a part.
///
/// The part notifies `restarted` when its actor has begun a new incarnation, which may have to continue elsewhere:
/// `deliver` then runs at once, with an empty batch where the log holds nothing new.
pub(super) async fn follow_for_part<F, A>(log: Arc<dyn EventLog>, after: Position, restarted: Arc<Notify>, deliver: F)
where
    F: FnMut(Vec<Event>) -> A + Send,
    A: Future<Output = Result<Position, Error>> + Send,
{
    deliver_batches(log, after, restarted, Backoff::up_to(PART_MAX), deliver).await;
}

async fn deliver_batches<F, A>(
    log: Arc<dyn EventLog>,
    mut after: Position,
    restarted: Arc<Notify>,
    mut backoff: Backoff,
    mut deliver: F,
) where
    F: FnMut(Vec<Event>) -> A + Send,
    A: Future<Output = Result<Position, Error>> + Send,
{
    let mut head = log.head();
    loop {
        tokio::select! {
            new_events = wait_until(&mut head, |head| *head > after) => if new_events.is_err() { return },
            () = restarted.notified() => {}
        }
        let handled = match log.read(after, BATCH_MAX).await {
            Ok(batch) => deliver(batch).await,
            Err(error) => Err(error.into()),
        };
        match handled {
            Ok(position) => {
                after = position;
                backoff.reset();
            }
            // `after` stays, so the same batch is delivered again.
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    position = after.0,
                    "cannot handle a batch of events; retrying"
                );
                tokio::select! {
                    () = tokio::time::sleep(backoff.next()) => {}
                    () = restarted.notified() => restarted.notify_one(),
                }
            }
        }
    }
}
