//! Turns events into rows of `activities` and `notifications`, within a transaction.
use super::failed;
use crate::{
    domain::{Event, MemberId, NOTIFICATIONS_MAX, Notification, is_activity, message_key},
    storage::{
        StoreResult,
        sqlite::{
            signed,
            writer::{Bulk, Query, with_fact},
        },
    },
};
use sqlx::{Row, SqliteConnection};
use std::sync::LazyLock;

static INSERT_ACTIVITIES: LazyLock<Bulk> = LazyLock::new(|| {
    let insert = "INSERT INTO activities (id, message_key, kind, member_id, post_id, comment_id, target_id, at_ns)";
    Bulk::new(insert, 8, "ON CONFLICT DO NOTHING")
});
const INSERT_NOTIFICATION: &str = "INSERT INTO notifications \
    (id, member_id, kind, actor_id, post_id, comment_id, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
/// The newest notification beyond the number that a member keeps.
const FIRST_SURPLUS: &str = "SELECT id FROM notifications WHERE member_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?";
const DELETE_UP_TO: &str = "DELETE FROM notifications WHERE member_id = ? AND id <= ?";

/// Inserts the activities of these events. A message key that is stored already is skipped.
pub(super) async fn insert_activities(connection: &mut SqliteConnection, events: &[Event]) -> StoreResult<()> {
    let activities: Vec<_> = events.iter().filter(|event| is_activity(event.fact.kind)).collect();
    if activities.is_empty() {
        return Ok(());
    }
    INSERT_ACTIVITIES.run(connection, &activities, |query, event| bind_activity(query, event)).await
}

fn bind_activity(query: Query, event: &Event) -> Query {
    let query = query.bind(signed(event.position.0)).bind(message_key(event));
    with_fact(query, &event.fact).bind(event.at_ns)
}

/// Inserts the notification of an event, if it has one, and returns the notified member.
pub(super) async fn insert_notification(
    connection: &mut SqliteConnection,
    event: &Event,
) -> StoreResult<Option<MemberId>> {
    let Some(notification) = Notification::of(event) else { return Ok(None) };
    let query = sqlx::query(INSERT_NOTIFICATION)
        .bind(signed(notification.id.0))
        .bind(signed(notification.to.0))
        .bind(notification.kind.code())
        .bind(signed(notification.actor.0))
        .bind(notification.post.map(|id| signed(id.0)))
        .bind(notification.comment.map(|id| signed(id.0)))
        .bind(notification.at.0);
    query.execute(connection).await.map_err(failed)?;
    Ok(Some(notification.to))
}

/// Deletes the oldest notifications of a member that has more than [`NOTIFICATIONS_MAX`].
pub(super) async fn keep_newest(connection: &mut SqliteConnection, member: MemberId) -> StoreResult<()> {
    let query = sqlx::query(FIRST_SURPLUS).bind(signed(member.0)).bind(signed(NOTIFICATIONS_MAX as u64));
    let Some(row) = query.fetch_optional(&mut *connection).await.map_err(failed)? else { return Ok(()) };
    let surplus: i64 = row.get(0);
    let query = sqlx::query(DELETE_UP_TO).bind(signed(member.0)).bind(surplus);
    query.execute(connection).await.map_err(failed)?;
    Ok(())
}
