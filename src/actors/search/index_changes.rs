//! `apply_events`: turns events into changes of the index. It collects the posts, comments and members that a batch
//! names, reads their rows, and puts or removes their documents. An event that comes twice or late changes nothing.
use super::shared::Shared;
use crate::{
    actors::error::Error,
    domain::{Comment, CommentId, Event, EventKind, MemberId, PostId},
    storage::{CommentedPost, IndexChange, SearchIndex, StoreError, StoreResult},
};
use rustc_hash::FxHashMap;
use std::{collections::BTreeSet, sync::Arc};

/// Posts or comments of a restored member that are read in one step.
const STEP: usize = 500;

/// The posts, comments and members that a batch of events names.
#[derive(Default)]
struct Named {
    posts: BTreeSet<PostId>,
    /// Deleted for good, with the comments on them.
    deleted_posts: BTreeSet<PostId>,
    comments: BTreeSet<CommentId>,
    members: BTreeSet<MemberId>,
    /// Members who were deactivated or restored: everything that they wrote is removed or put.
    authors: BTreeSet<MemberId>,
}

impl Named {
    /// Collects the ids from a batch.
    fn in_batch(batch: &[Event]) -> Self {
        use EventKind as K;
        let mut named = Self::default();
        for event in batch {
            let fact = &event.fact;
            match fact.kind {
                K::PostCreated | K::PostUpdated => named.posts.extend(fact.post),
                K::PostDeleted => named.deleted_posts.extend(fact.post),
                K::CommentCreated | K::CommentUpdated | K::CommentDeleted => named.comments.extend(fact.comment),
                K::MemberSignedUp | K::ProfileChanged => {
                    named.members.insert(fact.member);
                }
                K::MemberDeactivated | K::MemberRestored => {
                    named.authors.insert(fact.member);
                }
                _ => {}
            }
        }
        named
    }
}

/// Why events could not be applied.
pub(super) enum ApplyError {
    /// Rows cannot be read now: the events are applied later.
    Rows(StoreError),
    /// The index cannot be written: the actor restarts from its last commit.
    Index(StoreError),
}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        Self::Rows(error)
    }
}

impl From<ApplyError> for Error {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Rows(error) | ApplyError::Index(error) => error.into(),
        }
    }
}

/// Writes changes to an index and counts them. Changes are written in steps, because a member can have many posts.
struct ChangeWriter<'a> {
    index: &'a Arc<dyn SearchIndex>,
    count: usize,
}

impl ChangeWriter<'_> {
    async fn write(&mut self, changes: impl IntoIterator<Item = IndexChange>) -> Result<(), ApplyError> {
        let changes: Vec<IndexChange> = changes.into_iter().collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.count += changes.len();
        self.index.apply(changes).await.map_err(ApplyError::Index)
    }
}

impl Shared {
    /// Brings an index up to date with a batch of events, and returns the number of changes.
    pub(super) async fn apply_events(
        &self,
        index: &Arc<dyn SearchIndex>,
        batch: &[Event],
    ) -> Result<usize, ApplyError> {
        let named = Named::in_batch(batch);
        let mut writer = ChangeWriter { index, count: 0 };
        for author in &named.authors {
            writer.write([IndexChange::RemoveMember(*author)]).await?;
            self.put_member_and_texts(*author, &mut writer).await?;
        }
        let ids: Vec<MemberId> = named.members.difference(&named.authors).copied().collect();
        if !ids.is_empty() {
            let members = self.members.members_by_id(&ids).await?;
            writer.write(members.into_iter().map(|member| IndexChange::PutMember(Box::new(member)))).await?;
        }
        let ids: Vec<PostId> = named.posts.difference(&named.deleted_posts).copied().collect();
        writer.write(named.deleted_posts.into_iter().map(IndexChange::RemovePost)).await?;
        if !ids.is_empty() {
            let posts = self.posts.posts(&ids).await?;
            let found: BTreeSet<PostId> = posts.iter().map(|post| post.id).collect();
            // Either its author is deactivated, and others' comments have to be there when the author is restored; or
            // its `PostDeleted` is still to come.
            let missing = ids.into_iter().filter(|id| !found.contains(id));
            writer.write(missing.map(IndexChange::HidePost)).await?;
            writer.write(posts.into_iter().map(IndexChange::PutPost)).await?;
        }
        let ids: Vec<CommentId> = named.comments.into_iter().collect();
        if !ids.is_empty() {
            let comments = self.comments.existing_comments(&ids).await?;
            let found: BTreeSet<CommentId> = comments.iter().map(|comment| comment.id).collect();
            let missing = ids.into_iter().filter(|id| !found.contains(id));
            writer.write(missing.map(IndexChange::RemoveComment)).await?;
            writer.write(self.put_comments(comments).await?).await?;
        }
        Ok(writer.count)
    }

    /// Returns the changes that put comments, each with the facts of its post. At most 1,000 comments.
    pub(super) async fn put_comments(&self, comments: Vec<Comment>) -> StoreResult<Vec<IndexChange>> {
        if comments.is_empty() {
            return Ok(Vec::new());
        }
        let posts: BTreeSet<PostId> = comments.iter().map(|comment| comment.post).collect();
        let posts: Vec<PostId> = posts.into_iter().collect();
        let commented = self.comments.commented_posts(&posts).await?;
        let commented: FxHashMap<PostId, CommentedPost> = commented.into_iter().map(|on| (on.post, on)).collect();
        // A post without a row was purged after the comments were read, and so were they.
        let with_post = |comment: Comment| {
            let on = *commented.get(&comment.post)?;
            Some(IndexChange::PutComment { comment, on })
        };
        Ok(comments.into_iter().filter_map(with_post).collect())
    }

    /// Puts a member with every post and comment of the member; does nothing for a deactivated one.
    async fn put_member_and_texts(&self, author: MemberId, writer: &mut ChangeWriter<'_>) -> Result<(), ApplyError> {
        let Some(member) = self.members.members_by_id(&[author]).await?.pop() else { return Ok(()) };
        writer.write([IndexChange::PutMember(Box::new(member))]).await?;
        let mut before = PostId(u64::MAX);
        loop {
            let post_refs = self.posts.posts_by(&[author], before, STEP, None).await?;
            let ids: Vec<PostId> = post_refs.iter().map(|post_ref| post_ref.post).collect();
            writer.write(self.posts.posts(&ids).await?.into_iter().map(IndexChange::PutPost)).await?;
            match ids.last() {
                Some(last) if ids.len() == STEP => before = *last,
                _ => break,
            }
        }
        let mut before = CommentId(u64::MAX);
        loop {
            let comments = self.comments.existing_comments_by(author, before, STEP).await?;
            let (count, last) = (comments.len(), comments.last().map(|comment| comment.id));
            writer.write(self.put_comments(comments).await?).await?;
            match last {
                Some(last) if count == STEP => before = last,
                _ => return Ok(()),
            }
        }
    }
}
