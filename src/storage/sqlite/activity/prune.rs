//! Forgets what is older than it is kept, and members who are not coming back.
use super::{Database, failed, number};
use crate::{
    domain::Timestamp,
    storage::{ACTIVITY_DAYS, PURGE_DAYS, StoreResult, sqlite::json_ids},
};
use sqlx::Row;
use std::time::Duration;

/// Rows in one step: a few milliseconds of the writer's time.
const STEP: usize = 500;

/// Ids and times grow together, so that looking at the first few is enough.
const OLD: &str = "DELETE FROM activities WHERE id IN (SELECT id FROM (SELECT id, at_ns FROM activities ORDER BY id \
    LIMIT ?2) WHERE at_ns < ?1)";
/// Members whose last coming (20) or going (19) was a going, long ago.
const GONE: &str = "SELECT a.member_id FROM activities a WHERE a.kind IN (19, 20) AND a.kind = 19 AND a.at_ns < ? \
    AND NOT EXISTS (SELECT 1 FROM activities b WHERE b.kind IN (19, 20) AND b.kind = 20 \
    AND b.member_id = a.member_id AND b.id > a.id) GROUP BY a.member_id";
/// What members of these ids were told, and what others were told of them. Looked for by a reader, because there is no
/// index by actor.
const OF_GONE: &str = "SELECT id FROM notifications WHERE member_id IN (SELECT value FROM json_each(?1)) \
    OR actor_id IN (SELECT value FROM json_each(?1))";
/// Their activities, their going included: with it goes the reason to look again.
const BY_GONE: &str = "SELECT id FROM activities WHERE member_id IN (SELECT value FROM json_each(?1))";

impl Database {
    pub(super) async fn forget(&self, now: Timestamp) -> StoreResult<u64> {
        let days = |days: u64| now.before(Duration::from_secs(days * 86_400)).0.saturating_mul(1_000_000);
        let mut removed = 0;
        loop {
            let query = sqlx::query(OLD).bind(days(ACTIVITY_DAYS)).bind(STEP as i64);
            match query.execute(&self.writer).await.map_err(failed)?.rows_affected() {
                0 => break,
                rows => removed += rows,
            }
        }
        let gone = self.ids(sqlx::query(GONE).bind(days(PURGE_DAYS))).await?;
        if gone.is_empty() {
            return Ok(removed);
        }
        let gone = json_ids(gone);
        // In this order: what finds them goes last.
        for (select, delete) in [
            (OF_GONE, "DELETE FROM notifications WHERE id IN (SELECT value FROM json_each(?))"),
            (BY_GONE, "DELETE FROM activities WHERE id IN (SELECT value FROM json_each(?))"),
        ] {
            let ids = self.ids(sqlx::query(select).bind(gone.clone())).await?;
            for some in ids.chunks(STEP) {
                let query = sqlx::query(delete).bind(json_ids(some.iter().copied()));
                removed += query.execute(&self.writer).await.map_err(failed)?.rows_affected();
            }
        }
        Ok(removed)
    }

    async fn ids(
        &self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> StoreResult<Vec<u64>> {
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.iter().map(|row| number(row.get(0))).collect())
    }
}
