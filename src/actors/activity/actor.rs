//! The activity reader: applies a batch, or each event of it alone, or buries the one that cannot be applied.
use super::{Message, Shared, dead_letters};
use crate::{
    actors::{Error, mailbox::Envelope},
    domain::{Event, Position},
    storage::StoreError,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Duration};

/// Pauses before the second and the third attempt at an event that the store does not take. It is buried when it is not
/// taken at the third either.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(100)];

pub(super) struct ActivityActor;

impl Actor for ActivityActor {
    type Msg = Envelope<Message>;
    type State = Arc<Shared>;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, shared: Arc<Shared>) -> Result<Arc<Shared>, ActorProcessingErr> {
        Ok(shared)
    }

    /// The reader of the log is the one who fills this mailbox, and waits anyway.
    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        shared: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, _permit)) = envelope.open() else {
            return Ok(());
        };
        // The caller may be gone, so an answer that cannot be sent is no failure.
        match message {
            Message::Apply { batch, reply } => {
                let taken_in = shared.take_in(&batch).await;
                // A table of dead letters that is full holds up the reader, and the store answers all the same.
                shared.unwritten.set(matches!(taken_in, Err(Error::Store(_))));
                let _ = reply.send(taken_in);
            }
            Message::Sweep { reply } => {
                let _ = reply.send(dead_letters::sweep(shared).await);
            }
        }
        Ok(())
    }
}

impl Shared {
    /// Answers with the position to go on from. An error means that the rest was not applied and not skipped either:
    /// it is offered again.
    async fn take_in(&self, batch: &[Event]) -> Result<Position, Error> {
        let told = *self.applied.borrow();
        let begins = self.store.position().await?;
        if begins < told {
            // Another file than before: what is missing in it comes first.
            self.applied.send_replace(begins);
            return Ok(begins);
        }
        let done = match self.store.apply(batch).await {
            Err(StoreError::Rejected { .. }) => self.one_by_one(batch).await,
            done => done.map_err(Error::from),
        };
        let position = match batch.last() {
            Some(last) if done.is_ok() => last.position.max(begins),
            _ => self.store.position().await?,
        };
        self.applied.send_replace(position);
        let lag = self.log.head().borrow().0.saturating_sub(position.0);
        metrics::gauge!("dailyfeed_activity_lag_events").set(lag as f64);
        done.map(|()| position)
    }

    /// Buries what the store does not take. A store that takes nothing at all is no fault of an event: then the rest is
    /// left as it is.
    async fn one_by_one(&self, batch: &[Event]) -> Result<(), Error> {
        for event in batch {
            match self.patiently(event).await {
                Err(cause @ StoreError::Rejected { .. }) => dead_letters::add_dead_letter(self, event, &cause).await?,
                done => done?,
            }
        }
        Ok(())
    }

    async fn patiently(&self, event: &Event) -> Result<(), StoreError> {
        for pause in PAUSES {
            match self.store.apply(std::slice::from_ref(event)).await {
                Err(StoreError::Rejected { .. }) => tokio::time::sleep(pause).await,
                done => return done,
            }
        }
        self.store.apply(std::slice::from_ref(event)).await
    }
}
