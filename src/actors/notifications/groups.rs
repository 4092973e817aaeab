//! `Notifications::groups`: notifications in groups, likes and comments by their post or comment, follows by day.
use super::{Notifications, VisibleNotification, visible::NotificationRef};
use crate::{
    actors::{
        error::Error,
        page::{Page, page},
    },
    domain::{
        MemberCard, MemberId, NotificationKind, Position,
        cursor::{ListKind, decode_log_cursor, encode_log_cursor},
    },
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::{collections::hash_map::Entry, sync::Arc};

/// Maximum number of members that a group shows; its count includes the others.
const ACTORS_SHOWN: usize = 3;
const DAY_MS: i64 = 86_400_000;

/// Notifications that are shown as one item.
#[derive(Debug, Clone)]
pub struct VisibleGroup {
    /// The newest notification of the group: its id orders and names the group.
    pub newest: VisibleNotification,
    /// The newest three different members, newest first.
    pub actors: Vec<Arc<MemberCard>>,
    /// Number of different members.
    pub count: u64,
}

/// The value that the notifications of one group share.
#[derive(PartialEq, Eq, Hash)]
struct GroupKey {
    kind: NotificationKind,
    /// The id of a post, comment or notification, or the number of a day; the kind decides which.
    about: u64,
}

impl GroupKey {
    fn of(visible: &NotificationRef) -> Self {
        use NotificationKind as N;
        let notification = &visible.notification;
        let own = notification.id.0;
        let about = match visible.kind {
            N::LikePost | N::Comment => notification.post.map_or(own, |post| post.0),
            N::LikeComment => notification.comment.map_or(own, |comment| comment.0),
            // Days of UTC, so that a group is the same for every device.
            N::Follow => notification.at.0.div_euclid(DAY_MS).cast_unsigned(),
            N::Reply | N::Mention | N::FollowRequest | N::FollowAccepted => own,
        };
        Self { kind: visible.kind, about }
    }
}

/// A group before it is hydrated.
struct Group {
    newest: NotificationRef,
    /// The newest [`ACTORS_SHOWN`] different members, newest first.
    actors: Vec<MemberId>,
    members: FxHashSet<MemberId>,
}

/// Groups notifications that come newest first, in the order of the newest of each group.
fn grouped(visible: &[NotificationRef]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut indexes: FxHashMap<GroupKey, usize> = FxHashMap::default();
    for newest in visible {
        let index = match indexes.entry(GroupKey::of(newest)) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                groups.push(Group { newest: *newest, actors: Vec::new(), members: FxHashSet::default() });
                *entry.insert(groups.len() - 1)
            }
        };
        let Group { actors, members, .. } = &mut groups[index];
        let actor = newest.notification.actor;
        if members.insert(actor) && actors.len() < ACTORS_SHOWN {
            actors.push(actor);
        }
    }
    groups
}

impl Notifications {
    /// Returns one page of the visible notifications of a member, in groups, newest first.
    ///
    /// A cursor pins the position of the first page: further pages ignore later notifications, so that no group moves
    /// from one page to another. Reads all stored notifications of the member, 10,000 at most. Refuses `CursorInvalid`,
    /// `CursorExpired`, `Down`, and what the lane refuses.
    pub async fn groups(
        &self,
        member: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleGroup>, Error> {
        let epoch = self.shared.activity.epoch();
        let key = match cursor {
            Some(text) => Some(decode_log_cursor(text, ListKind::NotificationGroups, member.0, epoch)?),
            None => None,
        };
        self.shared.activity.wait_until_applied().await?;
        let [pinned, before] = key.unwrap_or([self.shared.activity.position().0, u64::MAX]);
        let viewer = self.shared.visibility.viewer(member).await?;
        let marker = self.marker(member).await?;
        let until = Position(pinned.saturating_add(1));
        let mut groups = grouped(&self.visible_between(&viewer, Position(0), until).await?);
        groups.retain(|group| group.newest.notification.id.0 < before);
        let next = |last: &Group| {
            encode_log_cursor(ListKind::NotificationGroups, member.0, epoch, [pinned, last.newest.notification.id.0])
        };
        let Page { items, next } = page(groups, limit, next, |group| group);
        Ok(Page { items: self.hydrate_groups(items, marker).await?, next })
    }

    /// Hydrates the groups of one page. Leaves out members who were deactivated in the meantime.
    async fn hydrate_groups(&self, groups: Vec<Group>, marker: Position) -> Result<Vec<VisibleGroup>, Error> {
        let actors = groups.iter().flat_map(|group| group.actors.iter().copied());
        let cards = self.shared.filter.cards(actors).await?;
        let hydrated = groups.into_iter().filter_map(|group| {
            let NotificationRef { notification, kind } = group.newest;
            let actor = cards.get(&notification.actor)?.clone();
            let newest = VisibleNotification { notification, kind, actor, unread: notification.id > marker };
            let actors = group.actors.iter().filter_map(|actor| cards.get(actor).cloned()).collect();
            Some(VisibleGroup { newest, actors, count: group.members.len() as u64 })
        });
        Ok(hydrated.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CommentId, Notification, PostId, Timestamp};

    fn visible(id: u64, kind: NotificationKind, actor: u64, about: u64, at: i64) -> NotificationRef {
        let notification = Notification {
            id: Position(id),
            to: MemberId(1),
            kind,
            actor: MemberId(actor),
            post: Some(PostId(about)),
            comment: Some(CommentId(about)),
            at: Timestamp(at),
        };
        NotificationRef { notification, kind }
    }

    #[test]
    fn likes_are_grouped_by_post_and_follows_by_day() {
        use NotificationKind as N;
        let groups = grouped(&[
            visible(9, N::LikePost, 2, 70, 0),
            visible(8, N::Follow, 3, 0, DAY_MS),
            visible(7, N::Follow, 4, 0, DAY_MS - 1),
            visible(6, N::LikePost, 3, 71, 0),
            visible(5, N::LikePost, 4, 70, 0),
            visible(4, N::LikeComment, 4, 70, 0),
            visible(3, N::Follow, 5, 0, 5),
        ]);
        let shown: Vec<_> = groups.iter().map(|group| (group.newest.notification.id.0, group.members.len())).collect();
        assert_eq!(shown, [(9, 2), (8, 1), (7, 2), (6, 1), (4, 1)]);
    }

    #[test]
    fn a_group_counts_members_and_shows_three() {
        let comments = [(9, 2), (8, 3), (7, 2), (6, 4), (5, 5)];
        let comments = comments.map(|(id, actor)| visible(id, NotificationKind::Comment, actor, 70, 0));
        let groups = grouped(&comments);
        assert_eq!((groups.len(), groups[0].members.len()), (1, 4));
        assert_eq!(groups[0].actors.iter().map(|actor| actor.0).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn replies_mentions_and_requests_are_not_grouped() {
        use NotificationKind as N;
        let ungrouped = [N::Reply, N::Mention, N::FollowRequest, N::FollowAccepted];
        let all = ungrouped
            .iter()
            .zip(1..)
            .flat_map(|(kind, id)| [visible(id * 2, *kind, 2, 70, 0), visible(id * 2 + 1, *kind, 2, 70, 0)]);
        assert_eq!(grouped(&all.collect::<Vec<_>>()).len(), 8);
    }
}
