//! Streams: every open stream of this process, from the events that it is offered to the messages for its client.
//!
//! The way of an event: `delivery.rs` (called by the projection), `hub.rs` (chooses the streams), `watcher.rs` (the queue
//! of one stream), `subscription.rs` (its reader), `live_events.rs` (the messages for its client).
//!
//! Depends on the rooms below (catalog <- visibility <- feeds, notifications <- streams <- projection).
mod delivery;
mod hub;
mod live_events;
mod opening;
mod positions;
mod recent_counts;
mod recent_days;
mod subscription;
mod watcher;

pub use live_events::LiveEvent;
pub use subscription::{Live, Subscription};

use super::{catalog::Catalog, error::Error, feeds::Feeds, notifications::LiveNotifications, visibility::Visibility};
use crate::{
    config::Config,
    domain::{Event, Identity, MemberId, Position, PostId, cursor::StreamCursor},
    storage::{EventLog, RankingStore, Stores},
};
use hub::Hub;
use recent_counts::RecentCounts;
use recent_days::RecentDays;
use std::sync::Arc;

/// Handle of the open streams. Cheap to clone.
#[derive(Clone)]
pub struct Streams {
    shared: Arc<Shared>,
}

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
    /// Most open streams of one member.
    per_member_max: usize,
    /// Most events that a resumed stream replays.
    replay_max: usize,
}

/// The rooms below the streams.
pub(super) struct Below {
    pub(super) catalog: Catalog,
    pub(super) visibility: Visibility,
    pub(super) feeds: Feeds,
    pub(super) notifications: LiveNotifications,
}

impl Streams {
    /// Makes the room without streams.
    pub(super) fn new(stores: &Stores, config: &Config, below: Below) -> Self {
        let Below { catalog, visibility, feeds, notifications } = below;
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

    /// Opens a stream of what happens to posts in the member's home feed and to the member, from a cursor or from now.
    ///
    /// Errors: `CursorInvalid`, `TooManyStreams`.
    pub async fn open(&self, identity: Identity, cursor: Option<&str>) -> Result<Subscription, Error> {
        opening::open(self, identity.member, cursor).await
    }

    /// Notes that the member's client shows these posts: the member's open streams report their counts from now on.
    pub fn note_on_screen(&self, member: MemberId, posts: impl Iterator<Item = PostId> + Clone) {
        self.shared.hub.note_on_screen(member, posts);
    }

    /// Returns the cursor of a stream that is opened now.
    pub(super) fn cursor(&self) -> String {
        self.shared.encode(self.shared.visibility.position())
    }

    /// Notes the posts whose counts these events change. Streams read them once the events are applied.
    pub(super) fn note_counts(&self, events: &[Event]) {
        let changed = events.iter().filter_map(|event| Some((event.position, delivery::counted_post(&event.fact)?)));
        self.shared.recent_counts.add(changed);
    }

    /// Offers applied events to the streams of their audience.
    pub(super) async fn deliver(&self, events: &[Event]) {
        delivery::deliver(&self.shared, events).await;
    }

    /// Ends every open stream after the events that it has: the events up to `position` may have been offered to
    /// nobody. Each client resumes from its last id and misses nothing.
    pub(super) fn interrupt(&self, position: Position) {
        self.shared.hub.interrupt();
        self.shared.hub.set_offered_to(position);
    }
}

impl Shared {
    fn encode(&self, position: Position) -> String {
        StreamCursor { epoch: self.log.epoch(), position }.encode()
    }
}
