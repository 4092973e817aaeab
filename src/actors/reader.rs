//! Carries the event log to one reader: a batch, an answer, then the next batch.
//!
//! The reader sets the pace, so nothing piles up between the log and it.
use super::{Error, reached::reached};
use crate::{
    domain::{Event, Position},
    storage::EventLog,
};
use std::{future::Future, sync::Arc, time::Duration};

/// Events in one batch: enough to keep a reader busy, few enough to hold up nobody.
const BATCH_MAX: usize = 256;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(250);

/// Reads on from `after` until the log ends with the process. `deliver` answers with the position to go on from.
pub(super) async fn follow<F, A>(log: Arc<dyn EventLog>, mut after: Position, mut deliver: F)
where
    F: FnMut(Vec<Event>) -> A + Send,
    A: Future<Output = Result<Position, Error>> + Send,
{
    let mut head = log.head();
    while reached(&mut head, |head| *head > after).await.is_ok() {
        let handled = match log.read(after, BATCH_MAX).await {
            Ok(batch) => deliver(batch).await,
            Err(error) => Err(error.into()),
        };
        match handled {
            Ok(position) => after = position,
            // Not handled means not read: the same batch is offered again.
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, position = after.0, "batch not handled");
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
}
