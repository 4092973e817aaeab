//! Opens the file, or makes it anew where it cannot be what was read from this log.
use super::{Database, failed, number, signed};
use crate::{
    domain::{Epoch, Position},
    storage::StoreResult,
};
use sqlx::{
    Row,
    migrate::MigrateError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Name of the file in the data folder.
const FILE: &str = "activity.db";
/// Added to the name of a file that was put aside.
const ASIDE: &str = ".replaced";
/// Connections that read beside the writer.
const READERS: u32 = 4;
/// Page cache of each connection, in KiB (negative by SQLite's convention).
const CACHE_KIB: &str = "-4096";
/// How long a statement waits for another process, such as an operator's shell.
const BUSY_MAX: Duration = Duration::from_secs(1);
/// SQLite's words for a file that is damaged, and one that never was a database.
const DAMAGED: [&str; 2] = ["11", "26"];

impl Database {
    /// Opens the file for a log of that name and length. Where it is missing, damaged, or was read from another log or
    /// from more of this one than there is, it begins at position 0; what was there is put aside, for an operator.
    pub(super) async fn open(folder: &Path, epoch: Epoch, head: Position) -> StoreResult<Self> {
        let path = folder.join(FILE);
        let why = match Self::attempt(&path, epoch).await {
            Ok(store) => match store.read_from().await {
                Ok((read, position)) if read == epoch && position <= head => return Ok(store),
                Ok((read, _)) if read != epoch => (store.close().await, "another log").1,
                Ok(_) => (store.close().await, "a longer log").1,
                Err(error) if is_damage(&error) => (store.close().await, "damage").1,
                Err(error) => return Err(failed(error)),
            },
            Err(error) if is_damage(&error) => "damage",
            Err(error) => return Err(failed(error)),
        };
        tracing::warn!(why, "rebuilding activity.db from the event log");
        put_aside(&path).map_err(failed)?;
        Self::attempt(&path, epoch).await.map_err(failed)
    }

    async fn attempt(path: &Path, epoch: Epoch) -> sqlx::Result<Self> {
        let pool = |options: SqliteConnectOptions, connections| async move {
            super::super::pool_options(connections).connect_with(options).await
        };
        let writer = pool(options(path).create_if_missing(true), 1).await?;
        let migrated = sqlx::migrate!("migrations/activity").run(&writer).await;
        migrated.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error,
            other => sqlx::Error::Migrate(other.into()),
        })?;
        let begin = "INSERT INTO reader (one, epoch, position) VALUES (1, ?, 0) ON CONFLICT DO NOTHING";
        sqlx::query(begin).bind(i64::from(epoch.0)).execute(&writer).await?;
        let readers = pool(options(path).read_only(true), READERS).await?;
        Ok(Self { writer, readers })
    }

    async fn read_from(&self) -> sqlx::Result<(Epoch, Position)> {
        // The other tables are looked at so that a file whose damage shows at once is found at once.
        for look in
            ["SELECT max(id) FROM activities", "SELECT max(id) FROM notifications", "SELECT count(*) FROM dead_letters"]
        {
            sqlx::query(look).fetch_one(&self.writer).await?;
        }
        let row = sqlx::query("SELECT epoch, position FROM reader").fetch_one(&self.writer).await?;
        let epoch = u32::try_from(row.try_get::<i64, _>(0)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok((Epoch(epoch), Position(number(row.try_get(1)?))))
    }

    pub(super) async fn read_up_to(&self) -> StoreResult<Position> {
        let query = sqlx::query("SELECT position FROM reader");
        let row = query.fetch_one(&self.writer).await.map_err(failed)?;
        Ok(Position(number(row.get(0))))
    }

    pub(super) async fn close(&self) {
        futures::join!(self.writer.close(), self.readers.close());
    }
}

/// A power loss may take the last commits, which are then read from the log again: the position went with them.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_MAX)
        .pragma("cache_size", CACHE_KIB)
        .pragma("temp_store", "memory")
}

pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // The lowest byte of an extended code is the code itself.
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| DAMAGED.contains(&(code & 0xFF).to_string().as_str()))
}

/// Moves the file and what belongs to it out of the way; a file that was moved before makes room.
fn put_aside(path: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let from = with(path, suffix);
        match fs::rename(&from, with(path, &format!("{ASIDE}{suffix}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Moves the position on, never back.
pub(super) async fn move_on(connection: &mut sqlx::SqliteConnection, to: Position) -> StoreResult<()> {
    let update = "UPDATE reader SET position = max(position, ?)";
    sqlx::query(update).bind(signed(to.0)).execute(connection).await.map_err(failed)?;
    Ok(())
}

/// As [`Database::read_up_to`], within a transaction.
pub(super) async fn position(connection: &mut sqlx::SqliteConnection) -> StoreResult<Position> {
    let row = sqlx::query("SELECT position FROM reader").fetch_one(connection).await.map_err(failed)?;
    Ok(Position(number(row.get(0))))
}
