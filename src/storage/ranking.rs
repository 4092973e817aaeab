//! The store of rankings: tallies of posts within time periods, and the best posts of each day.
use super::{Committed, StoreResult};
use crate::domain::{CalendarDay, MemberId, Position, PostId, Tally, Timestamp};
use async_trait::async_trait;
use jiff::civil::Date;

/// The times at which the periods of a tally start. Likes and comments are counted by the time in their ids, views by
/// the hours that start within the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the periods of the domain, and the calendar day")]
pub struct PeriodStarts {
    pub week: Timestamp,
    pub day: Timestamp,
    pub today: Timestamp,
}

/// The tallies of one post by period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the periods of `PeriodStarts`, and all time")]
pub struct PostTallies {
    pub post: PostId,
    /// The post is public, and so is its author.
    pub for_everybody: bool,
    pub all: Tally,
    pub week: Tally,
    pub day: Tally,
    pub today: Tally,
}

/// One of the newest posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestPost {
    /// The post.
    pub post: PostId,
    /// The post is public, and so is its author.
    pub for_everybody: bool,
}

/// A post and its score of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScoredPost {
    /// The post.
    pub post: PostId,
    /// By `Tally::daily_score`.
    pub score: u64,
}

/// Maximum number of posts that one call of `RankingStore::newest` reads.
pub const NEWEST_READ_MAX: usize = 100_000;

/// The stored row of one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptDay {
    /// The best public posts, best first.
    pub shown: Vec<PostId>,
    /// The best posts when the day was frozen, best first; `None` before that.
    pub frozen: Option<Vec<ScoredPost>>,
}

/// Counts posts and stores days. Excludes deleted posts and posts of deactivated authors everywhere.
///
/// A post is for everybody if it and its author are public. A limit holds for these posts and for the others
/// separately where stated, so that posts that most viewers do not see never take the place of those that all see.
#[async_trait]
pub trait RankingStore: Send + Sync + 'static {
    /// Returns the tallies of the next `limit` posts with ids above `after`, in ascending order. Excludes posts without
    /// views, likes and comments.
    async fn tallies_after(&self, after: PostId, starts: PeriodStarts, limit: usize) -> StoreResult<Vec<PostTallies>>;
    /// Returns the tallies of the posts among `posts`, unordered. Excludes posts without views, likes and comments. At
    /// most 1,000 posts.
    async fn tallies(&self, posts: &[PostId], starts: PeriodStarts) -> StoreResult<Vec<PostTallies>>;
    /// Returns at most `limit` posts that were liked, commented or viewed from `from` on and before `until`, unordered.
    async fn posts_active_between(&self, from: Timestamp, until: Timestamp, limit: usize) -> StoreResult<Vec<PostId>>;
    /// Returns at most `limit` posts that the member wrote, likes or commented, unordered.
    async fn posts_engaged_by(&self, member: MemberId, limit: usize) -> StoreResult<Vec<PostId>>;

    /// Returns the newest posts, newest first: `limit` posts, then those for everybody alone until there are `limit` of
    /// these. Reads at most [`NEWEST_READ_MAX`] posts, and returns those found among them.
    async fn newest(&self, limit: usize) -> StoreResult<Vec<NewestPost>>;

    /// Returns posts with their scores by `Tally::daily_score`, best first, the older of equals first: at most `limit`
    /// posts for everybody and at most `limit` others.
    async fn best_of_day(&self, day: CalendarDay, limit: usize) -> StoreResult<Vec<ScoredPost>>;
    /// Returns the posts among `posts` that are public and by public authors, in their order. Ignores blocks and mutes.
    /// At most 1,000 posts.
    async fn public_posts(&self, posts: &[PostId]) -> StoreResult<Vec<PostId>>;
    /// Returns the stored row of a day.
    async fn kept_day(&self, date: Date) -> StoreResult<Option<KeptDay>>;
    /// Stores the best public posts of a day and, once it is frozen, its best posts. Emits an event in the same commit
    /// and returns `true` if `shown` differs from before. Changes nothing on a frozen day.
    async fn keep_day(
        &self,
        date: Date,
        shown: Vec<PostId>,
        frozen: Option<Vec<ScoredPost>>,
    ) -> StoreResult<Committed<bool>>;
    /// Returns the day that the `DailyTop3Changed` at that position is about; `None` for another or a pruned event.
    async fn top3_changed_at(&self, position: Position) -> StoreResult<Option<Date>>;
}
