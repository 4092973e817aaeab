//! The upkeep role: removes what has run out, in steps that hold up nobody.
use super::{Sqlite, commit::Commit, failed, signed};
use crate::{
    domain::{KEPT_HOURS, Position, Timestamp},
    storage::{Drift, Import, PURGE_DAYS, Pruned, StoreError, StoreResult, UpkeepStore},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::Row;
use std::time::Duration;

/// Rows in one step: about a millisecond of the writer's time.
const STEP: i64 = 500;

const RECEIPTS: &str = "DELETE FROM receipts WHERE (scope, key) IN \
    (SELECT scope, key FROM receipts WHERE at < ?1 LIMIT ?2)";
const SESSIONS: &str = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ?1 LIMIT ?2)";
const REVOCATIONS: &str = "DELETE FROM revocations WHERE session_id IN \
    (SELECT session_id FROM revocations WHERE tokens_until < ?1 LIMIT ?2)";
/// One at a time: each takes its comments, likes and views along.
const POSTS: &str = "DELETE FROM posts WHERE id IN \
    (SELECT id FROM posts WHERE deleted_at IS NOT NULL AND deleted_at < ?1 LIMIT min(?2, 20))";

async fn prune_events(commit: &mut Commit, before: Timestamp, readers_at: Position) -> StoreResult<u64> {
    // In the order of positions, so that what is left has no holes.
    let delete = "DELETE FROM events WHERE position IN (SELECT position FROM events WHERE position <= ?1 \
        AND at_ns < ?2 ORDER BY position LIMIT ?3) RETURNING position";
    let query = sqlx::query(delete).bind(signed(readers_at.0)).bind(before.0.saturating_mul(1_000_000)).bind(STEP);
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    if let Some(last) = rows.iter().map(|row| row.get::<i64, _>(0)).max() {
        let note = "INSERT INTO meta (name, value) VALUES ('events_pruned_to', ?1) \
            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        sqlx::query(note).bind(last).execute(&mut commit.connection).await.map_err(failed)?;
    }
    Ok(rows.len() as u64)
}

/// Comments below which there is something stay as tombstones; the rest goes with the member.
async fn purge_member(commit: &mut Commit, before: Timestamp) -> StoreResult<u64> {
    let select = "SELECT id FROM members WHERE deactivated_at < ? LIMIT 1";
    let row = sqlx::query(select).bind(before.0).fetch_optional(&mut commit.connection).await.map_err(failed)?;
    let Some(id) = row.map(|row| row.get::<i64, _>(0)) else { return Ok(0) };
    let statements = [
        "UPDATE comments SET content = '', deleted_at = coalesce(deleted_at, created_at) WHERE author_id = ?",
        "DELETE FROM comments WHERE author_id = ? AND NOT EXISTS (SELECT 1 FROM comments c WHERE c.parent_id = comments.id)",
        "DELETE FROM members WHERE id = ?",
    ];
    for statement in statements {
        sqlx::query(statement).bind(id).execute(&mut commit.connection).await.map_err(failed)?;
    }
    Ok(1)
}

impl Sqlite {
    /// Steps until nothing is left.
    async fn sweep(&self, statement: &'static str, before: Timestamp) -> StoreResult<u64> {
        let mut swept = 0;
        loop {
            let work = async move |commit: &mut Commit| {
                let query = sqlx::query(statement).bind(before.0).bind(STEP);
                let rows = query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected();
                Ok::<u64, StoreError>(rows)
            };
            match self.writer.write(move |commit| async move { work(commit).await }.boxed()).await? {
                0 => return Ok(swept),
                rows => swept += rows,
            }
        }
    }
}

#[async_trait]
impl UpkeepStore for Sqlite {
    async fn prune(&self, now: Timestamp, events_before: Timestamp, readers_at: Position) -> StoreResult<Pruned> {
        let mut pruned = Pruned::default();
        loop {
            match self.writer.write(move |commit| prune_events(commit, events_before, readers_at).boxed()).await? {
                0 => break,
                rows => pruned.events += rows,
            }
        }
        pruned.receipts = self.sweep(RECEIPTS, now.before(Duration::from_secs(KEPT_HOURS * 3_600))).await?;
        pruned.sessions = self.sweep(SESSIONS, now).await? + self.sweep(REVOCATIONS, now).await?;
        let purge_before = now.before(Duration::from_secs(PURGE_DAYS * 86_400));
        pruned.posts = self.sweep(POSTS, purge_before).await?;
        while self.writer.write(move |commit| purge_member(commit, purge_before).boxed()).await? > 0 {
            pruned.members += 1;
        }
        Ok(pruned)
    }

    async fn audit(&self) -> StoreResult<Vec<Drift>> {
        super::audit::audit(&self.readers).await
    }

    async fn import(&self, batch: Import) -> StoreResult<()> {
        self.writer.write(move |commit| super::import::import(commit, batch).boxed()).await
    }
}
