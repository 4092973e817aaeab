//! The writer: one task that owns the writing connection and commits the commands that queued during the last commit.
//!
//! A command arrives as a [`Job`] and runs inside the next [`Commit`], in a savepoint of its own. The `create_post`
//! commands of a commit run last and share their statements. Every command is answered after the commit is durable.
//! `task.rs` commits the batches, and runs the commands of a batch again one by one if it fails as a whole (ADR 0030).
mod batched_posts;
mod bulk;
mod commit;
mod job;
mod panics;
pub(crate) mod receipts;
mod settle;
mod task;
#[cfg(test)]
mod tests;

pub(crate) use batched_posts::BatchedPost;
pub(crate) use bulk::{Bulk, Query, with_fact};
pub(crate) use commit::Commit;
pub(crate) use job::Job;

use super::{failed, log::Tail};
use crate::storage::{Committed, StoreError, StoreResult, WriterStatus};
use futures::future::BoxFuture;
use job::Pending;
use sqlx::SqlitePool;
use std::sync::Arc;
use task::Task;
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot, watch,
};

/// Maximum number of commands that wait for the next commits. A full queue refuses the next one with `Busy`.
const QUEUE_MAX: usize = 8_192;

/// The queue of the writer.
pub(crate) struct Writer {
    queue: mpsc::Sender<Job>,
    status: watch::Receiver<WriterStatus>,
    #[cfg(test)]
    task: tokio::task::AbortHandle,
}

impl Writer {
    /// Starts the task, which ends when this queue is dropped.
    pub(crate) async fn start(pool: SqlitePool, tail: Arc<Tail>, batch_max: usize) -> StoreResult<Self> {
        let connection = pool.acquire().await.map_err(failed)?.detach();
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let (status, watched) = watch::channel(WriterStatus { panics: 0, is_running: true });
        let task = tokio::spawn(Task::new(Commit::new(connection), pool, tail, status).run(jobs, batch_max));
        #[cfg(not(test))]
        drop(task);
        Ok(Self {
            queue,
            status: watched,
            #[cfg(test)]
            task: task.abort_handle(),
        })
    }

    /// Ends the task, as a panic outside its commands would.
    #[cfg(test)]
    pub(crate) fn end(&self) {
        self.task.abort();
    }

    /// Returns a receiver of the state of the task.
    pub(crate) fn status(&self) -> watch::Receiver<WriterStatus> {
        self.status.clone()
    }

    /// Runs a command in the next commit and returns its answer and position once that is durable. Enqueues at the
    /// first poll; dropping the future does not cancel the command.
    ///
    /// The command runs again if its commit fails as a whole, so each call makes the same changes from the same data:
    /// ids, times and hashes come from outside. Errors: `Busy` if the queue is full, `Unavailable` if the task ended.
    pub(crate) async fn write<T, F>(&self, command: F) -> StoreResult<Committed<T>>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut Commit) -> BoxFuture<'c, StoreResult<T>> + Send + Sync + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Single(Box::new(Pending::new(command, reply))))?;
        answer.await.unwrap_or_else(|error| Err(failed(error)))
    }

    /// Enqueues a job. Errors: `Busy` if the queue is full, `Unavailable` if the task ended.
    pub(crate) fn submit(&self, job: Job) -> StoreResult<()> {
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy { backend: "sqlite" },
            TrySendError::Closed(_) => failed(Ended),
        })
    }
}

/// The error of a command that the task did not take any more.
#[derive(Debug, thiserror::Error)]
#[error("the writer has ended")]
struct Ended;
