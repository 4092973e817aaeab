//! The methods of [`Activity`] behind `GET /api/events`: a page of the public events that are visible to a member, read
//! from the log in its order.
use super::Activity;
use crate::{
    actors::{error::Error, visibility::Viewer},
    domain::{
        CloudEvent, CommentId, Epoch, Event, EventKind, MemberId, Position, PostAudience, PostFacts, PostId, Refusal,
        Surface,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
        is_public,
    },
};
use rustc_hash::FxHashSet;

/// Events read in one step.
const STEP: usize = 256;
/// Maximum number of events read for one page, because hidden events cost time too. A page that ends here has fewer
/// items than its limit, and its cursor continues after them.
const READ_MAX: usize = 5_000;

/// One page of public events.
#[derive(Debug, Clone)]
pub struct EventsPage {
    /// Oldest first.
    pub items: Vec<CloudEvent>,
    /// The cursor of the next page. Always present, because the log never ends.
    pub next: String,
}

impl Activity {
    /// Returns the public events that are visible to the member, oldest first, after a cursor or from the oldest event
    /// that the log keeps. Refuses `CursorInvalid`, `CursorExpired`, and what the lane refuses.
    pub async fn events(&self, member: MemberId, cursor: Option<&str>, limit: usize) -> Result<EventsPage, Error> {
        let pruned_to = self.shared.log.pruned_to().await?;
        let mut position = pruned_to;
        if let Some(cursor) = cursor {
            match self.cursor_position(cursor).await? {
                Some(known) if known >= pruned_to => position = known,
                _ => return Err(Refusal::CursorExpired.into()),
            }
        }
        let viewer = self.shared.visibility.viewer(member).await?;
        let mut items = Vec::new();
        let mut events_read = 0;
        let mut permit = None;
        while items.len() < limit && events_read < READ_MAX {
            let batch = self.read_applied(position, STEP).await?;
            let Some(last) = batch.last() else { break };
            events_read += batch.len();
            let mut visible = self.visible_events(&viewer, &batch).await?;
            let fills_page = visible.len() >= limit - items.len();
            visible.truncate(limit - items.len());
            items.extend(visible.iter().map(|event| CloudEvent::of(event, &self.shared.source)));
            if fills_page {
                // The next page begins after the last item instead of after the batch.
                position = visible.last().map_or(last.position, |event| event.position);
                break;
            }
            position = last.position;
            if batch.len() < STEP {
                break;
            }
            // Only a page that takes more than one step needs the lane.
            match &permit {
                None => permit = Some(self.shared.lane.enter(member).await?),
                Some(permit) => permit.check_deadline()?,
            }
        }
        Ok(EventsPage { items, next: self.cursor(position) })
    }

    /// Reads the events after a position up to the projection's position: the visibility of later ones is not known.
    pub(super) async fn read_applied(&self, after: Position, limit: usize) -> Result<Vec<Event>, Error> {
        let until = self.shared.visibility.position();
        let mut batch = self.shared.log.read(after, limit).await?;
        batch.retain(|event| event.position <= until);
        Ok(batch)
    }

    /// Returns the public events of a batch that are visible to the viewer, in their order.
    pub(super) async fn visible_events(&self, viewer: &Viewer, batch: &[Event]) -> Result<Vec<Event>, Error> {
        let sees = |member: MemberId| viewer.sees(member, Surface::Feed);
        let mut events: Vec<Event> = batch
            .iter()
            .filter(|event| is_public(event.fact.kind) && sees(event.fact.member))
            .filter(|event| event.fact.target.is_none_or(sees))
            .copied()
            .collect();
        let mut posts: Vec<PostId> = events.iter().filter_map(|event| event.fact.post).collect();
        posts.sort_unstable();
        posts.dedup();
        let visible_posts = self.shared.visibility.visible_posts(viewer, &posts, Surface::Feed, None).await?;
        let deleted = events
            .iter()
            .map(|event| &event.fact)
            .filter(|fact| fact.kind == EventKind::PostDeleted && fact.audience == PostAudience::Mentioned);
        let deleted: Vec<PostId> = deleted.filter_map(|fact| fact.post).collect();
        let mentioning = self.shared.visibility.mentioning(viewer.member(), &deleted).await?;
        let mut comments: Vec<CommentId> = events.iter().filter_map(|event| event.fact.comment).collect();
        comments.sort_unstable();
        comments.dedup();
        let comments =
            if comments.is_empty() { Vec::new() } else { self.shared.comments.comment_facts(&comments, None).await? };
        let live_comments: FxHashSet<CommentId> = comments.iter().map(|facts| facts.comment).collect();
        events.retain(|event| {
            let fact = &event.fact;
            match fact.kind {
                // The post is deleted, so its facts are those of the event.
                EventKind::PostDeleted => {
                    let mentions_viewer = fact.post.is_some_and(|post| mentioning.contains(&post));
                    let post = PostFacts { author: fact.member, audience: fact.audience, mentions_viewer };
                    viewer.sees_post(post, Surface::Feed)
                }
                EventKind::CommentDeleted => fact.post.is_some_and(|post| visible_posts.contains(&post)),
                _ => {
                    fact.post.is_none_or(|post| visible_posts.contains(&post))
                        && fact.comment.is_none_or(|comment| live_comments.contains(&comment))
                }
            }
        });
        Ok(events)
    }

    /// Returns the cursor of a position.
    pub(super) fn cursor(&self, position: Position) -> String {
        encode_list_cursor(ListKind::Events, 0, [u64::from(self.shared.log.epoch().0), position.0])
    }

    /// Returns the position of a cursor; `None` if it is of another epoch, or of a position that no process has given
    /// out. Refuses `CursorInvalid`.
    pub(super) async fn cursor_position(&self, cursor: &str) -> Result<Option<Position>, Error> {
        let [epoch, position] = decode_list_cursor(cursor, ListKind::Events, 0)?;
        let epoch = u32::try_from(epoch).map(Epoch).map_err(|_| Refusal::CursorInvalid)?;
        if epoch != self.shared.log.epoch() {
            return Ok(None);
        }
        match self.shared.visibility.reach(Position(position)).await {
            // No event beyond the projection's position is read, so a late one only makes the page empty.
            Ok(true) | Err(Error::Late(_)) => Ok(Some(Position(position))),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
