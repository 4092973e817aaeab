//! Notifications of a member: the visible ones as lists and groups, and the live ones with their retraction.
//!
//! The rules are in the domain: `Notification` decides which event notifies whom, `Retraction` and `LiveRetraction`
//! which event retracts a notification. There are two handles, because one of them depends on a part that can be down:
//! [`Notifications`] answers requests from the activity store; `LiveNotifications` answers streams from the log.
//!
//! Depends on the catalog, visibility and activity (catalog <- visibility <- feeds, notifications <- streams <-
//! projection).
mod groups;
mod list;
mod live;
#[cfg(test)]
mod tests;
mod unread;
mod visible;

pub use groups::VisibleGroup;
pub use visible::VisibleNotification;

use super::{activity::Activity, catalog::Catalog, error::Error, visibility::Visibility};
use crate::{
    domain::{MemberId, Position},
    storage::{EventLog, MarkerStore, Stores},
};
use std::sync::Arc;
use unread::UnreadCounts;
use visible::NotificationFilter;

/// Handle of stored notifications: lists, groups, the unread count and the marker. Cheap to clone. Its methods are in
/// `list.rs` and `groups.rs`.
#[derive(Clone)]
pub struct Notifications {
    shared: Arc<Shared>,
}

/// The state that all clones of [`Notifications`] share.
struct Shared {
    activity: Activity,
    visibility: Visibility,
    markers: Arc<dyn MarkerStore>,
    filter: NotificationFilter,
    unread: UnreadCounts,
}

impl Notifications {
    /// Makes the handle; `activity` holds the stored notifications.
    pub(super) fn new(stores: &Stores, catalog: Catalog, visibility: Visibility, activity: Activity) -> Self {
        let filter = NotificationFilter::new(stores, catalog, visibility.clone());
        let unread = UnreadCounts::new(stores.log.clone());
        Self { shared: Arc::new(Shared { activity, visibility, markers: stores.markers.clone(), filter, unread }) }
    }

    /// Returns the id of the newest notification that the member has read; 0 if none was read.
    pub async fn marker(&self, member: MemberId) -> Result<Position, Error> {
        Ok(self.shared.markers.marker(member).await?)
    }
}

/// Handle of live notifications, for streams. Works while the activity part is down. Its methods are in `live.rs`.
pub(super) struct LiveNotifications {
    log: Arc<dyn EventLog>,
    markers: Arc<dyn MarkerStore>,
    filter: NotificationFilter,
}

impl LiveNotifications {
    /// Makes the handle.
    pub(super) fn new(stores: &Stores, catalog: Catalog, visibility: Visibility) -> Self {
        let filter = NotificationFilter::new(stores, catalog, visibility);
        Self { log: stores.log.clone(), markers: stores.markers.clone(), filter }
    }

    /// Returns the id of the newest notification that the member has read; 0 if none was read.
    pub(super) async fn marker(&self, member: MemberId) -> Result<Position, Error> {
        Ok(self.markers.marker(member).await?)
    }
}
