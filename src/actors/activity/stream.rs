//! `EventStream`: `GET /api/events` as a stream. It reads the log at the client's pace, so that no queue grows for a
//! slow client.
//!
//! ```text
//!           sent_to             read_to          applied_positions
//!               │                  │                    │
//! event log ════╪══════════════════╪════════════════════╪═════════► head
//!               └─ outbox, ≤ 64 ───┘└── the next step ──┘└── not yet applied by the projection
//! ```
use super::Activity;
use crate::{
    actors::{error::Error, wait_until::wait_until},
    domain::{CloudEvent, MemberId, Position, Refusal},
};
use rustc_hash::FxHashMap;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// Maximum number of events read in one step, and so the maximum that waits for a client.
const STEP: usize = 64;

/// Counts the open event streams of each member, and bounds them.
pub(super) struct OpenStreams {
    per_member_max: usize,
    by_member: Arc<Mutex<FxHashMap<MemberId, usize>>>,
}

impl OpenStreams {
    pub(super) fn new(per_member_max: usize) -> Self {
        Self { per_member_max, by_member: Arc::default() }
    }

    /// Returns the right to one more stream of the member. Refuses `TooManyStreams`.
    fn acquire(&self, member: MemberId) -> Result<StreamPermit, Refusal> {
        let mut by_member = self.by_member.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_member.get(&member).copied().unwrap_or_default();
        if count >= self.per_member_max {
            return Err(Refusal::TooManyStreams { max: self.per_member_max });
        }
        by_member.insert(member, count + 1);
        drop(by_member);
        Ok(StreamPermit { member, by_member: self.by_member.clone() })
    }
}

/// The right to one of a member's event streams, until it is dropped.
struct StreamPermit {
    member: MemberId,
    by_member: Arc<Mutex<FxHashMap<MemberId, usize>>>,
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut by_member = self.by_member.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_member.get_mut(&self.member) {
            *count -= 1;
            if *count == 0 {
                by_member.remove(&self.member);
            }
        }
    }
}

/// One item of an event stream, with the cursor that resumes after it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are documented at the variants")]
pub enum EventStreamItem {
    /// The stream is open and starts at the cursor.
    Ready { cursor: String },
    /// A public event.
    Event { cursor: String, event: Box<CloudEvent> },
    /// The client's cursor is unknown or expired, as `reason` states: the stream continues from now.
    Reset { cursor: String, reason: &'static str },
}

/// An item in the outbox, with the position that its cursor names.
struct Outgoing {
    position: Position,
    item: EventStreamItem,
}

/// An open stream of public events.
pub struct EventStream {
    activity: Activity,
    member: MemberId,
    /// The projection's position. Visibility is known up to there, so the stream reads no further.
    applied_positions: watch::Receiver<Position>,
    /// Every event up to here was read: it was sent, is in `outbox`, or is hidden from the member.
    read_to: Position,
    /// The position of the last item that was sent.
    sent_to: Position,
    /// Items that were read and not sent; at most [`STEP`], or the two of the opening.
    outbox: VecDeque<Outgoing>,
    _permit: StreamPermit,
}

impl Activity {
    /// Opens a stream of the public events that are visible to the member, after a cursor or from now. Refuses
    /// `CursorInvalid`, `TooManyStreams`.
    pub async fn open_events(&self, member: MemberId, cursor: Option<&str>) -> Result<EventStream, Error> {
        let resumed = match cursor {
            Some(text) => Some(self.cursor_position(text).await?),
            None => None,
        };
        let permit = self.shared.streams.acquire(member)?;
        let applied_positions = self.shared.visibility.applied_positions();
        let now = *applied_positions.borrow();
        let (start, reset) = match resumed {
            None => (now, None),
            Some(None) => (now, Some("unknown")),
            Some(Some(position)) if position < self.shared.log.pruned_to().await? => (now, Some("expired")),
            Some(Some(position)) => (position, None),
        };
        let ready = EventStreamItem::Ready { cursor: self.cursor(start) };
        let mut outbox = VecDeque::from([Outgoing { position: start, item: ready }]);
        if let Some(reason) = reset {
            let item = EventStreamItem::Reset { cursor: self.cursor(start), reason };
            outbox.push_back(Outgoing { position: start, item });
        }
        Ok(EventStream {
            activity: self.clone(),
            member,
            applied_positions,
            read_to: start,
            sent_to: start,
            outbox,
            _permit: permit,
        })
    }
}

impl EventStream {
    /// Waits for the next item. `None` ends the stream after a failure to read the log: the client resumes from its
    /// last id. Cancel safe: dropping the future loses no item.
    pub async fn next(&mut self) -> Option<EventStreamItem> {
        loop {
            if let Some(item) = self.ready() {
                return Some(item);
            }
            let read_to = self.read_to;
            wait_until(&mut self.applied_positions, |applied| *applied > read_to).await.ok()?;
            if let Err(error) = self.step().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "event stream ended early");
                return None;
            }
        }
    }

    /// Returns the next item if the outbox has one. Starts no read.
    pub fn ready(&mut self) -> Option<EventStreamItem> {
        let Outgoing { position, item } = self.outbox.pop_front()?;
        self.sent_to = position;
        Some(item)
    }

    /// Returns the cursor from which the client can resume without missing an event.
    pub fn cursor(&self) -> String {
        self.activity.cursor(if self.outbox.is_empty() { self.read_to } else { self.sent_to })
    }

    /// Reads up to [`STEP`] events and puts those that are visible to the member into the outbox.
    async fn step(&mut self) -> Result<(), Error> {
        let applied = *self.applied_positions.borrow();
        let batch = self.activity.read_applied(self.read_to, STEP).await?;
        let viewer = self.activity.shared.visibility.viewer(self.member).await?;
        let visible = self.activity.visible_events(&viewer, &batch).await?;
        let source = &self.activity.shared.source;
        // No await from here on, so a dropped future has made the whole step or none of it.
        self.outbox.extend(visible.iter().map(|event| {
            let position = event.position;
            let cursor = self.activity.cursor(position);
            let event = Box::new(CloudEvent::of(event, source));
            Outgoing { position, item: EventStreamItem::Event { cursor, event } }
        }));
        // An empty batch below `applied` means that the events were pruned.
        self.read_to = batch.last().map_or(applied, |event| event.position);
        Ok(())
    }
}
