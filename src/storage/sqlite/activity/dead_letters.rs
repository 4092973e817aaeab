//! `DeadLetterStore` on `activity.db`: events that could not be applied, until they are redriven or dropped.
use super::{
    Database, SqliteActivity, decoded, failed,
    insert::{insert_activities, insert_notification, keep_newest},
    open::{advance, position},
    reject_row_errors,
    retract::retract,
    transaction::ActivityTransaction,
};
use crate::{
    domain::{Event, Notification, Position, Retraction, Timestamp},
    storage::{
        DEAD_LETTERS_MAX, DUE_MAX, DeadLetter, DeadLetterStore, StoreError, StoreResult,
        sqlite::{log::event, number, signed, writer::with_fact},
    },
};
use async_trait::async_trait;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

const INSERT: &str = "INSERT INTO dead_letters \
    (id, message_key, at_ns, kind, member_id, post_id, comment_id, target_id, payload, cause, \
    attempts, first_at, last_at, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const COUNT: &str = "SELECT count(*) FROM dead_letters";
const EXIST: &str = "SELECT EXISTS (SELECT 1 FROM dead_letters)";
const BEFORE: &str = "SELECT id, at_ns, kind, member_id, post_id, comment_id, target_id, message_key, payload, cause, \
    attempts, first_at, last_at, next_at FROM dead_letters WHERE id < ? ORDER BY id DESC LIMIT ?";
const BY_ID: &str = "SELECT id, at_ns, kind, member_id, post_id, comment_id, target_id, message_key, payload, cause, \
    attempts, first_at, last_at, next_at FROM dead_letters WHERE id = ?";
const DUE: &str = "SELECT id, at_ns, kind, member_id, post_id, comment_id, target_id, message_key, payload, cause, \
    attempts, first_at, last_at, next_at FROM dead_letters WHERE next_at <= ? ORDER BY id LIMIT ?";
const RECORD_FAILURE: &str =
    "UPDATE dead_letters SET cause = ?, attempts = attempts + 1, last_at = ?, next_at = ? WHERE id = ?";
const DELETE: &str = "DELETE FROM dead_letters WHERE id = ?";
/// The event of a dead letter, and whether its notification has been retracted.
const EVENT_BY_ID: &str = "SELECT id, at_ns, kind, member_id, post_id, comment_id, target_id, withdrawn \
    FROM dead_letters WHERE id = ?";
/// Events of older dead letters about that post or about no post.
const EVENTS_ABOUT: &str = "SELECT id, at_ns, kind, member_id, post_id, comment_id, target_id FROM dead_letters \
    WHERE id < ? AND withdrawn = 0 AND (post_id IS ? OR post_id IS NULL)";
const WITHDRAW: &str = "UPDATE dead_letters SET withdrawn = 1 WHERE id = ?";

#[async_trait]
impl DeadLetterStore for SqliteActivity {
    async fn add_dead_letter(&self, dead_letter: DeadLetter) -> StoreResult<()> {
        self.with_database(async |database| add_dead_letter(&database, dead_letter).await).await
    }

    async fn dead_letters(&self, before: Position, limit: usize) -> StoreResult<Vec<DeadLetter>> {
        self.with_database(async |database| {
            let query = sqlx::query(BEFORE).bind(signed(before.0)).bind(signed(limit as u64));
            decoded(&query.fetch_all(&database.read_pool).await.map_err(failed)?, dead_letter)
        })
        .await
    }

    async fn dead_letter(&self, id: Position) -> StoreResult<Option<DeadLetter>> {
        self.with_database(async |database| {
            let query = sqlx::query(BY_ID).bind(signed(id.0));
            let row = query.fetch_optional(&database.read_pool).await.map_err(failed)?;
            row.map(|row| dead_letter(&row)).transpose().map_err(failed)
        })
        .await
    }

    async fn dead_letter_count(&self) -> StoreResult<u64> {
        self.with_database(async |database| {
            let row = sqlx::query(COUNT).fetch_one(&database.read_pool).await.map_err(failed)?;
            Ok(number(row.get(0)))
        })
        .await
    }

    async fn due_dead_letters(&self, now: Timestamp) -> StoreResult<Vec<DeadLetter>> {
        self.with_database(async |database| {
            let query = sqlx::query(DUE).bind(now.0).bind(signed(DUE_MAX as u64));
            decoded(&query.fetch_all(&database.read_pool).await.map_err(failed)?, dead_letter)
        })
        .await
    }

    async fn redrive(&self, id: Position) -> StoreResult<bool> {
        self.with_database(async |database| redrive(&database, id).await).await.map_err(reject_row_errors)
    }

    async fn record_failure(&self, id: Position, cause: &str, at: Timestamp, next_at: Timestamp) -> StoreResult<()> {
        self.with_database(async |database| {
            let query = sqlx::query(RECORD_FAILURE).bind(cause).bind(at.0).bind(next_at.0).bind(signed(id.0));
            query.execute(&database.writer).await.map_err(failed)?;
            Ok(())
        })
        .await
    }

    async fn drop_dead_letter(&self, id: Position) -> StoreResult<bool> {
        self.with_database(async |database| {
            let query = sqlx::query(DELETE).bind(signed(id.0));
            Ok(query.execute(&database.writer).await.map_err(failed)?.rows_affected() > 0)
        })
        .await
    }
}

async fn add_dead_letter(database: &Database, dead_letter: DeadLetter) -> StoreResult<()> {
    let mut commit = ActivityTransaction::begin(&database.writer).await?;
    let connection = commit.connection();
    let event = &dead_letter.event;
    if event.position <= position(&mut *connection).await? {
        return commit.abandon().await;
    }
    let row = sqlx::query(COUNT).fetch_one(&mut *connection).await.map_err(failed)?;
    if number(row.get(0)) >= DEAD_LETTERS_MAX {
        commit.abandon().await?;
        return Err(StoreError::Busy { backend: "dead letters" });
    }
    let query = sqlx::query(INSERT).bind(signed(event.position.0)).bind(dead_letter.message_key).bind(event.at_ns);
    let query = with_fact(query, &event.fact)
        .bind(dead_letter.payload)
        .bind(dead_letter.cause)
        .bind(dead_letter.attempts)
        .bind(dead_letter.first_at.0)
        .bind(dead_letter.last_at.0)
        .bind(dead_letter.next_at.0);
    query.execute(&mut *connection).await.map_err(failed)?;
    advance(connection, event.position).await?;
    commit.finish().await
}

async fn redrive(database: &Database, id: Position) -> StoreResult<bool> {
    let mut commit = ActivityTransaction::begin(&database.writer).await?;
    let connection = commit.connection();
    let query = sqlx::query(EVENT_BY_ID).bind(signed(id.0));
    let Some(row) = query.fetch_optional(&mut *connection).await.map_err(failed)? else {
        commit.abandon().await?;
        return Ok(false);
    };
    let event = event(&row).map_err(failed)?;
    let withdrawn: bool = row.get(7);
    // Before `retract` looks for other dead letters to withdraw.
    sqlx::query(DELETE).bind(signed(id.0)).execute(&mut *connection).await.map_err(failed)?;
    insert_activities(connection, &[event]).await?;
    if !withdrawn && let Some(member) = insert_notification(connection, &event).await? {
        keep_newest(connection, member).await?;
    }
    retract(connection, &event, true).await?;
    commit.finish().await?;
    Ok(true)
}

/// Returns whether any dead letter is stored.
pub(super) async fn exist(connection: &mut SqliteConnection) -> StoreResult<bool> {
    let row = sqlx::query(EXIST).fetch_one(connection).await.map_err(failed)?;
    Ok(row.get(0))
}

/// Marks the dead letters that are older than `by` and whose notification the retraction covers. Reads them one by one:
/// dead letters are few.
pub(super) async fn withdraw(
    connection: &mut SqliteConnection,
    retraction: &Retraction,
    by: &Event,
) -> StoreResult<()> {
    let query = sqlx::query(EVENTS_ABOUT).bind(signed(by.position.0)).bind(by.fact.post.map(|post| signed(post.0)));
    for row in query.fetch_all(&mut *connection).await.map_err(failed)? {
        let dead = event(&row).map_err(failed)?;
        if Notification::of(&dead).is_some_and(|notification| retraction.covers(&notification)) {
            let update = sqlx::query(WITHDRAW).bind(signed(dead.position.0));
            update.execute(&mut *connection).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Reads a dead letter from the columns of `BEFORE`, `BY_ID` and `DUE`: those of the event come first.
fn dead_letter(row: &SqliteRow) -> sqlx::Result<DeadLetter> {
    Ok(DeadLetter {
        event: event(row)?,
        message_key: row.try_get(7)?,
        payload: row.try_get(8)?,
        cause: row.try_get(9)?,
        attempts: row.try_get(10)?,
        first_at: Timestamp(row.try_get(11)?),
        last_at: Timestamp(row.try_get(12)?),
        next_at: Timestamp(row.try_get(13)?),
    })
}
