//! What events mean for an index. Rows are read as they are now, so that events may come twice and late.
use super::shared::Shared;
use crate::{
    domain::{CommentId, Event, EventKind, MemberId, PostId},
    storage::{CommentOrder, IndexChange, StoreResult},
};
use std::collections::BTreeSet;

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

impl Shared {
    /// The changes that bring an index up to date with a batch of events.
    pub(super) async fn changes(&self, batch: &[Event]) -> StoreResult<Vec<IndexChange>> {
        let touched = Touched::by(batch);
        let mut changes = Vec::new();
        for author in &touched.authors {
            changes.push(IndexChange::RemoveMember(*author));
            self.everything_by(*author, &mut changes).await?;
        }
        let ids: Vec<MemberId> = touched.members.difference(&touched.authors).copied().collect();
        if !ids.is_empty() {
            let there = self.members.members_by_id(&ids).await?;
            changes.extend(there.into_iter().map(|member| IndexChange::PutMember(Box::new(member))));
        }
        let ids: Vec<PostId> = touched.posts.into_iter().collect();
        if !ids.is_empty() {
            let there = self.content.posts(&ids).await?;
            let gone = ids.iter().filter(|id| !there.iter().any(|post| post.id == **id));
            changes.extend(gone.map(|id| IndexChange::RemovePost(*id)));
            changes.extend(there.into_iter().map(IndexChange::PutPost));
        }
        let ids: Vec<CommentId> = touched.comments.into_iter().collect();
        if !ids.is_empty() {
            let there = self.content.comments_by_id(&ids).await?;
            let gone = ids.iter().filter(|id| !there.iter().any(|comment| comment.id == **id));
            changes.extend(gone.map(|id| IndexChange::RemoveComment(*id)));
            changes.extend(there.into_iter().map(IndexChange::PutComment));
        }
        Ok(changes)
    }

    /// A member with everything they wrote; nothing where they are not here.
    async fn everything_by(&self, author: MemberId, changes: &mut Vec<IndexChange>) -> StoreResult<()> {
        let Some(member) = self.members.members_by_id(&[author]).await?.pop() else { return Ok(()) };
        changes.push(IndexChange::PutMember(Box::new(member)));
        let mut before = PostId(u64::MAX);
        loop {
            let places = self.content.posts_by(&[author], before, STEP).await?;
            let ids: Vec<PostId> = places.iter().map(|place| place.post).collect();
            changes.extend(self.content.posts(&ids).await?.into_iter().map(IndexChange::PutPost));
            let Some(last) = ids.last().filter(|_| ids.len() == STEP) else { break };
            before = *last;
        }
        let mut before = CommentId(u64::MAX);
        loop {
            let comments = self.content.comments(CommentOrder::OfMember(author, before), STEP).await?;
            let last = comments.last().map(|comment| comment.id).filter(|_| comments.len() == STEP);
            changes.extend(comments.into_iter().map(IndexChange::PutComment));
            let Some(last) = last else { return Ok(()) };
            before = last;
        }
    }
}
