//! The task of the writer: commits batches of commands, and runs the commands of a batch that failed one by one.
use super::{Commit, Job, batched_posts, panics::catch_panic, settle::Settled};
use crate::storage::{StoreError, StoreResult, WriterStatus, sqlite::log::Tail};
use sqlx::{Connection, SqliteConnection, SqlitePool};
use std::{sync::Arc, time::Instant};
use tokio::sync::{mpsc, watch};

/// The task. It ends when the queue is dropped; `status` tells if it ends earlier.
pub(super) struct Task {
    commit: Commit,
    pool: SqlitePool,
    tail: Arc<Tail>,
    status: Running,
}

/// The reason why a commit failed.
struct Failure {
    error: StoreError,
    /// Whether its commands can run again: it began, and was rolled back.
    can_repeat: bool,
}

impl Task {
    pub(super) fn new(commit: Commit, pool: SqlitePool, tail: Arc<Tail>, status: watch::Sender<WriterStatus>) -> Self {
        Self { commit, pool, tail, status: Running(status) }
    }

    /// Commits batches until the queue is dropped.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>, batch_max: usize) {
        let size = metrics::histogram!("dailyfeed_commit_commands");
        let duration = metrics::histogram!("dailyfeed_commit_duration_seconds");
        let mut batch = Vec::with_capacity(batch_max);
        while jobs.recv_many(&mut batch, batch_max).await > 0 {
            let begun = Instant::now();
            size.record(batch.len() as f64);
            self.commit_batch(&mut batch).await;
            self.status.note_panics(self.commit.panics());
            duration.record(begun.elapsed());
        }
        close(self.commit.connection).await;
    }

    /// Commits a batch and answers every command of it, each one only once its commit is durable or has failed.
    async fn commit_batch(&mut self, batch: &mut Vec<Job>) {
        match self.commit_once(batch).await {
            Ok(()) => answer_all(batch, &Ok(())),
            Err(Failure { error, can_repeat: false }) => answer_all(batch, &Err(error)),
            Err(_) => self.commit_one_by_one(batch).await,
        }
    }

    /// Commits each command on its own, so that a command that makes its commit fail fails alone.
    async fn commit_one_by_one(&mut self, batch: &mut Vec<Job>) {
        metrics::counter!("dailyfeed_commit_reruns_total").increment(1);
        let mut jobs = batch.drain(..);
        while let Some(mut job) = jobs.next() {
            match self.commit_once(std::slice::from_mut(&mut job)).await {
                Ok(()) => job.answer(Ok(())),
                Err(Failure { error, can_repeat: true }) => job.answer(Err(error)),
                // No other command could begin either, and each attempt may take the whole busy timeout.
                Err(Failure { error, .. }) => {
                    job.answer(Err(error.clone()));
                    jobs.by_ref().for_each(|job| job.answer(Err(error.clone())));
                }
            }
        }
    }

    /// Runs commands in one commit, and appends its events to the tail of the log.
    async fn commit_once(&mut self, jobs: &mut [Job]) -> Result<(), Failure> {
        let Err(error) = catch_panic(self.try_commit(jobs)).await else {
            self.tail.append(self.commit.take_events());
            return Ok(());
        };
        self.commit.note_panic(&error);
        let settled = self.commit.settle(&error, &self.pool).await;
        tracing::error!(error = &error as &dyn std::error::Error, commands = jobs.len(), ?settled, "commit failed");
        if settled == Settled::Committed {
            self.tail.append(self.commit.take_events());
            return Ok(());
        }
        Err(Failure { error, can_repeat: settled == Settled::RolledBack })
    }

    async fn try_commit(&mut self, jobs: &mut [Job]) -> StoreResult<()> {
        self.begin().await?;
        let mut posts = Vec::new();
        for job in jobs {
            match job {
                Job::Single(command) => command.run(&mut self.commit).await,
                Job::CreatePost(post) => posts.push(&mut **post),
            }
        }
        if !posts.is_empty() {
            batched_posts::create(&mut self.commit, &mut posts).await;
        }
        self.commit.finish().await
    }

    /// Begins a commit, on another connection if it cannot begin on the current one.
    async fn begin(&mut self) -> StoreResult<()> {
        let Err(error) = self.commit.begin(&self.tail).await else { return Ok(()) };
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot begin a commit; trying another connection");
        self.commit.connect(&self.pool).await?;
        self.commit.begin(&self.tail).await
    }
}

fn answer_all(batch: &mut Vec<Job>, durable: &StoreResult<()>) {
    batch.drain(..).for_each(|job| job.answer(durable.clone()));
}

async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "cannot close the database; the write-ahead log holds everything committed"
        );
    }
}

/// The status of the task, which says so when the task ends, even by a panic.
struct Running(watch::Sender<WriterStatus>);

impl Running {
    /// Publishes the number of panics, and wakes the supervisor if it grew.
    fn note_panics(&self, panics: u64) {
        self.0.send_if_modified(|status| {
            let grew = panics > status.panics;
            status.panics = panics;
            grew
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|status| status.is_running = false);
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
        let commit = Commit::new(pool.acquire().await.unwrap().detach());
        let (status, _) = watch::channel(WriterStatus { panics: 0, is_running: true });
        let mut task = Task::new(commit, pool.clone(), store.tail.clone(), status);
        task.begin().await.unwrap();
        task.commit.run("UPDATE meta SET value = 7 WHERE name = 'epoch'").await.unwrap();
        task.begin().await.unwrap();
        task.commit.finish().await.unwrap();
        let epoch = open::epoch(&pool).await.unwrap();
        assert_eq!(epoch, store.epoch, "the open transaction was rolled back");
    }
}
