//! The events table as the log.
use super::{Sqlite, failed, json_ids, number, signed};
use crate::{
    domain::{CommentId, Epoch, Event, EventKind, Fact, MemberId, Position, PostId},
    storage::{EventLog, StoreResult},
};
use async_trait::async_trait;
use sqlx::{Row, SqlitePool, sqlite::SqliteRow};
use tokio::sync::watch;

/// The newest event.
pub(super) async fn newest(pool: &SqlitePool) -> sqlx::Result<Option<Event>> {
    let select = "SELECT position, at_ns, kind, member_id, post_id, comment_id, target_id FROM events \
        ORDER BY position DESC LIMIT 1";
    let row = sqlx::query(select).fetch_optional(pool).await?;
    row.map(|row| event(&row)).transpose()
}

/// Everything up to here has been pruned.
pub(super) async fn pruned_to(pool: &SqlitePool) -> sqlx::Result<Position> {
    let select = "SELECT value FROM meta WHERE name = 'events_pruned_to'";
    let row = sqlx::query(select).fetch_optional(pool).await?;
    Ok(Position(row.map_or(0, |row| number(row.get(0)))))
}

fn event(row: &SqliteRow) -> sqlx::Result<Event> {
    let id = |index: usize| row.try_get::<Option<i64>, _>(index).map(|id| id.map(number));
    let code: u8 = row.try_get(2)?;
    let kind = EventKind::from_code(code)
        .ok_or_else(|| sqlx::Error::Decode(format!("event of unknown kind {code}").into()))?;
    Ok(Event {
        position: Position(number(row.try_get(0)?)),
        at_ns: row.try_get(1)?,
        fact: Fact {
            kind,
            member: MemberId(number(row.try_get(3)?)),
            post: id(4)?.map(PostId),
            comment: id(5)?.map(CommentId),
            target: id(6)?.map(MemberId),
        },
    })
}

fn is_of_posts(event: &Event) -> bool {
    matches!(event.fact.kind, EventKind::PostCreated | EventKind::PostUpdated | EventKind::PostDeleted)
}

#[async_trait]
impl EventLog for Sqlite {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.tail.watch()
    }

    async fn read(&self, after: Position, limit: usize) -> StoreResult<Vec<Event>> {
        if let Some(events) = self.tail.read(after, Position(u64::MAX), limit, |_| true) {
            return Ok(events);
        }
        let select = "SELECT position, at_ns, kind, member_id, post_id, comment_id, target_id FROM events \
            WHERE position > ? ORDER BY position LIMIT ?";
        let query = sqlx::query(select).bind(signed(after.0)).bind(signed(limit as u64));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(event).collect::<sqlx::Result<_>>().map_err(failed)
    }

    async fn post_events(
        &self,
        authors: &[MemberId],
        after: Position,
        until: Position,
        limit: usize,
    ) -> StoreResult<Vec<Event>> {
        let wanted = |event: &Event| is_of_posts(event) && authors.binary_search(&event.fact.member).is_ok();
        if let Some(events) = self.tail.read(after, until, limit, wanted) {
            return Ok(events);
        }
        let select = "SELECT e.position, at_ns, kind, e.member_id, post_id, comment_id, target_id \
            FROM json_each(?1) a JOIN events e ON e.member_id = a.value AND e.position > ?2 AND e.position <= ?3 \
            AND e.kind <= 3 ORDER BY e.position LIMIT ?4";
        let query = sqlx::query(select)
            .bind(json_ids(authors.iter().map(|author| author.0)))
            .bind(signed(after.0))
            .bind(signed(until.0))
            .bind(signed(limit as u64));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(event).collect::<sqlx::Result<_>>().map_err(failed)
    }

    async fn pruned_to(&self) -> StoreResult<Position> {
        pruned_to(&self.readers).await.map_err(failed)
    }
}
