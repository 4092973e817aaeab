//! `NotificationFilter`: removes hidden notifications by the visibility rule, from the facts of their actors, posts and
//! comments; no text is loaded. Only the notifications that are shown get the cards of their actors.
use crate::{
    actors::{
        catalog::Catalog,
        error::Error,
        visibility::{Viewer, Visibility},
    },
    domain::{CommentId, Deadline, MemberCard, MemberId, Notification, NotificationKind, PostId, Surface},
    storage::{CommentStore, Stores},
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::{hash::Hash, sync::Arc};

/// Maximum number of cards in one query.
const CARDS_MAX: usize = 1_000;

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

/// A visible notification before it is hydrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotificationRef {
    pub(super) notification: Notification,
    /// Its kind as it is shown.
    pub(super) kind: NotificationKind,
}

/// Loads the facts of the subjects of notifications (actors, posts, comments), and removes the notifications with a
/// hidden subject.
pub(super) struct NotificationFilter {
    comments: Arc<dyn CommentStore>,
    catalog: Catalog,
    visibility: Visibility,
}

/// The visible actors, posts and comments of some notifications.
struct Subjects {
    actors: FxHashSet<MemberId>,
    posts: FxHashSet<PostId>,
    /// Whether each comment is a reply.
    comments: FxHashMap<CommentId, bool>,
}

impl NotificationFilter {
    pub(super) fn new(stores: &Stores, catalog: Catalog, visibility: Visibility) -> Self {
        Self { comments: stores.comments.clone(), catalog, visibility }
    }

    /// Returns the visible ones of `notifications`, at most 10,000, in the same order: the actor is neither
    /// deactivated, blocked nor muted, the post is visible, and the comment is not deleted. Errors: `Late` if a
    /// deadline is given and passes first.
    pub(super) async fn visible(
        &self,
        viewer: &Viewer,
        notifications: &[Notification],
        until: Option<&Deadline>,
    ) -> Result<Vec<NotificationRef>, Error> {
        let subjects = self.subjects(viewer, notifications, until).await?;
        Ok(notifications.iter().filter_map(|notification| subjects.show(notification)).collect())
    }

    /// Returns the posts among `ids` that exist and are hidden from the viewer, with their authors.
    pub(super) async fn hidden_posts(
        &self,
        viewer: &Viewer,
        ids: &[PostId],
    ) -> Result<FxHashMap<PostId, MemberId>, Error> {
        let mut facts = self.catalog.post_facts(viewer.member(), &distinct(ids.iter().copied()), None).await?;
        facts.retain(|(_, facts)| !viewer.sees_post(*facts, Surface::Direct));
        Ok(facts.into_iter().map(|(post, facts)| (post, facts.author)).collect())
    }

    /// Loads the facts of the subjects with one query per kind of subject.
    async fn subjects(
        &self,
        viewer: &Viewer,
        notifications: &[Notification],
        until: Option<&Deadline>,
    ) -> Result<Subjects, Error> {
        let mut actors = distinct(notifications.iter().map(|notification| notification.actor));
        viewer.with_check(Surface::Feed, |check| actors.retain(|actor| check.sees(*actor)));
        let posts = distinct(notifications.iter().filter_map(|notification| notification.post));
        let comments = distinct(notifications.iter().filter_map(|notification| notification.comment));
        let comments =
            if comments.is_empty() { Vec::new() } else { self.comments.comment_facts(&comments, until).await? };
        let inactive = self.catalog.inactive_members(&actors, until).await?;
        let mut actors: FxHashSet<MemberId> = actors.into_iter().collect();
        for member in inactive {
            actors.remove(&member);
        }
        Ok(Subjects {
            actors,
            posts: self.visibility.visible_posts(viewer, &posts, Surface::Direct, until).await?,
            comments: comments.into_iter().map(|facts| (facts.comment, facts.is_reply)).collect(),
        })
    }

    /// Hydrates visible notifications, in the same order. Leaves out those whose actor was deactivated in the meantime.
    /// Sets `unread` to false; the caller knows the marker.
    pub(super) async fn hydrate(&self, refs: &[NotificationRef]) -> Result<Vec<VisibleNotification>, Error> {
        let cards = self.cards(refs.iter().map(|visible| visible.notification.actor)).await?;
        let hydrated = refs.iter().filter_map(|visible| {
            let NotificationRef { notification, kind } = *visible;
            let actor = cards.get(&notification.actor)?.clone();
            Some(VisibleNotification { notification, kind, actor, unread: false })
        });
        Ok(hydrated.collect())
    }

    /// Loads the cards of actors, with one query per [`CARDS_MAX`] that are not cached.
    pub(super) async fn cards(
        &self,
        actors: impl Iterator<Item = MemberId>,
    ) -> Result<FxHashMap<MemberId, Arc<MemberCard>>, Error> {
        let mut cards = FxHashMap::default();
        for ids in distinct(actors).chunks(CARDS_MAX) {
            cards.extend(self.catalog.cards(ids).await?.into_iter().map(|card| (card.id, card)));
        }
        Ok(cards)
    }
}

impl Subjects {
    /// Returns the notification if all its subjects are visible.
    fn show(&self, notification: &Notification) -> Option<NotificationRef> {
        let visible = self.actors.contains(&notification.actor)
            && notification.post.is_none_or(|post| self.posts.contains(&post));
        if !visible {
            return None;
        }
        let is_reply = match notification.comment {
            Some(id) => *self.comments.get(&id)?,
            None => false,
        };
        Some(NotificationRef { notification: *notification, kind: notification.shown_as(is_reply) })
    }
}

fn distinct<T: Copy + Eq + Hash>(ids: impl Iterator<Item = T>) -> Vec<T> {
    let mut known = FxHashSet::default();
    ids.filter(|id| known.insert(*id)).collect()
}
