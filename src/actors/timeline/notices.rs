//! What of a member's notifications the member may see: the one visibility rule, asked for many at once.
use super::{projection::Projection, viewer::Viewer};
use crate::{
    actors::Error,
    domain::{Comment, CommentId, MemberCard, MemberId, Notification, NotificationKind, PostId, Surface},
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::{hash::Hash, sync::Arc};

/// Ids in one question to a store.
const ASKED_MAX: usize = 1_000;

/// A notification as its member sees it.
#[derive(Debug, Clone)]
pub struct VisibleNotification {
    /// What is told.
    pub notification: Notification,
    /// Its kind as it is shown: replies are told from comments.
    pub kind: NotificationKind,
    /// Who did it.
    pub actor: Arc<MemberCard>,
    /// It came after the marker.
    pub unread: bool,
}

/// What is there to be seen of what some notifications are about.
struct Sight {
    cards: FxHashMap<MemberId, Arc<MemberCard>>,
    posts: FxHashSet<PostId>,
    comments: FxHashMap<CommentId, Comment>,
}

fn distinct<T: Copy + Eq + Hash>(ids: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = FxHashSet::default();
    ids.filter(|id| seen.insert(*id)).collect()
}

impl Projection {
    /// Those that the viewer may see, in the same order: by somebody who is neither gone, blocked nor muted, about a post
    /// that may be seen and a comment that is there.
    /// Whether they are unread is for the caller to say.
    pub(super) async fn notices(
        &self,
        viewer: &Viewer,
        notifications: &[Notification],
    ) -> Result<Vec<VisibleNotification>, Error> {
        let sight = self.look(viewer, notifications).await?;
        Ok(notifications.iter().filter_map(|notification| sight.see(notification)).collect())
    }

    /// One question for each kind of thing and each thousand of them.
    async fn look(&self, viewer: &Viewer, notifications: &[Notification]) -> Result<Sight, Error> {
        let mut sight =
            Sight { cards: FxHashMap::default(), posts: FxHashSet::default(), comments: FxHashMap::default() };
        let actors = distinct(
            notifications
                .iter()
                .map(|notification| notification.actor)
                .filter(|actor| viewer.sees(*actor, Surface::Feed)),
        );
        for ids in actors.chunks(ASKED_MAX) {
            let cards = self.hydrator.cards(ids).await?;
            sight.cards.extend(cards.into_iter().map(|card| (card.id, card)));
        }
        for ids in distinct(notifications.iter().filter_map(|notification| notification.post)).chunks(ASKED_MAX) {
            let posts = self.posts(viewer, ids, Surface::Direct).await?;
            sight.posts.extend(posts.iter().map(|seen| seen.post.id));
        }
        for ids in distinct(notifications.iter().filter_map(|notification| notification.comment)).chunks(ASKED_MAX) {
            let comments = self.comments.comments_by_id(ids).await?;
            let here = comments.into_iter().filter(|comment| !comment.deleted);
            sight.comments.extend(here.map(|comment| (comment.id, comment)));
        }
        Ok(sight)
    }
}

impl Sight {
    fn see(&self, notification: &Notification) -> Option<VisibleNotification> {
        let actor = self.cards.get(&notification.actor)?.clone();
        let comment = notification.comment.and_then(|id| self.comments.get(&id));
        let there = notification.post.is_none_or(|post| self.posts.contains(&post))
            && notification.comment.is_some() == comment.is_some();
        there.then(|| VisibleNotification {
            notification: *notification,
            kind: notification.shown_as(comment),
            actor,
            unread: false,
        })
    }
}
