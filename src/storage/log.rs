//! The event log: every committed event in order of its position.
use super::StoreResult;
use crate::domain::{Epoch, Event, MemberId, Position};
use async_trait::async_trait;
use std::time::Duration;
use tokio::sync::watch;

/// The answer of [`EventLog::reach`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The log of this process has the position.
    Reached,
    /// No store has given out the position yet.
    Beyond,
}

/// Reads the log. The other stores append to it in the commits of their commands.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Returns the epoch of the log.
    fn epoch(&self) -> Epoch;
    /// Returns a receiver of the position of the newest committed event. A change only wakes a reader, which reads the
    /// log, and can come late.
    fn head(&self) -> watch::Receiver<Position>;
    /// Returns the position of the newest event that any store over this data has committed. [`EventLog::head`] may be
    /// behind it for a moment.
    async fn newest(&self) -> StoreResult<Position>;
    /// Waits until [`EventLog::head`] has reached the position, for `wait_max` at most. Answers at once if it has, or
    /// if the position is beyond [`EventLog::newest`]. Errors: `Late` after `wait_max`.
    async fn reach(&self, position: Position, wait_max: Duration) -> StoreResult<Reach>;
    /// Returns at most `limit` events after that position and up to the head, oldest first.
    async fn read(&self, after: Position, limit: usize) -> StoreResult<Vec<Event>>;
    /// Returns at most `limit` events after `after` and up to `until` whose audience includes a stream of this member,
    /// who watches these authors (ascending), oldest first.
    async fn stream_events(
        &self,
        member: MemberId,
        home_authors: &[MemberId],
        after: Position,
        until: Position,
        limit: usize,
    ) -> StoreResult<Vec<Event>>;
    /// Returns at most `limit` events before that position whose target is the member, newest first.
    async fn events_targeting(&self, member: MemberId, before: Position, limit: usize) -> StoreResult<Vec<Event>>;
    /// Returns the position up to which every event has been pruned.
    async fn pruned_to(&self) -> StoreResult<Position>;
}
