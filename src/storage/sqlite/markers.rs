//! How far members have read their notifications.
use super::{Sqlite, commit::Commit, failed, number, signed};
use crate::{
    domain::{EventKind, Fact, MemberId, Position, Refusal},
    storage::StoreResult,
};
use sqlx::Row;

pub(super) async fn move_on(commit: &mut Commit, member: MemberId, to: Position) -> StoreResult<Option<Position>> {
    let here = "SELECT 1 FROM members WHERE id = ? AND deactivated_at IS NULL";
    let query = sqlx::query(here).bind(signed(member.0));
    if query.fetch_optional(&mut commit.connection).await.map_err(failed)?.is_none() {
        return Err(Refusal::MemberNotFound.into());
    }
    if to == Position(0) {
        return Ok(None);
    }
    let upsert = "INSERT INTO notification_markers (member_id, last_read) VALUES (?, ?) ON CONFLICT (member_id) \
        DO UPDATE SET last_read = excluded.last_read WHERE excluded.last_read > last_read";
    let query = sqlx::query(upsert).bind(signed(member.0)).bind(signed(to.0));
    let moved = query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0;
    Ok(moved.then(|| commit.emit(Fact::new(EventKind::NotificationsRead, member))))
}

impl Sqlite {
    pub(super) async fn marker_of(&self, member: MemberId) -> StoreResult<Position> {
        let select = "SELECT last_read FROM notification_markers WHERE member_id = ?";
        let query = sqlx::query(select).bind(signed(member.0));
        let row = query.fetch_optional(&self.readers).await.map_err(failed)?;
        Ok(Position(row.map_or(0, |row| number(row.get(0)))))
    }
}
