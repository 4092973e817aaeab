//! What events mean for an index. Rows are read as they are now, so that events may come twice and late.
use super::shared::Shared;
use crate::{
    actors::Error,
    domain::{CommentId, Event, EventKind, MemberId, PostId},
    storage::{CommentOrder, IndexChange, SearchIndex, StoreError},
};
use std::{collections::BTreeSet, sync::Arc};

/// Posts or comments that are read in one step when a member comes back.
const STEP: usize = 500;

/// Whom and what a batch of events touches.
#[derive(Default)]
struct Touched {
    posts: BTreeSet<PostId>,
    comments: BTreeSet<CommentId>,
    members: BTreeSet<MemberId>,
    /// Those who have left or come back, with everything they wrote.
    authors: BTreeSet<MemberId>,
}

impl Touched {
    fn by(batch: &[Event]) -> Self {
        use EventKind as K;
        let mut touched = Self::default();
        for event in batch {
            let fact = &event.fact;
            match fact.kind {
                K::PostCreated | K::PostUpdated | K::PostDeleted => touched.posts.extend(fact.post),
                K::CommentCreated | K::CommentUpdated | K::CommentDeleted => touched.comments.extend(fact.comment),
                K::MemberSignedUp | K::ProfileChanged => {
                    touched.members.insert(fact.member);
                }
                K::MemberDeactivated | K::MemberRestored => {
                    touched.authors.insert(fact.member);
                }
                _ => {}
            }
        }
        touched
    }
}

/// What could not be done: rows that cannot be read now can be read later, an index that cannot be written begins anew.
pub(super) enum Trouble {
    Rows(StoreError),
    Index(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Rows(error)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Rows(error) | Trouble::Index(error) => error.into(),
        }
    }
}

/// An index being changed, step by step: a member who comes back may have written a lot.
struct Changing<'a> {
    index: &'a Arc<dyn SearchIndex>,
    count: usize,
}

impl Changing<'_> {
    async fn apply(&mut self, changes: impl IntoIterator<Item = IndexChange>) -> Result<(), Trouble> {
        let changes: Vec<IndexChange> = changes.into_iter().collect();
        self.count += changes.len();
        if changes.is_empty() { Ok(()) } else { self.index.apply(changes).await.map_err(Trouble::Index) }
    }
}

impl Shared {
    /// Brings an index up to date with a batch of events; how many changes that took.
    pub(super) async fn take_in(&self, index: &Arc<dyn SearchIndex>, batch: &[Event]) -> Result<usize, Trouble> {
        let touched = Touched::by(batch);
        let mut index = Changing { index, count: 0 };
        for author in &touched.authors {
            index.apply([IndexChange::RemoveMember(*author)]).await?;
            self.everything_by(*author, &mut index).await?;
        }
        let ids: Vec<MemberId> = touched.members.difference(&touched.authors).copied().collect();
        if !ids.is_empty() {
            let there = self.members.members_by_id(&ids).await?;
            index.apply(there.into_iter().map(|member| IndexChange::PutMember(Box::new(member)))).await?;
        }
        let ids: Vec<PostId> = touched.posts.into_iter().collect();
        if !ids.is_empty() {
            let there = self.posts.posts(&ids).await?;
            let kept: BTreeSet<PostId> = there.iter().map(|post| post.id).collect();
            let gone = ids.into_iter().filter(|id| !kept.contains(id));
            index.apply(gone.map(IndexChange::RemovePost)).await?;
            index.apply(there.into_iter().map(IndexChange::PutPost)).await?;
        }
        let ids: Vec<CommentId> = touched.comments.into_iter().collect();
        if !ids.is_empty() {
            let there = self.comments.existing_comments(&ids).await?;
            let kept: BTreeSet<CommentId> = there.iter().map(|comment| comment.id).collect();
            let gone = ids.into_iter().filter(|id| !kept.contains(id));
            index.apply(gone.map(IndexChange::RemoveComment)).await?;
            index.apply(there.into_iter().map(IndexChange::PutComment)).await?;
        }
        Ok(index.count)
    }

    /// A member with everything they wrote; nothing where they are not here.
    async fn everything_by(&self, author: MemberId, index: &mut Changing<'_>) -> Result<(), Trouble> {
        let Some(member) = self.members.members_by_id(&[author]).await?.pop() else { return Ok(()) };
        index.apply([IndexChange::PutMember(Box::new(member))]).await?;
        let mut before = PostId(u64::MAX);
        loop {
            let places = self.posts.posts_by(&[author], before, STEP).await?;
            let ids: Vec<PostId> = places.iter().map(|place| place.post).collect();
            index.apply(self.posts.posts(&ids).await?.into_iter().map(IndexChange::PutPost)).await?;
            let Some(last) = ids.last().filter(|_| ids.len() == STEP) else { break };
            before = *last;
        }
        let mut before = CommentId(u64::MAX);
        loop {
            let comments = self.comments.comments(CommentOrder::OfMember(author, before), STEP).await?;
            let last = comments.last().map(|comment| comment.id).filter(|_| comments.len() == STEP);
            index.apply(comments.into_iter().map(IndexChange::PutComment)).await?;
            let Some(last) = last else { return Ok(()) };
            before = last;
        }
    }
}
