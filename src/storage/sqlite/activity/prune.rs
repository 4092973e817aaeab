//! Forgets what is older than it is kept, and members who are not coming back.
use super::{SqliteActivity, failed};
use crate::{
    domain::{EventKind, Timestamp},
    storage::{ACTIVITY_DAYS, PURGE_DAYS, StoreResult},
};
use std::time::Duration;

/// Rows in one step: a few milliseconds of the writer's time.
const STEP: i64 = 500;

/// Ids and times grow together, so that looking at the first few is enough.
const OLD: &str = "DELETE FROM activities WHERE id IN (SELECT id FROM (SELECT id, at_ns FROM activities ORDER BY id \
    LIMIT ?2) WHERE at_ns < ?1)";
/// Members whose last coming or going was a going, before ?1 (?3: going, ?4: coming).
macro_rules! gone {
    () => {
        "SELECT a.member_id FROM activities a WHERE a.kind = ?3 AND a.at_ns < ?1 AND NOT EXISTS (SELECT 1 \
        FROM activities b WHERE b.member_id = a.member_id AND b.kind = ?4 AND b.id > a.id)"
    };
}
const TOLD_TO_GONE: &str = concat!(
    "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE member_id IN (",
    gone!(),
    ") LIMIT ?2)"
);
const TOLD_OF_GONE: &str = concat!(
    "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE actor_id IN (",
    gone!(),
    ") LIMIT ?2)"
);
/// Their going itself stays until it is old: it says that there is nothing to do.
const DONE_BY_GONE: &str = concat!(
    "DELETE FROM activities WHERE id IN (SELECT id FROM activities WHERE member_id IN (",
    gone!(),
    ") AND kind <> ?3 LIMIT ?2)"
);

impl SqliteActivity {
    pub(super) async fn forget(&self, now: Timestamp) -> StoreResult<u64> {
        let days = |days: u64| now.before(Duration::from_secs(days * 86_400)).0.saturating_mul(1_000_000);
        let mut removed = 0;
        for (statement, before_ns) in [
            (OLD, days(ACTIVITY_DAYS)),
            (TOLD_TO_GONE, days(PURGE_DAYS)),
            (TOLD_OF_GONE, days(PURGE_DAYS)),
            (DONE_BY_GONE, days(PURGE_DAYS)),
        ] {
            loop {
                let query = sqlx::query(statement)
                    .bind(before_ns)
                    .bind(STEP)
                    .bind(EventKind::MemberDeactivated.code())
                    .bind(EventKind::MemberRestored.code());
                match query.execute(&self.writer).await.map_err(failed)?.rows_affected() {
                    0 => break,
                    rows => removed += rows,
                }
            }
        }
        Ok(removed)
    }
}
