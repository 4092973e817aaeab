//! One open stream: replays the log from its cursor, then follows it, with the same cursors and the same visibility.
use super::{projection::Projection, told::LiveEvent, watcher::Watcher};
use crate::{
    actors::Error,
    domain::{Event, MemberId, Position, PostId, Refusal, Surface, cursor::StreamCursor},
};
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Events that are taken from what waits in one step.
const STEP: usize = 64;
/// Events that a stream that resumes reads in one step: each step seeks among all that is left.
const REPLAY_STEP: usize = 256;

/// Changed counts are told of this often, so at most once per post.
const COUNTS_EVERY: Duration = Duration::from_secs(1);
/// Posts that a client is taken to have seen when its stream opens: the first pages of its home feed.
const SEEN_AT_FIRST: usize = 50;

/// One event of a stream.
#[derive(Debug, Clone)]
pub struct Live {
    /// The cursor to resume from after this event.
    pub id: String,
    /// What to tell the client.
    pub event: LiveEvent,
}

/// How far a stream that resumes has to read before it is live.
struct Replay {
    authors: Arc<[MemberId]>,
    until: Position,
    left: usize,
}

/// An open stream. Closed when dropped.
pub struct Subscription {
    projection: Arc<Projection>,
    watcher: Arc<Watcher>,
    /// Last to go, whatever becomes of the opening.
    _registered: Registered,
    /// What is ready to be sent, with its place.
    outbox: VecDeque<(Position, Live)>,
    replay: Option<Replay>,
    /// Everything up to here was taken in or needed no sending.
    seen: Position,
    /// The last place that was handed out: where a client stands while something is ready still.
    sent: Position,
    /// Changes of counts up to here were told of.
    counted: Position,
    count_at: Instant,
}

impl Projection {
    /// Opens a stream for a member, from a cursor on or from now.
    pub(super) async fn open(
        self: Arc<Self>,
        member: MemberId,
        from: Option<&str>,
        per_member_max: usize,
        replay_max: usize,
    ) -> Result<Subscription, Error> {
        let from = from.map(StreamCursor::decode).transpose()?;
        self.barrier.wait(member).await;
        let watcher = Arc::new(Watcher::new(member));
        let (registered, authors, live_from) = loop {
            let authors = self.hydrator.relations(member).await?.watched.clone();
            let live_from = self.hub.open(&watcher, authors.clone(), per_member_max, || self.applied());
            let live_from = live_from.ok_or(Refusal::TooManyStreams { max: per_member_max })?;
            let registered = Registered { projection: self.clone(), watcher: watcher.clone() };
            // A follow between the two looks came too early for the hub to know this stream.
            if self.hydrator.relations(member).await?.watched == authors {
                break (registered, authors, live_from);
            }
        };
        let mut subscription = Subscription {
            projection: self,
            watcher,
            _registered: registered,
            outbox: VecDeque::new(),
            replay: None,
            seen: live_from,
            sent: live_from,
            counted: live_from,
            count_at: Instant::now() + COUNTS_EVERY,
        };
        subscription.at_first(&authors).await?;
        match subscription.resume(from, live_from).await? {
            Ok(position) => {
                (subscription.seen, subscription.sent, subscription.counted) = (position, position, position);
                subscription.push(position, LiveEvent::Ready);
                if position < live_from {
                    subscription.replay = Some(Replay { authors, until: live_from, left: replay_max });
                }
            }
            Err(reason) => {
                subscription.push(live_from, LiveEvent::Ready);
                subscription.push(live_from, LiveEvent::Reset { reason });
            }
        }
        Ok(subscription)
    }
}

impl Subscription {
    /// Where to begin, or why the cursor leads nowhere.
    async fn resume(
        &self,
        from: Option<StreamCursor>,
        live_from: Position,
    ) -> Result<Result<Position, &'static str>, Error> {
        let Some(from) = from else { return Ok(Ok(live_from)) };
        if from.epoch != self.projection.log.epoch() || from.position > *self.projection.log.head().borrow() {
            return Ok(Err("unknown"));
        }
        if from.position < self.projection.log.pruned_to().await? {
            return Ok(Err("expired"));
        }
        Ok(Ok(from.position.min(live_from)))
    }

    /// The next event, when there is one. `None` when more came than may wait: the client resumes from its last id.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Live> {
        loop {
            if let Some(live) = self.ready() {
                return Some(live);
            }
            let stepped = if self.replay.is_some() { self.replay_step().await } else { self.live_step().await };
            match stepped {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "stream ended early");
                    return None;
                }
            }
        }
    }

    /// The next event, where it is there already. Begins nothing.
    pub fn ready(&mut self) -> Option<Live> {
        let (position, live) = self.outbox.pop_front()?;
        self.sent = position;
        Some(live)
    }

    /// Where the client may resume from without missing anything: what a heartbeat carries.
    pub fn cursor(&self) -> String {
        self.encode(self.place())
    }

    fn place(&self) -> Position {
        // In this order: what is offered after the look is still waiting when the stream resumes.
        let offered = self.projection.hub.offered();
        let idle = self.replay.is_none() && self.watcher.is_idle();
        match (self.outbox.is_empty(), idle) {
            (false, _) => self.sent,
            (true, false) => self.seen,
            (true, true) => self.seen.max(offered),
        }
    }

    async fn replay_step(&mut self) -> Result<bool, Error> {
        let Some(replay) = &self.replay else { return Ok(true) };
        let (until, left) = (replay.until, replay.left);
        let member = self.watcher.member;
        let events = self.projection.log.stream_events(member, &replay.authors, self.seen, until, REPLAY_STEP).await?;
        if events.len() > left {
            self.replay = None;
            self.seen = until;
            self.push(until, LiveEvent::Reset { reason: "too_far" });
            return Ok(true);
        }
        let lives = self.hydrated(&events).await?;
        // From here on nothing waits, so a dropped future has taken all of this step or nothing of it.
        self.outbox.extend(lives);
        if let Some(replay) = &mut self.replay {
            replay.left -= events.len();
        }
        if events.len() < REPLAY_STEP {
            self.replay = None;
            self.seen = until;
        } else if let Some(last) = events.last() {
            self.seen = last.position;
        }
        Ok(true)
    }

    async fn live_step(&mut self) -> Result<bool, Error> {
        if Instant::now() >= self.count_at {
            self.count().await?;
            return Ok(true);
        }
        let Some(events) = self.watcher.first(STEP) else { return Ok(false) };
        if events.is_empty() {
            tokio::select! {
                () = self.watcher.wake.notified() => {}
                () = tokio::time::sleep_until(self.count_at) => {}
            }
            return Ok(true);
        }
        // What was offered between registration and replay has been replayed.
        let new: Vec<Event> = events.iter().filter(|event| event.position > self.seen).copied().collect();
        let lives = self.hydrated(&new).await?;
        self.watcher.taken(events.len());
        self.outbox.extend(lives);
        self.seen = events.last().map_or(self.seen, |event| event.position.max(self.seen));
        Ok(true)
    }

    /// What the client is likely to have on its screen already.
    async fn at_first(&self, authors: &[MemberId]) -> Result<(), Error> {
        let viewer = self.projection.viewer(self.watcher.member).await?;
        let places = viewer.with_sight(Surface::Feed, |sight| {
            let window = self.projection.window.read().unwrap_or_else(PoisonError::into_inner);
            let all = (PostId(u64::MAX), Position(u64::MAX));
            window.of_authors(authors, |author| sight.post(author), all.0, all.1, SEEN_AT_FIRST).places
        });
        self.watcher.saw(places.iter().rev().map(|place| place.post));
        Ok(())
    }

    /// Tells of the counts that have changed since it was done last, of posts that the client has seen.
    async fn count(&mut self) -> Result<(), Error> {
        let newest = self.projection.changes.newest();
        if newest > self.counted {
            let changed = self.projection.changes.since(self.counted, |changed| self.watcher.seen(changed));
            let lives = self.projection.counts(self.watcher.member, &changed).await?;
            let at = self.place();
            let id = self.encode(at);
            self.outbox.extend(lives.into_iter().map(|event| (at, Live { id: id.clone(), event })));
            self.counted = newest;
        }
        self.count_at = Instant::now() + COUNTS_EVERY;
        Ok(())
    }

    /// What the member is told of each event. Of several things under one event, all but the last leave the client
    /// before it, so that a line that breaks between them brings them all again.
    async fn hydrated(&self, events: &[Event]) -> Result<Vec<(Position, Live)>, Error> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let viewer = self.projection.viewer(self.watcher.member).await?;
        let mut lives = Vec::new();
        for (Event { position, .. }, told) in self.projection.told(&viewer, events).await? {
            let last = told.len() - 1;
            for (number, event) in told.into_iter().enumerate() {
                if let LiveEvent::Created(seen) | LiveEvent::Updated(seen) = &event {
                    self.watcher.saw([seen.post.id]);
                }
                let at = if number == last { position } else { Position(position.0 - 1) };
                lives.push((at, Live { id: self.encode(at), event }));
            }
        }
        Ok(lives)
    }

    fn push(&mut self, position: Position, event: LiveEvent) {
        let live = Live { id: self.encode(position), event };
        self.outbox.push_back((position, live));
    }

    fn encode(&self, position: Position) -> String {
        StreamCursor { epoch: self.projection.log.epoch(), position }.encode()
    }
}

/// A place in the hub, given up when dropped.
struct Registered {
    projection: Arc<Projection>,
    watcher: Arc<Watcher>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.projection.hub.close(&self.watcher);
    }
}
