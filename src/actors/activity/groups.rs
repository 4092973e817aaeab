//! Notifications in groups: likes and comments by what they are about, follows by day.
use super::{Activity, VisibleNotification};
use crate::{
    actors::{Error, Page, page},
    domain::{
        MemberCard, MemberId, NotificationKind, Position,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
    },
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::{collections::hash_map::Entry, sync::Arc};

/// Actors that a group shows; the rest is in its count.
const ACTORS_SHOWN: usize = 3;
const DAY_MS: i64 = 86_400_000;

/// Notifications that are shown as one.
#[derive(Debug, Clone)]
pub struct VisibleGroup {
    /// The newest of them, by which the group is ordered and named.
    pub newest: VisibleNotification,
    /// The newest three different members, newest first.
    pub actors: Vec<Arc<MemberCard>>,
    /// How many different members.
    pub count: u64,
}

/// What notifications of one group have in common.
type Key = (NotificationKind, u64);

fn key(seen: &VisibleNotification) -> Key {
    use NotificationKind as N;
    let notification = &seen.notification;
    let own = notification.id.0;
    let about = match seen.kind {
        N::LikePost | N::Comment => notification.post.map_or(own, |post| post.0),
        N::LikeComment => notification.comment.map_or(own, |comment| comment.0),
        // Days of UTC, so that a group is the same for every device.
        N::Follow => notification.at.0.div_euclid(DAY_MS).cast_unsigned(),
        N::Reply | N::Mention | N::FollowRequest | N::FollowAccepted => own,
    };
    (seen.kind, about)
}

/// Groups of notifications that come newest first, in the order of the newest of each.
fn grouped(seen: Vec<VisibleNotification>) -> Vec<VisibleGroup> {
    let mut groups: Vec<(VisibleGroup, FxHashSet<MemberId>)> = Vec::new();
    let mut places: FxHashMap<Key, usize> = FxHashMap::default();
    for newest in seen {
        let place = match places.entry(key(&newest)) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                let group = VisibleGroup { newest: newest.clone(), actors: Vec::new(), count: 0 };
                groups.push((group, FxHashSet::default()));
                *place.insert(groups.len() - 1)
            }
        };
        let (group, known) = &mut groups[place];
        if known.insert(newest.notification.actor) {
            group.count += 1;
            if group.actors.len() < ACTORS_SHOWN {
                group.actors.push(newest.actor);
            }
        }
    }
    groups.into_iter().map(|(group, _)| group).collect()
}

impl Activity {
    /// What the member is told and may see, in groups, newest first.
    ///
    /// A cursor pins what the first page saw: what comes later is in no group of later pages, so that no group moves
    /// from one page to another. Costs a look at everything the member is told, 10,000 at most. Refuses what the lane
    /// refuses.
    pub async fn groups(
        &self,
        member: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleGroup>, Error> {
        let place = cursor.map(|text| decode_list_cursor(text, ListKind::NotificationGroups, member.0)).transpose()?;
        self.caught_up().await?;
        let [pinned, before] = place.unwrap_or([self.position().0, u64::MAX]);
        let viewer = self.shared.timeline.viewer(member).await?;
        let marker = self.shared.markers.marker(member).await?;
        let until = Position(pinned.saturating_add(1));
        let mut groups = grouped(self.visible_between(&viewer, Position(0), until).await?);
        groups.retain(|group| group.newest.notification.id.0 < before);
        groups.iter_mut().for_each(|group| group.newest.unread = group.newest.notification.id > marker);
        let place = |last: &VisibleGroup| [pinned, last.newest.notification.id.0];
        let next = |last: &_| encode_list_cursor(ListKind::NotificationGroups, member.0, place(last));
        Ok(page(groups, limit, next, |group| group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CommentId, Notification, PostId, Timestamp};

    fn seen(id: u64, kind: NotificationKind, actor: u64, about: u64, at: i64) -> VisibleNotification {
        let actor =
            MemberCard { id: MemberId(actor), handle: String::new(), display_name: String::new(), avatar: None };
        let notification = Notification {
            id: Position(id),
            to: MemberId(1),
            kind,
            actor: actor.id,
            post: Some(PostId(about)),
            comment: Some(CommentId(about)),
            at: Timestamp(at),
        };
        VisibleNotification { notification, kind, actor: Arc::new(actor), unread: false }
    }

    #[test]
    fn likes_go_by_post_and_follows_by_day() {
        use NotificationKind as N;
        let groups = grouped(vec![
            seen(9, N::LikePost, 2, 70, 0),
            seen(8, N::Follow, 3, 0, DAY_MS),
            seen(7, N::Follow, 4, 0, DAY_MS - 1),
            seen(6, N::LikePost, 3, 71, 0),
            seen(5, N::LikePost, 4, 70, 0),
            seen(4, N::LikeComment, 4, 70, 0),
            seen(3, N::Follow, 5, 0, 5),
        ]);
        let shown: Vec<_> = groups.iter().map(|group| (group.newest.notification.id.0, group.count)).collect();
        assert_eq!(shown, [(9, 2), (8, 1), (7, 2), (6, 1), (4, 1)]);
    }

    #[test]
    fn a_group_counts_members_and_shows_three() {
        let comments = [(9, 2), (8, 3), (7, 2), (6, 4), (5, 5)];
        let comments = comments.map(|(id, actor)| seen(id, NotificationKind::Comment, actor, 70, 0));
        let groups = grouped(comments.into());
        assert_eq!((groups.len(), groups[0].count), (1, 4));
        assert_eq!(groups[0].actors.iter().map(|card| card.id.0).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn replies_mentions_and_requests_stand_alone() {
        use NotificationKind as N;
        let alone = [N::Reply, N::Mention, N::FollowRequest, N::FollowAccepted];
        let all = alone
            .iter()
            .zip(1..)
            .flat_map(|(kind, id)| [seen(id * 2, *kind, 2, 70, 0), seen(id * 2 + 1, *kind, 2, 70, 0)]);
        assert_eq!(grouped(all.collect()).len(), 8);
    }
}
