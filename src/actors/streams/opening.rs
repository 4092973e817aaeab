//! Opens a stream: registers it with the hub first, then chooses the position at which it starts.
use super::{
    LiveEvent, Shared, Streams,
    stream_queue::StreamQueue,
    subscription::{Replay, Subscription},
};
use crate::{
    actors::error::Error,
    domain::{MemberId, Position, Refusal, cursor::StreamCursor},
};
use std::sync::Arc;

/// Posts that count as on the client's screen when its stream opens: the first pages of the home feed.
const ON_SCREEN_AT_START: usize = 50;

/// The start of a stream.
enum Start {
    /// At a position; the stream replays the log from there.
    At(Position),
    /// At `live_from`; the client must read the feed again, for this reason.
    Reset(&'static str),
}

/// A stream that is registered with the hub.
struct Registration {
    hub_entry: HubEntry,
    queue: Arc<StreamQueue>,
    authors: Arc<[MemberId]>,
    /// The hub offers every event after this position.
    live_from: Position,
}

/// Opens a stream of a member, from a cursor or from now. Refuses `CursorInvalid`, `TooManyStreams`.
pub(super) async fn open(streams: &Streams, member: MemberId, cursor: Option<&str>) -> Result<Subscription, Error> {
    let cursor = cursor.map(StreamCursor::decode).transpose()?;
    let shared = &streams.shared;
    shared.visibility.wait_for_own_writes(member).await;
    let Registration { hub_entry, queue, authors, live_from } = register(shared, member).await?;
    let viewer = shared.visibility.viewer_as_applied(member).await?;
    let on_screen = shared.feeds.newest_at_home(&viewer, ON_SCREEN_AT_START);
    queue.note_on_screen(on_screen.iter().rev().map(|post| post.post));
    let mut subscription = Subscription::new(streams.clone(), queue, hub_entry, live_from);
    match choose_start(shared, cursor, live_from).await? {
        Start::At(position) => {
            subscription.start_at(position);
            subscription.push(position, LiveEvent::Ready);
            if position < live_from {
                subscription.replay(Replay { authors, until: live_from, events_left: shared.replay_max });
            }
        }
        Start::Reset(reason) => {
            subscription.push(live_from, LiveEvent::Ready);
            subscription.push(live_from, LiveEvent::Reset { reason });
        }
    }
    Ok(subscription)
}

/// Registers a new queue with the hub for the authors of the member's home feed. Refuses `TooManyStreams`.
async fn register(shared: &Arc<Shared>, member: MemberId) -> Result<Registration, Error> {
    let queue = Arc::new(StreamQueue::new(member));
    loop {
        let authors = shared.catalog.relations(member).await?.home_authors.clone();
        let opened = shared.hub.open(&queue, authors.clone(), shared.per_member_max, || shared.visibility.position());
        let live_from = opened.ok_or(Refusal::TooManyStreams { max: shared.per_member_max })?;
        let hub_entry = HubEntry { shared: shared.clone(), queue: queue.clone() };
        // The hub has missed a follow between the first read and the registration: try again.
        if shared.catalog.relations(member).await?.home_authors == authors {
            return Ok(Registration { hub_entry, queue, authors, live_from });
        }
    }
}

/// Chooses the start of a stream: its cursor, or `live_from` without one or if the cursor is unknown or expired. A
/// cursor of another process can be after `live_from`: the stream then skips the events up to it.
async fn choose_start(shared: &Shared, cursor: Option<StreamCursor>, live_from: Position) -> Result<Start, Error> {
    let Some(cursor) = cursor else { return Ok(Start::At(live_from)) };
    if cursor.epoch != shared.log.epoch() {
        return Ok(Start::Reset("unknown"));
    }
    match shared.visibility.reach(cursor.position).await {
        Ok(true) | Err(Error::Late(_)) => {}
        Ok(false) => return Ok(Start::Reset("unknown")),
        Err(error) => return Err(error),
    }
    if cursor.position < shared.log.pruned_to().await? {
        return Ok(Start::Reset("expired"));
    }
    Ok(Start::At(cursor.position))
}

/// A stream's entry in the hub; removed on drop, also if opening fails.
pub(super) struct HubEntry {
    shared: Arc<Shared>,
    queue: Arc<StreamQueue>,
}

impl Drop for HubEntry {
    fn drop(&mut self) {
        self.shared.hub.close(&self.queue);
    }
}
