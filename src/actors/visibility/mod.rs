//! Visibility: the viewer of a request, and the posts that are visible to this viewer. Every read of every room asks
//! it.
//!
//! Depends on the catalog (catalog <- visibility <- feeds, notifications <- streams <- projection).
mod authors;
mod in_force;
mod own_writes;
mod reach;
#[cfg(test)]
mod tests;
mod viewer;

pub use viewer::Viewer;

pub(super) use authors::Authors;
pub(super) use viewer::VisibilityCheck;

use super::{catalog::Catalog, error::Error};
use crate::{
    config::Config,
    domain::{
        Deadline, Event, MemberId, Position, PostId, Privacy, Refusal, Surface, VisiblePost, cursor::StreamCursor,
    },
    storage::{EventLog, MemberStore, PostStore, StoreResult, Stores},
};
use authors::Decision;
use in_force::InForce;
use own_writes::OwnWrites;
use rustc_hash::FxHashSet;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// Members whom one query of [`Visibility::forget_purged`] looks up.
const PURGED_STEP: usize = 1_000;

/// Handle of the visibility rule and of each member's own writes. Cheap to clone; reads skip every mailbox.
#[derive(Clone)]
pub struct Visibility {
    shared: Arc<Shared>,
}

/// The state that all clones of [`Visibility`] and every [`Viewer`] share: written by the projection, and by each
/// member's own writes.
struct Shared {
    posts: Arc<dyn PostStore>,
    members: Arc<dyn MemberStore>,
    log: Arc<dyn EventLog>,
    catalog: Catalog,
    authors: RwLock<Authors>,
    own_writes: OwnWrites,
    in_force: InForce,
    /// The projection's position.
    applied: watch::Receiver<Position>,
}

impl Visibility {
    /// Makes the handle; `applied` is the projection's position. Every author counts as active and public until
    /// [`Visibility::replace_authors`].
    pub(super) fn new(stores: &Stores, config: &Config, catalog: Catalog, applied: watch::Receiver<Position>) -> Self {
        let own_writes = OwnWrites::new(applied.clone());
        let in_force = InForce::new(applied.clone(), config);
        Self {
            shared: Arc::new(Shared {
                posts: stores.posts.clone(),
                members: stores.members.clone(),
                log: stores.log.clone(),
                catalog,
                authors: RwLock::default(),
                own_writes,
                in_force,
                applied,
            }),
        }
    }

    /// Returns `member` as a viewer, after waiting for the member's own writes: posts, follows, blocks.
    pub(super) async fn viewer(&self, member: MemberId) -> Result<Viewer, Error> {
        self.shared.own_writes.wait(member).await;
        Ok(self.viewer_as_applied(member).await?)
    }

    /// Returns `member` as a viewer with the events applied so far, without waiting.
    pub(super) async fn viewer_as_applied(&self, member: MemberId) -> StoreResult<Viewer> {
        Ok(Viewer::new(self.shared.catalog.relations(member).await?, self.clone()))
    }

    /// Returns the posts `ids` as the viewer sees them, in the same order, without hidden ones. The counts exclude the
    /// likes and comments of members whom the viewer blocks or who block the viewer. At most 1,000 ids.
    pub(super) async fn posts(
        &self,
        viewer: &Viewer,
        ids: &[PostId],
        surface: Surface,
    ) -> Result<Vec<VisiblePost>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut posts = self.shared.catalog.posts(viewer.member(), ids).await?;
        let member = viewer.member();
        viewer.with_check(surface, |check| posts.retain(|visible| check.sees_post(visible.post.facts_for(member))));
        self.shared.catalog.hide_counts(viewer.relations(), &mut posts).await?;
        Ok(posts)
    }

    /// Returns those of the posts `ids` that are visible to the viewer, from their facts: loads no text, no card and no
    /// count. At most 10,000 ids. Errors: `Late` if a deadline is given and passes first.
    pub(super) async fn visible_posts(
        &self,
        viewer: &Viewer,
        ids: &[PostId],
        surface: Surface,
        until: Option<&Deadline>,
    ) -> Result<FxHashSet<PostId>, Error> {
        if ids.is_empty() {
            return Ok(FxHashSet::default());
        }
        let facts = self.shared.catalog.post_facts(viewer.member(), ids, until).await?;
        Ok(viewer.with_check(surface, |check| {
            let visible = facts.iter().filter(|(_, facts)| check.sees_post(*facts));
            visible.map(|(post, _)| *post).collect()
        }))
    }

    /// Checks that a post is visible to a viewer who asks for it by name. Refuses `PostNotFound`.
    pub(super) async fn check_post(&self, viewer: &Viewer, id: PostId) -> Result<(), Error> {
        let visible = self.visible_posts(viewer, &[id], Surface::Direct, None).await?;
        if visible.is_empty() { Err(Refusal::PostNotFound.into()) } else { Ok(()) }
    }

    /// Returns the posts among `ids` whose texts mention `member`. Includes posts that were deleted and not purged yet.
    /// At most 10,000 ids.
    pub(super) async fn mentioning(&self, member: MemberId, ids: &[PostId]) -> StoreResult<FxHashSet<PostId>> {
        if ids.is_empty() {
            return Ok(FxHashSet::default());
        }
        let mentions = self.shared.posts.mentions_in(ids).await?;
        Ok(mentions.into_iter().filter(|(_, mentioned)| *mentioned == member).map(|(post, _)| post).collect())
    }

    /// Returns the privacy of an author by the events applied so far.
    pub(super) fn privacy_of(&self, author: MemberId) -> Privacy {
        self.shared.authors.read().unwrap_or_else(PoisonError::into_inner).privacy_of(author)
    }

    /// Notes a write of `member` up to position `at`: the member's next read waits for the projection to apply it.
    pub(super) fn note_write(&self, member: MemberId, at: Position) {
        self.shared.own_writes.note(member, at);
    }

    /// Notes a write, and waits until no read of anybody shows the state before it: `in_force.rs` lists the commands
    /// that promise this. Refuses `Late` if it is not in force in time; the commit stands.
    pub(super) async fn put_in_force(&self, member: MemberId, at: Position) -> Result<(), Error> {
        self.note_write(member, at);
        self.shared.in_force.wait(at).await
    }

    /// Waits until every room shows the writes of `member`, for one second at most.
    pub(super) async fn wait_for_own_writes(&self, member: MemberId) {
        self.shared.own_writes.wait(member).await;
    }

    /// Returns the token of a write up to position `at`, for a read of an index that is slower than the projection.
    pub fn write_token(&self, at: Position) -> String {
        StreamCursor { epoch: self.shared.log.epoch(), position: at }.encode()
    }

    /// Returns the projection's position: every room has applied the events up to here.
    pub(super) fn position(&self) -> Position {
        *self.shared.applied.borrow()
    }

    /// Returns a receiver of the projection's position. Visibility of an event can be decided once it is applied.
    pub(super) fn applied_positions(&self) -> watch::Receiver<Position> {
        self.shared.applied.clone()
    }

    /// Loads the authors who are deactivated or whose posts are not public.
    pub(super) async fn load_authors(&self) -> StoreResult<Authors> {
        let deactivated = self.shared.members.deactivated().await?;
        Ok(Authors::new(deactivated, self.shared.members.non_public_authors().await?))
    }

    /// Forgets the decisions of members who have been purged. No event says so: a purge removes deactivated members,
    /// whom nobody sees any more, and their ids never return.
    pub(super) async fn forget_purged(&self) -> StoreResult<()> {
        let deactivated = self.shared.authors.read().unwrap_or_else(PoisonError::into_inner).deactivated();
        for step in deactivated.chunks(PURGED_STEP) {
            let purged = self.shared.members.purged(step).await?;
            if !purged.is_empty() {
                self.shared.authors.write().unwrap_or_else(PoisonError::into_inner).forget(&purged);
            }
        }
        Ok(())
    }

    /// Replaces the known decisions of authors by loaded ones.
    pub(super) fn replace_authors(&self, authors: Authors) {
        *self.shared.authors.write().unwrap_or_else(PoisonError::into_inner) = authors;
    }

    /// Applies the decisions of authors among these events. Takes the lock only if there is one.
    pub(super) fn apply(&self, events: &[Event]) {
        if events.iter().any(|event| Decision::of(event.fact.kind).is_some()) {
            let mut authors = self.shared.authors.write().unwrap_or_else(PoisonError::into_inner);
            for event in events {
                if let Some(decision) = Decision::of(event.fact.kind) {
                    authors.apply(event.fact.member, decision);
                }
            }
        }
    }
}
