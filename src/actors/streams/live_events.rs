//! Turns events of the log into live events of one stream: none, one or more for each.
use super::Shared;
use crate::{
    actors::{error::Error, notifications::VisibleNotification, visibility::Viewer},
    domain::{Event, EventKind as K, MemberId, Position, PostCounts, PostId, Surface, VisiblePost},
};
use jiff::civil::Date;

/// Posts of one author that a stream hides when they become hidden: the newest. Older ones are no longer on the screen,
/// and are missing when the feed is read again.
const HIDDEN_MAX: usize = 100;

/// A message of a stream to its client.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// The stream is open; the id is its begin.
    Ready,
    /// A post was created.
    Created(VisiblePost),
    /// A post was updated.
    Updated(VisiblePost),
    /// A post was deleted.
    Deleted(PostId),
    /// A post that this stream may have shown became hidden from its member.
    Hidden(PostId),
    /// The counts of a post changed.
    Counts(PostId, PostCounts),
    /// The member has a new notification.
    Notified(VisibleNotification),
    /// A notification was retracted: its cause was undone, or it became hidden.
    Retracted(Position),
    /// The member has read the notifications up to here, on any device.
    Marked(Position),
    /// The three best posts of a day changed, or their order.
    Top3Changed(Date),
    /// The cursor is of no use: the client reads the feed again, and this stream continues from now.
    Reset {
        /// `unknown`, `expired` or `too_far`.
        reason: &'static str,
    },
}

/// The live events of one event of the log; at least one.
pub(super) struct LiveEvents {
    pub(super) position: Position,
    pub(super) events: Vec<LiveEvent>,
}

/// Returns the live events of each of `events` for the viewer's stream, in their order, without events that mean
/// nothing to it. A post that is deleted by now is reported by its deletion alone.
pub(super) async fn live_events_for(
    shared: &Shared,
    viewer: &Viewer,
    events: &[Event],
) -> Result<Vec<LiveEvents>, Error> {
    let shown = events.iter().filter(|event| matches!(event.fact.kind, K::PostCreated | K::PostUpdated));
    let shown: Vec<PostId> = shown.filter_map(|event| event.fact.post).collect();
    let posts = shared.visibility.posts(viewer, &shown, Surface::Feed).await?;
    let mut created = shared.notifications.created_by(viewer, events).await?;
    let retracted = shared.notifications.retracted_by(viewer, events).await?;
    let mut all = Vec::new();
    for event in events {
        let position = event.position;
        let mut live = of_post(shared, viewer, event, &posts);
        live.extend(created.extract_if(.., |new| new.notification.id == position).map(LiveEvent::Notified));
        let retracted = retracted.iter().filter(|retracted| retracted.by == position);
        live.extend(retracted.map(|retracted| LiveEvent::Retracted(retracted.id)));
        match event.fact.kind {
            K::NotificationsRead if event.fact.member == viewer.member() => {
                live.push(LiveEvent::Marked(shared.notifications.marker(viewer.member()).await?));
            }
            // `None` if the day has changed again since: the later event reports it.
            K::DailyTop3Changed => live.extend(top3_day(shared, position).await?.map(LiveEvent::Top3Changed)),
            _ => {}
        }
        if !live.is_empty() {
            all.push(LiveEvents { position, events: live });
        }
    }
    Ok(all)
}

/// The live events about posts.
fn of_post(shared: &Shared, viewer: &Viewer, event: &Event, posts: &[VisiblePost]) -> Vec<LiveEvent> {
    let fact = &event.fact;
    let visible = || posts.iter().find(|visible| Some(visible.post.id) == fact.post).cloned();
    let own = fact.member == viewer.member();
    match fact.kind {
        K::PostCreated => visible().map(LiveEvent::Created).into_iter().collect(),
        K::PostUpdated => visible().map(LiveEvent::Updated).into_iter().collect(),
        // A hidden post was never shown, or was reported as hidden before.
        K::PostDeleted if own || viewer.sees_posts_of(fact.member, Surface::Feed) => {
            fact.post.map(LiveEvent::Deleted).into_iter().collect()
        }
        K::MemberDeactivated | K::PostsForFollowers | K::PostsPrivate if !own => {
            hidden_posts(shared, viewer, event, fact.member)
        }
        K::MemberUnfollowed | K::FollowEnded | K::MemberMuted if own => {
            fact.target.map(|author| hidden_posts(shared, viewer, event, author)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// The author's newest posts up to the event, if the viewer does not see them any more.
fn hidden_posts(shared: &Shared, viewer: &Viewer, event: &Event, author: MemberId) -> Vec<LiveEvent> {
    if viewer.sees_posts_of(author, Surface::Feed) {
        return Vec::new();
    }
    let posts = shared.feeds.newest_by(author, event.position, HIDDEN_MAX);
    posts.iter().map(|post| LiveEvent::Hidden(post.post)).collect()
}

/// The day whose best three posts the event at `position` changed.
async fn top3_day(shared: &Shared, position: Position) -> Result<Option<Date>, Error> {
    match shared.recent_days.get(position) {
        Some(day) => Ok(Some(day)),
        None => Ok(shared.ranking.top3_changed_at(position).await?),
    }
}
