//! What an event means to one stream: nothing, or one or more things to tell its client.
use super::{notices::VisibleNotification, projection::Projection, viewer::Viewer};
use crate::{
    actors::Error,
    domain::{
        Event, EventKind as K, MemberId, Notification, Position, PostCounts, PostId, Retraction, Surface, VisiblePost,
    },
};
use jiff::civil::Date;
use std::sync::{Arc, PoisonError};

/// Posts of one author that a stream takes back when they may not be seen any more: the newest. Older ones have long
/// left the screen, and are not there when the feed is read again.
const TAKEN_BACK_MAX: usize = 100;
/// Events done to a member in which the cause of a retraction is looked for. An older cause is not taken back from the
/// screen; it is not there when notifications are read again.
const CAUSES_MAX: usize = 1_000;

/// What a stream tells its client.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// The stream is open; its id is where it stands.
    Ready,
    /// A post was written.
    Created(VisiblePost),
    /// A post was changed.
    Updated(VisiblePost),
    /// A post was deleted.
    Deleted(PostId),
    /// A post that this stream may have shown may no longer be seen by its member.
    Hidden(PostId),
    /// What is counted about a post has changed.
    Counts(PostId, PostCounts),
    /// Something was done to the member.
    Notified(VisibleNotification),
    /// That was undone, or may no longer be seen.
    Retracted(Position),
    /// The member has read the notifications up to here, on some device.
    Marked(Position),
    /// The three best posts of a day are others, or in another order.
    Top3Changed(Date),
    /// The cursor leads nowhere: read the feed again, this stream goes on from now.
    Reset {
        /// `unknown`, `expired` or `too_far`.
        reason: &'static str,
    },
}

impl Projection {
    /// What each of these events means to the viewer's stream, in their order. A post that is gone by now is told of
    /// by its deletion alone.
    pub(super) async fn told(&self, viewer: &Viewer, events: &[Event]) -> Result<Vec<(Event, Vec<LiveEvent>)>, Error> {
        let shown: Vec<PostId> =
            events.iter().filter(|event| shows(event.fact.kind)).filter_map(|event| event.fact.post).collect();
        let posts = self.posts(viewer, &shown, Surface::Feed).await?;
        let mut notices = self.noticed(viewer, events).await?;
        let causes = self.causes(viewer, events).await?;
        let mut told = Vec::new();
        for event in events {
            let mut lives = self.of_posts(viewer, event, &posts);
            lives
                .extend(notices.extract_if(.., |seen| seen.notification.id == event.position).map(LiveEvent::Notified));
            lives.extend(retracted(viewer, event, &causes).into_iter().map(LiveEvent::Retracted));
            match event.fact.kind {
                K::NotificationsRead if event.fact.member == viewer.member() => {
                    lives.push(LiveEvent::Marked(self.markers.marker(viewer.member()).await?));
                }
                // Where it has changed again since, that event will say so.
                K::DailyTop3Changed => {
                    lives.extend(self.day_changed_at(event.position).await?.map(LiveEvent::Top3Changed));
                }
                _ => {}
            }
            if !lives.is_empty() {
                told.push((*event, lives));
            }
        }
        Ok(told)
    }

    fn of_posts(&self, viewer: &Viewer, event: &Event, posts: &[VisiblePost]) -> Vec<LiveEvent> {
        let fact = &event.fact;
        let seen = || posts.iter().find(|seen| Some(seen.post.id) == fact.post).cloned();
        let own = fact.member == viewer.member();
        match fact.kind {
            K::PostCreated => seen().map(LiveEvent::Created).into_iter().collect(),
            K::PostUpdated => seen().map(LiveEvent::Updated).into_iter().collect(),
            // What could not be seen was not shown, or was taken back before.
            K::PostDeleted if own || viewer.sees_posts_of(fact.member, Surface::Feed) => {
                fact.post.map(LiveEvent::Deleted).into_iter().collect()
            }
            K::MemberDeactivated | K::PostsForFollowers | K::PostsPrivate if !own => {
                self.taken_back(viewer, event, fact.member)
            }
            K::MemberUnfollowed | K::FollowEnded | K::MemberMuted if own => {
                fact.target.map(|author| self.taken_back(viewer, event, author)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// The author's newest posts up to the event, where the viewer may not see them any more.
    fn taken_back(&self, viewer: &Viewer, event: &Event, author: MemberId) -> Vec<LiveEvent> {
        if viewer.sees_posts_of(author, Surface::Feed) {
            return Vec::new();
        }
        let all = PostId(u64::MAX - 1);
        let found = {
            let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
            window.of_authors(&[author], |_| true, all, event.position, TAKEN_BACK_MAX)
        };
        found.places.iter().map(|place| LiveEvent::Hidden(place.post)).collect()
    }

    /// What of these events the viewer is notified of, as REST shows it.
    async fn noticed(&self, viewer: &Viewer, events: &[Event]) -> Result<Vec<VisibleNotification>, Error> {
        let mut notifications = Vec::new();
        for event in events {
            let Some(notice) = Notification::of(event).filter(|notice| notice.to == viewer.member()) else { continue };
            if !self.is_answered(&notice).await? {
                notifications.push(notice);
            }
        }
        if notifications.is_empty() {
            return Ok(Vec::new());
        }
        let marker = self.markers.marker(viewer.member()).await?;
        let mut seen = self.notices(viewer, &notifications).await?;
        seen.iter_mut().for_each(|seen| seen.unread = seen.notification.id > marker);
        Ok(seen)
    }

    /// Whether a follow is what the member has just accepted.
    async fn is_answered(&self, notice: &Notification) -> Result<bool, Error> {
        if notice.kind != crate::domain::NotificationKind::Follow || notice.id.0 < 2 {
            return Ok(false);
        }
        let before = self.log.read(Position(notice.id.0 - 2), 1).await?;
        Ok(before.iter().filter_map(Notification::of).any(|before| notice.is_answered_by(&before)))
    }

    /// What the viewer was told lately, newest first, where one of these events may take some of it back: one question
    /// for all of them.
    async fn causes(&self, viewer: &Viewer, events: &[Event]) -> Result<Vec<Notification>, Error> {
        let me = viewer.member();
        let Some(last) = events.iter().rev().find(|event| !matches!(taken(me, event), Taken::Nothing)) else {
            return Ok(Vec::new());
        };
        let causes = self.log.events_targeting(me, last.position, CAUSES_MAX).await?;
        Ok(causes.iter().filter_map(Notification::of).filter(|notification| notification.to == me).collect())
    }

    /// The counts of these posts as the viewer sees them.
    pub(super) async fn counts(self: &Arc<Self>, member: MemberId, ids: &[PostId]) -> Result<Vec<LiveEvent>, Error> {
        let viewer = self.viewer(member).await?;
        let posts = self.posts(&viewer, ids, Surface::Direct).await?;
        Ok(posts.iter().map(|seen| LiveEvent::Counts(seen.post.id, seen.counts())).collect())
    }
}

fn shows(kind: K) -> bool {
    matches!(kind, K::PostCreated | K::PostUpdated)
}

/// What an event takes back from a member.
enum Taken {
    Nothing,
    /// Everything that this one did.
    By(MemberId),
    /// What was undone.
    Undone(Vec<Retraction>),
}

fn taken(me: MemberId, event: &Event) -> Taken {
    let fact = &event.fact;
    match fact.kind {
        K::MemberBlocked | K::MemberMuted if fact.member == me => fact.target.map_or(Taken::Nothing, Taken::By),
        K::MemberBlocked | K::MemberDeactivated => Taken::By(fact.member),
        // Of somebody else's post only its mentions were told, and those are withdrawn by events of their own.
        K::PostDeleted if fact.member != me => Taken::Nothing,
        _ => match Retraction::of(event) {
            undone if undone.is_empty() => Taken::Nothing,
            undone => Taken::Undone(undone),
        },
    }
}

/// Ids of notifications that the viewer has been told and that an event undoes or hides.
fn retracted(viewer: &Viewer, event: &Event, causes: &[Notification]) -> Vec<Position> {
    let before = causes.iter().filter(|notification| notification.id < event.position);
    match taken(viewer.member(), event) {
        Taken::Nothing => Vec::new(),
        Taken::By(actor) => before
            .filter(|notification| notification.actor == actor)
            .take(TAKEN_BACK_MAX)
            .map(|notification| notification.id)
            .collect(),
        Taken::Undone(undone) => {
            // What is about a thing that is gone goes all; of a single act, the newest is the one that stands.
            let whole = undone.iter().any(|undone| matches!(undone, Retraction::Post(_) | Retraction::Comment(_)));
            let retracted = |notification: &&Notification| {
                viewer.sees(notification.actor, Surface::Feed) && undone.iter().any(|undone| undone.takes(notification))
            };
            before
                .filter(retracted)
                .take(if whole { TAKEN_BACK_MAX } else { 1 })
                .map(|notification| notification.id)
                .collect()
        }
    }
}
