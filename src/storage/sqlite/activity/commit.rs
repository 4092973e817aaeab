//! One commit of the file. What is not committed is taken back, whatever becomes of its connection.
use super::failed;
use crate::storage::StoreResult;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};

/// An open transaction. Dropped before it has ended, it takes its connection with it, and the pool opens another: a commit
/// that failed may have been rolled back by SQLite or not, and a connection of which that is not known serves nobody.
pub(super) struct Commit {
    connection: PoolConnection<Sqlite>,
    ended: bool,
}

impl Commit {
    pub(super) async fn begin(pool: &SqlitePool) -> StoreResult<Self> {
        let connection = pool.acquire().await.map_err(failed)?;
        let mut commit = Self { connection, ended: false };
        commit.run("BEGIN IMMEDIATE").await?;
        Ok(commit)
    }

    /// Makes everything durable.
    pub(super) async fn finish(self) -> StoreResult<()> {
        self.end("COMMIT").await
    }

    /// Changes nothing.
    pub(super) async fn abandon(self) -> StoreResult<()> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, how: &'static str) -> StoreResult<()> {
        self.run(how).await?;
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

impl Drop for Commit {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}
