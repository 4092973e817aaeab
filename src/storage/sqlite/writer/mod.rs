//! The writer: one task that owns the writing connection and commits the commands that queued during the last commit.
//!
//! A command arrives as a [`Job`] and runs inside the next [`Commit`], in a savepoint of its own. The `create_post`
//! commands of a commit run last and share their statements. Every command is answered after the commit is durable.
mod batched_posts;
mod bulk;
mod commit;
pub(crate) mod receipts;

pub(crate) use batched_posts::BatchedPost;
pub(crate) use bulk::{Bulk, Query, with_fact};
pub(crate) use commit::Commit;

use super::{failed, log::Tail};
use crate::storage::{Committed, StoreError, StoreResult};
use futures::future::BoxFuture;
use sqlx::{Connection, SqliteConnection, SqlitePool};
use std::{sync::Arc, time::Instant};
use tokio::sync::{mpsc, oneshot};

/// Maximum number of commands that wait for the next commits. A full queue refuses the next one with `Busy`.
const QUEUE_MAX: usize = 8_192;

/// Answers a command, once its commit is durable or has failed.
type Completion = Box<dyn FnOnce(StoreResult<()>) + Send>;
/// A command: runs in the commit, and returns its completion.
type Command = Box<dyn for<'c> FnOnce(&'c mut Commit) -> BoxFuture<'c, Completion> + Send>;

/// A command that waits for a commit.
pub(crate) enum Job {
    /// Any command; it costs one savepoint and its own statements.
    Single(Command),
    /// A `create_post`; those of one commit share their statements.
    CreatePost(Box<BatchedPost>),
}

/// The queue of the writer.
pub(crate) struct Writer {
    queue: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the task, which ends when this queue is dropped.
    pub(crate) async fn start(pool: SqlitePool, tail: Arc<Tail>, batch_max: usize) -> StoreResult<Self> {
        let connection = pool.acquire().await.map_err(failed)?.detach();
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(run(Commit::new(connection, &tail), pool, jobs, tail, batch_max));
        Ok(Self { queue })
    }

    /// Runs a command in the next commit and returns its answer and position once that is durable. Enqueues at the
    /// first poll; dropping the future does not cancel the command. Errors: `Busy` if the queue is full.
    pub(crate) async fn write<T, F>(&self, command: F) -> StoreResult<Committed<T>>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Commit) -> BoxFuture<'c, StoreResult<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Single(Box::new(move |commit| {
            Box::pin(async move {
                let done = commit.attempt(command).await;
                // The last event of the command, or the newest so far if it emitted none.
                let at = commit.head();
                let completion: Completion = Box::new(move |durable| {
                    // The caller may have stopped waiting; the commit stands.
                    let _ = reply.send(done.and_then(|value| durable.map(|()| Committed { value, at })));
                });
                completion
            })
        })))?;
        answer.await.unwrap_or_else(|error| Err(stopped(error)))
    }

    /// Enqueues a job. Errors: `Busy` if the queue is full.
    pub(crate) fn submit(&self, job: Job) -> StoreResult<()> {
        self.queue.try_send(job).map_err(|_| StoreError::Busy { backend: "sqlite" })
    }
}

/// Wraps the error of a writer that stopped, which happens only when the process ends.
pub(crate) fn stopped(error: oneshot::error::RecvError) -> StoreError {
    failed(error)
}

/// Commits batches until the queue is dropped.
async fn run(mut commit: Commit, pool: SqlitePool, mut jobs: mpsc::Receiver<Job>, tail: Arc<Tail>, batch_max: usize) {
    let size = metrics::histogram!("dailyfeed_commit_commands");
    let duration = metrics::histogram!("dailyfeed_commit_duration_seconds");
    let mut batch = Vec::with_capacity(batch_max);
    while jobs.recv_many(&mut batch, batch_max).await > 0 {
        let begun = Instant::now();
        size.record(batch.len() as f64);
        commit_batch(&mut commit, &pool, batch.drain(..), &tail).await;
        duration.record(begun.elapsed());
    }
    close(commit.connection).await;
}

/// Runs a batch in one commit. Every command is answered, and only once the commit is durable or has failed.
async fn commit_batch(commit: &mut Commit, pool: &SqlitePool, batch: impl Iterator<Item = Job>, tail: &Tail) {
    let mut completions: Vec<Completion> = Vec::new();
    let mut posts = Vec::new();
    let durable = async {
        begin(commit, pool).await?;
        for job in batch {
            match job {
                Job::Single(command) => completions.push(command(commit).await),
                Job::CreatePost(post) => posts.push(*post),
            }
        }
        if !posts.is_empty() {
            completions.push(batched_posts::create(commit, posts).await);
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
    for complete in completions {
        complete(outcome.clone());
    }
}

/// Begins a commit, on another connection if it cannot begin on the current one.
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
    use crate::{
        config::Config,
        storage::sqlite::{Sqlite, open},
    };

    #[tokio::test]
    async fn a_commit_begins_despite_an_open_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_tests(folder.path());
        let store = Sqlite::open(&config).await.unwrap();
        let pool = open::pool(open::options(&config), 1).await.unwrap();
        let mut commit = Commit::new(pool.acquire().await.unwrap().detach(), &store.tail);
        commit.begin().await.unwrap();
        commit.run("UPDATE meta SET value = 7 WHERE name = 'epoch'").await.unwrap();
        begin(&mut commit, &pool).await.unwrap();
        commit.finish().await.unwrap();
        let epoch = open::epoch(&pool).await.unwrap();
        assert_eq!(epoch, store.epoch, "the open transaction was rolled back");
    }
}
