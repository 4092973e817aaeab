//! Opens `activity.db`, or replaces a file that was not made from this log, and reads and advances its position.
use super::{Database, failed};
use crate::{
    domain::{Epoch, Position},
    storage::{
        StoreResult,
        sqlite::{number, pool_options, signed},
    },
};
use sqlx::{
    Row, SqliteConnection, SqliteExecutor,
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
/// Suffix of the name of a replaced file.
const REPLACED: &str = ".replaced";
/// Connections that only read.
const READERS: u32 = 4;
/// Page cache of each connection, in KiB (negative by SQLite's convention).
const CACHE_KIB: &str = "-4096";
/// The longest wait of a statement for another process, such as an operator's shell.
const BUSY_MAX: Duration = Duration::from_secs(1);
/// Primary result codes of SQLite for a damaged file: SQLITE_CORRUPT, SQLITE_NOTADB.
const DAMAGE_ERRORS: [u32; 2] = [11, 26];

/// Statements that fail on a damaged file, if SQLite can detect the damage without a full check.
const PROBES: [&str; 3] =
    ["SELECT max(id) FROM activities", "SELECT max(id) FROM notifications", "SELECT count(*) FROM dead_letters"];
const INSERT_READER: &str = "INSERT INTO reader (one, epoch, position) VALUES (1, ?, 0) ON CONFLICT DO NOTHING";
const READER: &str = "SELECT epoch, position FROM reader";
const POSITION: &str = "SELECT position FROM reader";
const ADVANCE: &str = "UPDATE reader SET position = max(position, ?)";

impl Database {
    /// Opens the file for the log of that epoch, whose newest event has position `head`. A file that is missing,
    /// damaged, or was made from another log or from more of this log than exists, is replaced by an empty one at
    /// position 0; the old file is renamed and kept for an operator.
    pub(super) async fn open(folder: &Path, epoch: Epoch, head: Position) -> StoreResult<Self> {
        let path = folder.join(FILE);
        let why = match Self::try_open(&path, epoch).await {
            Ok(database) => {
                let why = match database.followed_log().await {
                    Ok((read, position)) if read == epoch && position <= head => return Ok(database),
                    Ok((read, _)) if read != epoch => "another log",
                    Ok(_) => "a longer log",
                    Err(error) if is_damage(&error) => "damage",
                    Err(error) => return Err(failed(error)),
                };
                database.close().await;
                why
            }
            Err(error) if is_damage(&error) => "damage",
            Err(error) => return Err(failed(error)),
        };
        tracing::warn!(why, "rebuilding activity.db from the event log");
        move_aside(&path).map_err(failed)?;
        Self::try_open(&path, epoch).await.map_err(failed)
    }

    async fn try_open(path: &Path, epoch: Epoch) -> sqlx::Result<Self> {
        let writer = pool_options(1).connect_with(options(path).create_if_missing(true)).await?;
        let migrated = sqlx::migrate!("migrations/activity").run(&writer).await;
        migrated.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error,
            other => sqlx::Error::Migrate(other.into()),
        })?;
        sqlx::query(INSERT_READER).bind(i64::from(epoch.0)).execute(&writer).await?;
        let read_pool = pool_options(READERS).connect_with(options(path).read_only(true)).await?;
        Ok(Self { writer, read_pool })
    }

    /// Loads the epoch of the log that the file was made from, and its position in it.
    async fn followed_log(&self) -> sqlx::Result<(Epoch, Position)> {
        for probe in PROBES {
            sqlx::query(probe).fetch_one(&self.writer).await?;
        }
        let row = sqlx::query(READER).fetch_one(&self.writer).await?;
        let epoch = u32::try_from(row.try_get::<i64, _>(0)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok((Epoch(epoch), Position(number(row.try_get(1)?))))
    }

    pub(super) async fn close(&self) {
        futures::join!(self.writer.close(), self.read_pool.close());
    }
}

/// Syncs at checkpoints only. A power loss may lose the last commits; their position is lost with them, so their events
/// are read from the log again.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_MAX)
        .pragma("cache_size", CACHE_KIB)
        .pragma("temp_store", "memory")
}

/// Returns whether the error says that the file is damaged, or is no database.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    primary_code(error).is_some_and(|code| DAMAGE_ERRORS.contains(&code))
}

/// Returns the primary result code of an error of SQLite: the lowest byte of its extended result code.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<u32>().ok().map(|code| code & 0xFF)
}

/// Renames the file and its `-wal` and `-shm`; overwrites files that were renamed before.
fn move_aside(path: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let from = with_suffix(path, suffix);
        match fs::rename(&from, with_suffix(path, &format!("{REPLACED}{suffix}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Loads the position.
pub(super) async fn position(executor: impl SqliteExecutor<'_>) -> StoreResult<Position> {
    let row = sqlx::query(POSITION).fetch_one(executor).await.map_err(failed)?;
    Ok(Position(number(row.get(0))))
}

/// Moves the position forward, never back.
pub(super) async fn advance(connection: &mut SqliteConnection, to: Position) -> StoreResult<()> {
    sqlx::query(ADVANCE).bind(signed(to.0)).execute(connection).await.map_err(failed)?;
    Ok(())
}
