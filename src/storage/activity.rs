//! Keeps what members did, what they are told of it, and the events that could not be taken in.
use super::StoreResult;
use crate::domain::{Event, EventKind, MemberId, Notification, Position, Timestamp};
use async_trait::async_trait;

/// Days that activities are kept.
pub const ACTIVITY_DAYS: u64 = 365;
/// Most events that wait to be driven again. At that number no further one is buried: the reader stops before it and
/// skips nothing, which its lag shows.
pub const DEAD_LETTERS_MAX: u64 = 100_000;
/// Dead letters that one look for due ones finds at most.
pub const DUE_MAX: usize = 100;

/// An event that failed, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What could not be applied; its position names the dead letter.
    pub event: Event,
    /// The event's message key.
    pub message_key: String,
    /// The event as JSON (CloudEvents).
    pub payload: String,
    /// What the last attempt failed of.
    pub cause: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Of the first failure.
    pub first_at: Timestamp,
    /// Of the last failure.
    pub last_at: Timestamp,
    /// When it is tried again without being asked to.
    pub next_at: Timestamp,
}

/// Activities, notifications, dead letters: a projection of the event log, with the position in the same commit.
///
/// Applying again what has been applied changes nothing. Nothing here is the only copy of anything: a store that was
/// lost begins at position 0 and reads what the log keeps.
#[async_trait]
pub trait ActivityStore: Send + Sync + 'static {
    /// Every event up to here has been applied or buried. Opens the store where it is not open, which nothing else does;
    /// one that had to be made anew begins at position 0.
    async fn position(&self) -> StoreResult<Position>;
    /// Applies events in the order of the log, those up to [`ActivityStore::position`] excepted, and moves the
    /// position to the last of them; all in one commit. At most 1,000. `Rejected` where one of them is what fails.
    async fn apply(&self, batch: &[Event]) -> StoreResult<()>;
    /// Keeps an event that could not be applied, and moves the position to it, in one commit. `Busy` where
    /// [`DEAD_LETTERS_MAX`] are kept.
    async fn add_dead_letter(&self, dead_letter: DeadLetter) -> StoreResult<()>;

    /// What the member did before that position, newest first; of one kind, where one is given.
    async fn activities(
        &self,
        member: MemberId,
        kind: Option<EventKind>,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Event>>;
    /// What the member is told, between the two positions (both excluded), newest first.
    async fn notifications(
        &self,
        member: MemberId,
        after: Position,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Notification>>;
    /// Those of these that the member is told still, in no order. At most 1,000 ids.
    async fn notifications_by_id(&self, member: MemberId, ids: &[Position]) -> StoreResult<Vec<Notification>>;

    /// Dead letters before that position, newest first.
    async fn dead_letters(&self, before: Position, limit: usize) -> StoreResult<Vec<DeadLetter>>;
    /// One of them.
    async fn dead_letter(&self, id: Position) -> StoreResult<Option<DeadLetter>>;
    /// How many there are.
    async fn dead_letter_count(&self) -> StoreResult<u64>;
    /// Those whose time has come, oldest first; at most [`DUE_MAX`].
    async fn due_dead_letters(&self, now: Timestamp) -> StoreResult<Vec<DeadLetter>>;
    /// Applies a buried event and removes its dead letter, in one commit; says whether there was one. What was taken back
    /// since is not told. `Rejected` where the event still is what fails.
    async fn redrive(&self, id: Position) -> StoreResult<bool>;
    /// Notes that a dead letter was tried once more in vain.
    async fn record_failure(&self, id: Position, cause: &str, at: Timestamp, next_at: Timestamp) -> StoreResult<()>;
    /// Removes a dead letter for good; says whether there was one.
    async fn drop_dead_letter(&self, id: Position) -> StoreResult<bool>;

    /// Removes, in small steps, activities older than `ACTIVITY_DAYS`, and everything of and about members who left
    /// `PURGE_DAYS` ago and did not come back. Says how many rows went.
    async fn prune(&self, now: Timestamp) -> StoreResult<u64>;
}
