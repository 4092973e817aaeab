//! The activity reader: applies a batch, or each event of it alone, or buries the one that cannot be applied.
use super::{Message, Shared, letters};
use crate::{
    actors::{Error, mailbox::Envelope},
    domain::{Event, Position},
    storage::StoreError,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Duration};

/// Pauses before the second and the third attempt. An event that fails at the third as well is buried.
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
        let Some((message, _place)) = envelope.open() else {
            return Ok(());
        };
        // The caller may be gone, so an answer that cannot be sent is no failure.
        match message {
            Message::Apply { batch, reply } => {
                let _ = reply.send(shared.take_in(&batch).await);
            }
            Message::Sweep { reply } => {
                let _ = reply.send(letters::sweep(shared).await);
            }
        }
        Ok(())
    }
}

impl Shared {
    /// Answers with the position to go on from. An error means that the rest was not applied and not skipped either:
    /// it is offered again.
    async fn take_in(&self, batch: &[Event]) -> Result<Position, Error> {
        let whole = self.store.apply(batch).await;
        let done = match whole {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, events = batch.len(), "batch not applied");
                self.one_by_one(batch).await
            }
        };
        let position = self.store.position().await?;
        self.applied.send_replace(position);
        let lag = self.log.head().borrow().0.saturating_sub(position.0);
        metrics::gauge!("dailyfeed_activity_lag_events").set(lag as f64);
        done.map(|()| position)
    }

    async fn one_by_one(&self, batch: &[Event]) -> Result<(), Error> {
        for event in batch {
            if let Err(cause) = self.patiently(event).await {
                letters::bury(self, event, &cause).await?;
            }
        }
        Ok(())
    }

    async fn patiently(&self, event: &Event) -> Result<(), StoreError> {
        for pause in PAUSES {
            if self.store.apply(std::slice::from_ref(event)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
        }
        self.store.apply(std::slice::from_ref(event)).await
    }
}
