//! Activities in a file beside the database: rows, and the position that they were read up to, in one commit.
mod commit;
mod dead_letters;
mod open;
mod prune;
mod read;
mod write;

use super::{StoreResult, failed, log::event, number, signed};
use crate::{
    config::Config,
    domain::{Epoch, Event, EventKind, MemberId, Notification, Position, Timestamp},
    storage::{ActivityStore, DeadLetter, StoreError},
};
use async_trait::async_trait;
use sqlx::SqlitePool;
use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::{Mutex, watch};

/// The store. Everything else does without it, so it may be closed: it is opened when its position is asked for.
pub(in crate::storage) struct SqliteActivity {
    folder: PathBuf,
    /// Of the log that it follows.
    epoch: Epoch,
    head: watch::Receiver<Position>,
    database: RwLock<Option<Arc<Database>>>,
    /// Held by whoever opens it.
    opening: Mutex<()>,
}

/// The open file. Writers queue for the one connection that writes; there are few of them: the reader of the log, the
/// sweep of dead letters, housekeeping and operators.
struct Database {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// Columns of an event, in the order that `event` reads them.
macro_rules! event_columns {
    ($id:literal) => {
        concat!($id, ", at_ns, kind, member_id, post_id, comment_id, target_id")
    };
}
use event_columns;

fn unknown(what: &str, code: u8) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what} of unknown kind {code}").into())
}

/// SQLite's words for what a row itself is refused for: too large, against a constraint, of the wrong type.
const OF_THE_ROW: [u32; 3] = [18, 19, 20];

impl SqliteActivity {
    /// Opens the file in the data folder for a log of that name, where it can be opened now.
    pub(in crate::storage) async fn open(config: &Config, epoch: Epoch, head: watch::Receiver<Position>) -> Self {
        let (folder, database, opening) = (PathBuf::from(&config.data_dir), RwLock::default(), Mutex::default());
        let store = Self { folder, epoch, head, database, opening };
        if let Err(error) = store.ready().await {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot open activity.db");
        }
        store
    }

    fn database(&self) -> Option<Arc<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the file where it is closed.
    async fn ready(&self) -> StoreResult<Arc<Database>> {
        let _one_at_a_time = self.opening.lock().await;
        if let Some(database) = self.database() {
            return Ok(database);
        }
        let head = *self.head.borrow();
        let database = Arc::new(Database::open(&self.folder, self.epoch, head).await?);
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database.clone());
        Ok(database)
    }

    fn opened(&self) -> StoreResult<Arc<Database>> {
        self.database().ok_or_else(closed)
    }

    /// Passes on what the open file answered. One that turns out to be damaged is closed, so that the next opening can
    /// put it aside.
    fn seen<T>(&self, open: &Arc<Database>, answer: StoreResult<T>) -> StoreResult<T> {
        if answer.as_ref().is_err_and(|error| of_sqlite(error).is_some_and(open::is_damage)) {
            self.let_go(open);
        }
        answer
    }

    fn let_go(&self, damaged: &Arc<Database>) {
        let mut open = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, damaged)) {
            *open = None;
            drop(open);
            let damaged = damaged.clone();
            tokio::spawn(async move { damaged.close().await });
        }
    }
}

fn closed() -> StoreError {
    failed(std::io::Error::new(std::io::ErrorKind::NotConnected, "activity.db is not open"))
}

fn of_sqlite(error: &StoreError) -> Option<&sqlx::Error> {
    let StoreError::Unavailable { source, .. } = error else { return None };
    let source: &(dyn std::error::Error + 'static) = source.as_ref();
    source.downcast_ref()
}

/// Tells a row that is refused from a file that cannot be written: the first will be refused again, the second is as good
/// as ever once there is room.
fn told_apart(error: StoreError) -> StoreError {
    let of_the_row = of_sqlite(&error).is_some_and(|error| match error {
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse::<u32>().ok());
            // The lowest byte of an extended code is the code itself.
            code.is_some_and(|code| OF_THE_ROW.contains(&(code & 0xFF)))
        }
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Encode(_) => true,
        _ => false,
    });
    match error {
        StoreError::Unavailable { backend, source } if of_the_row => StoreError::Rejected { backend, source },
        error => error,
    }
}

#[async_trait]
impl ActivityStore for SqliteActivity {
    async fn position(&self) -> StoreResult<Position> {
        let open = self.ready().await?;
        self.seen(&open, open.read_up_to().await)
    }

    async fn apply(&self, batch: &[Event]) -> StoreResult<()> {
        let open = self.opened()?;
        self.seen(&open, open.take_in(batch).await).map_err(told_apart)
    }

    async fn add_dead_letter(&self, dead_letter: DeadLetter) -> StoreResult<()> {
        let open = self.opened()?;
        self.seen(&open, open.add_dead_letter(dead_letter).await)
    }

    async fn activities(
        &self,
        member: MemberId,
        kind: Option<EventKind>,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Event>> {
        let open = self.opened()?;
        self.seen(&open, open.done_by(member, kind, before, limit).await)
    }

    async fn notifications(
        &self,
        member: MemberId,
        after: Position,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Notification>> {
        let open = self.opened()?;
        self.seen(&open, open.told_to(member, after, before, limit).await)
    }

    async fn notifications_by_id(&self, member: MemberId, ids: &[Position]) -> StoreResult<Vec<Notification>> {
        let open = self.opened()?;
        self.seen(&open, open.told_by_id(member, ids).await)
    }

    async fn dead_letters(&self, before: Position, limit: usize) -> StoreResult<Vec<DeadLetter>> {
        let open = self.opened()?;
        self.seen(&open, open.dead_letters(before, limit).await)
    }

    async fn dead_letter(&self, id: Position) -> StoreResult<Option<DeadLetter>> {
        let next = Position(id.0.saturating_add(1));
        let open = self.opened()?;
        let found = self.seen(&open, open.dead_letters(next, 1).await)?.pop();
        Ok(found.filter(|dead_letter| dead_letter.event.position == id))
    }

    async fn dead_letter_count(&self) -> StoreResult<u64> {
        let open = self.opened()?;
        self.seen(&open, open.letter_count().await)
    }

    async fn due_dead_letters(&self, now: Timestamp) -> StoreResult<Vec<DeadLetter>> {
        let open = self.opened()?;
        self.seen(&open, open.due_dead_letters(now).await)
    }

    async fn redrive(&self, id: Position) -> StoreResult<bool> {
        let open = self.opened()?;
        self.seen(&open, open.redrive(id).await).map_err(told_apart)
    }

    async fn failed_again(&self, id: Position, cause: &str, at: Timestamp, next_at: Timestamp) -> StoreResult<()> {
        let open = self.opened()?;
        self.seen(&open, open.note_failure(id, cause, at, next_at).await)
    }

    async fn drop_letter(&self, id: Position) -> StoreResult<bool> {
        let open = self.opened()?;
        self.seen(&open, open.drop_letter(id).await)
    }

    async fn prune(&self, now: Timestamp) -> StoreResult<u64> {
        let open = self.opened()?;
        self.seen(&open, open.forget(now).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Fact, PostId};

    fn events(first: u64, count: u64) -> Vec<Event> {
        let post = |position| Fact::new(EventKind::PostCreated, MemberId(7)).on_post(PostId(position));
        (first..first + count).map(|at| Event { position: Position(at), at_ns: 5, fact: post(at) }).collect()
    }

    async fn store(folder: &tempfile::TempDir) -> SqliteActivity {
        let head = watch::channel(Position(1_000_000)).1;
        SqliteActivity::open(&Config::for_tests(folder.path()), Epoch(1), head).await
    }

    #[tokio::test]
    async fn a_commit_that_found_the_disk_full_leaves_the_next_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let writer = store.opened().unwrap().writer.clone();
        sqlx::query("PRAGMA max_page_count = 20").execute(&writer).await.unwrap();
        for _ in 0..3 {
            let full = store.apply(&events(1, 900)).await.unwrap_err();
            assert!(matches!(full, StoreError::Unavailable { .. }), "{full:?}");
            assert!(crate::causes::in_full(&full).contains("database or disk is full"), "{full:?}");
            let mut commit = commit::Commit::begin(&writer).await.unwrap();
            sqlx::query("PRAGMA max_page_count = 20").execute(commit.connection()).await.unwrap();
            commit.abandon().await.unwrap();
        }
        assert_eq!(store.position().await.unwrap(), Position(0));
        sqlx::query("PRAGMA max_page_count = 100000").execute(&writer).await.unwrap();
        store.apply(&events(1, 900)).await.unwrap();
        assert_eq!(store.position().await.unwrap(), Position(900));
    }

    #[tokio::test]
    async fn a_commit_that_nobody_waits_for_any_more_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let writer = store.opened().unwrap().writer.clone();
        let mut commit = commit::Commit::begin(&writer).await.unwrap();
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
