//! Events that could not be applied, kept until they can be, or an operator drops them.
use super::{Database, commit::Commit, event, event_columns, failed, number, open, signed, write};
use crate::{
    domain::{Position, Timestamp},
    storage::{DEAD_LETTERS_MAX, DUE_MAX, DeadLetter, StoreError, StoreResult, sqlite::writer::with_fact},
};
use sqlx::{Row, sqlite::SqliteRow};

/// Columns of a dead letter, in the order that `dead_letter` reads them.
macro_rules! select_dead_letters {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            event_columns!("id"),
            ", message_key, payload, cause, attempts, first_at, last_at, next_at FROM dead_letters ",
            $rest
        )
    };
}

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

fn dead_letters_from(rows: &[SqliteRow]) -> StoreResult<Vec<DeadLetter>> {
    rows.iter().map(dead_letter).collect::<sqlx::Result<_>>().map_err(failed)
}

impl Database {
    pub(super) async fn add_dead_letter(&self, dead_letter: DeadLetter) -> StoreResult<()> {
        let mut commit = Commit::begin(&self.writer).await?;
        let connection = commit.connection();
        let event = &dead_letter.event;
        if event.position <= open::position(connection).await? {
            return commit.abandon().await;
        }
        let query = sqlx::query("SELECT count(*) FROM dead_letters");
        let row = query.fetch_one(&mut *connection).await.map_err(failed)?;
        if number(row.get(0)) >= DEAD_LETTERS_MAX {
            commit.abandon().await?;
            return Err(StoreError::Busy { backend: "dead letters" });
        }
        let insert = "INSERT INTO dead_letters (id, message_key, at_ns, kind, member_id, post_id, comment_id, target_id, \
            payload, cause, attempts, first_at, last_at, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let query = sqlx::query(insert).bind(signed(event.position.0)).bind(dead_letter.message_key).bind(event.at_ns);
        let query = with_fact(query, &event.fact)
            .bind(dead_letter.payload)
            .bind(dead_letter.cause)
            .bind(dead_letter.attempts)
            .bind(dead_letter.first_at.0)
            .bind(dead_letter.last_at.0)
            .bind(dead_letter.next_at.0);
        query.execute(&mut *connection).await.map_err(failed)?;
        open::move_on(connection, event.position).await?;
        commit.finish().await
    }

    pub(super) async fn dead_letters(&self, before: Position, limit: usize) -> StoreResult<Vec<DeadLetter>> {
        let query = sqlx::query(select_dead_letters!("WHERE id < ? ORDER BY id DESC LIMIT ?"));
        let query = query.bind(signed(before.0)).bind(signed(limit as u64));
        dead_letters_from(&query.fetch_all(&self.readers).await.map_err(failed)?)
    }

    pub(super) async fn due_dead_letters(&self, now: Timestamp) -> StoreResult<Vec<DeadLetter>> {
        let query = sqlx::query(select_dead_letters!("WHERE next_at <= ? ORDER BY id LIMIT ?"));
        let query = query.bind(now.0).bind(signed(DUE_MAX as u64));
        dead_letters_from(&query.fetch_all(&self.readers).await.map_err(failed)?)
    }

    pub(super) async fn redrive(&self, id: Position) -> StoreResult<bool> {
        let mut commit = Commit::begin(&self.writer).await?;
        let connection = commit.connection();
        let select = concat!("SELECT ", event_columns!("id"), ", withdrawn FROM dead_letters WHERE id = ?");
        let query = sqlx::query(select).bind(signed(id.0));
        let Some(row) = query.fetch_optional(&mut *connection).await.map_err(failed)? else {
            commit.abandon().await?;
            return Ok(false);
        };
        let buried = event(&row).map_err(failed)?;
        // First, so that it is not taken for one of those that wait.
        let delete = sqlx::query("DELETE FROM dead_letters WHERE id = ?").bind(signed(id.0));
        delete.execute(&mut *connection).await.map_err(failed)?;
        write::note(connection, &[buried]).await?;
        let withdrawn: bool = row.get(7);
        let told = if withdrawn { None } else { write::tell(connection, &buried).await? };
        if let Some(member) = told {
            write::keep_newest(connection, member).await?;
        }
        write::take_back(connection, &buried, true).await?;
        commit.finish().await?;
        Ok(true)
    }

    pub(super) async fn drop_letter(&self, id: Position) -> StoreResult<bool> {
        let query = sqlx::query("DELETE FROM dead_letters WHERE id = ?").bind(signed(id.0));
        Ok(query.execute(&self.writer).await.map_err(failed)?.rows_affected() > 0)
    }

    pub(super) async fn letter_count(&self) -> StoreResult<u64> {
        let row = sqlx::query("SELECT count(*) FROM dead_letters").fetch_one(&self.readers).await.map_err(failed)?;
        Ok(number(row.get(0)))
    }

    pub(super) async fn note_failure(
        &self,
        id: Position,
        cause: &str,
        at: Timestamp,
        next_at: Timestamp,
    ) -> StoreResult<()> {
        let update =
            "UPDATE dead_letters SET cause = ?, attempts = attempts + 1, last_at = ?, next_at = ? WHERE id = ?";
        let query = sqlx::query(update).bind(cause).bind(at.0).bind(next_at.0).bind(signed(id.0));
        query.execute(&self.writer).await.map_err(failed)?;
        Ok(())
    }
}
