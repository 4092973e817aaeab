//! Carries the event log to one reader: a batch, an answer, then the next batch.
//!
//! The reader sets the pace, so nothing piles up between the log and it.
use super::{
    Error,
    pauses::{CORE_MAX, Pauses, SIDE_MAX},
    reached::reached,
};
use crate::{
    domain::{Event, Position},
    storage::EventLog,
};
use std::{future::Future, sync::Arc};
use tokio::sync::Notify;

/// Events in one batch: enough to keep a reader busy, few enough to hold up nobody.
const BATCH_MAX: usize = 256;

/// Reads on from `after` until the log ends with the process. `deliver` answers with the position to go on from.
pub(super) async fn follow<F, A>(log: Arc<dyn EventLog>, after: Position, deliver: F)
where
    F: FnMut(Vec<Event>) -> A + Send,
    A: Future<Output = Result<Position, Error>> + Send,
{
    carry(log, after, Arc::default(), Pauses::up_to(CORE_MAX), deliver).await;
}

/// As [`follow`], for a reader that everything else goes on without. Where it is woken it is offered what there is, even
/// nothing, because it may have to go on from elsewhere: it has begun anew.
pub(super) async fn follow_for_part<F, A>(log: Arc<dyn EventLog>, after: Position, anew: Arc<Notify>, deliver: F)
where
    F: FnMut(Vec<Event>) -> A + Send,
    A: Future<Output = Result<Position, Error>> + Send,
{
    carry(log, after, anew, Pauses::up_to(SIDE_MAX), deliver).await;
}

async fn carry<F, A>(log: Arc<dyn EventLog>, mut after: Position, anew: Arc<Notify>, mut pauses: Pauses, mut deliver: F)
where
    F: FnMut(Vec<Event>) -> A + Send,
    A: Future<Output = Result<Position, Error>> + Send,
{
    let mut head = log.head();
    loop {
        tokio::select! {
            grown = reached(&mut head, |head| *head > after) => if grown.is_err() { return },
            () = anew.notified() => {}
        }
        let handled = match log.read(after, BATCH_MAX).await {
            Ok(batch) => deliver(batch).await,
            Err(error) => Err(error.into()),
        };
        match handled {
            Ok(position) => {
                after = position;
                pauses.reset();
            }
            // Not handled means not read: the same batch is offered again.
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    position = after.0,
                    "cannot handle a batch of events; retrying"
                );
                tokio::select! {
                    () = tokio::time::sleep(pauses.next()) => {}
                    () = anew.notified() => anew.notify_one(),
                }
            }
        }
    }
}
