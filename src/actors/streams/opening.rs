//! Opens a stream: registers it with the hub first, then chooses the position at which it begins.
use super::{
    LiveEvent, Shared, Streams,
    subscription::{Replay, Subscription},
    watcher::Watcher,
};
use crate::{
    actors::error::Error,
    domain::{MemberId, Position, Refusal, cursor::StreamCursor},
};
use std::sync::Arc;

/// Posts that a client is taken to show when its stream opens: the first pages of its home feed.
const ON_SCREEN_AT_FIRST: usize = 50;

/// The begin of a stream.
enum Begin {
    /// At a position; the stream replays the log from there.
    At(Position),
    /// At `live_from`; the client must read the feed again, for this reason.
    Reset(&'static str),
}

/// A stream that the hub knows.
struct Registration {
    hub_entry: HubEntry,
    watcher: Arc<Watcher>,
    authors: Arc<[MemberId]>,
    /// The hub offers what is applied from here on.
    live_from: Position,
}

/// Opens a stream of a member, from a cursor or from now. Errors: `CursorInvalid`, `TooManyStreams`.
pub(super) async fn open(streams: &Streams, member: MemberId, cursor: Option<&str>) -> Result<Subscription, Error> {
    let cursor = cursor.map(StreamCursor::decode).transpose()?;
    let shared = &streams.shared;
    shared.visibility.wait_for_own_writes(member).await;
    let Registration { hub_entry, watcher, authors, live_from } = register(shared, member).await?;
    let viewer = shared.visibility.viewer_as_applied(member).await?;
    let on_screen = shared.feeds.newest_visible(&viewer, &authors, ON_SCREEN_AT_FIRST);
    watcher.note_on_screen(on_screen.iter().rev().map(|post| post.post));
    let mut subscription = Subscription::new(streams.clone(), watcher, hub_entry, live_from);
    match begin(shared, cursor, live_from).await? {
        Begin::At(position) => {
            subscription.start_at(position);
            subscription.push(position, LiveEvent::Ready);
            if position < live_from {
                subscription.replay(Replay { authors, until: live_from, events_left: shared.replay_max });
            }
        }
        Begin::Reset(reason) => {
            subscription.push(live_from, LiveEvent::Ready);
            subscription.push(live_from, LiveEvent::Reset { reason });
        }
    }
    Ok(subscription)
}

/// Registers a new watcher with the hub for the authors whom the member follows.
async fn register(shared: &Arc<Shared>, member: MemberId) -> Result<Registration, Error> {
    let watcher = Arc::new(Watcher::new(member));
    loop {
        let authors = shared.catalog.relations(member).await?.watched.clone();
        let opened = shared.hub.open(&watcher, authors.clone(), shared.per_member_max, || shared.visibility.position());
        let live_from = opened.ok_or(Refusal::TooManyStreams { max: shared.per_member_max })?;
        let hub_entry = HubEntry { shared: shared.clone(), watcher: watcher.clone() };
        // A follow between the first read and the registration is not known to the hub: try again.
        if shared.catalog.relations(member).await?.watched == authors {
            return Ok(Registration { hub_entry, watcher, authors, live_from });
        }
    }
}

/// Chooses the begin of a stream: its cursor, or `live_from` if the cursor is unknown or expired.
async fn begin(shared: &Shared, cursor: Option<StreamCursor>, live_from: Position) -> Result<Begin, Error> {
    let Some(cursor) = cursor else { return Ok(Begin::At(live_from)) };
    if cursor.epoch != shared.log.epoch() || cursor.position > *shared.log.head().borrow() {
        return Ok(Begin::Reset("unknown"));
    }
    if cursor.position < shared.log.pruned_to().await? {
        return Ok(Begin::Reset("expired"));
    }
    Ok(Begin::At(cursor.position.min(live_from)))
}

/// A stream's entry in the hub; removed on drop, also if opening fails.
pub(super) struct HubEntry {
    shared: Arc<Shared>,
    watcher: Arc<Watcher>,
}

impl Drop for HubEntry {
    fn drop(&mut self) {
        self.shared.hub.close(&self.watcher);
    }
}
