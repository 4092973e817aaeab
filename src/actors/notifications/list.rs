//! The methods of [`Notifications`] that list stored notifications one by one, count the unread ones, and check a new
//! marker.
use super::{Notifications, VisibleNotification, visible::NotificationRef};
use crate::{
    actors::{
        error::Error,
        page::{Page, page},
        visibility::Viewer,
    },
    domain::{
        Deadline, FieldError, MemberId, NOTIFICATIONS_MAX, Position, Reason, Refusal,
        cursor::{ListKind, decode_log_cursor, encode_log_cursor},
    },
};

/// Notifications read in one step. A read of more than one step takes a permit of the activity lane.
const STEP: usize = 200;

impl Notifications {
    /// Returns the visible notifications of `viewer` between the two positions, both excluded, newest first. More than
    /// one step of them is read in the lane, with its deadline. Refuses what the lane refuses.
    pub(super) async fn visible_between(
        &self,
        viewer: &Viewer,
        after: Position,
        before: Position,
    ) -> Result<Vec<NotificationRef>, Error> {
        let (member, shared) = (viewer.member(), &self.shared);
        let newest = shared.activity.stored_notifications(member, after, before, STEP).await?;
        if newest.len() < STEP {
            return shared.filter.visible(viewer, &newest, None).await;
        }
        let read_all = async |until: Deadline| {
            let all = shared.activity.stored_notifications(member, after, before, NOTIFICATIONS_MAX).await?;
            shared.filter.visible(viewer, &all, Some(&until)).await
        };
        shared.activity.lane().run(member, read_all).await
    }

    /// Returns one page of the visible notifications of a member, newest first. Refuses `CursorInvalid`,
    /// `CursorExpired`, `Down`, and what the lane refuses.
    pub async fn list(
        &self,
        member: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleNotification>, Error> {
        let shared = &self.shared;
        let epoch = shared.activity.epoch();
        let mut before = match cursor {
            Some(text) => Position(decode_log_cursor(text, ListKind::Notifications, member.0, epoch)?[0]),
            None => Position(u64::MAX),
        };
        shared.activity.wait_until_applied().await?;
        let viewer = shared.visibility.viewer(member).await?;
        let marker = self.marker(member).await?;
        let mut found: Vec<NotificationRef> = Vec::new();
        let mut permit = None;
        // Ends after `NOTIFICATIONS_MAX` notifications at the latest: a member has no more.
        while found.len() <= limit {
            let stored = shared.activity.stored_notifications(member, Position(0), before, STEP).await?;
            let Some(last) = stored.last() else { break };
            before = last.id;
            found.extend(shared.filter.visible(&viewer, &stored, None).await?);
            if stored.len() < STEP || found.len() > limit {
                break;
            }
            match &permit {
                None => permit = Some(shared.activity.lane().enter(member).await?),
                Some(permit) => permit.check_deadline()?,
            }
        }
        let next = |last: &NotificationRef| {
            encode_log_cursor(ListKind::Notifications, member.0, epoch, [last.notification.id.0, 0])
        };
        let Page { items, next } = page(found, limit, next, |visible| visible);
        let mut items = shared.filter.hydrate(&items).await?;
        items.iter_mut().for_each(|item| item.unread = item.notification.id > marker);
        Ok(Page { items, next })
    }

    /// Returns the number of visible notifications after the marker. Hydrates none of them. Counts anew for each request,
    /// unless they are many and no event since the last count can have changed their number (`unread.rs`). Refuses
    /// `Down`, and what the lane refuses.
    pub async fn unread_count(&self, member: MemberId) -> Result<u64, Error> {
        let shared = &self.shared;
        shared.activity.wait_until_applied().await?;
        shared.visibility.wait_for_own_writes(member).await;
        let marker = self.marker(member).await?;
        let stored = shared.activity.position();
        if let Some(count) = shared.unread.get(member, marker, stored).await? {
            return Ok(count);
        }
        let applied = stored.min(shared.visibility.position());
        // Made after `applied` was read, so that the viewer knows every event up to there.
        let viewer = shared.visibility.viewer_as_applied(member).await?;
        let count = self.visible_between(&viewer, marker, Position(u64::MAX)).await?.len() as u64;
        if count >= STEP as u64 {
            shared.unread.keep(&viewer, marker, applied, count);
        }
        Ok(count)
    }

    /// Checks that a new marker is not beyond every position so far. Refuses `Invalid` for one that is, and `Down`.
    pub async fn check_marker(&self, last_read: Position) -> Result<(), Error> {
        self.shared.activity.wait_until_applied().await?;
        let max = self.shared.activity.position().0;
        if last_read.0 <= max {
            return Ok(());
        }
        let reason = Reason::OutOfRange { min: 0, max };
        Err(Refusal::from(FieldError { field: "lastReadId", reason }).into())
    }
}
