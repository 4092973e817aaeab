//! `NotificationFilter`: removes hidden notifications by the visibility rule, with one set of queries for many of them.
use crate::{
    actors::{
        catalog::Catalog,
        error::Error,
        visibility::{Viewer, Visibility},
    },
    domain::{Comment, CommentId, MemberCard, MemberId, Notification, NotificationKind, PostId, Surface},
    storage::{CommentStore, Stores},
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::{hash::Hash, sync::Arc};

/// Maximum number of ids in one query.
const QUERY_IDS_MAX: usize = 1_000;

/// A notification as its member sees it.
#[derive(Debug, Clone)]
pub struct VisibleNotification {
    /// The notification as it is stored.
    pub notification: Notification,
    /// Its kind as it is shown: a comment can be shown as a reply.
    pub kind: NotificationKind,
    /// The member who caused it.
    pub actor: Arc<MemberCard>,
    /// It is newer than the marker.
    pub unread: bool,
}

/// Loads the subjects of notifications (actors, posts, comments), and removes the notifications with a hidden subject.
pub(super) struct NotificationFilter {
    comments: Arc<dyn CommentStore>,
    catalog: Catalog,
    visibility: Visibility,
}

/// The visible actors, posts and comments of some notifications.
struct Subjects {
    cards: FxHashMap<MemberId, Arc<MemberCard>>,
    posts: FxHashSet<PostId>,
    comments: FxHashMap<CommentId, Comment>,
}

impl NotificationFilter {
    pub(super) fn new(stores: &Stores, catalog: Catalog, visibility: Visibility) -> Self {
        Self { comments: stores.comments.clone(), catalog, visibility }
    }

    /// Returns the visible ones of `notifications` in the same order: the actor is neither deactivated, blocked nor
    /// muted, the post is visible, and the comment is not deleted. Sets `unread` to false; the caller knows the marker.
    pub(super) async fn visible(
        &self,
        viewer: &Viewer,
        notifications: &[Notification],
    ) -> Result<Vec<VisibleNotification>, Error> {
        let subjects = self.subjects(viewer, notifications).await?;
        Ok(notifications.iter().filter_map(|notification| subjects.show(notification)).collect())
    }

    /// Returns the posts among `ids` that exist and are hidden from the viewer, with their authors.
    pub(super) async fn hidden_posts(
        &self,
        viewer: &Viewer,
        ids: &[PostId],
    ) -> Result<FxHashMap<PostId, MemberId>, Error> {
        let member = viewer.member();
        let mut posts = self.catalog.posts(member, &distinct(ids.iter().copied())).await?;
        posts.retain(|visible| !viewer.sees_post(visible.post.facts_for(member), Surface::Direct));
        Ok(posts.into_iter().map(|visible| (visible.post.id, visible.post.author)).collect())
    }

    /// Loads the visible subjects with one query per kind of subject and [`QUERY_IDS_MAX`] ids.
    async fn subjects(&self, viewer: &Viewer, notifications: &[Notification]) -> Result<Subjects, Error> {
        let mut subjects =
            Subjects { cards: FxHashMap::default(), posts: FxHashSet::default(), comments: FxHashMap::default() };
        let actors = notifications.iter().map(|notification| notification.actor);
        let actors = distinct(actors.filter(|actor| viewer.sees(*actor, Surface::Feed)));
        for ids in actors.chunks(QUERY_IDS_MAX) {
            let cards = self.catalog.cards(ids).await?;
            subjects.cards.extend(cards.into_iter().map(|card| (card.id, card)));
        }
        for ids in distinct(notifications.iter().filter_map(|notification| notification.post)).chunks(QUERY_IDS_MAX) {
            let posts = self.visibility.posts(viewer, ids, Surface::Direct).await?;
            subjects.posts.extend(posts.iter().map(|visible| visible.post.id));
        }
        let comments = distinct(notifications.iter().filter_map(|notification| notification.comment));
        for ids in comments.chunks(QUERY_IDS_MAX) {
            let comments = self.comments.comments_by_id(ids).await?;
            let comments = comments.into_iter().filter(|comment| !comment.deleted);
            subjects.comments.extend(comments.map(|comment| (comment.id, comment)));
        }
        Ok(subjects)
    }
}

impl Subjects {
    /// Returns the notification if all its subjects are visible.
    fn show(&self, notification: &Notification) -> Option<VisibleNotification> {
        let actor = self.cards.get(&notification.actor)?.clone();
        if notification.post.is_some_and(|post| !self.posts.contains(&post)) {
            return None;
        }
        let comment = match notification.comment {
            Some(id) => Some(self.comments.get(&id)?),
            None => None,
        };
        let kind = notification.shown_as(comment);
        Some(VisibleNotification { notification: *notification, kind, actor, unread: false })
    }
}

fn distinct<T: Copy + Eq + Hash>(ids: impl Iterator<Item = T>) -> Vec<T> {
    let mut known = FxHashSet::default();
    ids.filter(|id| known.insert(*id)).collect()
}
