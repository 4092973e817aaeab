//! Counts what posts gathered within spans of time, and keeps the best of each day.
use super::StoreResult;
use crate::domain::{Day, MemberId, Position, PostId, Tally, Timestamp};
use async_trait::async_trait;
use jiff::civil::Date;

/// When the spans begin whose tallies are wanted. Likes and comments carry their time in their ids; of views the hours
/// that begin within the span count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the spans are the domain's windows, and the calendar day")]
pub struct Since {
    pub week: Timestamp,
    pub day: Timestamp,
    pub today: Timestamp,
}

/// What a post gathered, by span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the spans are those of `Since`, and all time")]
pub struct Tallied {
    pub post: PostId,
    pub all: Tally,
    pub week: Tally,
    pub day: Tally,
    pub today: Tally,
}

/// A post with its score of a day.
pub type Scored = (PostId, u64);

/// What is kept of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptDay {
    /// The best that everybody may see, best first.
    pub shown: Vec<PostId>,
    /// The best as they were when the day was frozen, best first; none before that.
    pub frozen: Option<Vec<Scored>>,
}

/// Tallies and days. Posts that cannot be seen by anybody (deleted, or their author has left) have no tallies.
#[async_trait]
pub trait RankingStore: Send + Sync + 'static {
    /// The next `limit` posts after that one, in the order of ids, that have gathered anything at all.
    async fn tallies_after(&self, after: PostId, since: Since, limit: usize) -> StoreResult<Vec<Tallied>>;
    /// Those of these posts that have gathered anything at all, in no order. At most 1,000.
    async fn tallies(&self, posts: &[PostId], since: Since) -> StoreResult<Vec<Tallied>>;
    /// Posts that were liked, commented or viewed from `from` on and before `until`, in no order; `limit` of them.
    async fn stirred(&self, from: Timestamp, until: Timestamp, limit: usize) -> StoreResult<Vec<PostId>>;
    /// Posts that the member wrote, likes or has commented, in no order; `limit` of them.
    async fn touched_by(&self, member: MemberId, limit: usize) -> StoreResult<Vec<PostId>>;

    /// The best of a day by what happened on it, by `Tally::daily_score`, ties by older; `limit` of them.
    async fn best_of_day(&self, day: Day, limit: usize) -> StoreResult<Vec<Scored>>;
    /// Those of these posts that everybody may see but for blocks and mutes, in the order asked. At most 1,000.
    async fn public_posts(&self, posts: &[PostId]) -> StoreResult<Vec<PostId>>;
    /// What is kept of a day; none where nothing is.
    async fn kept_day(&self, date: Date) -> StoreResult<Option<KeptDay>>;
    /// Keeps what everybody may see of a day and, once it is frozen, its best. Where others are shown than before, the
    /// event is in the same commit, and its position is returned. A day that is frozen stays as it is.
    async fn keep_day(
        &self,
        date: Date,
        shown: Vec<PostId>,
        frozen: Option<Vec<Scored>>,
    ) -> StoreResult<Option<Position>>;
    /// Which day the event at that position said something about.
    async fn top3_changed_at(&self, position: Position) -> StoreResult<Option<Date>>;
}
