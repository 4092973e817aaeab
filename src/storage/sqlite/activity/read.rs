//! What members did and are told.
use super::{Database, event, event_columns, failed, number, signed, unknown};
use crate::{
    domain::{CommentId, Event, EventKind, MemberId, Notification, NotificationKind, Position, PostId, Timestamp},
    storage::{StoreResult, sqlite::json_ids},
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

/// Columns of a notification, in the order that `told` reads them.
macro_rules! select_told {
    ($rest:literal) => {
        concat!("SELECT n.id, member_id, kind, actor_id, post_id, comment_id, at FROM ", $rest)
    };
}

fn notification_from(row: &SqliteRow) -> sqlx::Result<Notification> {
    let id = |index: usize| row.try_get::<Option<i64>, _>(index).map(|id| id.map(number));
    let code: u8 = row.try_get(2)?;
    Ok(Notification {
        id: Position(number(row.try_get(0)?)),
        to: MemberId(number(row.try_get(1)?)),
        kind: NotificationKind::from_code(code).ok_or_else(|| unknown("notification", code))?,
        actor: MemberId(number(row.try_get(3)?)),
        post: id(4)?.map(PostId),
        comment: id(5)?.map(CommentId),
        at: Timestamp(row.try_get(6)?),
    })
}

/// The one that this event was told as.
pub(super) async fn one(connection: &mut SqliteConnection, id: Position) -> StoreResult<Option<Notification>> {
    let query = sqlx::query(select_told!("notifications n WHERE n.id = ?")).bind(signed(id.0));
    let row = query.fetch_optional(connection).await.map_err(failed)?;
    row.map(|row| notification_from(&row)).transpose().map_err(failed)
}

impl Database {
    pub(super) async fn done_by(
        &self,
        member: MemberId,
        kind: Option<EventKind>,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Event>> {
        let all = concat!(
            "SELECT ",
            event_columns!("id"),
            " FROM activities WHERE member_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
        );
        let of_kind = concat!(
            "SELECT ",
            event_columns!("id"),
            " FROM activities WHERE member_id = ?1 AND kind = ?4 AND id < ?2 ORDER BY id DESC LIMIT ?3"
        );
        let query = sqlx::query(if kind.is_some() { of_kind } else { all })
            .bind(signed(member.0))
            .bind(signed(before.0))
            .bind(signed(limit as u64));
        let query = match kind {
            Some(kind) => query.bind(kind.code()),
            None => query,
        };
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(event).collect::<sqlx::Result<_>>().map_err(failed)
    }

    pub(super) async fn told_to(
        &self,
        member: MemberId,
        after: Position,
        before: Position,
        limit: usize,
    ) -> StoreResult<Vec<Notification>> {
        let select =
            select_told!("notifications n WHERE member_id = ? AND n.id > ? AND n.id < ? ORDER BY n.id DESC LIMIT ?");
        let query = sqlx::query(select)
            .bind(signed(member.0))
            .bind(signed(after.0))
            .bind(signed(before.0))
            .bind(signed(limit as u64));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(notification_from).collect::<sqlx::Result<_>>().map_err(failed)
    }

    pub(super) async fn told_by_id(&self, member: MemberId, ids: &[Position]) -> StoreResult<Vec<Notification>> {
        let select = select_told!("json_each(?) j JOIN notifications n ON n.id = j.value WHERE member_id = ?");
        let query = sqlx::query(select).bind(json_ids(ids.iter().map(|id| id.0))).bind(signed(member.0));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(notification_from).collect::<sqlx::Result<_>>().map_err(failed)
    }
}
