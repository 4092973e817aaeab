//! After a commit that failed: rolls back, and finds out whether the transaction was committed all the same.
use super::{Commit, panics::is_panic};
use crate::{
    domain::Position,
    storage::{StoreError, StoreResult, sqlite::log},
};
use sqlx::{SqlitePool, error::DatabaseError};

/// How far the transaction of a [`Commit`] has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// No transaction is open.
    Closed,
    /// Commands may run.
    Open,
    /// The COMMIT was sent.
    Committing,
}

/// How the transaction of a failed [`Commit`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// It never began.
    NotBegun,
    /// It was rolled back: its commands can run again.
    RolledBack,
    /// It was committed, and only the answer was lost.
    Committed,
    /// It was committed or rolled back: its commands must not run again.
    Unknown,
}

impl Commit {
    /// Ends the transaction after `error`, so that the next commit can begin, and returns what became of it.
    pub(super) async fn settle(&mut self, error: &StoreError, pool: &SqlitePool) -> Settled {
        let stage = std::mem::replace(&mut self.stage, Stage::Closed);
        // It fails if SQLite has rolled back already. If a transaction stays open, the next commit cannot begin and
        // replaces the connection.
        let _ = self.run("ROLLBACK").await;
        let settled = match stage {
            Stage::Closed => Settled::NotBegun,
            Stage::Open => {
                if is_panic(error) {
                    self.replace_connection(pool).await;
                }
                Settled::RolledBack
            }
            Stage::Committing => self.find_out(error, pool).await,
        };
        if settled != Settled::Committed {
            self.events.clear();
        }
        settled
    }

    /// Finds out what became of a transaction whose COMMIT failed. Its events tell: their positions belong to this
    /// transaction or, with other events, to another store. Without events, or if they cannot be read, an answer of
    /// SQLite tells: it rejected the COMMIT.
    async fn find_out(&mut self, error: &StoreError, pool: &SqlitePool) -> Settled {
        if is_full(error) {
            // Not a frame of the commit was written, and every command that runs again may find the disk full too.
            return Settled::RolledBack;
        }
        // The former connection could show its own transaction, if that is still open.
        let replaced = self.replace_connection(pool).await;
        if replaced && !self.events.is_empty() {
            match self.events_are_stored().await {
                Ok(true) => return Settled::Committed,
                Ok(false) => return Settled::RolledBack,
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot read the last commit"),
            }
        }
        if is_rejected(error) { Settled::RolledBack } else { Settled::Unknown }
    }

    /// Returns whether the log has the events of this commit.
    pub(super) async fn events_are_stored(&mut self) -> StoreResult<bool> {
        let Some(first) = self.events.first() else { return Ok(false) };
        let before = Position(first.position.0 - 1);
        Ok(log::events_after(&mut self.connection, before, self.events.len()).await? == self.events)
    }

    /// Replaces a connection that is closed, keeps a transaction open, or is in an unknown state. Returns whether that
    /// succeeded; otherwise the next commit tries again.
    async fn replace_connection(&mut self, pool: &SqlitePool) -> bool {
        let replaced = self.connect(pool).await;
        if let Err(error) = &replaced {
            tracing::warn!(error = error as &dyn std::error::Error, "cannot open another writing connection");
        }
        replaced.is_ok()
    }
}

/// Returns whether SQLite found the disk or the database full (SQLITE_FULL).
fn is_full(error: &StoreError) -> bool {
    answer_of_sqlite(error).is_some_and(|answer| answer.code().as_deref() == Some("13"))
}

/// Returns whether SQLite itself answered with the error: the connection works, and the statement had no effect.
fn is_rejected(error: &StoreError) -> bool {
    answer_of_sqlite(error).is_some()
}

fn answer_of_sqlite(error: &StoreError) -> Option<&dyn DatabaseError> {
    let StoreError::Unavailable { source, .. } = error else { return None };
    let source: &(dyn std::error::Error + 'static) = source.as_ref();
    source.downcast_ref().and_then(sqlx::Error::as_database_error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        domain::{EventKind, Fact, MemberId},
        storage::sqlite::{Sqlite, failed, open},
    };

    /// A commit of one store, and another store over its database.
    struct Scene {
        commit: Commit,
        pool: SqlitePool,
        store: Sqlite,
        folder: tempfile::TempDir,
    }

    async fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_tests(folder.path());
        let store = Sqlite::open_shared(&config).await.unwrap();
        let pool = open::pool(open::options(&config), 1).await.unwrap();
        let commit = Commit::new(pool.acquire().await.unwrap().detach());
        Scene { commit, pool, store, folder }
    }

    /// The error of a connection that broke before it answered.
    fn broken() -> StoreError {
        failed(sqlx::Error::WorkerCrashed)
    }

    fn fact() -> Fact {
        Fact::new(EventKind::MemberLoggedIn, MemberId(7))
    }

    #[tokio::test]
    async fn a_commit_whose_answer_was_lost_is_found_in_the_log() {
        let Scene { mut commit, pool, store, folder: _folder } = scene().await;
        commit.begin(&store.tail).await.unwrap();
        commit.emit(fact());
        commit.emit(fact());
        commit.finish().await.unwrap();
        commit.stage = Stage::Committing;
        assert_eq!(commit.settle(&broken(), &pool).await, Settled::Committed);
        assert_eq!(commit.take_events().len(), 2);
    }

    #[tokio::test]
    async fn a_commit_that_is_not_in_the_log_was_rolled_back() {
        let Scene { mut commit, pool, store, folder: _folder } = scene().await;
        commit.begin(&store.tail).await.unwrap();
        commit.emit(fact());
        commit.stage = Stage::Committing;
        assert_eq!(commit.settle(&broken(), &pool).await, Settled::RolledBack);
        // Another store has given the position to another event.
        commit.begin(&store.tail).await.unwrap();
        commit.emit(fact());
        commit.run("ROLLBACK").await.unwrap();
        store.writer.write(|commit| Box::pin(async { Ok(commit.emit(fact())) })).await.unwrap();
        commit.stage = Stage::Committing;
        assert_eq!(commit.settle(&broken(), &pool).await, Settled::RolledBack);
        commit.begin(&store.tail).await.unwrap();
        commit.finish().await.unwrap();
    }

    #[tokio::test]
    async fn a_commit_without_events_is_unknown_unless_sqlite_answered() {
        let Scene { mut commit, pool, store, folder: _folder } = scene().await;
        for (error, settled) in [
            (broken(), Settled::Unknown),
            (commit.run("a statement that fails").await.unwrap_err(), Settled::RolledBack),
        ] {
            commit.begin(&store.tail).await.unwrap();
            commit.stage = Stage::Committing;
            assert_eq!(commit.settle(&error, &pool).await, settled);
        }
        assert_eq!(commit.settle(&broken(), &pool).await, Settled::NotBegun);
        commit.begin(&store.tail).await.unwrap();
        assert_eq!(commit.settle(&broken(), &pool).await, Settled::RolledBack);
    }
}
