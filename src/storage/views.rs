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

/// Stores views. `view_count` changes in the commit of the view.
#[async_trait]
pub trait ViewStore: Send + Sync + 'static {
    /// Counts each view once for each post, viewer and hour, with an event. Ignores views by a post's author and views
    /// of deleted posts. At most 512 views.
    async fn count_views(&self, views: Vec<View>) -> StoreResult<Committed<()>>;
}
