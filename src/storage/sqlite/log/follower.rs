//! `Follower`: appends to the tail of a store what other stores over the same database commit.
//!
//! Only the tests open several stores over one database: the lock of the data folder keeps other processes out, so the
//! tail of a server is complete without a follower.
use super::{CATCH_UP_MAX, Tail, events_after};
use sqlx::SqlitePool;
use std::{sync::Arc, time::Duration};
use tokio::task::AbortHandle;

/// Pause between two looks at the log.
const POLL_EVERY: Duration = Duration::from_millis(2);

/// A task that follows the log of the database. It ends when this is dropped.
pub(crate) struct Follower(AbortHandle);

impl Follower {
    pub(crate) fn start(pool: SqlitePool, tail: Arc<Tail>) -> Self {
        let task = tokio::spawn(async move {
            loop {
                match events_after(&pool, tail.last(), CATCH_UP_MAX as usize).await {
                    Ok(events) => tail.append(events),
                    Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot follow the log"),
                }
                tokio::time::sleep(POLL_EVERY).await;
            }
        });
        Self(task.abort_handle())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}
