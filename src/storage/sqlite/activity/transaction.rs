//! A transaction of `activity.db` that is rolled back, with its connection closed, unless it is ended explicitly.
use super::failed;
use crate::storage::StoreResult;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};

/// An open transaction. If it is dropped before [`ActivityTransaction::finish`] or [`ActivityTransaction::abandon`]
/// succeeded, it closes its connection and the pool opens another: after a failed COMMIT, SQLite may or may not have
/// rolled back, and a connection in an unknown state must not be reused.
pub(super) struct ActivityTransaction {
    connection: PoolConnection<Sqlite>,
    ended: bool,
}

impl ActivityTransaction {
    pub(super) async fn begin(pool: &SqlitePool) -> StoreResult<Self> {
        let connection = pool.acquire().await.map_err(failed)?;
        let mut commit = Self { connection, ended: false };
        commit.run("BEGIN IMMEDIATE").await?;
        Ok(commit)
    }

    /// Commits.
    pub(super) async fn finish(self) -> StoreResult<()> {
        self.end("COMMIT").await
    }

    /// Rolls back.
    pub(super) async fn abandon(self) -> StoreResult<()> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> StoreResult<()> {
        self.run(statement).await?;
        self.ended = true;
        Ok(())
    }

    async fn run(&mut self, statement: &'static str) -> StoreResult<()> {
        sqlx::query(AssertSqlSafe(statement)).execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

impl Drop for ActivityTransaction {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}
