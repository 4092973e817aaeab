//! `activity.db`: the SQLite file of activities, notifications and dead letters, separate from the main database.
//!
//! [`SqliteActivity`] opens and closes the file. `store.rs` implements `ActivityStore` on it and `dead_letters.rs`
//! `DeadLetterStore`; `insert.rs` and `retract.rs` turn events into rows within a [`transaction::ActivityTransaction`].
mod dead_letters;
mod insert;
mod open;
mod retract;
mod store;
mod transaction;

use super::{StoreResult, decoded, failed};
use crate::{
    config::Config,
    domain::{Epoch, Position},
    storage::StoreError,
};
use sqlx::SqlitePool;
use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::{Mutex, watch};

/// The store. The rest of the server works without it, so the file may be closed: `ActivityStore::position` opens it.
///
/// `opening` is held while the file is opened; `database` is locked for one statement at a time, also under `opening`.
pub(in crate::storage) struct SqliteActivity {
    folder: PathBuf,
    /// Epoch of the log that the store follows.
    epoch: Epoch,
    /// Position of the newest event of that log.
    head: watch::Receiver<Position>,
    database: RwLock<Option<Arc<Database>>>,
    opening: Mutex<()>,
}

/// The open file. Writers queue for the one connection of `writer`. They are few: the activity reader, the sweep of
/// dead letters, housekeeping and operators.
struct Database {
    writer: SqlitePool,
    read_pool: SqlitePool,
}

/// Primary result codes of SQLite that blame the row: SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH.
const ROW_ERRORS: [u32; 3] = [18, 19, 20];

impl SqliteActivity {
    /// Makes the store for the log of that epoch and opens its file in the data folder. Logs a failure: the store then
    /// stays closed.
    pub(in crate::storage) async fn open(config: &Config, epoch: Epoch, head: watch::Receiver<Position>) -> Self {
        let folder = PathBuf::from(&config.data_dir);
        let store = Self { folder, epoch, head, database: RwLock::default(), opening: Mutex::default() };
        if let Err(error) = store.open_database().await {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot open activity.db");
        }
        store
    }

    /// Returns the open file, and opens it first if it is closed.
    async fn open_database(&self) -> StoreResult<Arc<Database>> {
        let _opening = self.opening.lock().await;
        if let Some(database) = self.database() {
            return Ok(database);
        }
        let head = *self.head.borrow();
        let database = Arc::new(Database::open(&self.folder, self.epoch, head).await?);
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database.clone());
        Ok(database)
    }

    fn database(&self) -> Option<Arc<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs `work` on the open file. Errors: `Unavailable` if the file is closed. Closes a file that `work` found
    /// damaged, so that the next opening moves it aside and makes another.
    async fn with_database<T, F>(&self, work: impl FnOnce(Arc<Database>) -> F) -> StoreResult<T>
    where
        F: Future<Output = StoreResult<T>>,
    {
        let database = self.database().ok_or_else(closed)?;
        let result = work(database.clone()).await;
        if let Err(error) = &result {
            self.close_if_damaged(&database, error);
        }
        result
    }

    fn close_if_damaged(&self, database: &Arc<Database>, error: &StoreError) {
        if !sqlite_error(error).is_some_and(open::is_damage) {
            return;
        }
        let mut current = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // Another caller may have closed it, and opened the next one, in the meantime.
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, database)) {
            *current = None;
            drop(current);
            let damaged = database.clone();
            tokio::spawn(async move { damaged.close().await });
        }
    }
}

fn closed() -> StoreError {
    failed(std::io::Error::new(std::io::ErrorKind::NotConnected, "activity.db is not open"))
}

fn sqlite_error(error: &StoreError) -> Option<&sqlx::Error> {
    let StoreError::Unavailable { source, .. } = error else { return None };
    let source: &(dyn std::error::Error + 'static) = source.as_ref();
    source.downcast_ref()
}

/// Turns `Unavailable` into `Rejected` if the row is the cause: it would be refused again, while a file that cannot be
/// written works again as soon as the disk has room.
fn reject_row_errors(error: StoreError) -> StoreError {
    let blames_row = sqlite_error(&error).is_some_and(|error| match error {
        sqlx::Error::Database(_) => open::primary_code(error).is_some_and(|code| ROW_ERRORS.contains(&code)),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Encode(_) => true,
        _ => false,
    });
    match error {
        StoreError::Unavailable { backend, source } if blames_row => StoreError::Rejected { backend, source },
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Event, EventKind, Fact, MemberId, PostId},
        storage::ActivityStore,
    };

    fn events(first: u64, count: u64) -> Vec<Event> {
        let post = |position| Fact::new(EventKind::PostCreated, MemberId(7)).on_post(PostId(position));
        (first..first + count).map(|at| Event { position: Position(at), at_ns: 5, fact: post(at) }).collect()
    }

    async fn store(folder: &tempfile::TempDir) -> SqliteActivity {
        let head = watch::channel(Position(1_000_000)).1;
        SqliteActivity::open(&Config::for_tests(folder.path()), Epoch(1), head).await
    }

    fn writer(store: &SqliteActivity) -> SqlitePool {
        store.database().unwrap().writer.clone()
    }

    #[tokio::test]
    async fn a_commit_that_found_the_disk_full_does_not_disturb_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let writer = writer(&store);
        sqlx::query("PRAGMA max_page_count = 20").execute(&writer).await.unwrap();
        for _ in 0..3 {
            let full = store.apply(&events(1, 900)).await.unwrap_err();
            assert!(matches!(full, StoreError::Unavailable { .. }), "{full:?}");
            assert!(crate::causes::in_full(&full).contains("database or disk is full"), "{full:?}");
            let mut commit = transaction::ActivityTransaction::begin(&writer).await.unwrap();
            sqlx::query("PRAGMA max_page_count = 20").execute(commit.connection()).await.unwrap();
            commit.abandon().await.unwrap();
        }
        assert_eq!(store.position().await.unwrap(), Position(0));
        sqlx::query("PRAGMA max_page_count = 100000").execute(&writer).await.unwrap();
        store.apply(&events(1, 900)).await.unwrap();
        assert_eq!(store.position().await.unwrap(), Position(900));
    }

    #[tokio::test]
    async fn a_commit_whose_caller_dropped_it_is_rolled_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let mut commit = transaction::ActivityTransaction::begin(&writer(&store)).await.unwrap();
        sqlx::query("UPDATE reader SET position = 9").execute(commit.connection()).await.unwrap();
        drop(commit);
        store.apply(&events(1, 3)).await.unwrap();
        assert_eq!(store.position().await.unwrap(), Position(3));
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_opened_is_opened_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("activity.db");
        std::fs::create_dir(&path).unwrap();
        let store = store(&folder).await;
        assert!(matches!(store.apply(&events(1, 1)).await, Err(StoreError::Unavailable { .. })));
        assert!(store.position().await.is_err());
        std::fs::remove_dir(&path).unwrap();
        assert_eq!(store.position().await.unwrap(), Position(0));
        store.apply(&events(1, 1)).await.unwrap();
    }
}
