//! The methods of [`LiveNotifications`]: the notifications that a batch of events creates for a viewer, and those that
//! it retracts.
use super::{LiveNotifications, VisibleNotification};
use crate::{
    actors::{error::Error, visibility::Viewer},
    domain::{
        Event, EventKind as K, Fact, LiveRetraction, MemberId, Notification, Position, PostAudience, PostFacts, PostId,
        Surface,
    },
};
use rustc_hash::FxHashSet;

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
        let notifications = events.iter().filter_map(Notification::of);
        let created: Vec<_> = notifications.filter(|notification| notification.to == viewer.member()).collect();
        if created.is_empty() {
            return Ok(Vec::new());
        }
        let marker = self.marker(viewer.member()).await?;
        let visible = self.filter.visible(viewer, &created, None).await?;
        let mut visible = self.filter.hydrate(&visible).await?;
        visible.iter_mut().for_each(|visible| visible.unread = visible.notification.id > marker);
        Ok(visible)
    }

    /// Returns the notifications that these events withdraw from the viewer's streams, newest first for each event.
    pub(in crate::actors) async fn retracted_by(
        &self,
        viewer: &Viewer,
        events: &[Event],
    ) -> Result<Vec<Retracted>, Error> {
        let member = viewer.member();
        let retracts =
            |event: &&Event| LiveRetraction::of(event, member).is_some() || author_of_hidden(event, member).is_some();
        let Some(last) = events.iter().rfind(retracts) else {
            return Ok(Vec::new());
        };
        let causes = self.causes(member, last.position).await?;
        let hidden = self.hidden_with_posts(viewer, events, &causes).await?;
        let mut all: Vec<Retracted> = events.iter().flat_map(|event| retracted(viewer, event, &causes)).collect();
        self.remove_never_shown(viewer, &mut all, &causes).await?;
        let known: FxHashSet<Position> = all.iter().map(|retracted| retracted.id).collect();
        all.extend(hidden.into_iter().filter(|retracted| !known.contains(&retracted.id)));
        Ok(all)
    }

    /// Removes the retractions of notifications about posts that are hidden from the viewer: they are not on the screen,
    /// and their ids would tell of the post.
    async fn remove_never_shown(
        &self,
        viewer: &Viewer,
        all: &mut Vec<Retracted>,
        causes: &[Notification],
    ) -> Result<(), Error> {
        let retracted: FxHashSet<Position> = all.iter().map(|retracted| retracted.id).collect();
        let about_posts = causes.iter().filter(|cause| retracted.contains(&cause.id));
        let about_posts: Vec<(Position, PostId)> =
            about_posts.filter_map(|cause| Some((cause.id, cause.post?))).collect();
        if about_posts.is_empty() {
            return Ok(());
        }
        let posts: Vec<PostId> = about_posts.iter().map(|(_, post)| *post).collect();
        let hidden = self.filter.hidden_posts(viewer, &posts).await?;
        let never_shown = about_posts.iter().filter(|(_, post)| hidden.contains_key(post)).map(|(id, _)| *id);
        let never_shown: FxHashSet<Position> = never_shown.collect();
        all.retain(|retracted| !never_shown.contains(&retracted.id));
        Ok(())
    }

    /// Returns those of `causes` whose posts these events have hidden from the viewer: notifications go with their post.
    async fn hidden_with_posts(
        &self,
        viewer: &Viewer,
        events: &[Event],
        causes: &[Notification],
    ) -> Result<Vec<Retracted>, Error> {
        let hiding = events.iter().filter_map(|event| Some((event, author_of_hidden(event, viewer.member())?)));
        let hiding: Vec<(&Event, MemberId)> = hiding.collect();
        let posts: Vec<PostId> = causes.iter().filter_map(|cause| cause.post).collect();
        if hiding.is_empty() || posts.is_empty() {
            return Ok(Vec::new());
        }
        let hidden = self.filter.hidden_posts(viewer, &posts).await?;
        let of_event = |(event, author): (&Event, MemberId)| {
            let (hidden, by) = (&hidden, event.position);
            let goes = move |cause: &&Notification| {
                cause.id < by && cause.post.is_some_and(|post| hidden.get(&post) == Some(&author))
            };
            causes.iter().filter(goes).take(RETRACTED_MAX).map(move |cause| Retracted { by, id: cause.id })
        };
        Ok(hiding.into_iter().flat_map(of_event).collect())
    }

    /// Returns the newest notifications of `member` up to a position, newest first, as the causes that a retraction can
    /// undo: one query for a whole batch.
    async fn causes(&self, member: MemberId, until: Position) -> Result<Vec<Notification>, Error> {
        let causes = self.log.events_targeting(member, until, CAUSES_MAX).await?;
        Ok(causes.iter().filter_map(Notification::of).filter(|notification| notification.to == member).collect())
    }
}

/// Returns the author whose posts the event can hide from the member, without hiding the author.
fn author_of_hidden(event: &Event, member: MemberId) -> Option<MemberId> {
    let fact = &event.fact;
    match fact.kind {
        K::MemberUnfollowed | K::FollowEnded if fact.member == member => fact.target,
        K::PostsForFollowers | K::PostsPrivate if fact.member != member => Some(fact.member),
        K::MentionWithdrawn if fact.target == Some(member) && fact.audience == PostAudience::Mentioned => {
            Some(fact.member)
        }
        _ => None,
    }
}

/// Returns whether a post that is deleted, or no longer mentions the viewer, was visible to the viewer: its deletion
/// leaves only the facts of the event.
fn may_have_been_shown(viewer: &Viewer, fact: &Fact) -> bool {
    if fact.comment.is_some() || !matches!(fact.kind, K::PostDeleted | K::MentionWithdrawn) {
        return true;
    }
    let post = PostFacts { author: fact.member, audience: fact.audience, mentions_viewer: true };
    viewer.sees_post(post, Surface::Direct)
}

/// Returns those of `causes`, newest first, that the event retracts from the viewer's streams.
fn retracted(viewer: &Viewer, event: &Event, causes: &[Notification]) -> Vec<Retracted> {
    let Some(retraction) = LiveRetraction::of(event, viewer.member()) else { return Vec::new() };
    if !may_have_been_shown(viewer, &event.fact) {
        return Vec::new();
    }
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
