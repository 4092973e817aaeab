//! The search actor: applies batches of events to the index, commits the index, and switches to another index when one
//! has been built. `progress.rs` has a picture of that.
use super::{Message, build::apply_log, index_changes::ApplyError, open_index, shared::Shared};
use crate::{
    actors::{error::Error, mailbox::Envelope},
    domain::{Event, Position},
    storage::SearchIndex,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Instant};

/// Events without a change after which their position is committed all the same, so that the log can be pruned and a
/// restart has little to read.
const UNCOMMITTED_EVENTS_MAX: u64 = 10_000;
/// Lag in events above which commits are rarer, as after an import.
const FAR_BEHIND: u64 = 20_000;
/// How many times more changes one commit has while the index is [`FAR_BEHIND`].
const FAR_BEHIND_FACTOR: usize = 20;

pub(super) struct SearchActor;

/// State of one incarnation. It starts from the last commit, and reads what was not committed from the log again.
pub(super) struct Indexer {
    shared: Arc<Shared>,
    /// The index that this actor writes; `None` while the first one is built, as the builder reads the log for it.
    index: Option<Arc<dyn SearchIndex>>,
    /// Every event up to here is in the index, committed or not.
    applied: Position,
    /// Number of changes in the index that are not committed.
    pending_changes: usize,
    /// True until the first batch: the log reader can be ahead of `applied` and must be rewound to it.
    reader_must_rewind: bool,
}

impl Actor for SearchActor {
    type Msg = Envelope<Message>;
    type State = Indexer;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, shared: Arc<Shared>) -> Result<Indexer, ActorProcessingErr> {
        // Without a complete index, the builder indexes everything up to the head.
        let mut applied = *shared.log.head().borrow();
        let opened = open_index::open(&shared).await?;
        shared.progress.clear_pending();
        let index = if opened.checkpoint().complete { Some(opened) } else { None };
        if let Some(index) = &index {
            applied = index.checkpoint().position;
            shared.progress.committed(applied);
            metrics::gauge!("dailyfeed_search_documents").set(index.documents() as f64);
        }
        shared.rewind_reader.notify_one();
        Ok(Indexer { shared, index, applied, pending_changes: 0, reader_must_rewind: true })
    }

    /// Commits and closes the index, so that the next start has nothing to read again.
    async fn post_stop(&self, _: ActorRef<Self::Msg>, indexer: &mut Indexer) -> Result<(), ActorProcessingErr> {
        if indexer.pending_changes > 0 {
            indexer.commit().await?;
        }
        if let Some(index) = indexer.shared.open_index() {
            index.close().await;
        }
        Ok(())
    }

    /// Returns an error if the index cannot be written: the next incarnation starts from its last commit.
    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        indexer: &mut Indexer,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, _permit)) = envelope.open() else {
            return Ok(());
        };
        // A caller that timed out has dropped its port, so a failed send is ignored.
        match message {
            Message::Apply { batch, reply } => {
                let _ = reply.send(indexer.apply(&batch).await?);
            }
            Message::Commit { reply } => {
                if indexer.pending_changes > 0 {
                    indexer.commit().await?;
                }
                let _ = reply.send(Ok(()));
            }
            Message::SwitchIndex { index, position, done } => {
                let _ = done.send(indexer.switch_to(index, position).await);
            }
            // Every search that fails because of the damage sends this; after the first one the index has been
            // replaced.
            Message::ReportDamage => {
                if indexer.shared.open_index().is_some_and(|index| index.is_damaged()) {
                    return Err("a search has found the index damaged".into());
                }
            }
            #[cfg(test)]
            Message::Crash { reply } => {
                drop(reply);
                panic!("a test asked for a crash")
            }
        }
        Ok(())
    }
}

impl Indexer {
    /// Applies a batch, and commits if a commit is due. The inner result is the reply, with the position to continue
    /// after: an error means that rows cannot be read now, and the batch comes again. The outer error means that the
    /// index failed.
    async fn apply(&mut self, batch: &[Event]) -> Result<Result<Position, Error>, Error> {
        let rewind = std::mem::replace(&mut self.reader_must_rewind, false);
        if rewind && self.index.is_some() {
            return Ok(Ok(self.applied));
        }
        let new = &batch[batch.partition_point(|event| event.position <= self.applied)..];
        let Some(last) = new.last() else { return Ok(Ok(self.applied)) };
        if let Some(index) = &self.index {
            match self.shared.apply_events(index, new).await {
                Ok(0) => {}
                Ok(changes) => {
                    self.pending_changes += changes;
                    self.shared.progress.change_pending();
                }
                Err(ApplyError::Rows(error)) => return Ok(Err(error.into())),
                Err(ApplyError::Index(error)) => return Err(error.into()),
            }
        }
        self.applied = last.position;
        let lag = self.shared.log.head().borrow().0.saturating_sub(self.applied.0);
        metrics::gauge!("dailyfeed_search_lag_events").set(lag as f64);
        if self.index.is_some() {
            self.commit_if_due(lag).await?;
        }
        Ok(Ok(self.applied))
    }

    /// Commits after enough changes, after enough events without any, or when a caller waits for a pending change.
    async fn commit_if_due(&mut self, lag: u64) -> Result<(), Error> {
        let progress = &self.shared.progress;
        // Far behind, frequent commits would only delay the index further.
        let factor = if lag > FAR_BEHIND { FAR_BEHIND_FACTOR } else { 1 };
        let many_changes = self.pending_changes >= self.shared.commit_changes_max * factor;
        let many_events = self.applied.0 - progress.durable_to().0 >= UNCOMMITTED_EVENTS_MAX.max(lag);
        let requested = self.pending_changes > 0 && progress.is_commit_requested();
        if many_changes || many_events || requested {
            self.commit().await?;
        } else if self.pending_changes == 0 {
            progress.applied_without_changes(self.applied);
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), Error> {
        let Some(index) = &self.index else { return Ok(()) };
        let started = Instant::now();
        index.commit(self.applied, true).await?;
        self.pending_changes = 0;
        self.shared.progress.committed(self.applied);
        metrics::histogram!("dailyfeed_search_commit_duration_seconds").record(started.elapsed().as_secs_f64());
        metrics::gauge!("dailyfeed_search_documents").set(index.documents() as f64);
        Ok(())
    }

    /// Brings a new index to the position of the old one, so that no search finds less than an earlier one; then makes
    /// it the live one and closes the old one.
    async fn switch_to(&mut self, index: Arc<dyn SearchIndex>, position: Position) -> Result<(), Error> {
        let position = apply_log(&self.shared, &index, position, self.applied).await?;
        index.commit(position, true).await?;
        self.shared.store.make_live().await?;
        self.applied = position;
        self.pending_changes = 0;
        // Searches read the new index before its position is announced.
        self.shared.set_index(index.clone());
        self.shared.progress.committed(position);
        metrics::gauge!("dailyfeed_search_documents").set(index.documents() as f64);
        let old = self.index.replace(index.clone());
        if let Some(old) = old
            && !Arc::ptr_eq(&old, &index)
        {
            old.close().await;
        }
        Ok(())
    }
}
