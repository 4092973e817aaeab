//! One open stream: replays the log from its cursor, then follows it, with the same cursors and the same visibility.
use super::{
    hub::{Item, Watcher},
    projection::Projection,
};
use crate::{
    actors::Error,
    domain::{EventKind, MemberId, Place, Position, PostId, Refusal, SeenPost, cursor::StreamCursor},
};
use std::{collections::VecDeque, sync::Arc};

/// Events that are read, or taken from what waits, in one step.
const STEP: usize = 64;

/// One event of a stream.
#[derive(Debug, Clone)]
pub struct Live {
    /// The cursor to resume from after this event.
    pub id: String,
    /// What to tell the client.
    pub event: LiveEvent,
}

/// What a stream tells its client.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// The stream is open; its id is where it stands.
    Ready,
    /// A post was written.
    Created(SeenPost),
    /// A post was changed.
    Updated(SeenPost),
    /// A post was deleted.
    Deleted(PostId),
    /// The cursor leads nowhere: read the feed again, this stream goes on from now.
    Reset {
        /// `unknown`, `expired` or `too_far`.
        reason: &'static str,
    },
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
    /// What is ready to be sent, with its place.
    outbox: VecDeque<(Position, Live)>,
    replay: Option<Replay>,
    /// Everything up to here was taken in or needed no sending.
    seen: Position,
    /// The last place that was handed out: where a client stands while something is ready still.
    sent: Position,
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
        let (authors, live_from) = loop {
            let authors = self.hydrator.ties(member).await?.watched.clone();
            let live_from = self.hub.open(&watcher, authors.clone(), per_member_max, || self.applied());
            let live_from = live_from.ok_or(Refusal::TooManyStreams { max: per_member_max })?;
            // A follow between the two looks came too early for the hub to know this stream.
            if self.hydrator.ties(member).await?.watched == authors {
                break (authors, live_from);
            }
            self.hub.close(&watcher);
        };
        let (outbox, sent) = (VecDeque::new(), live_from);
        let mut subscription = Subscription { projection: self, watcher, outbox, replay: None, seen: live_from, sent };
        match subscription.resume(from, live_from).await? {
            Ok(position) => {
                (subscription.seen, subscription.sent) = (position, position);
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
            if let Some((position, live)) = self.outbox.pop_front() {
                self.sent = position;
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

    /// Where the client may resume from without missing anything: what a heartbeat carries.
    pub fn cursor(&self) -> String {
        // In this order: what is offered after the look is still waiting when the stream resumes.
        let offered = self.projection.hub.offered();
        let idle = self.replay.is_none() && self.watcher.is_idle();
        self.encode(match (self.outbox.is_empty(), idle) {
            (false, _) => self.sent,
            (true, false) => self.seen,
            (true, true) => self.seen.max(offered),
        })
    }

    async fn replay_step(&mut self) -> Result<bool, Error> {
        let Some(replay) = &self.replay else { return Ok(true) };
        let (until, left) = (replay.until, replay.left);
        let events = self.projection.log.post_events(&replay.authors, self.seen, until, STEP).await?;
        let items: Vec<Item> = events
            .iter()
            .filter_map(|event| Some(Item { position: event.position, kind: event.fact.kind, post: event.fact.post? }))
            .collect();
        if items.len() > left {
            self.replay = None;
            self.seen = until;
            self.push(until, LiveEvent::Reset { reason: "too_far" });
            return Ok(true);
        }
        let lives = self.hydrated(&items).await?;
        // From here on nothing waits, so a dropped future has taken all of this step or nothing of it.
        self.outbox.extend(lives);
        if let Some(replay) = &mut self.replay {
            replay.left -= items.len();
        }
        if items.len() < STEP {
            self.replay = None;
            self.seen = until;
        } else if let Some(last) = items.last() {
            self.seen = last.position;
        }
        Ok(true)
    }

    async fn live_step(&mut self) -> Result<bool, Error> {
        let Some(items) = self.watcher.first(STEP) else { return Ok(false) };
        if items.is_empty() {
            self.watcher.wake.notified().await;
            return Ok(true);
        }
        // What was offered between registration and replay has been replayed.
        let new: Vec<Item> = items.iter().filter(|item| item.position > self.seen).copied().collect();
        let lives = self.hydrated(&new).await?;
        self.watcher.taken(items.len());
        self.outbox.extend(lives);
        self.seen = items.last().map_or(self.seen, |item| item.position.max(self.seen));
        Ok(true)
    }

    /// Each item as the member may see it; a post that is gone by now is told of by its deletion.
    async fn hydrated(&self, items: &[Item]) -> Result<Vec<(Position, Live)>, Error> {
        let shown: Vec<PostId> =
            items.iter().filter(|item| item.kind != EventKind::PostDeleted).map(|item| item.post).collect();
        let viewer = self.projection.viewer(self.watcher.member).await?;
        let posts = self.projection.posts(&viewer, &shown, Place::Served).await?;
        let find = |id: PostId| posts.iter().find(|seen| seen.post.id == id).cloned();
        let live = |item: &Item| {
            let event = match item.kind {
                EventKind::PostCreated => LiveEvent::Created(find(item.post)?),
                EventKind::PostUpdated => LiveEvent::Updated(find(item.post)?),
                _ => LiveEvent::Deleted(item.post),
            };
            Some((item.position, Live { id: self.encode(item.position), event }))
        };
        Ok(items.iter().filter_map(live).collect())
    }

    fn push(&mut self, position: Position, event: LiveEvent) {
        let live = Live { id: self.encode(position), event };
        self.outbox.push_back((position, live));
    }

    fn encode(&self, position: Position) -> String {
        StreamCursor { epoch: self.projection.log.epoch(), position }.encode()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.projection.hub.close(&self.watcher);
    }
}
