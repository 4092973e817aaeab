//! The traits of the activity store: activities, notifications and dead letters, projected from the event log.
use super::StoreResult;
use crate::domain::{Event, EventKind, MemberId, Notification, Position, Timestamp};
use async_trait::async_trait;

/// Days that an activity is kept.
pub const ACTIVITY_DAYS: u64 = 365;
/// Maximum number of dead letters that are kept. At that number [`DeadLetterStore::add_dead_letter`] refuses the next
/// one: the reader stops before that event and skips nothing, which its lag shows.
pub const DEAD_LETTERS_MAX: u64 = 100_000;
/// Maximum number of dead letters that one call of [`DeadLetterStore::due_dead_letters`] returns.
pub const DUE_MAX: usize = 100;

/// An event that the activity store could not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The event; its position is the id of the dead letter.
    pub event: Event,
    /// The event's message key.
    pub message_key: String,
    /// The event as JSON (CloudEvents).
    pub payload: String,
    /// The error of the last attempt.
    pub cause: String,
    /// Number of attempts so far.
    pub attempts: u32,
    /// Time of the first failure.
    pub first_at: Timestamp,
    /// Time of the last failure.
    pub last_at: Timestamp,
    /// Time of the next automatic attempt.
    pub next_at: Timestamp,
}

/// Stores activities and notifications: a projection of the event log that commits its position with its rows.
///
/// Applying an event again changes nothing. The store is never the only copy of anything: a lost one begins at position
/// 0 and is rebuilt from the events that the log keeps.
#[async_trait]
pub trait ActivityStore: DeadLetterStore + Send + Sync + 'static {
    /// Returns the position up to which every event has been applied or added to the dead letters. This is the only
    /// method that opens a closed store; a store that had to be made anew begins at position 0.
    async fn position(&self) -> StoreResult<Position>;
    /// Applies at most 1,000 events in the order of the log and moves the position to the last of them, in one commit.
    /// Skips events up to [`ActivityStore::position`]. Errors: `Rejected` if one of the events is the cause.
    async fn apply(&self, batch: &[Event]) -> StoreResult<()>;

    /// Loads the activities of a member before that position, newest first; of one kind if one is given.
    async fn activities(
        &self,
        member: MemberId,
        kind: Option<EventKind>,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Event>>;
    /// Loads the notifications of a member between the two positions (both excluded), newest first.
    async fn notifications(
        &self,
        member: MemberId,
        after: Position,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Notification>>;
    /// Loads the member's notifications among `ids` that have not been retracted, unordered. At most 1,000 ids.
    async fn notifications_by_id(&self, member: MemberId, ids: &[Position]) -> StoreResult<Vec<Notification>>;

    /// Deletes, in small steps, activities older than `ACTIVITY_DAYS`, and all activities of, notifications to and
    /// notifications about members who deactivated their accounts more than `PURGE_DAYS` ago and did not restore them.
    /// Returns the number of deleted rows.
    async fn prune(&self, now: Timestamp) -> StoreResult<u64>;
}

/// Stores the events that an [`ActivityStore`] could not apply, until they are redriven or dropped.
#[async_trait]
pub trait DeadLetterStore {
    /// Stores an event that could not be applied and moves the position to it, in one commit. Does nothing if the
    /// position has passed the event. Errors: `Busy` if [`DEAD_LETTERS_MAX`] are kept.
    async fn add_dead_letter(&self, dead_letter: DeadLetter) -> StoreResult<()>;
    /// Loads dead letters before that position, newest first.
    async fn dead_letters(&self, before: Position, limit: usize) -> StoreResult<Vec<DeadLetter>>;
    /// Loads one dead letter.
    async fn dead_letter(&self, id: Position) -> StoreResult<Option<DeadLetter>>;
    /// Counts the dead letters.
    async fn dead_letter_count(&self) -> StoreResult<u64>;
    /// Loads the dead letters whose `next_at` has come, oldest first; at most [`DUE_MAX`].
    async fn due_dead_letters(&self, now: Timestamp) -> StoreResult<Vec<DeadLetter>>;
    /// Applies the event of a dead letter and deletes the dead letter, in one commit. Returns whether it existed. Makes
    /// no notification that a later event has retracted. Errors: `Rejected` if the event fails again.
    async fn redrive(&self, id: Position) -> StoreResult<bool>;
    /// Records one more failed attempt at a dead letter.
    async fn record_failure(&self, id: Position, cause: &str, at: Timestamp, next_at: Timestamp) -> StoreResult<()>;
    /// Deletes a dead letter without applying it. Returns whether it existed.
    async fn drop_dead_letter(&self, id: Position) -> StoreResult<bool>;
}
