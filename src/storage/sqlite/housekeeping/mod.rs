//! `HousekeepingStore`: pruning and purging in steps, audits, imports, and two tasks of the start (retag, reserve).
mod audit;
mod import;
mod reserve;
mod retag;
mod sweeps;

pub(crate) use audit::audit;
pub(crate) use reserve::Reserve;
pub(crate) use retag::retag_posts;

use super::{Sqlite, departures, failed, json_ids, number, signed, writer::Commit};
use crate::{
    domain::{Position, RECEIPT_HOURS, Timestamp},
    storage::{
        Committed, DEPARTURE_ROWS_MAX, Drift, HousekeepingStore, Import, PURGE_DAYS, Prunable, PruneBounds, StoreResult,
    },
};
use async_trait::async_trait;
use futures::{FutureExt, future::BoxFuture};
use sqlx::Row;
use std::{sync::Arc, time::Duration};
use sweeps::Sweep;

/// Maximum number of rows of one step, which takes the writer a few milliseconds.
const STEP: i64 = 500;

/// Times grow with positions, so it suffices to check the first events.
const PRUNE_EVENTS: &str = "DELETE FROM events WHERE position IN (SELECT position FROM (SELECT position, at_ns \
    FROM events WHERE position <= ?1 ORDER BY position LIMIT ?3) WHERE at_ns < ?2) RETURNING position";
const SET_PRUNED_TO: &str = "INSERT INTO meta (name, value) VALUES ('events_pruned_to', ?1) \
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const LARGEST_ID: &str = "SELECT max(id) FROM (SELECT max(id) AS id FROM members UNION ALL SELECT max(id) FROM follows \
    UNION ALL SELECT max(id) FROM sessions UNION ALL SELECT max(id) FROM posts UNION ALL \
    SELECT max(id) FROM post_likes UNION ALL SELECT max(id) FROM comments UNION ALL \
    SELECT max(id) FROM comment_likes UNION ALL SELECT max(id) FROM blocks UNION ALL \
    SELECT max(id) FROM mutes UNION ALL SELECT max(id) FROM follow_requests \
    UNION ALL SELECT max(id) FROM images UNION ALL SELECT max(session_id) FROM revocations \
    UNION ALL SELECT max(before_session) FROM member_revocations)";

/// Runs one step of a sweep and returns the number of removed rows.
async fn run_sweep(commit: &mut Commit, sweep: Sweep, before: Timestamp) -> StoreResult<u64> {
    let query = sqlx::query(sweep.remove).bind(before.0).bind(STEP);
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    let counted: Vec<u64> = rows.iter().filter_map(|row| row.get::<Option<i64>, _>(0)).map(number).collect();
    if let Some(subtract) = sweep.subtract
        && !counted.is_empty()
    {
        let query = sqlx::query(subtract).bind(json_ids(counted));
        query.execute(&mut commit.connection).await.map_err(failed)?;
    }
    Ok(rows.len() as u64)
}

/// Removes events that are old and read, in the order of positions, so that the log keeps no holes.
async fn prune_events(commit: &mut Commit, before: Timestamp, readers_at: Position) -> StoreResult<u64> {
    let query =
        sqlx::query(PRUNE_EVENTS).bind(signed(readers_at.0)).bind(before.0.saturating_mul(1_000_000)).bind(STEP);
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    if let Some(last) = rows.iter().map(|row| row.get::<i64, _>(0)).max() {
        sqlx::query(SET_PRUNED_TO).bind(last).execute(&mut commit.connection).await.map_err(failed)?;
    }
    Ok(rows.len() as u64)
}

impl Sqlite {
    /// Repeats a step, each as its own command, until it removes nothing. Returns the number of removed rows.
    pub(crate) async fn run_steps<F>(&self, step: F) -> StoreResult<u64>
    where
        F: for<'c> Fn(&'c mut Commit) -> BoxFuture<'c, StoreResult<u64>> + Copy + Send + Sync + 'static,
    {
        let mut removed = 0;
        loop {
            match self.writer.write(step).await?.value {
                0 => return Ok(removed),
                rows => removed += rows,
            }
        }
    }

    async fn sweep(&self, sweep: Sweep, before: Timestamp) -> StoreResult<u64> {
        self.run_steps(move |commit| run_sweep(commit, sweep, before).boxed()).await
    }

    /// Removes posts deleted before that time, including those of members deactivated before it.
    async fn purge_posts(&self, before: Timestamp) -> StoreResult<u64> {
        for sweep in [sweeps::POSTS_OF_MEMBERS, sweeps::VIEWS, sweeps::LIKES] {
            self.sweep(sweep, before).await?;
        }
        self.sweep(sweeps::POSTS, before).await
    }

    /// Removes members deactivated before that time. Takes the steps that are left of their departures first.
    async fn purge_members(&self, before: Timestamp) -> StoreResult<u64> {
        self.run_steps(move |commit| departures::step_before_purge(commit, before, DEPARTURE_ROWS_MAX).boxed()).await?;
        for sweep in sweeps::ROWS_OF_MEMBERS {
            self.sweep(sweep, before).await?;
        }
        self.sweep(sweeps::MEMBERS, before).await
    }
}

#[async_trait]
impl HousekeepingStore for Sqlite {
    async fn prune_rows(&self, kind: Prunable, bounds: PruneBounds) -> StoreResult<u64> {
        let PruneBounds { now, events_before, readers_at } = bounds;
        let purged = now.before(Duration::from_secs(PURGE_DAYS * 86_400));
        match kind {
            Prunable::Events => {
                self.run_steps(move |commit| prune_events(commit, events_before, readers_at).boxed()).await
            }
            Prunable::Receipts => {
                self.sweep(sweeps::RECEIPTS, now.before(Duration::from_secs(RECEIPT_HOURS * 3_600))).await
            }
            Prunable::Sessions => self.prune_sessions(now).await,
            Prunable::Revocations => {
                let sessions = self.sweep(sweeps::REVOCATIONS, now).await?;
                Ok(sessions + self.sweep(sweeps::MEMBER_REVOCATIONS, now).await?)
            }
            Prunable::Posts => self.purge_posts(purged).await,
            Prunable::Members => {
                // Without their posts, so that the removal of a member does not cascade to them.
                self.purge_posts(purged).await?;
                self.purge_members(purged).await
            }
        }
    }

    fn keep_reserve(&self) {
        self.reserve.keep();
    }

    async fn audit(&self) -> StoreResult<Vec<Drift>> {
        audit(&self.read_pool).await
    }

    async fn import(&self, batch: Import) -> StoreResult<Committed<()>> {
        let batch = Arc::new(batch);
        self.writer.write(move |commit| import::import(commit, batch.clone()).boxed()).await
    }

    async fn largest_id(&self) -> StoreResult<u64> {
        let row = sqlx::query(LARGEST_ID).fetch_one(&self.read_pool).await.map_err(failed)?;
        Ok(number(row.get::<Option<i64>, _>(0).unwrap_or(0)))
    }

    #[cfg(test)]
    async fn panic_in_a_command(&self) -> StoreResult<()> {
        self.writer.write(|_| async { panic!("asked to panic") }.boxed()).await.map(|committed| committed.value)
    }

    #[cfg(test)]
    fn end_the_writer(&self) {
        self.writer.end();
    }
}
