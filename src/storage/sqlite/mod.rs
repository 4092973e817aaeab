//! The embedded profile: one SQLite file, one writer that groups commands into commits, readers beside it.
mod activity;
mod audit;
mod bulk;
mod comments;
mod commit;
mod content;
mod counted;
mod deactivation;
#[cfg(test)]
pub(super) mod for_tests;
mod images;
mod import;
mod lane;
mod likes;
mod log;
mod markers;
mod member_relations;
mod members;
mod members_read;
mod posts;
mod publish;
mod ranking;
mod receipts;
mod relations;
mod relations_read;
mod reserve;
mod retag;
mod revocations;
mod scan;
mod sessions;
mod tail;
mod top3;
mod upkeep;
mod views;
mod writer;

pub(super) use activity::SqliteActivity;

use super::{Drift, StoreError, StoreResult};
use crate::{config::Config, domain::Epoch};
use lane::Lane;
use reserve::Reserve;
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tail::Tail;
use writer::Writer;

/// How long a reader waits for a free connection before the request is shed.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// Pages in the write-ahead log (4 KiB each) before the writer copies them into the file. Larger means fewer pauses
/// and a larger `-wal` file: 4,000 pages are 16 MiB.
const CHECKPOINT_PAGES: &str = "4000";
/// Page cache of each connection, in KiB (negative by SQLite's convention).
const CACHE_KIB: &str = "-16384";

/// The store. Cheap to share; everything behind it is.
pub(super) struct Sqlite {
    readers: SqlitePool,
    /// What may take long does not take the readers.
    lane: Lane,
    writer: Writer,
    tail: Arc<Tail>,
    epoch: Epoch,
    reserve: Reserve,
    /// How long an access token lives at most.
    token_lifetime: Duration,
    /// Held for as long as the store is open.
    _lock: std::fs::File,
}

/// What an attempt to open the database has opened.
struct Opened {
    readers: SqlitePool,
    lane: Lane,
    writer: Writer,
    tail: Arc<Tail>,
    epoch: Epoch,
}

impl Sqlite {
    /// Opens the database in the data folder, makes it where there is none, and brings its schema up to date.
    pub(super) async fn open(config: &Config) -> StoreResult<Self> {
        let lock = lock(&config.data_dir)?;
        let reserve = Reserve::of(&config.data_dir);
        let opened = Self::attempt(config).await;
        let Opened { readers, lane, writer, tail, epoch } = match opened {
            Err(error) if reserve.give_up() => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the database could not be opened, trying again without the reserve of room");
                Self::attempt(config).await?
            }
            opened => opened?,
        };
        let token_lifetime = Duration::from_secs(config.authentication.access_token_seconds);
        Ok(Self { readers, lane, writer, tail, epoch, reserve, token_lifetime, _lock: lock })
    }

    async fn attempt(config: &Config) -> StoreResult<Opened> {
        let options = options(config).create_if_missing(true);
        let opened = pool_options(1).connect_with(options.clone()).await;
        let writing = opened.map_err(|error| unusable(&file(config), error))?;
        sqlx::migrate!("migrations/sqlite").run(&writing).await.map_err(failed)?;
        retag::bring_up_to_date(&writing).await?;
        let epoch = epoch(&writing).await?;
        let tail = Arc::new(Tail::load(&writing).await?);
        let reading = options.read_only(true).create_if_missing(false);
        let readers = pool(reading.clone(), config.storage.read_connections).await?;
        let lane = Lane(pool(reading, lane::CONNECTIONS).await?);
        let writer = Writer::start(writing, tail.clone(), config.storage.commit_batch_max).await?;
        Ok(Opened { readers, lane, writer, tail, epoch })
    }

    /// Sets room aside for the next start, where there is some. Called once everything is open, and hourly.
    pub(super) fn keep_reserve(&self) {
        self.reserve.keep();
    }
}

/// Only one process writes to a data folder: positions and ids are given out in memory. The file has its process id.
fn lock(data_dir: &str) -> StoreResult<std::fs::File> {
    let path = Path::new(data_dir).join("dailyfeed.lock");
    // Not truncated: the file may be another process's, with its id.
    let opened = std::fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
    let mut file = opened.map_err(|error| unusable(&path, error))?;
    match file.try_lock() {
        Ok(()) => {
            // The id helps an operator; where it cannot be written, the lock holds all the same.
            let id = std::process::id().to_string();
            if let Err(error) = file.set_len(0).and_then(|()| file.write_all(id.as_bytes())) {
                tracing::warn!(error = &error as &dyn std::error::Error, path = %path.display(), "process id not written");
            }
            Ok(file)
        }
        Err(std::fs::TryLockError::WouldBlock) => {
            let id = std::io::read_to_string(&file).unwrap_or_default();
            Err(StoreError::InUse { data_dir: data_dir.to_owned(), process: id.trim().parse().ok() })
        }
        Err(std::fs::TryLockError::Error(error)) => Err(unusable(&path, error)),
    }
}

/// The database's file.
pub(super) fn file(config: &Config) -> PathBuf {
    Path::new(&config.data_dir).join("dailyfeed.db")
}

fn options(config: &Config) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file(config))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if config.storage.synchronous == "normal" {
            SqliteSynchronous::Normal
        } else {
            SqliteSynchronous::Full
        })
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(256)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("cache_size", CACHE_KIB)
        .pragma("temp_store", "memory")
}

/// Recomputes every counter; only reads.
pub(super) async fn audit(config: &Config) -> StoreResult<Vec<Drift>> {
    audit::audit(&pool(options(config).read_only(true), 1).await?).await
}

async fn pool(options: SqliteConnectOptions, connections: u32) -> StoreResult<SqlitePool> {
    pool_options(connections).connect_with(options).await.map_err(failed)
}

fn pool_options(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// The name of this log's life, made at the first start.
async fn epoch(pool: &SqlitePool) -> StoreResult<Epoch> {
    let fresh = i64::from(uuid::Uuid::new_v4().as_fields().0);
    let insert = "INSERT INTO meta (name, value) VALUES ('epoch', ?) ON CONFLICT DO NOTHING";
    sqlx::query(insert).bind(fresh).execute(pool).await.map_err(failed)?;
    let row = sqlx::query("SELECT value FROM meta WHERE name = 'epoch'").fetch_one(pool).await.map_err(failed)?;
    Ok(Epoch(row.get::<i64, _>(0) as u32))
}

/// What SQLite could not do. A rule that said no is never this.
fn failed(source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { backend: "sqlite", source: Arc::new(source) }
}

/// A path in the data folder that cannot be used.
fn unusable(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unusable { path: path.display().to_string(), key: "data_dir", source: Arc::new(source) }
}

/// Ids as a JSON array: one parameter, one prepared statement, however many there are.
fn json_ids(ids: impl IntoIterator<Item = u64>) -> String {
    let mut json = String::from("[");
    for id in ids {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&id.to_string());
    }
    json.push(']');
    json
}

/// A stored id or count. The schema keeps them from being negative.
fn number(value: i64) -> u64 {
    value.cast_unsigned()
}

/// An id or count as SQLite keeps it. Ids have 53 bits.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
