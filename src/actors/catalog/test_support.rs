//! For tests of the cost of a page: members, posts and comments, and a store of posts that records its reads.
use crate::{
    domain::{
        Comment, CommentId, Deadline, MemberId, Outcome, Post, PostCounts, PostFacts, PostId, PostText, Receipt,
        Timestamp, markup::ResolvedMarkup,
    },
    storage::{Committed, PostParticipants, PostRef, PostStore, StoreResult},
};
use async_trait::async_trait;
use std::sync::{Arc, Mutex};

pub(in crate::actors) fn comment(number: u64, post: u64, parent: Option<u64>, author: u64) -> Comment {
    Comment {
        id: CommentId(number),
        post: PostId(post),
        parent: parent.map(CommentId),
        depth: u8::from(parent.is_some()),
        author: MemberId(author),
        content: "댓글".to_owned(),
        like_count: 0,
        reply_count: 0,
        below_count: 0,
        mentions: Vec::new(),
        deleted: false,
        created_at: Timestamp(1),
        edited_at: None,
    }
}

/// A read of posts, or of the likes and comments on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actors) enum Read {
    Texts,
    Facts,
    Participants { posts: usize, in_lane: bool },
    Pairs { pairs: u64, in_lane: bool },
}

/// A store that records its reads.
pub(in crate::actors) struct Recording {
    inner: Arc<dyn PostStore>,
    reads: Mutex<Vec<Read>>,
}

impl Recording {
    pub(in crate::actors) fn new(inner: Arc<dyn PostStore>) -> Self {
        Self { inner, reads: Mutex::default() }
    }

    /// Returns the reads since the last call.
    pub(in crate::actors) fn take(&self) -> Vec<Read> {
        std::mem::take(&mut self.reads.lock().unwrap())
    }
}

#[async_trait]
impl PostStore for Recording {
    async fn create_post(&self, post: Post, receipt: Option<Receipt>) -> StoreResult<Committed<Outcome>> {
        self.inner.create_post(post, receipt).await
    }
    async fn edit_post(
        &self,
        author: MemberId,
        id: PostId,
        text: PostText,
        markup: ResolvedMarkup,
        expected: Option<Arc<Post>>,
        at: Timestamp,
    ) -> StoreResult<Committed<Post>> {
        self.inner.edit_post(author, id, text, markup, expected, at).await
    }
    async fn delete_post(&self, author: MemberId, id: PostId, at: Timestamp) -> StoreResult<Committed<()>> {
        self.inner.delete_post(author, id, at).await
    }
    async fn posts(&self, ids: &[PostId]) -> StoreResult<Vec<Post>> {
        self.reads.lock().unwrap().push(Read::Texts);
        self.inner.posts(ids).await
    }
    async fn posts_from(&self, after: PostId, limit: usize) -> StoreResult<Vec<Post>> {
        self.inner.posts_from(after, limit).await
    }
    async fn posts_by(
        &self,
        authors: &[MemberId],
        before: PostId,
        limit: usize,
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<PostRef>> {
        self.inner.posts_by(authors, before, limit, until).await
    }
    async fn newest_posts(&self, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>> {
        self.inner.newest_posts(before, limit).await
    }
    async fn tagged_posts(&self, tag: &str, before: PostId, limit: usize) -> StoreResult<Vec<PostRef>> {
        self.inner.tagged_posts(tag, before, limit).await
    }
    async fn post_facts(
        &self,
        viewer: MemberId,
        ids: &[PostId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostFacts)>> {
        self.reads.lock().unwrap().push(Read::Facts);
        self.inner.post_facts(viewer, ids, until).await
    }
    async fn mentions_in(&self, ids: &[PostId]) -> StoreResult<Vec<(PostId, MemberId)>> {
        self.inner.mentions_in(ids).await
    }
    async fn participants(
        &self,
        ids: &[PostId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostParticipants)>> {
        self.reads.lock().unwrap().push(Read::Participants { posts: ids.len(), in_lane: until.is_some() });
        self.inner.participants(ids, until).await
    }
    async fn counts_by(
        &self,
        ids: &[PostId],
        members: &[MemberId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostCounts)>> {
        let pairs = (ids.len() * members.len()) as u64;
        self.reads.lock().unwrap().push(Read::Pairs { pairs, in_lane: until.is_some() });
        self.inner.counts_by(ids, members, until).await
    }
}
