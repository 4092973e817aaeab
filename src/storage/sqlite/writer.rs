//! The one writer: takes what has gathered while the last commit was on its way to the disk, and commits it at once.
use super::{commit::Commit, failed, publish::Publication, tail::Tail};
use crate::storage::{StoreError, StoreResult};
use futures::future::BoxFuture;
use sqlx::{Connection, SqliteConnection, SqlitePool};
use std::{sync::Arc, time::Instant};
use tokio::sync::{mpsc, oneshot};

/// Commands that may wait for the next commits. The mailboxes above hold less, so this is full only where something
/// beside them floods the writer; then the answer is `Busy` at once.
const QUEUE: usize = 8_192;

/// What a command leaves to be said once its commit is durable, or is known to have failed.
pub(super) type Verdict = Box<dyn FnOnce(StoreResult<()>) + Send>;
type Work = Box<dyn for<'c> FnOnce(&'c mut Commit) -> BoxFuture<'c, Verdict> + Send>;

/// A command on its way into a commit.
pub(super) enum Job {
    /// Any command; costs one savepoint and its own statements.
    Single(Work),
    /// A post; those of one commit share their statements.
    Publish(Box<Publication>),
}

/// The way to the writer.
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
}

impl Writer {
    pub(super) async fn start(pool: SqlitePool, tail: Arc<Tail>, batch_max: usize) -> StoreResult<Self> {
        let connection = pool.acquire().await.map_err(failed)?.detach();
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(work(Commit::new(connection, &tail), pool, jobs, tail, batch_max));
        Ok(Self { queue })
    }

    /// Does something in the next commit, and answers when that is durable.
    pub(super) async fn write<T, F>(&self, command: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Commit) -> BoxFuture<'c, StoreResult<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Single(Box::new(move |commit| {
            Box::pin(async move {
                let done = commit.attempt(command).await;
                let verdict: Verdict = Box::new(move |durable| {
                    // The caller may have given up waiting; what was committed stays committed.
                    let _ = reply.send(done.and_then(|value| durable.map(|()| value)));
                });
                verdict
            })
        })))?;
        answer.await.unwrap_or_else(|gone| Err(failed(gone)))
    }

    pub(super) fn submit(&self, job: Job) -> StoreResult<()> {
        self.queue.try_send(job).map_err(|_| StoreError::Busy { backend: "sqlite" })
    }
}

async fn work(mut commit: Commit, pool: SqlitePool, mut jobs: mpsc::Receiver<Job>, tail: Arc<Tail>, batch_max: usize) {
    let size = metrics::histogram!("dailyfeed_commit_commands");
    let duration = metrics::histogram!("dailyfeed_commit_duration_seconds");
    let mut batch = Vec::with_capacity(batch_max);
    while jobs.recv_many(&mut batch, batch_max).await > 0 {
        let begun = Instant::now();
        size.record(batch.len() as f64);
        commit_batch(&mut commit, &pool, batch.drain(..), &tail).await;
        duration.record(begun.elapsed());
    }
    // Every handle is gone: the process is ending.
    close(commit.connection).await;
}

/// One commit. Whatever happens, every command gets its verdict, and only after the disk has it.
async fn commit_batch(commit: &mut Commit, pool: &SqlitePool, batch: impl Iterator<Item = Job>, tail: &Tail) {
    let mut verdicts: Vec<Verdict> = Vec::new();
    let mut publications = Vec::new();
    let durable = async {
        begin(commit, pool).await?;
        for job in batch {
            match job {
                Job::Single(command) => verdicts.push(command(commit).await),
                Job::Publish(publication) => publications.push(*publication),
            }
        }
        if !publications.is_empty() {
            verdicts.push(super::publish::publish(commit, publications).await);
        }
        commit.finish().await
    }
    .await;
    let outcome = match durable {
        Ok(events) => {
            tail.append(events);
            Ok(())
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "commit failed");
            commit.abandon().await;
            Err(error)
        }
    };
    for verdict in verdicts {
        verdict(outcome.as_ref().copied().map_err(StoreError::again));
    }
}

/// Where a commit cannot begin, the connection may be at fault; a second one is not.
async fn begin(commit: &mut Commit, pool: &SqlitePool) -> StoreResult<()> {
    let Err(error) = commit.begin().await else { return Ok(()) };
    tracing::warn!(error = &error as &dyn std::error::Error, "cannot begin a commit; trying another connection");
    commit.connect(pool).await?;
    commit.begin().await
}

async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "cannot close the database; the write-ahead log holds everything committed"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, storage::sqlite::Sqlite};

    #[tokio::test]
    async fn a_transaction_that_is_still_open_does_not_keep_the_next_from_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_tests(folder.path());
        let store = Sqlite::open(&config).await.unwrap();
        let pool = crate::storage::sqlite::pool(crate::storage::sqlite::options(&config), 1).await.unwrap();
        let mut commit = Commit::new(pool.acquire().await.unwrap().detach(), &store.tail);
        commit.begin().await.unwrap();
        commit.run("UPDATE meta SET value = 7 WHERE name = 'epoch'").await.unwrap();
        begin(&mut commit, &pool).await.unwrap();
        commit.finish().await.unwrap();
        let epoch = super::super::epoch(&pool).await.unwrap();
        assert_eq!(epoch, store.epoch, "what was not committed is gone");
    }
}
