//! Activities in a file beside the database: rows, and the position that they were read up to, in one commit.
mod letters;
mod open;
mod prune;
mod read;
mod write;

use super::{StoreResult, failed, log::event, number, signed};
use crate::{
    domain::{Event, EventKind, MemberId, Notification, Position, Timestamp},
    storage::{ActivityStore, DeadLetter},
};
use async_trait::async_trait;
use sqlx::{Row, SqlitePool};

/// The store. Writers queue for the one connection that writes; there are few of them: the reader of the log, the
/// sweep of dead letters, housekeeping and operators.
pub(in crate::storage) struct SqliteActivity {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// Columns of an event, in the order that `event` reads them.
macro_rules! event_columns {
    ($id:literal) => {
        concat!($id, ", at_ns, kind, member_id, post_id, comment_id, target_id")
    };
}
use event_columns;

fn unknown(what: &str, code: u8) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what} of unknown kind {code}").into())
}

#[async_trait]
impl ActivityStore for SqliteActivity {
    async fn position(&self) -> StoreResult<Position> {
        self.read_up_to().await
    }

    async fn apply(&self, batch: &[Event]) -> StoreResult<()> {
        self.take_in(batch).await
    }

    async fn bury(&self, letter: DeadLetter) -> StoreResult<()> {
        self.lay_aside(letter).await
    }

    async fn activities(
        &self,
        member: MemberId,
        kind: Option<EventKind>,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Event>> {
        self.done_by(member, kind, before, limit).await
    }

    async fn notifications(
        &self,
        member: MemberId,
        after: Position,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Notification>> {
        self.told_to(member, after, before, limit).await
    }

    async fn notifications_by_id(&self, member: MemberId, ids: &[Position]) -> StoreResult<Vec<Notification>> {
        self.told_by_id(member, ids).await
    }

    async fn dead_letters(&self, before: Position, limit: usize) -> StoreResult<Vec<DeadLetter>> {
        self.letters_before(before, limit).await
    }

    async fn dead_letter(&self, id: Position) -> StoreResult<Option<DeadLetter>> {
        let next = Position(id.0.saturating_add(1));
        Ok(self.letters_before(next, 1).await?.pop().filter(|letter| letter.event.position == id))
    }

    async fn dead_letter_count(&self) -> StoreResult<u64> {
        let row = sqlx::query("SELECT count(*) FROM dead_letters").fetch_one(&self.readers).await.map_err(failed)?;
        Ok(number(row.get(0)))
    }

    async fn due_letters(&self, now: Timestamp) -> StoreResult<Vec<DeadLetter>> {
        self.letters_due(now).await
    }

    async fn redrive(&self, id: Position) -> StoreResult<bool> {
        self.drive_again(id).await
    }

    async fn failed_again(&self, id: Position, cause: &str, at: Timestamp, next_at: Timestamp) -> StoreResult<()> {
        self.note_failure(id, cause, at, next_at).await
    }

    async fn drop_letter(&self, id: Position) -> StoreResult<bool> {
        let query = sqlx::query("DELETE FROM dead_letters WHERE id = ?").bind(signed(id.0));
        Ok(query.execute(&self.writer).await.map_err(failed)?.rows_affected() > 0)
    }

    async fn prune(&self, now: Timestamp) -> StoreResult<u64> {
        self.forget(now).await
    }
}
