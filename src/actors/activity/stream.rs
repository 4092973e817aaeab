//! Public events as they happen: the log, read on at the client's pace, so that nothing waits for it anywhere.
use super::Activity;
use crate::{
    actors::{Error, wait_until::wait_until},
    domain::{CloudEvent, MemberId, Position, Refusal},
};
use rustc_hash::FxHashMap;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// Events that are read in one step, and so the most that are held for a client.
const STEP: usize = 64;

/// How many streams each member has open.
pub(super) struct Open {
    max: usize,
    by_member: Arc<Mutex<FxHashMap<MemberId, usize>>>,
}

impl Open {
    pub(super) fn new(max: usize) -> Self {
        Self { max, by_member: Arc::default() }
    }

    fn enter(&self, member: MemberId) -> Result<Place, Refusal> {
        let mut open = self.by_member.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(&member).copied().unwrap_or_default();
        if count >= self.max {
            return Err(Refusal::TooManyStreams { max: self.max });
        }
        open.insert(member, count + 1);
        drop(open);
        Ok(Place { member, by_member: self.by_member.clone() })
    }
}

/// One of a member's places, until dropped.
struct Place {
    member: MemberId,
    by_member: Arc<Mutex<FxHashMap<MemberId, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.by_member.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.member) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.member);
            }
        }
    }
}

/// What an event stream tells its client, with the cursor to resume from after it.
#[derive(Debug, Clone)]
pub enum EventLive {
    /// The stream is open; this is where it stands.
    Ready(String),
    /// Something happened.
    Happened(String, Box<CloudEvent>),
    /// The cursor leads nowhere: the stream goes on from now.
    Reset(String, &'static str),
}

/// An open stream of public events.
pub struct EventStream {
    activity: Activity,
    member: MemberId,
    /// The projection's position: the visibility of an event can be decided once it is applied.
    applied: watch::Receiver<Position>,
    /// Everything up to here was shown, or is ready to be, or is not for the member.
    read: Position,
    /// What the client has.
    sent: Position,
    ready: VecDeque<(Position, EventLive)>,
    _place: Place,
}

impl Activity {
    /// Opens a stream of the public events that the member may see, from a cursor on or from now. Refuses
    /// `CursorInvalid`, `TooManyStreams`.
    pub async fn open_events(&self, member: MemberId, cursor: Option<&str>) -> Result<EventStream, Error> {
        let from = cursor.map(|text| self.place(text)).transpose()?;
        let place = self.shared.streams.enter(member)?;
        let applied = self.shared.visibility.applied_positions();
        let now = *applied.borrow();
        let (read, reset) = match from {
            None => (now, None),
            Some(None) => (now, Some("unknown")),
            Some(Some(at)) if at < self.shared.log.pruned_to().await? => (now, Some("expired")),
            Some(Some(at)) => (at, None),
        };
        let mut ready = VecDeque::from([(read, EventLive::Ready(self.cursor(read)))]);
        ready.extend(reset.map(|reason| (read, EventLive::Reset(self.cursor(read), reason))));
        Ok(EventStream { activity: self.clone(), member, applied, read, sent: read, ready, _place: place })
    }
}

impl EventStream {
    /// What to tell next, when there is something; `None` where the log cannot be read: the client resumes from its
    /// last id. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<EventLive> {
        loop {
            if let Some(live) = self.ready() {
                return Some(live);
            }
            let read = self.read;
            wait_until(&mut self.applied, |applied| *applied > read).await.ok()?;
            if let Err(error) = self.step().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "event stream ended early");
                return None;
            }
        }
    }

    /// What to tell next, where it is there already. Begins nothing.
    pub fn ready(&mut self) -> Option<EventLive> {
        let (position, live) = self.ready.pop_front()?;
        self.sent = position;
        Some(live)
    }

    /// Where the client may resume from without missing anything.
    pub fn cursor(&self) -> String {
        self.activity.cursor(if self.ready.is_empty() { self.read } else { self.sent })
    }

    async fn step(&mut self) -> Result<(), Error> {
        let until = *self.applied.borrow();
        let batch = self.activity.batch(self.read, STEP).await?;
        let viewer = self.activity.shared.visibility.viewer(self.member).await?;
        let shown = self.activity.shown(&viewer, &batch).await?;
        let source = &self.activity.shared.source;
        // From here on nothing waits, so a dropped future has taken all of this step or nothing of it.
        self.ready.extend(shown.iter().map(|event| {
            let cursor = self.activity.cursor(event.position);
            (event.position, EventLive::Happened(cursor, Box::new(CloudEvent::of(event, source))))
        }));
        // Where nothing is left of what was there, it has been pruned.
        self.read = batch.last().map_or(until, |event| event.position);
        Ok(())
    }
}
