//! The store of views: the members who saw a post, by hour.
use super::{Committed, StoreResult};
use crate::domain::{MemberId, PostId};
use async_trait::async_trait;

/// One view of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct View {
    /// The post that was viewed.
    pub post: PostId,
    /// The member who viewed it.
    pub viewer: MemberId,
    /// Hours since 1970 (UTC).
    pub hour: i64,
}

/// Days for which each view has a row; older rows are folded. Rankings count at most the last 168 hours: twice that
/// lets a ranking that was down for a week still find the posts whose views have left its periods.
pub const VIEWS_KEPT_DAYS: u64 = 14;
/// Maximum number of rows that one call of [`ViewStore::fold_views`] folds, for about a minute of the writer in all.
/// The next call continues.
pub const VIEWS_FOLDED_MAX: u64 = 1_000_000;

/// Stores views. `view_count` changes in the commit of the view: it is the number of folded views and of rows.
#[async_trait]
pub trait ViewStore: Send + Sync + 'static {
    /// Counts each view once for each post, viewer and hour, with an event. Ignores views by a post's author and views
    /// of deleted posts. At most 512 views.
    async fn count_views(&self, views: Vec<View>) -> StoreResult<Committed<()>>;
    /// Returns the hour of the oldest view that has a row.
    async fn oldest_view(&self) -> StoreResult<Option<i64>>;
    /// Removes the rows of views before that hour, which stay counted, in steps short enough not to delay other
    /// commands. Returns the number of rows, at most [`VIEWS_FOLDED_MAX`]. Counts of periods that begin at that hour or
    /// later do not change.
    async fn fold_views(&self, before_hour: i64) -> StoreResult<u64>;
}
