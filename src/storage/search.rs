//! The traits of the search index: `SearchStore` keeps indexes, `SearchIndex` is one of them.
//!
//! An index holds the terms of texts and not the texts. It is derived from the stores and the event log, is never
//! repaired, and is built anew whenever it does not fit them.
use super::{CommentedPost, StoreResult};
use crate::domain::{
    Comment, CommentId, Deadline, Epoch, Member, MemberId, Position, Post, PostId, SearchKey, SearchKind, SearchOrder,
    Standing, Timestamp, search::Query,
};
use async_trait::async_trait;
use std::sync::Arc;

/// A change of the index. A `Put` replaces the document of the same id; a `Remove` of an absent document does nothing.
#[derive(Debug, Clone)]
pub enum IndexChange {
    /// Stores the current state of a post.
    PutPost(Post),
    /// Stores the current state of a comment, with what decides who sees the post that it is on.
    #[expect(missing_docs, reason = "the fields are described above")]
    PutComment { comment: Comment, on: CommentedPost },
    /// Stores the current state of a member.
    PutMember(Box<Member>),
    /// Removes a post and all comments on it.
    RemovePost(PostId),
    /// Removes a post and keeps the comments on it: its author is deactivated and can be restored.
    HidePost(PostId),
    /// Removes a comment.
    RemoveComment(CommentId),
    /// Removes a member, and all posts and comments by the member.
    RemoveMember(MemberId),
}

/// The coverage of the last commit of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexCheckpoint {
    /// Epoch of the log that the index follows.
    pub epoch: Epoch,
    /// Every event up to this position is in the index.
    pub position: Position,
    /// Whether everything from before that position is in the index too. False while an index is being built.
    pub complete: bool,
}

/// The size of an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct IndexSize {
    pub documents: u64,
    pub bytes: u64,
}

/// The visibility of one member and of the member's posts to the viewer of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberVisibility {
    /// Whether the member is visible, and the member's comments on visible posts.
    pub visible: bool,
    /// The viewer's standing with the member, which decides about the member's posts.
    pub standing: Standing,
}

/// The viewer of a search. The index asks it about the authors of the documents that would be hits.
pub trait SearchViewer: Send + Sync + 'static {
    /// The id of the viewer.
    fn member(&self) -> MemberId;
    /// Returns the visibility of a member. Must not block: a search asks it thousands of times.
    fn visibility_of(&self, of: MemberId) -> MemberVisibility;
}

/// One search: a query, its filters, and the page to return.
#[derive(Clone)]
pub struct SearchRequest {
    /// Posts, comments or members.
    pub kind: SearchKind,
    /// The words and phrases that a text must have, and must not have.
    pub query: Query,
    /// The member who searches. Excludes what is hidden from this member, as far as the last commit knows.
    pub viewer: Arc<dyn SearchViewer>,
    /// Restricts to this author.
    pub author: Option<MemberId>,
    /// Restricts comments to those on this post.
    pub post: Option<PostId>,
    /// Restricts posts to those with this tag (key form).
    pub tag: Option<String>,
    /// Earliest time of creation (inclusive).
    pub from: Option<Timestamp>,
    /// Latest time of creation (exclusive).
    pub to: Option<Timestamp>,
    /// The order of the hits.
    pub order: SearchOrder,
    /// Returns only hits after this key.
    pub after: Option<SearchKey>,
    /// Returns only hits up to this id.
    pub id_max: u64,
    /// Maximum number of hits to return.
    pub limit: usize,
    /// The search ends when this deadline passes.
    pub until: Deadline,
}

/// A document that a search found. The rows can be newer than the last commit, so the caller asks the visibility rule
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Sort key; its `id` is the id of the post, comment or member.
    pub key: SearchKey,
    /// The author of the post or comment, or the member.
    pub author: MemberId,
    /// The post that a comment is on; 0 for a post or member.
    pub post: PostId,
}

/// One index. A search sees the changes of a commit all at once, as soon as it is committed.
#[async_trait]
pub trait SearchIndex: Send + Sync + 'static {
    /// Returns the coverage of the last commit.
    fn checkpoint(&self) -> IndexCheckpoint;
    /// Returns whether a search has met a damaged file. A damaged index cannot be repaired, only built anew.
    fn is_damaged(&self) -> bool;
    /// Counts the documents of the last commit.
    fn documents(&self) -> u64;
    /// Measures the last commit; reads the size of every file.
    fn size(&self) -> IndexSize;
    /// Applies changes in order. Changes that are not committed are lost with the process.
    async fn apply(&self, changes: Vec<IndexChange>) -> StoreResult<()>;
    /// Makes the applied changes durable and visible to searches, together with the position that they reach.
    async fn commit(&self, position: Position, complete: bool) -> StoreResult<()>;
    /// Discards the changes since the last commit, and recovers from a failed one.
    async fn roll_back(&self) -> StoreResult<()>;
    /// Closes the writer; later changes and commits fail, searches still work. Waits a second at most for merges that
    /// are running.
    async fn close(&self);
    /// Returns the first hits in the order of the request. A score depends only on the text and the query, never on
    /// other texts, so that a key stays valid when other texts are written. Errors: `Late` if the deadline passes
    /// first, `Busy` if too many searches run.
    async fn find(&self, request: SearchRequest) -> StoreResult<Vec<Hit>>;
}

/// Keeps the live index, and the index that is being built to replace it.
#[async_trait]
pub trait SearchStore: Send + Sync + 'static {
    /// Opens the live index. Returns `None` if there is none, it is damaged, or another version of the program made it.
    async fn live(&self) -> StoreResult<Option<Arc<dyn SearchIndex>>>;
    /// Creates an empty index in addition to the live one.
    async fn begin(&self, epoch: Epoch) -> StoreResult<Arc<dyn SearchIndex>>;
    /// Makes the index that was begun last the live one, durably.
    async fn make_live(&self) -> StoreResult<()>;
    /// Deletes every index but the live one and the one begun last. Searches that still read one finish.
    async fn sweep(&self) -> StoreResult<()>;
}
