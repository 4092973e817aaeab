//! `Rooms`: the handles of the rooms that the projection applies events to. Each room is made with those that it
//! depends on.
use crate::{
    actors::{
        catalog::Catalog,
        feeds::Feeds,
        notifications::LiveNotifications,
        streams::{LowerRooms, Streams},
        visibility::Visibility,
    },
    config::Config,
    domain::Position,
    storage::Stores,
};
use tokio::sync::watch;

/// The handles of the rooms that follow the log.
#[derive(Clone)]
pub(in crate::actors) struct Rooms {
    pub(in crate::actors) catalog: Catalog,
    pub(in crate::actors) visibility: Visibility,
    pub(in crate::actors) feeds: Feeds,
    pub(in crate::actors) streams: Streams,
}

impl Rooms {
    /// Makes empty rooms, from the lowest up; `applied` is the projection's position.
    pub(super) fn new(stores: &Stores, config: &Config, applied: watch::Receiver<Position>) -> Self {
        let catalog = Catalog::new(stores, config);
        let visibility = Visibility::new(stores, config, catalog.clone(), applied);
        let feeds = Feeds::new(stores, config, catalog.clone(), visibility.clone());
        let notifications = LiveNotifications::new(stores, catalog.clone(), visibility.clone());
        let lower = LowerRooms {
            catalog: catalog.clone(),
            visibility: visibility.clone(),
            feeds: feeds.clone(),
            notifications,
        };
        Self { catalog, visibility, feeds, streams: Streams::new(stores, config, lower) }
    }
}
