//! Opens the database: the lock of the data folder, migrations, and the pools of connections.
use super::{
    Sqlite, departures, failed,
    housekeeping::{self, Reserve},
    log::Tail,
    slow_reads::{self, SlowReads},
    unusable,
    writer::Writer,
};
use crate::{
    config::Config,
    domain::Epoch,
    storage::{Drift, StoreError, StoreResult},
};
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

/// The longest wait of a reader for a free connection; then the request is refused.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// Pages in the write-ahead log (4 KiB each) before the writer copies them into the file. A larger number means fewer
/// pauses and a larger `-wal` file: 4,000 pages are 16 MiB.
const CHECKPOINT_PAGES: &str = "4000";
/// Page cache of each connection, in KiB (negative by SQLite's convention).
const CACHE_KIB: &str = "-16384";

/// The result of one attempt to open the database.
struct Opened {
    read_pool: SqlitePool,
    slow_reads: SlowReads,
    writer: Writer,
    tail: Arc<Tail>,
    epoch: Epoch,
}

impl Sqlite {
    /// Opens the database in the data folder, creates it if it does not exist, and migrates its schema.
    pub(in crate::storage) async fn open(config: &Config) -> StoreResult<Self> {
        let lock = lock(&config.data_dir)?;
        Ok(Self { _lock: Some(lock), ..Self::open_unlocked(config).await? })
    }

    /// Opens the database beside other stores of this process that have it open, without the lock of the data folder.
    #[cfg(test)]
    pub(in crate::storage) async fn open_shared(config: &Config) -> StoreResult<Self> {
        let store = Self::open_unlocked(config).await?;
        let follower = crate::storage::sqlite::log::Follower::start(store.read_pool.clone(), store.tail.clone());
        Ok(Self { _follower: Some(follower), ..store })
    }

    async fn open_unlocked(config: &Config) -> StoreResult<Self> {
        let reserve = Reserve::new(&config.data_dir);
        let Opened { read_pool, slow_reads, writer, tail, epoch } = match Self::try_open(config).await {
            Err(error) if reserve.release() => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "cannot open the database; retrying without the disk space reserve");
                Self::try_open(config).await?
            }
            opened => opened?,
        };
        let token_lifetime = Duration::from_secs(config.authentication.access_token_seconds);
        Ok(Self {
            read_pool,
            slow_reads,
            writer,
            tail,
            epoch,
            reserve,
            token_lifetime,
            _lock: None,
            #[cfg(test)]
            _follower: None,
        })
    }

    async fn try_open(config: &Config) -> StoreResult<Opened> {
        let options = options(config).create_if_missing(true);
        let opened = pool_options(1).connect_with(options.clone()).await;
        let writer_pool = opened.map_err(|error| unusable(&file(config), error))?;
        sqlx::migrate!("migrations/sqlite").run(&writer_pool).await.map_err(failed)?;
        housekeeping::retag_posts(&writer_pool).await?;
        let epoch = epoch(&writer_pool).await?;
        let tail = Arc::new(Tail::load(&writer_pool).await?);
        let read_only = options.read_only(true).create_if_missing(false);
        let read_pool = pool(read_only.clone(), config.storage.read_connections).await?;
        let for_slow_reads = read_only.pragma("cache_size", slow_reads::CACHE_KIB);
        let slow_reads = SlowReads(pool(for_slow_reads, slow_reads::CONNECTIONS).await?);
        let writer = Writer::start(writer_pool, tail.clone(), config.storage.commit_batch_max).await?;
        Ok(Opened { read_pool, slow_reads, writer, tail, epoch })
    }
}

/// Locks the data folder and writes the process id into the lock file. Only one process may use it, because ids are
/// assigned in memory, and because the tail of the log learns of the commits of its own process alone.
fn lock(data_dir: &str) -> StoreResult<std::fs::File> {
    let path = Path::new(data_dir).join("dailyfeed.lock");
    // Not truncated: the file may hold the id of another process.
    let opened = std::fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
    let mut file = opened.map_err(|error| unusable(&path, error))?;
    match file.try_lock() {
        Ok(()) => {
            // The id only helps an operator.
            let id = std::process::id().to_string();
            if let Err(error) = file.set_len(0).and_then(|()| file.write_all(id.as_bytes())) {
                tracing::warn!(error = &error as &dyn std::error::Error, path = %path.display(), "cannot write the process id");
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

/// Returns the path of the database.
pub(in crate::storage) fn file(config: &Config) -> PathBuf {
    Path::new(&config.data_dir).join("dailyfeed.db")
}

/// Returns the options of every connection to the database.
pub(crate) fn options(config: &Config) -> SqliteConnectOptions {
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

/// Recomputes every counter on a read-only connection of its own. Returns the drift and the number of open departures.
pub(in crate::storage) async fn audit(config: &Config) -> StoreResult<(Vec<Drift>, u64)> {
    let pool = pool(options(config).read_only(true), 1).await?;
    Ok((housekeeping::audit(&pool).await?, departures::count_open(&pool).await?))
}

pub(crate) async fn pool(options: SqliteConnectOptions, connections: u32) -> StoreResult<SqlitePool> {
    pool_options(connections).connect_with(options).await.map_err(failed)
}

pub(crate) fn pool_options(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Returns the epoch of the log, which the first start chooses at random.
pub(crate) async fn epoch(pool: &SqlitePool) -> StoreResult<Epoch> {
    let fresh = i64::from(uuid::Uuid::new_v4().as_fields().0);
    let insert = "INSERT INTO meta (name, value) VALUES ('epoch', ?) ON CONFLICT DO NOTHING";
    sqlx::query(insert).bind(fresh).execute(pool).await.map_err(failed)?;
    let row = sqlx::query("SELECT value FROM meta WHERE name = 'epoch'").fetch_one(pool).await.map_err(failed)?;
    Ok(Epoch(row.get::<i64, _>(0) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Position, PostAudience, PostId},
        storage::{EventLog, PostStore},
    };

    /// A public member (1), a private one (2), a post of each, and their events.
    const BEFORE: &str = "INSERT INTO members (id, email, email_key, handle, handle_key, password_hash, member_name, \
        created_at, privacy) VALUES (1, 'a', 'a', 'a', 'a', '', '', 0, 0), (2, 'b', 'b', 'b', 'b', '', '', 0, 2); \
        INSERT INTO posts (id, author_id, position, content, created_at) VALUES (10, 1, 1, '', 0), (20, 2, 2, '', 0); \
        INSERT INTO events (position, at_ns, kind, member_id, post_id) VALUES (1, 1, 1, 1, 10), (2, 2, 1, 2, 20)";

    #[tokio::test]
    async fn posts_from_before_the_audience_are_public() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_tests(folder.path());
        let pool = pool(options(&config).create_if_missing(true), 1).await.unwrap();
        let mut earlier = sqlx::migrate!("migrations/sqlite");
        earlier.migrations.to_mut().retain(|migration| migration.version < 12);
        earlier.run(&pool).await.unwrap();
        sqlx::raw_sql(BEFORE).execute(&pool).await.unwrap();
        pool.close().await;
        let store = Sqlite::open(&config).await.unwrap();
        let posts = store.posts(&[PostId(10), PostId(20)]).await.unwrap();
        assert_eq!(posts.iter().map(|post| post.audience).collect::<Vec<_>>(), [PostAudience::Public; 2]);
        let listed = store.newest_posts(PostId(u64::MAX), 9).await.unwrap();
        assert_eq!(listed.iter().map(|post| post.audience).collect::<Vec<_>>(), [PostAudience::Public; 2]);
        let events = store.read(Position(0), 9).await.unwrap();
        assert_eq!(events.iter().map(|event| event.fact.audience).collect::<Vec<_>>(), [PostAudience::Public; 2]);
    }
}
