//! Applies batches of events to the rooms, in the order that reads rely on, and rebuilds the rooms after a failure.
use super::Rooms;
use crate::{
    domain::{Event, Position},
    storage::{EventLog, StoreResult, Stores},
};
use std::{sync::Arc, time::Instant};
use tokio::sync::watch;

/// The state of the projection. Only its actor writes it; it outlives an incarnation of the actor.
pub(super) struct State {
    log: Arc<dyn EventLog>,
    rooms: Rooms,
    /// Every room has applied the events up to here.
    applied: watch::Sender<Position>,
}

impl State {
    pub(super) fn new(stores: &Stores, rooms: Rooms, applied: watch::Sender<Position>) -> Self {
        Self { log: stores.log.clone(), rooms, applied }
    }

    pub(super) fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Returns the position up to which events are applied.
    pub(super) fn position(&self) -> Position {
        *self.applied.borrow()
    }

    /// Loads the rooms from the database: at start, and after the actor failed.
    pub(super) async fn rebuild(&self) -> StoreResult<Position> {
        let started = Instant::now();
        let Rooms { catalog, visibility, feeds, streams } = &self.rooms;
        // Read first: an event that is committed during the load is applied again, which changes nothing.
        let head = *self.log.head().borrow();
        let authors = visibility.load_authors().await?;
        let window = feeds.load_window(head).await?;
        let posts = feeds.replace_window(window);
        visibility.replace_authors(authors);
        catalog.clear();
        // Before the position is published: a stream that was open at the failure ends before it is offered later
        // events.
        streams.interrupt().await;
        self.applied.send_replace(head);
        tracing::info!(posts, elapsed_ms = started.elapsed().as_millis() as u64, "timeline window built");
        Ok(head)
    }

    /// Applies a batch to the rooms, and returns the position to continue after. Applying an event again changes
    /// nothing.
    ///
    /// The order of the steps:
    /// 1. The window, then the authors' decisions: a read can show an event before its position is published, and every
    ///    read shows it afterwards.
    /// 2. The catalog: a reader at the new position must find no entry that is older than it.
    /// 3. The posts whose counts changed, which streams read from that position on.
    /// 4. The position: reads that wait for their own writes, new streams and public events continue, and the delivery
    ///    of the streams (`streams/delivery.rs`), which reads the other rooms, offers the batch. A stream that
    ///    registered before this step is offered the whole batch. A later one has its `live_from` at the end of the
    ///    batch, and reads the batch from the log if its cursor is older.
    pub(super) fn apply(&self, batch: &[Event]) -> Position {
        let applied = self.position();
        let new = &batch[batch.partition_point(|event| event.position <= applied)..];
        let Some(last) = new.last() else { return applied };
        let Rooms { catalog, visibility, feeds, streams } = &self.rooms;
        feeds.apply(new);
        visibility.apply(new);
        catalog.invalidate(new);
        streams.note_counts(new);
        self.applied.send_replace(last.position);
        let lag = self.log.head().borrow().0.saturating_sub(last.position.0);
        metrics::gauge!("dailyfeed_projection_lag_events").set(lag as f64);
        last.position
    }
}
