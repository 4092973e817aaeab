//! Turns events of the log into live events of one stream: none, one or more for each.
use super::Shared;
use crate::{
    actors::{error::Error, notifications::VisibleNotification, visibility::Viewer},
    domain::{
        Event, EventKind as K, MemberId, Position, PostAudience, PostCounts, PostFacts, PostId, Standing, Surface,
        VisiblePost,
    },
};
use jiff::civil::Date;

/// Maximum number of posts that one event hides from a stream: the newest of the author. Older ones are no longer on
/// the screen, and are missing when the feed is read again.
const HIDDEN_MAX: usize = 100;
/// Maximum number of an author's newest posts among which those are searched that one event hides, if it leaves others
/// visible.
const SCANNED_MAX: usize = 1_000;

/// A message of a stream to its client.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// The stream is open; the id is the position at which it starts.
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
    /// The three best posts of a day changed, or their order did.
    Top3Changed(Date),
    /// The stream cannot resume from its cursor: the client reads the feed again, and the stream continues from now.
    Reset {
        /// `unknown`, `expired` or `too_far`.
        reason: &'static str,
    },
}

/// The live events that one event of the log becomes; at least one.
pub(super) struct LiveEvents {
    pub(super) position: Position,
    pub(super) events: Vec<LiveEvent>,
}

/// Returns the live events of each of `events` for the viewer's stream, in their order, without events that become
/// none. Of a post that has been deleted since, only the deletion is reported.
pub(super) async fn live_events_for(
    shared: &Shared,
    viewer: &Viewer,
    events: &[Event],
) -> Result<Vec<LiveEvents>, Error> {
    let written = events.iter().filter(|event| matches!(event.fact.kind, K::PostCreated | K::PostUpdated));
    let written: Vec<PostId> = written.filter_map(|event| event.fact.post).collect();
    let posts = shared.visibility.posts(viewer, &written, Surface::Feed).await?;
    let mut unmentioned = unmentioned(shared, viewer, events).await?;
    let mut created = shared.notifications.created_by(viewer, events).await?;
    let retracted = shared.notifications.retracted_by(viewer, events).await?;
    let mut all = Vec::new();
    for event in events {
        let position = event.position;
        let mut live = post_events(shared, viewer, event, &posts);
        live.extend(unmentioned.extract_if(.., |(at, _)| *at == position).map(|(_, event)| event));
        live.extend(created.extract_if(.., |new| new.notification.id == position).map(LiveEvent::Notified));
        let retracted = retracted.iter().filter(|retracted| retracted.by == position);
        live.extend(retracted.map(|retracted| LiveEvent::Retracted(retracted.id)));
        match event.fact.kind {
            K::NotificationsRead if event.fact.member == viewer.member() => {
                live.push(LiveEvent::Marked(shared.notifications.marker(viewer.member()).await?));
            }
            // `None` if the day has changed again since: the stream reports the later event instead.
            K::DailyTop3Changed => live.extend(top3_day(shared, position).await?.map(LiveEvent::Top3Changed)),
            _ => {}
        }
        if !live.is_empty() {
            all.push(LiveEvents { position, events: live });
        }
    }
    Ok(all)
}

/// Returns the live events about posts that an event becomes; `posts` are the created and updated ones.
fn post_events(shared: &Shared, viewer: &Viewer, event: &Event, posts: &[VisiblePost]) -> Vec<LiveEvent> {
    let fact = &event.fact;
    let visible = || posts.iter().find(|visible| Some(visible.post.id) == fact.post).cloned();
    let own = fact.member == viewer.member();
    match fact.kind {
        K::PostCreated => visible().map(LiveEvent::Created).into_iter().collect(),
        K::PostUpdated => visible().map(LiveEvent::Updated).into_iter().collect(),
        // A hidden post was never shown, or was reported as hidden before. `unmentioned` reports a post for the
        // mentioned to them.
        K::PostDeleted => {
            let post = PostFacts { author: fact.member, audience: fact.audience, mentions_viewer: false };
            let is_shown = own || viewer.sees_post(post, Surface::Feed);
            fact.post.filter(|_| is_shown).map(LiveEvent::Deleted).into_iter().collect()
        }
        K::MemberDeactivated | K::PostsForFollowers | K::PostsPrivate if !own => {
            hidden_post_events(shared, viewer, event, fact.member)
        }
        K::MemberUnfollowed | K::FollowEnded | K::MemberMuted if own => {
            fact.target.map(|author| hidden_post_events(shared, viewer, event, author)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Returns `Hidden` for the author's newest posts up to the event that the viewer saw as a follower and sees no more. A
/// mute hides only what is visible on request.
fn hidden_post_events(shared: &Shared, viewer: &Viewer, event: &Event, author: MemberId) -> Vec<LiveEvent> {
    let (standing, on_request) = (viewer.standing(author, Surface::Feed), viewer.standing(author, Surface::Direct));
    let scanned = match standing {
        Standing::Hidden => HIDDEN_MAX,
        Standing::Stranger => SCANNED_MAX,
        Standing::Follower | Standing::Author => return Vec::new(),
    };
    let posts = shared.feeds.newest_for_follower(viewer.member(), author, event.position, scanned);
    // Posts for the mentioned are among them only if they mention the viewer.
    let is_hidden = |audience: PostAudience| {
        let was_visible = event.fact.kind != K::MemberMuted || audience.includes(on_request, true);
        was_visible && !audience.includes(standing, true)
    };
    let hidden = posts.iter().filter(|post| is_hidden(post.audience)).take(HIDDEN_MAX);
    hidden.map(|post| LiveEvent::Hidden(post.post)).collect()
}

/// Returns the posts for the mentioned that these events take from the viewer, each with the position of its event. A
/// deletion withdraws the mentions too.
async fn unmentioned(shared: &Shared, viewer: &Viewer, events: &[Event]) -> Result<Vec<(Position, LiveEvent)>, Error> {
    let member = viewer.member();
    // A viewer whom the author's privacy excludes was never shown the post, or it was taken back before, and learns no
    // id.
    let is_excluded = |author: MemberId| viewer.standing(author, Surface::Direct) == Standing::Hidden;
    let withdrawn = events.iter().filter_map(|event| {
        let fact = &event.fact;
        let is_withdrawn = fact.kind == K::MentionWithdrawn && fact.target == Some(member);
        let post = fact.post.filter(|_| is_withdrawn && fact.audience == PostAudience::Mentioned);
        post.filter(|_| !is_excluded(fact.member)).map(|post| (event.position, post))
    });
    let withdrawn: Vec<(Position, PostId)> = withdrawn.collect();
    if withdrawn.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<PostId> = withdrawn.iter().map(|(_, post)| *post).collect();
    ids.dedup();
    let existing = shared.catalog.posts(member, &ids).await?;
    let taken = |(position, id): (Position, PostId)| match existing.iter().find(|visible| visible.post.id == id) {
        // Another edit has mentioned the viewer again.
        Some(visible) if viewer.sees_post(visible.post.facts_for(member), Surface::Feed) => None,
        Some(_) => Some((position, LiveEvent::Hidden(id))),
        None => Some((position, LiveEvent::Deleted(id))),
    };
    Ok(withdrawn.into_iter().filter_map(taken).collect())
}

/// Returns the day whose best three posts the event at `position` changed.
async fn top3_day(shared: &Shared, position: Position) -> Result<Option<Date>, Error> {
    match shared.recent_days.get(position) {
        Some(day) => Ok(Some(day)),
        None => Ok(shared.ranking.top3_changed_at(position).await?),
    }
}
