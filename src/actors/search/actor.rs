//! The index's writer: takes in what the log says, commits now and then, and changes to another index when one is ready.
use super::{Message, build::catch_up, changes::Trouble, opening, shared::Shared};
use crate::{
    actors::{Error, mailbox::Envelope},
    domain::{Event, Position},
    storage::SearchIndex,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Instant};

/// Events without a change after which their position is committed all the same, so that the log can be pruned and a
/// restart has little to read.
const POSITIONS_MAX: u64 = 10_000;
/// Events behind the log, as after an import.
const FAR_BEHIND: u64 = 20_000;

pub(super) struct SearchActor;

/// One life of the actor.
pub(super) struct Engine {
    shared: Arc<Shared>,
    /// None while the first index is being built: whoever builds it reads the log.
    index: Option<Arc<dyn SearchIndex>>,
    /// Every event up to here is in the index, committed or not.
    applied: Position,
    /// Changes that are not committed.
    waiting: usize,
    /// The log may have been read further than this life has got.
    fresh: bool,
}

impl Actor for SearchActor {
    type Msg = Envelope<Message>;
    type State = Engine;
    type Arguments = Arc<Shared>;

    /// Each life begins at the last commit: what was not committed is read from the log again.
    async fn pre_start(&self, _: ActorRef<Self::Msg>, shared: Arc<Shared>) -> Result<Engine, ActorProcessingErr> {
        // Where the first one is being built, whoever builds it reads what was there before.
        let mut applied = *shared.log.head().borrow();
        let index = Some(opening::open(&shared).await?).filter(|index| index.checkpoint().complete);
        if let Some(index) = &index {
            applied = index.checkpoint().position;
            shared.set_durable(applied);
            shared.covered.send_replace(applied);
            metrics::gauge!("dailyfeed_search_documents").set(index.documents() as f64);
        }
        shared.waiting_since.send_replace(None);
        shared.anew.notify_one();
        Ok(Engine { shared, index, applied, waiting: 0, fresh: true })
    }

    /// A server that ends in order leaves nothing to be read again.
    async fn post_stop(&self, _: ActorRef<Self::Msg>, engine: &mut Engine) -> Result<(), ActorProcessingErr> {
        if engine.waiting > 0 {
            engine.commit().await?;
        }
        if let Some(index) = engine.shared.held() {
            index.close().await;
        }
        Ok(())
    }

    /// Returns an error where the index cannot be written: the next life begins at its last commit.
    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        engine: &mut Engine,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, _permit)) = envelope.open() else {
            return Ok(());
        };
        // The caller may be gone, so an answer that cannot be sent is no failure.
        match message {
            Message::Apply { batch, reply } => {
                let _ = reply.send(engine.apply(&batch).await?);
            }
            Message::Commit { reply } => {
                if engine.waiting > 0 {
                    engine.commit().await?;
                }
                let _ = reply.send(Ok(()));
            }
            Message::Adopt { index, position, done } => {
                let _ = done.send(engine.adopt(index, position).await);
            }
            // Told by each search that met it; the first one is enough.
            Message::Damaged if engine.shared.held().is_some_and(|index| index.is_damaged()) => {
                return Err("a search has found the index damaged".into());
            }
            Message::Damaged => {}
            #[cfg(test)]
            Message::Crash { reply } => {
                drop(reply);
                panic!("asked to")
            }
        }
        Ok(())
    }
}

impl Engine {
    /// The inner result is the answer: rows that cannot be read now can be read later.
    async fn apply(&mut self, batch: &[Event]) -> Result<Result<Position, Error>, Error> {
        if std::mem::take(&mut self.fresh) && self.index.is_some() {
            return Ok(Ok(self.applied));
        }
        let new = &batch[batch.partition_point(|event| event.position <= self.applied)..];
        let Some(last) = new.last() else { return Ok(Ok(self.applied)) };
        if let Some(index) = &self.index {
            let changes = match self.shared.take_in(index, new).await {
                Ok(changes) => changes,
                Err(Trouble::Rows(error)) => return Ok(Err(error.into())),
                Err(Trouble::Index(error)) => return Err(error.into()),
            };
            if changes > 0 {
                self.waiting += changes;
                self.shared.waiting_since.send_if_modified(|since| {
                    let first = since.is_none();
                    *since = since.or_else(|| Some(Instant::now()));
                    first
                });
            }
        }
        self.applied = last.position;
        let lag = self.shared.log.head().borrow().0.saturating_sub(self.applied.0);
        metrics::gauge!("dailyfeed_search_lag_events").set(lag as f64);
        if self.index.is_none() {
            return Ok(Ok(self.applied));
        }
        let stale = self.applied.0 - self.shared.durable().0 >= POSITIONS_MAX.max(lag);
        // Far behind, nobody is served by commits that make it later still.
        let many = self.shared.commit_changes_max * if lag > FAR_BEHIND { 20 } else { 1 };
        if self.waiting >= many || stale || self.waiting > 0 && self.shared.is_awaited() {
            self.commit().await?;
        } else if self.waiting == 0 {
            self.shared.covered.send_replace(self.applied);
        }
        Ok(Ok(self.applied))
    }

    async fn commit(&mut self) -> Result<(), Error> {
        let Some(index) = &self.index else { return Ok(()) };
        let begun = Instant::now();
        index.commit(self.applied, true).await?;
        self.waiting = 0;
        self.shared.waiting_since.send_replace(None);
        self.shared.set_durable(self.applied);
        self.shared.covered.send_replace(self.applied);
        metrics::histogram!("dailyfeed_search_commit_duration_seconds").record(begun.elapsed().as_secs_f64());
        metrics::gauge!("dailyfeed_search_documents").set(index.documents() as f64);
        Ok(())
    }

    /// Brings a new index to where the old one is, so that no search sees less than the one before it; then changes.
    async fn adopt(&mut self, index: Arc<dyn SearchIndex>, mut position: Position) -> Result<(), Error> {
        catch_up(&self.shared, &index, &mut position, self.applied).await?;
        index.commit(position, true).await?;
        self.shared.store.make_live().await?;
        self.applied = position;
        self.waiting = 0;
        self.shared.waiting_since.send_replace(None);
        self.shared.set_durable(position);
        self.shared.show(index.clone());
        self.shared.covered.send_replace(position);
        metrics::gauge!("dailyfeed_search_documents").set(index.documents() as f64);
        let old = self.index.replace(index.clone());
        if let Some(old) = old.filter(|old| !Arc::ptr_eq(old, &index)) {
            old.close().await;
        }
        Ok(())
    }
}
