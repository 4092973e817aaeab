//! The event log: what has happened, in order, read by position. Pulled, never pushed.
use super::StoreResult;
use crate::domain::{Epoch, Event, MemberId, Position};
use async_trait::async_trait;
use tokio::sync::watch;

/// Events in the order of their commits.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Which life of the log this is.
    fn epoch(&self) -> Epoch;
    /// The position of the newest committed event, and a wake-up when it grows. A signal carries no data and may be
    /// late; the log is what counts.
    fn head(&self) -> watch::Receiver<Position>;
    /// At most `limit` events after that position, oldest first; none where there are none yet.
    async fn read(&self, after: Position, limit: usize) -> StoreResult<Vec<Event>>;
    /// At most `limit` events that a stream of this member, who watches these authors (ascending), is part of the
    /// audience of, after that position and up to `until`, oldest first.
    async fn stream_events(
        &self,
        member: MemberId,
        watched: &[MemberId],
        after: Position,
        until: Position,
        limit: usize,
    ) -> StoreResult<Vec<Event>>;
    /// At most `limit` events that were done to this member before that position, newest first.
    async fn done_to(&self, member: MemberId, before: Position, limit: usize) -> StoreResult<Vec<Event>>;
    /// Everything up to here has been pruned.
    async fn pruned_to(&self) -> StoreResult<Position>;
}
