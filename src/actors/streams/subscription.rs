//! `Subscription`: the reader of one open stream. It replays the log from the client's cursor, then reads the events
//! that the hub offers.
use super::{
    LiveEvent, Streams, live_events::live_events_for, opening::HubEntry, positions::Positions,
    stream_queue::StreamQueue,
};
use crate::{
    actors::error::Error,
    domain::{Event, MemberId, Position, Surface},
};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Maximum number of events taken from the queue in one step.
const LIVE_STEP: usize = 64;
/// Maximum number of events that a resumed stream reads in one step.
const REPLAY_STEP: usize = 256;
/// Maximum number of positions of the log that such a step searches: a step that finds its events on the disk reads
/// every event of the stream's authors among them.
const REPLAY_POSITIONS: u64 = 20_000;
/// Interval of the reports of changed counts, and so the shortest time between two reports about one post.
const COUNTS_EVERY: Duration = Duration::from_secs(1);

/// One item of a stream: a live event with its cursor.
#[derive(Debug, Clone)]
pub struct StreamItem {
    /// The cursor to resume from after this event.
    pub id: String,
    /// The live event.
    pub event: LiveEvent,
}

/// An item in the outbox.
struct Outgoing {
    /// The position that `item.id` names.
    position: Position,
    item: StreamItem,
}

/// The part of the log that a resumed stream reads before it is live.
pub(super) struct Replay {
    pub(super) authors: Arc<[MemberId]>,
    pub(super) until: Position,
    /// How many more events can be replayed; one more is a `Reset`.
    pub(super) events_left: usize,
}

/// The result of one step.
enum Step {
    /// The stream goes on; the outbox can have grown.
    Done,
    /// The queue has ended: more events were offered than can wait, or the projection was rebuilt.
    Ended,
}

/// An open stream. Closed when dropped.
pub struct Subscription {
    streams: Streams,
    queue: Arc<StreamQueue>,
    _hub_entry: HubEntry,
    /// Items that are ready to be sent.
    outbox: VecDeque<Outgoing>,
    /// `None` once the stream is live.
    replay: Option<Replay>,
    positions: Positions,
    /// When changed counts are reported next.
    count_at: Instant,
}

impl Subscription {
    /// Makes a stream that starts at `live_from`.
    pub(super) fn new(streams: Streams, queue: Arc<StreamQueue>, hub_entry: HubEntry, live_from: Position) -> Self {
        Self {
            streams,
            queue,
            _hub_entry: hub_entry,
            outbox: VecDeque::new(),
            replay: None,
            positions: Positions::at(live_from),
            count_at: Instant::now() + COUNTS_EVERY,
        }
    }

    /// Moves the start of the stream to `position`.
    pub(super) fn start_at(&mut self, position: Position) {
        self.positions = Positions::at(position);
    }

    /// Has the stream replay the log before it is live.
    pub(super) fn replay(&mut self, replay: Replay) {
        self.replay = Some(replay);
    }

    /// Waits for the next item. `None` ends the stream: more events were offered than can wait, the projection was
    /// rebuilt, or a store failed. The client then resumes from its last id.
    ///
    /// Cancel safe: dropping the future loses no item.
    pub async fn next(&mut self) -> Option<StreamItem> {
        loop {
            if let Some(item) = self.ready() {
                return Some(item);
            }
            let step = if self.replay.is_some() { self.replay_step().await } else { self.live_step().await };
            match step {
                Ok(Step::Done) => {}
                Ok(Step::Ended) => return None,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "stream ended early");
                    return None;
                }
            }
        }
    }

    /// Returns the next item if the outbox has one. Starts no step.
    pub fn ready(&mut self) -> Option<StreamItem> {
        let Outgoing { position, item } = self.outbox.pop_front()?;
        self.positions.sent_to = position;
        Some(item)
    }

    /// Returns the cursor from which the client can resume without missing anything: a heartbeat carries it.
    pub fn cursor(&self) -> String {
        self.streams.shared.cursor_at(self.resume_from())
    }

    fn resume_from(&self) -> Position {
        // Read first: an event that is offered later is after this position, so the resumed stream gets it.
        let offered_to = self.streams.shared.hub.offered_to();
        let is_idle = self.replay.is_none() && self.queue.is_idle();
        self.positions.resume_from(self.outbox.is_empty(), is_idle, offered_to)
    }

    /// Reads the next events of the replay. A replay of more than `events_left` events ends with a `Reset`.
    async fn replay_step(&mut self) -> Result<Step, Error> {
        let Some(replay) = &self.replay else { return Ok(Step::Done) };
        let (until, events_left) = (replay.until, replay.events_left);
        let (log, member) = (&self.streams.shared.log, self.queue.member);
        let read_to = self.positions.read_to;
        let step_end = until.min(Position(read_to.0.saturating_add(REPLAY_POSITIONS)));
        let events = log.stream_events(member, &replay.authors, read_to, step_end, REPLAY_STEP).await?;
        if events.len() > events_left {
            self.replay = None;
            self.positions.read_to = until;
            self.push(until, LiveEvent::Reset { reason: "too_far" });
            return Ok(Step::Done);
        }
        let outgoing = self.outgoing(&events).await?;
        // No await from here on, so a dropped future has taken the whole step or nothing.
        self.outbox.extend(outgoing);
        if let Some(replay) = &mut self.replay {
            replay.events_left -= events.len();
        }
        self.positions.read_to = match events.last() {
            Some(last) if events.len() == REPLAY_STEP => last.position,
            _ => step_end,
        };
        if self.positions.read_to >= until {
            self.replay = None;
        }
        Ok(Step::Done)
    }

    /// Reads the next events that were offered, or reports counts when that is due; waits for either.
    async fn live_step(&mut self) -> Result<Step, Error> {
        if Instant::now() >= self.count_at {
            self.report_counts().await?;
            return Ok(Step::Done);
        }
        let Some(events) = self.queue.first(LIVE_STEP) else { return Ok(Step::Ended) };
        if events.is_empty() {
            tokio::select! {
                () = self.queue.wake.notified() => {}
                () = tokio::time::sleep_until(self.count_at) => {}
            }
            return Ok(Step::Done);
        }
        // An event that was offered between the registration and the replay has been replayed.
        let read_to = self.positions.read_to;
        let new: Vec<Event> = events.iter().filter(|event| event.position > read_to).copied().collect();
        let outgoing = self.outgoing(&new).await?;
        // No await from here on, so a dropped future has taken the whole step or nothing.
        self.queue.remove_first(events.len());
        self.outbox.extend(outgoing);
        if let Some(last) = events.last() {
            self.positions.read_to = last.position.max(read_to);
        }
        Ok(Step::Done)
    }

    /// Puts the counts of those posts on the client's screen into the outbox that changed since the last report.
    async fn report_counts(&mut self) -> Result<(), Error> {
        let shared = &self.streams.shared;
        let newest = shared.recent_counts.newest();
        if newest > self.positions.counted_to {
            let counts = &shared.recent_counts;
            let changed = counts.with_changed_after(self.positions.counted_to, |changed| self.queue.on_screen(changed));
            let viewer = shared.visibility.viewer_as_applied(self.queue.member).await?;
            let posts = match shared.visibility.posts(&viewer, &changed, Surface::Direct).await {
                // The lane of counts is full: the next report, a second later, includes these changes.
                Err(Error::Busy(_) | Error::Late(_) | Error::Refused(_)) => {
                    self.count_at = Instant::now() + COUNTS_EVERY;
                    return Ok(());
                }
                posts => posts?,
            };
            let position = self.resume_from();
            let id = shared.cursor_at(position);
            self.outbox.extend(posts.iter().map(|visible| {
                let event = LiveEvent::Counts(visible.post.id, visible.counts());
                Outgoing { position, item: StreamItem { id: id.clone(), event } }
            }));
            self.positions.counted_to = newest;
        }
        self.count_at = Instant::now() + COUNTS_EVERY;
        Ok(())
    }

    /// Returns the items that these events become. If one event becomes several, all but the last carry the position
    /// before it, so that a client whose connection breaks between two of them gets all of them again.
    async fn outgoing(&self, events: &[Event]) -> Result<Vec<Outgoing>, Error> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let shared = &self.streams.shared;
        let viewer = shared.visibility.viewer_as_applied(self.queue.member).await?;
        let mut outgoing = Vec::new();
        for live in live_events_for(shared, &viewer, events).await? {
            let last = live.events.len() - 1;
            for (index, event) in live.events.into_iter().enumerate() {
                if let LiveEvent::Created(visible) | LiveEvent::Updated(visible) = &event {
                    self.queue.note_on_screen([visible.post.id]);
                }
                let position = if index == last { live.position } else { Position(live.position.0 - 1) };
                outgoing.push(Outgoing { position, item: StreamItem { id: shared.cursor_at(position), event } });
            }
        }
        Ok(outgoing)
    }

    /// Puts one live event into the outbox.
    pub(super) fn push(&mut self, position: Position, event: LiveEvent) {
        let item = StreamItem { id: self.streams.shared.cursor_at(position), event };
        self.outbox.push_back(Outgoing { position, item });
    }
}
