//! Delivers the event log to one reader: reads a batch, waits until the reader has handled it, reads the next.
//!
//! The reader sets the pace, so no queue grows between the log and the reader.
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

/// Delivers events as [`follow`] does, to a reader of a part.
///
/// The part notifies `rewind` when its reader has to continue at another position, as after a restart of its actor:
/// `deliver` then runs at once, with an empty batch if the log holds nothing new, and returns that position.
pub(super) async fn follow_for_part<F, A>(log: Arc<dyn EventLog>, after: Position, rewind: Arc<Notify>, deliver: F)
where
    F: FnMut(Vec<Event>) -> A + Send,
    A: Future<Output = Result<Position, Error>> + Send,
{
    deliver_batches(log, after, rewind, Backoff::up_to(PART_MAX), deliver).await;
}

async fn deliver_batches<F, A>(
    log: Arc<dyn EventLog>,
    mut after: Position,
    rewind: Arc<Notify>,
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
            () = rewind.notified() => {}
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
            // `after` is unchanged, so the same batch is delivered again.
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    position = after.0,
                    "cannot handle a batch of events; retrying"
                );
                tokio::select! {
                    () = tokio::time::sleep(backoff.next()) => {}
                    () = rewind.notified() => rewind.notify_one(),
                }
            }
        }
    }
}
