//! Keeps what searches look in: an index of texts that holds no text, made from the stores and the log, and thrown
//! away and made again whenever it does not fit them.
use super::StoreResult;
use crate::domain::{
    Comment, CommentId, Deadline, Epoch, Member, MemberId, Position, Post, PostId, SearchKey, SearchKind, SearchOrder,
    Timestamp, search::Query,
};
use async_trait::async_trait;
use std::sync::Arc;

/// A change of the index. Putting what is there replaces it; removing what is not there changes nothing.
#[derive(Debug, Clone)]
pub enum IndexChange {
    /// A post as it is now.
    PutPost(Post),
    /// A comment as it is now.
    PutComment(Comment),
    /// A member as they are now.
    PutMember(Box<Member>),
    /// A post has gone, and all comments on it.
    RemovePost(PostId),
    /// A comment has gone.
    RemoveComment(CommentId),
    /// Somebody has gone, and everything they wrote.
    RemoveMember(MemberId),
}

/// What the last commit of an index says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexCheckpoint {
    /// Of which life of the log.
    pub epoch: Epoch,
    /// Every event up to here is in the index.
    pub position: Position,
    /// Whether everything from before that position is in it too. It is not while an index is being built.
    pub complete: bool,
}

/// How large an index is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct IndexSize {
    pub documents: u64,
    pub bytes: u64,
}

/// What to find.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Posts, comments or members.
    pub kind: SearchKind,
    /// What their texts have.
    pub query: Query,
    /// By this member alone.
    pub author: Option<MemberId>,
    /// On this post alone; of comments.
    pub post: Option<PostId>,
    /// With this tag (key form) alone; of posts.
    pub tag: Option<String>,
    /// Written then or later.
    pub from: Option<Timestamp>,
    /// Written before that.
    pub to: Option<Timestamp>,
    /// What comes first.
    pub order: SearchOrder,
    /// Only what comes after this place.
    pub after: Option<SearchKey>,
    /// Only ids up to this one.
    pub id_max: u64,
    /// At most so many.
    pub limit: usize,
    /// The search ends when it passes.
    pub until: Deadline,
}

/// Something that was found. Whether the viewer may see it is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Sorts the hits; its `id` is the id of the post, comment or member.
    pub key: SearchKey,
    /// Who wrote it.
    pub author: MemberId,
    /// Of a comment: what it is on.
    pub post: PostId,
}

/// One index. Changes are seen by searches once they are committed, all of one commit at once.
#[async_trait]
pub trait SearchIndex: Send + Sync + 'static {
    /// What the last commit says.
    fn checkpoint(&self) -> IndexCheckpoint;
    /// Whether a search has met damage: what is damaged cannot be mended, only built anew.
    fn is_damaged(&self) -> bool;
    /// Documents as of the last commit.
    fn documents(&self) -> u64;
    /// As of the last commit; looks at every file.
    fn size(&self) -> IndexSize;
    /// Takes changes in, in order. What is not committed is lost with the process.
    async fn apply(&self, changes: Vec<IndexChange>) -> StoreResult<()>;
    /// Makes what was taken in durable and visible, together with the position it reaches up to.
    async fn commit(&self, position: Position, complete: bool) -> StoreResult<()>;
    /// Forgets what was taken in since the last commit, and recovers from a failed one.
    async fn roll_back(&self) -> StoreResult<()>;
    /// Lets go of the files, apart from searches: what comes after is an error. Waits a second at most for work that was
    /// going on by itself.
    async fn close(&self);
    /// The first ones in the order asked for; `Late` where the deadline passes first. Scores depend on the text and the query alone, never on other texts, so
    /// that a place stays where it is whatever is written meanwhile.
    async fn find(&self, wanted: SearchRequest) -> StoreResult<Vec<Hit>>;
}

/// Where indexes are kept: the live one, and the one that is to take its place.
#[async_trait]
pub trait SearchStore: Send + Sync + 'static {
    /// The live index, unless there is none, it cannot be read, or it was made by another version of the program.
    async fn live(&self) -> StoreResult<Option<Arc<dyn SearchIndex>>>;
    /// A new, empty index beside the live one.
    async fn begin(&self, epoch: Epoch) -> StoreResult<Arc<dyn SearchIndex>>;
    /// Makes the index that was begun last the live one, durably.
    async fn make_live(&self) -> StoreResult<()>;
    /// Removes what is left of other indexes. Searches that still read one finish.
    async fn sweep(&self) -> StoreResult<()>;
}
