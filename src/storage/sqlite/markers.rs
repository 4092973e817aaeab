//! `MarkerStore` over the table `notification_markers`: one row for each member.
use super::{Sqlite, failed, members, number, signed, writer::Commit};
use crate::{
    domain::{EventKind, Fact, MemberId, Position, Refusal},
    storage::{Committed, MarkerStore, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::Row;

async fn move_marker(commit: &mut Commit, member: MemberId, last_read: Position) -> StoreResult<bool> {
    if !members::is_active(&mut commit.connection, member).await? {
        return Err(Refusal::MemberNotFound.into());
    }
    if last_read == Position(0) {
        return Ok(false);
    }
    let upsert = "INSERT INTO notification_markers (member_id, last_read) VALUES (?, ?) ON CONFLICT (member_id) \
        DO UPDATE SET last_read = excluded.last_read WHERE excluded.last_read > last_read";
    let query = sqlx::query(upsert).bind(signed(member.0)).bind(signed(last_read.0));
    let moved = query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0;
    if moved {
        commit.emit(Fact::new(EventKind::NotificationsRead, member));
    }
    Ok(moved)
}

#[async_trait]
impl MarkerStore for Sqlite {
    async fn move_marker(&self, member: MemberId, last_read: Position) -> StoreResult<Committed<bool>> {
        self.writer.write(move |commit| move_marker(commit, member, last_read).boxed()).await
    }

    async fn marker(&self, member: MemberId) -> StoreResult<Position> {
        let select = "SELECT last_read FROM notification_markers WHERE member_id = ?";
        let query = sqlx::query(select).bind(signed(member.0));
        let row = query.fetch_optional(&self.read_pool).await.map_err(failed)?;
        Ok(Position(row.map_or(0, |row| number(row.get(0)))))
    }
}
