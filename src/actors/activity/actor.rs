//! The activity actor: applies batches of events to the activity store. If the store rejects a batch, the actor applies
//! each event by itself, and turns the rejected ones into dead letters.
use super::{Message, Shared, dead_letters};
use crate::{
    actors::{error::Error, mailbox::Envelope},
    domain::{Event, Position},
    storage::StoreError,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Duration};

/// Pauses before the second and the third attempt at an event that the store rejects. After the third it becomes a dead
/// letter.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(100)];

pub(super) struct ActivityActor;

impl Actor for ActivityActor {
    type Msg = Envelope<Message>;
    type State = Arc<Shared>;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, shared: Arc<Shared>) -> Result<Arc<Shared>, ActorProcessingErr> {
        Ok(shared)
    }

    /// Awaits the store. Only the log reader, which waits for the reply in any case, and the redrive wait meanwhile.
    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        shared: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, _permit)) = envelope.open() else {
            return Ok(());
        };
        // A caller that timed out has dropped its port, so a failed send is ignored.
        match message {
            Message::Apply { batch, reply } => {
                let applied = shared.apply(&batch).await;
                // With a full table of dead letters the reader stops (`Busy`), but the store still answers reads.
                shared.store_fault.set(matches!(applied, Err(Error::Store(_))));
                let _ = reply.send(applied);
            }
            Message::RedriveDue { reply } => {
                let _ = reply.send(dead_letters::redrive_due(shared).await);
            }
        }
        Ok(())
    }
}

impl Shared {
    /// Applies a batch, and returns the position to continue after. After an error, the events after the store's
    /// position were neither applied nor skipped: they come again. The lag is measured after every attempt, so that it
    /// grows while the store cannot be written.
    async fn apply(&self, batch: &[Event]) -> Result<Position, Error> {
        let applied = self.apply_batch(batch).await;
        let lag = self.log.head().borrow().0.saturating_sub(self.applied.borrow().0);
        metrics::gauge!("dailyfeed_activity_lag_events").set(lag as f64);
        applied
    }

    async fn apply_batch(&self, batch: &[Event]) -> Result<Position, Error> {
        let stored = self.store.position().await?;
        if stored < *self.applied.borrow() {
            // The database file was replaced by an older or empty one: the reader returns to its position.
            self.applied.send_replace(stored);
            return Ok(stored);
        }
        let outcome = match self.store.apply(batch).await {
            Err(StoreError::Rejected { .. }) => self.apply_one_by_one(batch).await,
            outcome => outcome.map_err(Error::from),
        };
        let position = match batch.last() {
            Some(last) if outcome.is_ok() => last.position.max(stored),
            _ => self.store.position().await?,
        };
        self.applied.send_replace(position);
        outcome.map(|()| position)
    }

    /// Applies each event by itself; one that the store rejects becomes a dead letter. Stops at any other error, which
    /// is a fault of the store and not of an event.
    async fn apply_one_by_one(&self, batch: &[Event]) -> Result<(), Error> {
        for event in batch {
            match self.apply_with_retries(event).await {
                Err(cause @ StoreError::Rejected { .. }) => dead_letters::add_dead_letter(self, event, &cause).await?,
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// Applies one event, in three attempts if the store rejects it.
    async fn apply_with_retries(&self, event: &Event) -> Result<(), StoreError> {
        for pause in RETRY_PAUSES {
            match self.store.apply(std::slice::from_ref(event)).await {
                Err(StoreError::Rejected { .. }) => tokio::time::sleep(pause).await,
                outcome => return outcome,
            }
        }
        self.store.apply(std::slice::from_ref(event)).await
    }
}
