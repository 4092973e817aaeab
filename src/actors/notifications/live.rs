//! The methods of [`LiveNotifications`]: the notifications that a batch of events creates for a viewer, and those that
//! it retracts.
use super::{LiveNotifications, VisibleNotification};
use crate::{
    actors::{error::Error, visibility::Viewer},
    domain::{Event, LiveRetraction, MemberId, Notification, NotificationKind, Position, Surface},
};

/// Maximum number of notifications that one event retracts from a stream: the newest. Older ones are no longer on the
/// screen, and are missing when the list is read again.
const RETRACTED_MAX: usize = 100;
/// Maximum number of events with the viewer as target in which the cause of a retraction is searched. An older cause is
/// not retracted from the stream; it is missing when the list is read again.
const CAUSES_MAX: usize = 1_000;

/// A notification that an event retracts from a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actors) struct Retracted {
    /// Position of the event that retracts it.
    pub(in crate::actors) by: Position,
    /// The withdrawn notification.
    pub(in crate::actors) id: Position,
}

impl LiveNotifications {
    /// Returns the visible notifications that these events create for the viewer, as a request would return them.
    pub(in crate::actors) async fn created_by(
        &self,
        viewer: &Viewer,
        events: &[Event],
    ) -> Result<Vec<VisibleNotification>, Error> {
        let mut created = Vec::new();
        for notification in events.iter().filter_map(Notification::of) {
            if notification.to == viewer.member() && !self.answers_own_acceptance(&notification).await? {
                created.push(notification);
            }
        }
        if created.is_empty() {
            return Ok(Vec::new());
        }
        let marker = self.marker(viewer.member()).await?;
        let visible = self.filter.visible(viewer, &created, None).await?;
        let mut visible = self.filter.hydrate(&visible).await?;
        visible.iter_mut().for_each(|visible| visible.unread = visible.notification.id > marker);
        Ok(visible)
    }

    /// Returns whether the notification is of a follow that its member has just accepted: the event before it in the
    /// log is the acceptance.
    async fn answers_own_acceptance(&self, notification: &Notification) -> Result<bool, Error> {
        if notification.kind != NotificationKind::Follow || notification.id.0 < 2 {
            return Ok(false);
        }
        let before = self.log.read(Position(notification.id.0 - 2), 1).await?;
        Ok(before.iter().filter_map(Notification::of).any(|before| notification.follows_acceptance(&before)))
    }

    /// Returns the notifications that these events withdraw from the viewer's streams, newest first for each event.
    pub(in crate::actors) async fn retracted_by(
        &self,
        viewer: &Viewer,
        events: &[Event],
    ) -> Result<Vec<Retracted>, Error> {
        let member = viewer.member();
        let Some(last) = events.iter().rfind(|event| LiveRetraction::of(event, member).is_some()) else {
            return Ok(Vec::new());
        };
        let causes = self.causes(member, last.position).await?;
        Ok(events.iter().flat_map(|event| retracted(viewer, event, &causes)).collect())
    }

    /// Returns the newest notifications of `member` up to a position, newest first, as the causes that a retraction can
    /// undo: one query for a whole batch.
    async fn causes(&self, member: MemberId, until: Position) -> Result<Vec<Notification>, Error> {
        let causes = self.log.events_targeting(member, until, CAUSES_MAX).await?;
        Ok(causes.iter().filter_map(Notification::of).filter(|notification| notification.to == member).collect())
    }
}

/// Returns those of `causes`, newest first, that the event retracts from the viewer's streams.
fn retracted(viewer: &Viewer, event: &Event, causes: &[Notification]) -> Vec<Retracted> {
    let Some(retraction) = LiveRetraction::of(event, viewer.member()) else { return Vec::new() };
    // The notifications of a hidden actor were withdrawn when the actor became hidden.
    let on_screen = |notification: &Notification| {
        matches!(retraction, LiveRetraction::Hidden(_)) || viewer.sees(notification.actor, Surface::Feed)
    };
    let limit = if retraction.retracts_all() { RETRACTED_MAX } else { 1 };
    causes
        .iter()
        .filter(|cause| cause.id < event.position && retraction.covers(cause) && on_screen(cause))
        .take(limit)
        .map(|cause| Retracted { by: event.position, id: cause.id })
        .collect()
}
