//! `ActivityStore` on `activity.db`: the position, activities, notifications, and their pruning.
use super::{
    Database, SqliteActivity, dead_letters, decoded, failed,
    insert::{insert_activities, insert_notification, keep_newest},
    open::{advance, position},
    reject_row_errors,
    retract::retract,
    transaction::ActivityTransaction,
};
use crate::{
    domain::{CommentId, Event, EventKind, MemberId, Notification, NotificationKind, Position, PostId, Timestamp},
    storage::{
        ACTIVITY_DAYS, ActivityStore, PURGE_DAYS, StoreResult,
        sqlite::{json_ids, log::event, number, signed},
    },
};
use async_trait::async_trait;
use sqlx::{Row, sqlite::SqliteRow};
use std::{collections::BTreeSet, time::Duration};

const ACTIVITIES: &str = "SELECT id, at_ns, kind, member_id, post_id, comment_id, target_id FROM activities \
    WHERE member_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
const ACTIVITIES_OF_KIND: &str = "SELECT id, at_ns, kind, member_id, post_id, comment_id, target_id FROM activities \
    WHERE member_id = ?1 AND kind = ?4 AND id < ?2 ORDER BY id DESC LIMIT ?3";

const NOTIFICATIONS: &str = "SELECT id, member_id, kind, actor_id, post_id, comment_id, at FROM notifications \
    WHERE member_id = ? AND id > ? AND id < ? ORDER BY id DESC LIMIT ?";
const NOTIFICATIONS_BY_ID: &str = "SELECT n.id, n.member_id, n.kind, n.actor_id, n.post_id, n.comment_id, n.at \
    FROM json_each(?) j JOIN notifications n ON n.id = j.value WHERE n.member_id = ?";

/// Maximum number of rows of one delete statement, which takes the writer a few milliseconds.
const PRUNE_STEP: usize = 500;
/// Ids and times grow together, so it suffices to check the first ids.
const DELETE_OLD_ACTIVITIES: &str = "DELETE FROM activities WHERE id IN (SELECT id FROM \
    (SELECT id, at_ns FROM activities ORDER BY id LIMIT ?2) WHERE at_ns < ?1)";
/// Members whose last `MemberDeactivated` (19) is older than `?` and was followed by no `MemberRestored` (20).
const DEACTIVATED_FOR_GOOD: &str = "SELECT a.member_id FROM activities a WHERE a.kind IN (19, 20) AND a.kind = 19 \
    AND a.at_ns < ? AND NOT EXISTS (SELECT 1 FROM activities b WHERE b.kind IN (19, 20) AND b.kind = 20 \
    AND b.member_id = a.member_id AND b.id > a.id) GROUP BY a.member_id";
/// Notifications to and about the members of these ids. A connection that reads selects them, because no index has the
/// actor.
const NOTIFICATIONS_OF: &str = "SELECT id FROM notifications WHERE member_id IN (SELECT value FROM json_each(?1)) \
    OR actor_id IN (SELECT value FROM json_each(?1))";
const DELETE_NOTIFICATIONS: &str = "DELETE FROM notifications WHERE id IN (SELECT value FROM json_each(?))";
const ACTIVITIES_OF: &str = "SELECT id FROM activities WHERE member_id IN (SELECT value FROM json_each(?1))";
const DELETE_ACTIVITIES: &str = "DELETE FROM activities WHERE id IN (SELECT value FROM json_each(?))";

#[async_trait]
impl ActivityStore for SqliteActivity {
    async fn position(&self) -> StoreResult<Position> {
        self.open_database().await?;
        self.with_database(async |database| position(&database.writer).await).await
    }

    async fn apply(&self, batch: &[Event]) -> StoreResult<()> {
        self.with_database(async |database| apply(&database, batch).await).await.map_err(reject_row_errors)
    }

    async fn activities(
        &self,
        member: MemberId,
        kind: Option<EventKind>,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Event>> {
        self.with_database(async |database| {
            let select = if kind.is_some() { ACTIVITIES_OF_KIND } else { ACTIVITIES };
            let mut query =
                sqlx::query(select).bind(signed(member.0)).bind(signed(before.0)).bind(signed(limit as u64));
            if let Some(kind) = kind {
                query = query.bind(kind.code());
            }
            decoded(&query.fetch_all(&database.read_pool).await.map_err(failed)?, event)
        })
        .await
    }

    async fn notifications(
        &self,
        member: MemberId,
        after: Position,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Notification>> {
        self.with_database(async |database| {
            let query = sqlx::query(NOTIFICATIONS)
                .bind(signed(member.0))
                .bind(signed(after.0))
                .bind(signed(before.0))
                .bind(signed(limit as u64));
            decoded(&query.fetch_all(&database.read_pool).await.map_err(failed)?, notification)
        })
        .await
    }

    async fn notifications_by_id(&self, member: MemberId, ids: &[Position]) -> StoreResult<Vec<Notification>> {
        self.with_database(async |database| {
            let query =
                sqlx::query(NOTIFICATIONS_BY_ID).bind(json_ids(ids.iter().map(|id| id.0))).bind(signed(member.0));
            decoded(&query.fetch_all(&database.read_pool).await.map_err(failed)?, notification)
        })
        .await
    }

    async fn prune(&self, now: Timestamp) -> StoreResult<u64> {
        self.with_database(async |database| {
            let old = prune_old_activities(&database, now).await?;
            Ok(old + prune_deactivated(&database, now).await?)
        })
        .await
    }
}

async fn apply(database: &Database, batch: &[Event]) -> StoreResult<()> {
    let mut commit = ActivityTransaction::begin(&database.writer).await?;
    let connection = commit.connection();
    let applied = position(&mut *connection).await?;
    let new: Vec<Event> = batch.iter().filter(|event| event.position > applied).copied().collect();
    let Some(last) = new.last() else { return commit.abandon().await };
    insert_activities(connection, &new).await?;
    let has_dead_letters = dead_letters::exist(connection).await?;
    let mut notified = BTreeSet::new();
    for event in &new {
        notified.extend(insert_notification(connection, event).await?);
        retract(connection, event, has_dead_letters).await?;
    }
    for member in notified {
        keep_newest(connection, member).await?;
    }
    advance(connection, last.position).await?;
    commit.finish().await
}

/// Reads a notification from the columns `id, member_id, kind, actor_id, post_id, comment_id, at`, in this order.
pub(super) fn notification(row: &SqliteRow) -> sqlx::Result<Notification> {
    let id = |index: usize| row.try_get::<Option<i64>, _>(index).map(|id| id.map(number));
    let code: u8 = row.try_get(2)?;
    let kind = NotificationKind::from_code(code)
        .ok_or_else(|| sqlx::Error::Decode(format!("notification of unknown kind {code}").into()))?;
    Ok(Notification {
        id: Position(number(row.try_get(0)?)),
        to: MemberId(number(row.try_get(1)?)),
        kind,
        actor: MemberId(number(row.try_get(3)?)),
        post: id(4)?.map(PostId),
        comment: id(5)?.map(CommentId),
        at: Timestamp(row.try_get(6)?),
    })
}

async fn prune_old_activities(database: &Database, now: Timestamp) -> StoreResult<u64> {
    let mut deleted = 0;
    loop {
        let query =
            sqlx::query(DELETE_OLD_ACTIVITIES).bind(nanoseconds_before(now, ACTIVITY_DAYS)).bind(PRUNE_STEP as i64);
        match query.execute(&database.writer).await.map_err(failed)?.rows_affected() {
            0 => return Ok(deleted),
            rows => deleted += rows,
        }
    }
}

async fn prune_deactivated(database: &Database, now: Timestamp) -> StoreResult<u64> {
    let query = sqlx::query(DEACTIVATED_FOR_GOOD).bind(nanoseconds_before(now, PURGE_DAYS));
    let rows = query.fetch_all(&database.read_pool).await.map_err(failed)?;
    if rows.is_empty() {
        return Ok(0);
    }
    let members = json_ids(rows.iter().map(|row| number(row.get(0))));
    // Activities are deleted last: the next run finds the member by the `MemberDeactivated` among them.
    let notifications = delete_in_steps(database, NOTIFICATIONS_OF, DELETE_NOTIFICATIONS, &members).await?;
    let activities = delete_in_steps(database, ACTIVITIES_OF, DELETE_ACTIVITIES, &members).await?;
    Ok(notifications + activities)
}

/// Selects ids with a reader, and deletes the rows of [`PRUNE_STEP`] of them at a time.
async fn delete_in_steps(
    database: &Database,
    select: &'static str,
    delete: &'static str,
    members: &str,
) -> StoreResult<u64> {
    let rows = sqlx::query(select).bind(members).fetch_all(&database.read_pool).await.map_err(failed)?;
    let ids: Vec<u64> = rows.iter().map(|row| number(row.get(0))).collect();
    let mut deleted = 0;
    for step in ids.chunks(PRUNE_STEP) {
        let query = sqlx::query(delete).bind(json_ids(step.iter().copied()));
        deleted += query.execute(&database.writer).await.map_err(failed)?.rows_affected();
    }
    Ok(deleted)
}

/// Returns the time that many days before `now`, in nanoseconds since 1970.
fn nanoseconds_before(now: Timestamp, days: u64) -> i64 {
    now.before(Duration::from_secs(days * 86_400)).0.saturating_mul(1_000_000)
}
