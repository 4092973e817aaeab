//! The public events that a member may see, read from the log in its order.
use super::Activity;
use crate::{
    actors::{Error, timeline::Viewer},
    domain::{
        CloudEvent, CommentId, Epoch, Event, EventKind, MemberId, Position, PostId, Refusal, Surface,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
        is_public,
    },
};
use rustc_hash::FxHashSet;

/// Events read in one step.
const STEP: usize = 256;
/// Events that one page looks at: what is not for the member costs time too. A page that ends here has fewer items
/// than asked for, and its cursor goes on behind them.
const LOOKED_AT_MAX: usize = 5_000;

/// One page of public events.
#[derive(Debug, Clone)]
pub struct EventsPage {
    /// Oldest first.
    pub items: Vec<CloudEvent>,
    /// Where to go on: always there, because the log goes on.
    pub next: String,
}

impl Activity {
    /// The public events that the member may see, oldest first, from a cursor on or from the oldest that is kept.
    /// Refuses `CursorInvalid`, `CursorExpired`, and what the lane refuses.
    pub async fn events(&self, member: MemberId, cursor: Option<&str>, limit: usize) -> Result<EventsPage, Error> {
        let pruned = self.shared.log.pruned_to().await?;
        let mut at = match cursor {
            Some(text) => self.place(text)?.filter(|at| *at >= pruned).ok_or(Refusal::CursorExpired)?,
            None => pruned,
        };
        let viewer = self.shared.timeline.viewer(member).await?;
        let (mut items, mut looked_at, mut turn) = (Vec::new(), 0, None);
        while items.len() < limit && looked_at < LOOKED_AT_MAX {
            let batch = self.batch(at, STEP).await?;
            let Some(last) = batch.last() else { break };
            looked_at += batch.len();
            at = last.position;
            for event in self.shown(&viewer, &batch).await? {
                if items.len() == limit {
                    break;
                }
                at = event.position;
                items.push(CloudEvent::of(&event, &self.shared.source));
            }
            if items.len() < limit {
                at = last.position;
                if batch.len() < STEP {
                    break;
                }
                match &turn {
                    None => turn = Some(self.shared.lane.enter(member).await?),
                    Some(turn) => turn.in_time()?,
                }
            }
        }
        Ok(EventsPage { items, next: self.cursor(at) })
    }

    /// Events after that place that the timeline has taken in: what it does not know yet could not be judged.
    pub(super) async fn batch(&self, at: Position, limit: usize) -> Result<Vec<Event>, Error> {
        let until = self.shared.timeline.position();
        let mut batch = self.shared.log.read(at, limit).await?;
        batch.retain(|event| event.position <= until);
        Ok(batch)
    }

    /// Those of these events that are public and that the viewer may see.
    pub(super) async fn shown(&self, viewer: &Viewer, batch: &[Event]) -> Result<Vec<Event>, Error> {
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
        let there = self.shared.timeline.posts(viewer, &posts, Surface::Feed).await?;
        let there: FxHashSet<PostId> = there.iter().map(|seen| seen.post.id).collect();
        let mut comments: Vec<CommentId> = events.iter().filter_map(|event| event.fact.comment).collect();
        comments.sort_unstable();
        comments.dedup();
        let alive =
            if comments.is_empty() { Vec::new() } else { self.shared.comments.comments_by_id(&comments).await? };
        let alive: FxHashSet<CommentId> =
            alive.iter().filter(|comment| !comment.deleted).map(|comment| comment.id).collect();
        events.retain(|event| {
            let fact = &event.fact;
            match fact.kind {
                // Nothing is left to be judged but whose it was.
                EventKind::PostDeleted => viewer.sees_posts_of(fact.member, Surface::Feed),
                EventKind::CommentDeleted => fact.post.is_some_and(|post| there.contains(&post)),
                _ => {
                    fact.post.is_none_or(|post| there.contains(&post))
                        && fact.comment.is_none_or(|comment| alive.contains(&comment))
                }
            }
        });
        Ok(events)
    }

    pub(super) fn cursor(&self, at: Position) -> String {
        encode_list_cursor(ListKind::Events, 0, [u64::from(self.shared.log.epoch().0), at.0])
    }

    /// The place that a cursor names; none where it is of another log, or beyond the end of this one. Refuses
    /// `CursorInvalid`.
    pub(super) fn place(&self, cursor: &str) -> Result<Option<Position>, Refusal> {
        let [epoch, at] = decode_list_cursor(cursor, ListKind::Events, 0)?;
        let epoch = u32::try_from(epoch).map(Epoch).map_err(|_| Refusal::CursorInvalid)?;
        let known = epoch == self.shared.log.epoch() && at <= self.shared.log.head().borrow().0;
        Ok(known.then_some(Position(at)))
    }
}
