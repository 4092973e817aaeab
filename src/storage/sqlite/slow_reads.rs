//! Slow reads: connections of their own, and a deadline that interrupts the statement.
//!
//! A read whose cost is not bounded by its page takes a [`Deadline`] and runs here; `docs/adr/0028-bounded-reads.md`
//! lists all of them. An ordinary read is bounded by its page and is not interrupted.
use super::failed;
use crate::{
    domain::Deadline,
    storage::{StoreError, StoreResult},
};
use sqlx::{
    Sqlite, SqlitePool,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

/// Page cache of each connection, in KiB (negative by SQLite's convention).
pub(super) const CACHE_KIB: &str = "-4096";
/// Connections of slow reads, at most 6 MiB each: one for each permit of the four lanes that read here
/// (`recommendations`, `counts`, `feeds`, `activity`), so that no permit waits for a connection.
pub(super) const CONNECTIONS: u32 = 8;
/// Instructions of SQLite's virtual machine between two checks of the deadline: about 20 microseconds.
const CHECK_EVERY: i32 = 1_000;

/// The pool of slow reads.
pub(super) struct SlowReads(pub(super) SqlitePool);

impl SlowReads {
    /// Returns all rows of a statement. Errors: `Late` if the deadline passes or its guard is dropped first.
    pub(super) async fn fetch_all(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
        until: &Deadline,
    ) -> StoreResult<Vec<SqliteRow>> {
        let mut connection = self.0.acquire().await.map_err(failed)?;
        let deadline = until.clone();
        // The handler stays on the connection; the next slow read replaces it before it starts.
        let mut handle = connection.lock_handle().await.map_err(failed)?;
        handle.set_progress_handler(CHECK_EVERY, move || !deadline.has_passed());
        drop(handle);
        let rows = query.fetch_all(&mut *connection).await;
        rows.map_err(|error| if until.has_passed() { StoreError::Late { backend: "sqlite" } } else { failed(error) })
    }
}

impl super::Sqlite {
    /// Returns all rows of a statement: as a slow read if it has a deadline, on an ordinary connection otherwise.
    pub(super) async fn fetch_rows(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<SqliteRow>> {
        match until {
            Some(until) => self.slow_reads.fetch_all(query, until).await,
            None => query.fetch_all(&self.read_pool).await.map_err(failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Row;
    use std::time::{Duration, Instant};

    const ENDLESS: &str =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0";

    async fn slow_reads() -> SlowReads {
        SlowReads(crate::storage::sqlite::pool_options(1).connect("sqlite::memory:").await.unwrap())
    }

    #[tokio::test]
    async fn a_statement_ends_at_its_deadline_and_the_connection_stays_usable() {
        let slow_reads = slow_reads().await;
        let begun = Instant::now();
        let late = slow_reads.fetch_all(sqlx::query(ENDLESS), &Deadline::after(Duration::from_millis(50))).await;
        assert!(matches!(late, Err(StoreError::Late { .. })), "{late:?}");
        assert!(begun.elapsed() < Duration::from_secs(10));
        let rows =
            slow_reads.fetch_all(sqlx::query("SELECT 7"), &Deadline::after(Duration::from_secs(60))).await.unwrap();
        assert_eq!(rows[0].get::<i64, _>(0), 7);
    }

    #[tokio::test]
    async fn a_statement_ends_when_its_caller_is_dropped() {
        let slow_reads = slow_reads().await;
        let (deadline, guard) = Deadline::within(Duration::from_secs(600));
        let late = async { slow_reads.fetch_all(sqlx::query(ENDLESS), &deadline).await };
        let cancel = async {
            tokio::task::yield_now().await;
            drop(guard);
        };
        let (late, ()) = futures::join!(late, cancel);
        assert!(matches!(late, Err(StoreError::Late { .. })), "{late:?}");
    }
}
