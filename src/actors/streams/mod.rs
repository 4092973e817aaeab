//! Streams: every open stream of this process, from the events that it is offered to the live events for its client.
//!
//! An event passes through `delivery.rs` (follows the log behind the projection), `hub.rs` (chooses the streams, from
//! `stream_lists.rs`), `stream_queue.rs` (the queue of one stream), `subscription.rs` (its reader) and `live_events.rs`
//! (the live events for its client).
//!
//! Depends on the rooms below (catalog <- visibility <- feeds, notifications <- streams <- projection).
mod delivery;
mod hub;
#[cfg(test)]
mod hub_tests;
mod live_events;
mod opening;
mod positions;
mod recent_counts;
mod recent_days;
mod stream_lists;
mod stream_queue;
mod subscription;

pub use live_events::LiveEvent;
pub use subscription::{StreamItem, Subscription};

use super::{
    catalog::Catalog,
    error::{Error, StartError},
    feeds::Feeds,
    notifications::LiveNotifications,
    supervisor::Supervisor,
    visibility::Visibility,
};
use crate::{
    config::Config,
    domain::{Event, Identity, MemberId, Position, PostId, cursor::StreamCursor},
    storage::{EventLog, RankingStore, Stores},
};
use hub::Hub;
use recent_counts::RecentCounts;
use recent_days::RecentDays;
use std::sync::Arc;

/// Handle of the open streams. Cheap to clone; opening and reading a stream skips every mailbox.
#[derive(Clone)]
pub struct Streams {
    shared: Arc<Shared>,
}

/// The state that all clones of [`Streams`] and every open stream share.
struct Shared {
    log: Arc<dyn EventLog>,
    ranking: Arc<dyn RankingStore>,
    catalog: Catalog,
    visibility: Visibility,
    feeds: Feeds,
    notifications: LiveNotifications,
    hub: Hub,
    recent_counts: RecentCounts,
    recent_days: RecentDays,
    /// Maximum number of open streams of one member.
    per_member_max: usize,
    /// Maximum number of events that a resumed stream replays.
    replay_max: usize,
}

/// The handles of the rooms that streams read.
pub(super) struct LowerRooms {
    pub(super) catalog: Catalog,
    pub(super) visibility: Visibility,
    pub(super) feeds: Feeds,
    pub(super) notifications: LiveNotifications,
}

impl Streams {
    /// Makes the handle; no stream is open.
    pub(super) fn new(stores: &Stores, config: &Config, lower: LowerRooms) -> Self {
        let LowerRooms { catalog, visibility, feeds, notifications } = lower;
        Self {
            shared: Arc::new(Shared {
                log: stores.log.clone(),
                ranking: stores.ranking.clone(),
                catalog,
                visibility,
                feeds,
                notifications,
                hub: Hub::new(config.stream.buffer_max),
                recent_counts: RecentCounts::default(),
                recent_days: RecentDays::default(),
                per_member_max: config.stream.per_member_max,
                replay_max: config.stream.replay_max,
            }),
        }
    }

    /// Opens a stream of the events about posts in the member's home feed and about the member, from a cursor or from
    /// now. Refuses `CursorInvalid`, `TooManyStreams`.
    pub async fn open(&self, identity: Identity, cursor: Option<&str>) -> Result<Subscription, Error> {
        opening::open(self, identity.member, cursor).await
    }

    /// Notes that the member's client shows these posts: the member's open streams report their counts from now on.
    pub fn note_on_screen(&self, member: MemberId, posts: impl Iterator<Item = PostId> + Clone) {
        self.shared.hub.note_on_screen(member, posts);
    }

    /// Returns the cursor of a stream that is opened now.
    pub(super) fn cursor(&self) -> String {
        self.shared.cursor_at(self.shared.visibility.position())
    }

    /// Notes the posts whose counts these events change. Streams read them once the events are applied.
    pub(super) fn note_counts(&self, events: &[Event]) {
        self.shared.recent_counts.note(events);
    }

    /// Starts to offer the events after the projection's position to the streams of their audience, each after the
    /// projection has applied it.
    pub(super) async fn start(&self, supervisor: &Supervisor) -> Result<(), StartError> {
        delivery::start(&self.shared, supervisor).await
    }

    /// Returns the position up to which every stream has been offered the events.
    pub(super) fn position(&self) -> Position {
        self.shared.hub.offered_to()
    }

    /// Ends every open stream after the events that it was offered, because the rooms that it reads are replaced. Each
    /// client resumes from its last id and misses nothing.
    pub(super) async fn interrupt(&self) {
        self.shared.hub.interrupt().await;
    }
}

impl Shared {
    /// Returns the cursor of a position.
    fn cursor_at(&self, position: Position) -> String {
        StreamCursor { epoch: self.log.epoch(), position }.encode()
    }
}
