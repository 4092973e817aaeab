//! Notifications one by one, how many of them are unread, and the marker between read and unread.
use super::{Activity, VisibleNotification};
use crate::{
    actors::{Error, Page, timeline::Viewer},
    domain::{
        FieldError, MemberId, NOTIFICATIONS_MAX, Notification, Position, Reason, Refusal,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
    },
};

/// Notifications looked at in one step. More of them are looked at in the lane.
const STEP: usize = 200;

impl Activity {
    /// Those that the viewer may see, in the same order.
    pub(super) async fn visible(
        &self,
        viewer: &Viewer,
        notifications: &[Notification],
    ) -> Result<Vec<VisibleNotification>, Error> {
        self.shared.timeline.notices(viewer, notifications).await
    }

    /// Everything between the two that the viewer is told and may see, newest first: in the lane, where it is more than
    /// one step. Refuses what the lane refuses.
    pub(super) async fn visible_between(
        &self,
        viewer: &Viewer,
        after: Position,
        before: Position,
    ) -> Result<Vec<VisibleNotification>, Error> {
        let (member, store) = (viewer.member(), &self.shared.store);
        let newest = self.shared.seen(store.notifications(member, after, before, STEP).await)?;
        if newest.len() < STEP {
            return self.visible(viewer, &newest).await;
        }
        let all = async |_| {
            let notifications =
                self.shared.seen(store.notifications(member, after, before, NOTIFICATIONS_MAX).await)?;
            self.visible(viewer, &notifications).await
        };
        self.shared.lane.run(member, all).await
    }

    /// What the member is told and may see, newest first. Refuses what the lane refuses.
    pub async fn notifications(
        &self,
        member: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleNotification>, Error> {
        let place = cursor.map(|text| decode_list_cursor(text, ListKind::Notifications, member.0)).transpose()?;
        let mut before = Position(place.map_or(u64::MAX, |[before, _]| before));
        self.caught_up().await?;
        let viewer = self.shared.timeline.viewer(member).await?;
        let marker = self.shared.markers.marker(member).await?;
        let mut items: Vec<VisibleNotification> = Vec::new();
        let mut turn = None;
        // Ends with what is kept, `NOTIFICATIONS_MAX`, at the latest.
        while items.len() <= limit {
            let notifications =
                self.shared.seen(self.shared.store.notifications(member, Position(0), before, STEP).await)?;
            let Some(last) = notifications.last() else { break };
            before = last.id;
            items.extend(self.visible(&viewer, &notifications).await?);
            if notifications.len() < STEP || items.len() > limit {
                break;
            }
            match &turn {
                None => turn = Some(self.shared.lane.enter(member).await?),
                Some(turn) => turn.in_time()?,
            }
        }
        items.iter_mut().for_each(|item| item.unread = item.notification.id > marker);
        let next = |last: &VisibleNotification| {
            encode_list_cursor(ListKind::Notifications, member.0, [last.notification.id.0, 0])
        };
        Ok(crate::actors::page(items, limit, next, |item| item))
    }

    /// How many notifications after the marker the member may see. Looked up, never counted up: whatever hides or brings
    /// back one of them is in the next answer. Refuses what the lane refuses.
    pub async fn unread(&self, member: MemberId) -> Result<u64, Error> {
        self.caught_up().await?;
        let viewer = self.shared.timeline.viewer(member).await?;
        let marker = self.shared.markers.marker(member).await?;
        Ok(self.visible_between(&viewer, marker, Position(u64::MAX)).await?.len() as u64)
    }

    /// The newest notification that the member has read; 0 where none was.
    pub async fn marker(&self, member: MemberId) -> Result<Position, Error> {
        Ok(self.shared.markers.marker(member).await?)
    }

    /// Whether a marker may be put there: somewhere that a notification could have been seen so far. Refuses `Invalid`.
    pub async fn check_marker(&self, at: Position) -> Result<(), Error> {
        self.caught_up().await?;
        let max = self.position().0;
        if at.0 <= max {
            return Ok(());
        }
        let reason = Reason::OutOfRange { min: 0, max };
        Err(Refusal::from(FieldError { field: "lastReadId", reason }).into())
    }
}
