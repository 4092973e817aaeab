//! `EventLog` over the table `events`. The writer appends to it; the newest events are also in memory.
#[cfg(test)]
mod follower;
mod tail;

#[cfg(test)]
pub(crate) use follower::Follower;

pub(crate) use tail::Tail;

use super::{Sqlite, decoded, failed, json_ids, number, posts, signed};
use crate::{
    domain::{CommentId, Epoch, Event, EventAudience, EventKind, Fact, MemberId, Position, PostAudience, PostId},
    storage::{EventLog, Reach, StoreError, StoreResult},
};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Row, SqliteConnection, SqliteExecutor, SqlitePool, sqlite::SqliteRow};
use std::{sync::LazyLock, time::Duration};
use tokio::sync::watch;

/// Maximum number of events of other stores that the tail takes over at once. After more of them it begins anew, and
/// readers find the others on the disk.
const CATCH_UP_MAX: u64 = 4_096;

const BETWEEN: &str = "SELECT position, at_ns, kind, member_id, post_id, comment_id, target_id, audience FROM events \
    WHERE position > ? AND position <= ? ORDER BY position LIMIT ?";
const TARGETING: &str = "SELECT position, at_ns, kind, member_id, post_id, comment_id, target_id, audience FROM events \
    WHERE target_id = ? AND position < ? ORDER BY position DESC LIMIT ?";
/// The end of a log without events is the position up to which it was pruned.
const NEWEST: &str =
    "SELECT coalesce(max(position), (SELECT value FROM meta WHERE name = 'events_pruned_to'), 0) FROM events";

/// Returns the newest position.
async fn newest(executor: impl SqliteExecutor<'_>) -> sqlx::Result<Position> {
    Ok(Position(number(sqlx::query(NEWEST).fetch_one(executor).await?.try_get(0)?)))
}

/// Returns at most `limit` events after that position, oldest first.
pub(crate) async fn events_after(
    executor: impl SqliteExecutor<'_>,
    after: Position,
    limit: usize,
) -> StoreResult<Vec<Event>> {
    events_between(executor, after, Position(u64::MAX), limit).await
}

async fn events_between(
    executor: impl SqliteExecutor<'_>,
    after: Position,
    until: Position,
    limit: usize,
) -> StoreResult<Vec<Event>> {
    let query = sqlx::query(BETWEEN).bind(signed(after.0)).bind(signed(until.0)).bind(signed(limit as u64));
    decoded(&query.fetch_all(executor).await.map_err(failed)?, logged_event)
}

/// Appends to the tail what other stores committed up to `newest`. Refuses a log that ends before the tail, as after
/// the replacement of the database by an older copy: its positions would be given out twice.
pub(crate) async fn catch_up(connection: &mut SqliteConnection, tail: &Tail, newest: Position) -> StoreResult<()> {
    let last = tail.last();
    if newest < last {
        return Err(failed(LogShrank { newest, last }));
    }
    let after = Position(last.0.max(newest.0.saturating_sub(CATCH_UP_MAX)));
    tail.append(events_after(connection, after, CATCH_UP_MAX as usize).await?);
    Ok(())
}

/// The error of a log that has lost events.
#[derive(Debug, thiserror::Error)]
#[error("the log ends at position {}, and this process has read position {}", newest.0, last.0)]
struct LogShrank {
    newest: Position,
    last: Position,
}

/// Returns the position up to which every event has been pruned.
async fn pruned_to(pool: &SqlitePool) -> sqlx::Result<Position> {
    let select = "SELECT value FROM meta WHERE name = 'events_pruned_to'";
    let row = sqlx::query(select).fetch_optional(pool).await?;
    Ok(Position(row.map_or(0, |row| number(row.get(0)))))
}

/// Decodes a row of `events`: the columns of `event`, then `audience`.
fn logged_event(row: &SqliteRow) -> sqlx::Result<Event> {
    let event = event(row)?;
    let audience = posts::audience(row.try_get(7)?)?;
    Ok(Event { fact: Fact { audience, ..event.fact }, ..event })
}

/// Decodes the columns `position, at_ns, kind, member_id, post_id, comment_id, target_id`, in this order. The
/// audience is not among them: activities need none.
pub(crate) fn event(row: &SqliteRow) -> sqlx::Result<Event> {
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
            audience: PostAudience::Public,
        },
    })
}

/// The rule `EventAudience::includes` as SQL. Each kind of audience has an index, so the cost grows with the events
/// found, not with the log. The event kinds come from the rule; the conditions of two partial indexes repeat them.
static STREAM_EVENTS: LazyLock<String> = LazyLock::new(|| {
    let kinds_of = |is_offered: fn(EventAudience) -> bool| {
        let kinds = (1..=EventKind::COUNT).filter_map(EventKind::from_code);
        let codes = kinds.filter(|kind| is_offered(EventAudience::of(*kind))).map(|kind| kind.code().to_string());
        codes.collect::<Vec<_>>().join(", ")
    };
    let followers = kinds_of(|audience| audience.followers);
    let everybody = kinds_of(|audience| audience.everybody);
    let actor = kinds_of(|audience| audience.actor);
    let target = kinds_of(|audience| audience.target);
    let columns = "e.position, e.at_ns, e.kind, e.member_id, e.post_id, e.comment_id, e.target_id, e.audience";
    let range = "e.position > ?2 AND e.position <= ?3";
    format!(
        "SELECT * FROM (SELECT {columns} FROM json_each(?1) a JOIN events e ON e.member_id = a.value AND {range} \
        AND e.kind IN ({followers}) ORDER BY e.position LIMIT ?4) \
        UNION SELECT * FROM (SELECT {columns} FROM events e WHERE e.member_id = ?5 AND {range} \
        AND e.kind IN ({actor}) ORDER BY e.position LIMIT ?4) \
        UNION SELECT * FROM (SELECT {columns} FROM events e WHERE e.target_id = ?5 AND {range} \
        AND e.kind IN ({target}) ORDER BY e.position LIMIT ?4) \
        UNION SELECT * FROM (SELECT {columns} FROM events e WHERE {range} AND e.kind IN ({everybody}) \
        ORDER BY e.position LIMIT ?4) ORDER BY 1 LIMIT ?4"
    )
});

#[async_trait]
impl EventLog for Sqlite {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.tail.watch()
    }

    async fn newest(&self) -> StoreResult<Position> {
        newest(&self.read_pool).await.map_err(failed)
    }

    async fn reach(&self, position: Position, wait_max: Duration) -> StoreResult<Reach> {
        let mut head = self.tail.watch();
        if *head.borrow_and_update() >= position {
            return Ok(Reach::Reached);
        }
        if self.newest().await? < position {
            return Ok(Reach::Beyond);
        }
        let reached = async {
            while *head.borrow_and_update() < position {
                head.changed().await.map_err(failed)?;
            }
            Ok(Reach::Reached)
        };
        tokio::time::timeout(wait_max, reached).await.unwrap_or(Err(StoreError::Late { backend: "sqlite" }))
    }

    async fn read(&self, after: Position, limit: usize) -> StoreResult<Vec<Event>> {
        if let Some(events) = self.tail.read(after, Position(u64::MAX), limit, |_| true) {
            return Ok(events);
        }
        events_between(&self.read_pool, after, self.tail.last(), limit).await
    }

    async fn stream_events(
        &self,
        member: MemberId,
        home_authors: &[MemberId],
        after: Position,
        until: Position,
        limit: usize,
    ) -> StoreResult<Vec<Event>> {
        let wanted = |event: &Event| EventAudience::includes(&event.fact, member, home_authors);
        if let Some(events) = self.tail.read(after, until, limit, wanted) {
            return Ok(events);
        }
        let query = sqlx::query(AssertSqlSafe(STREAM_EVENTS.as_str()))
            .bind(json_ids(home_authors.iter().map(|author| author.0)))
            .bind(signed(after.0))
            .bind(signed(until.min(self.tail.last()).0))
            .bind(signed(limit as u64))
            .bind(signed(member.0));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, logged_event)
    }

    async fn events_targeting(&self, member: MemberId, before: Position, limit: usize) -> StoreResult<Vec<Event>> {
        let query = sqlx::query(TARGETING).bind(signed(member.0)).bind(signed(before.0)).bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, logged_event)
    }

    async fn pruned_to(&self) -> StoreResult<Position> {
        pruned_to(&self.read_pool).await.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn stream_events_are_sought_by_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&Config::for_tests(folder.path())).await.unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {}", STREAM_EVENTS.as_str());
        let mut query = sqlx::query(AssertSqlSafe(explain)).bind("[1,2]");
        for number in [0_i64, 9, 64, 1] {
            query = query.bind(number);
        }
        let rows = query.fetch_all(&store.read_pool).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        for index in ["events_of_watched", "events_by_actor", "events_by_target", "events_for_everybody"] {
            assert!(plan.iter().any(|step| step.contains(index)), "{index} in {plan:#?}");
        }
        assert!(!plan.iter().any(|step| step.starts_with("SCAN e")), "{plan:#?}");
    }
}
