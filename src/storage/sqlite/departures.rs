//! `DepartureStore` over the tables `departures` and `acceptances`.
//!
//! Every row that a counter counts has a flag that says whether it is counted. A step visits the next rows of a member,
//! changes the flags that disagree with the direction of the departure, and changes the counters of exactly those rows.
//! Other commands subtract a row only if it is counted, and insert rows with the flag that agrees with
//! `deactivated_at`. So a step needs to know nothing about them, and a departure that turns round starts over.
use super::{Sqlite, failed, json_ids, number, relations, signed, writer::Commit};
use crate::{
    domain::{EventKind, Fact, MemberId, Timestamp},
    storage::{ACCEPTED_MAX, DepartureStep, DepartureStore, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{Row, SqlitePool};

/// One kind of rows that count a member.
struct Phase {
    /// Selects the ids of the rows of member `?1` above `?2`, at most `?3`.
    next: &'static str,
    /// Sets the flag of the rows `?1` (JSON) to `?2`. Returns, for each row that it changed, the ids of the rows that
    /// count it.
    set_flag: &'static str,
    /// A column that `set_flag` returns, and the statement that adds `?2` to a counter for each id in `?1` (JSON).
    counters: &'static [(usize, &'static str)],
}

/// The phases of a departure, by the column `phase`. Comments come first, because reads compare their flags with
/// `deactivated_at` until then.
const PHASES: [Phase; 5] = [
    Phase {
        next: "SELECT id FROM comments WHERE author_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        set_flag: "UPDATE comments SET counted = ?2 WHERE id IN (SELECT value FROM json_each(?1)) AND counted <> ?2 \
            AND deleted_at IS NULL RETURNING post_id, parent_id",
        counters: &[
            (
                0,
                "UPDATE posts SET comment_count = comment_count + ?2 * changed.n FROM (SELECT value AS id, \
                count(*) AS n FROM json_each(?1) GROUP BY value) changed WHERE posts.id = changed.id",
            ),
            (
                1,
                "UPDATE comments SET reply_count = reply_count + ?2 * changed.n, below_count = below_count + \
                ?2 * changed.n FROM (SELECT value AS id, count(*) AS n FROM json_each(?1) GROUP BY value) changed \
                WHERE comments.id = changed.id",
            ),
            (
                1,
                "UPDATE comments SET below_count = below_count + ?2 * changed.n FROM (SELECT p.parent_id AS id, \
                count(*) AS n FROM json_each(?1) j CROSS JOIN comments p ON p.id = j.value \
                WHERE p.parent_id IS NOT NULL GROUP BY p.parent_id) changed WHERE comments.id = changed.id",
            ),
        ],
    },
    Phase {
        next: "SELECT id FROM post_likes WHERE member_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        set_flag: "UPDATE post_likes SET counted = ?2 WHERE id IN (SELECT value FROM json_each(?1)) AND counted <> ?2 \
            RETURNING post_id",
        counters: &[(
            0,
            "UPDATE posts SET like_count = like_count + ?2 * changed.n FROM (SELECT value AS id, count(*) AS n \
            FROM json_each(?1) GROUP BY value) changed WHERE posts.id = changed.id",
        )],
    },
    Phase {
        next: "SELECT id FROM comment_likes WHERE member_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        set_flag: "UPDATE comment_likes SET counted = ?2 WHERE id IN (SELECT value FROM json_each(?1)) \
            AND counted <> ?2 RETURNING comment_id",
        counters: &[(
            0,
            "UPDATE comments SET like_count = like_count + ?2 * changed.n FROM (SELECT value AS id, count(*) AS n \
            FROM json_each(?1) GROUP BY value) changed WHERE comments.id = changed.id",
        )],
    },
    Phase {
        next: "SELECT id FROM follows WHERE follower_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        set_flag: "UPDATE follows SET follower_counted = ?2 WHERE id IN (SELECT value FROM json_each(?1)) \
            AND follower_counted <> ?2 RETURNING followee_id",
        counters: &[(
            0,
            "UPDATE members SET follower_count = follower_count + ?2 * changed.n FROM (SELECT value AS id, \
            count(*) AS n FROM json_each(?1) GROUP BY value) changed WHERE members.id = changed.id",
        )],
    },
    Phase {
        next: "SELECT id FROM follows WHERE followee_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        set_flag: "UPDATE follows SET followee_counted = ?2 WHERE id IN (SELECT value FROM json_each(?1)) \
            AND followee_counted <> ?2 RETURNING follower_id",
        counters: &[(
            0,
            "UPDATE members SET following_count = following_count + ?2 * changed.n FROM (SELECT value AS id, \
            count(*) AS n FROM json_each(?1) GROUP BY value) changed WHERE members.id = changed.id",
        )],
    },
];

/// The row of a member that is open and whose turn is next after `?1`.
const NEXT: &str = "SELECT member_id, accepting FROM (SELECT member_id, 0 AS accepting FROM departures UNION ALL \
    SELECT member_id, 1 FROM acceptances) ORDER BY member_id <= ?1, member_id, accepting LIMIT 1";
const OPEN: &str = "SELECT (SELECT count(*) FROM departures) + (SELECT count(*) FROM acceptances)";
/// A member whose departure is open and who was deactivated before `?1`.
const PURGED: &str = "SELECT member_id FROM departures WHERE member_id IN \
    (SELECT id FROM members WHERE deactivated_at < ?1) LIMIT 1";

/// The progress of a departure: a row of `departures`.
struct Departure {
    leaving: bool,
    phase: usize,
    after: i64,
}

/// The result of one step of a departure.
struct Advanced {
    rows: usize,
    /// Whether it was the last step.
    settled: bool,
}

/// Begins a departure in the commit of a deactivation (`leaving`) or restore, or turns an open one round, and takes its
/// first step of at most `rows` rows. The caller emits an event that drops cached counters.
pub(crate) async fn begin(commit: &mut Commit, member: MemberId, leaving: bool, rows: usize) -> StoreResult<()> {
    let upsert = "INSERT INTO departures (member_id, leaving, phase, after_id) VALUES (?, ?, 0, 0) \
        ON CONFLICT (member_id) DO UPDATE SET leaving = excluded.leaving, phase = 0, after_id = 0";
    let query = sqlx::query(upsert).bind(signed(member.0)).bind(leaving);
    query.execute(&mut commit.connection).await.map_err(failed)?;
    advance(commit, member, Departure { leaving, phase: 0, after: 0 }, rows).await?;
    Ok(())
}

/// Visits the next rows of a departure, at most `rows`, in as many phases as they reach.
async fn advance(
    commit: &mut Commit,
    member: MemberId,
    mut departure: Departure,
    rows: usize,
) -> StoreResult<Advanced> {
    let mut visited = 0;
    while let Some(phase) = PHASES.get(departure.phase) {
        let left = rows - visited;
        let query = sqlx::query(phase.next).bind(signed(member.0)).bind(departure.after).bind(signed(left as u64));
        let found = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
        let ids: Vec<u64> = found.iter().map(|row| number(row.get(0))).collect();
        set_flags(commit, phase, &ids, !departure.leaving).await?;
        visited += ids.len();
        if ids.len() == left {
            departure.after = ids.last().map_or(departure.after, |last| signed(*last));
            break;
        }
        departure.phase += 1;
        departure.after = 0;
    }
    let settled = departure.phase == PHASES.len();
    let query = if settled {
        sqlx::query("DELETE FROM departures WHERE member_id = ?")
    } else {
        sqlx::query("UPDATE departures SET phase = ?, after_id = ? WHERE member_id = ?")
            .bind(signed(departure.phase as u64))
            .bind(departure.after)
    };
    query.bind(signed(member.0)).execute(&mut commit.connection).await.map_err(failed)?;
    Ok(Advanced { rows: visited, settled })
}

/// Sets the flag of these rows, and changes the counters of those whose flag was another one.
async fn set_flags(commit: &mut Commit, phase: &Phase, ids: &[u64], counted: bool) -> StoreResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(phase.set_flag).bind(json_ids(ids.iter().copied())).bind(counted);
    let changed = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    for (column, add) in phase.counters {
        let ids: Vec<u64> = changed.iter().filter_map(|row| row.get::<Option<i64>, _>(*column)).map(number).collect();
        if !ids.is_empty() {
            let query = sqlx::query(*add).bind(json_ids(ids)).bind(if counted { 1_i64 } else { -1 });
            query.execute(&mut commit.connection).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Takes a step of an open departure. The last one emits `CountersSettled`.
async fn step(commit: &mut Commit, member: MemberId, rows: usize) -> StoreResult<usize> {
    let select = "SELECT leaving, phase, after_id FROM departures WHERE member_id = ?";
    let query = sqlx::query(select).bind(signed(member.0));
    let row = query.fetch_one(&mut commit.connection).await.map_err(failed)?;
    let phase = usize::try_from(row.get::<i64, _>(1)).unwrap_or(0);
    let departure = Departure { leaving: row.get(0), phase, after: row.get(2) };
    let Advanced { rows, settled } = advance(commit, member, departure, rows).await?;
    if settled {
        commit.emit(Fact::new(EventKind::CountersSettled, member));
    }
    Ok(rows)
}

/// Accepts the pending follow requests of a member whose posts became public: the oldest now, the others in steps.
pub(crate) async fn begin_to_accept(commit: &mut Commit, member: MemberId) -> StoreResult<()> {
    let insert = sqlx::query("INSERT INTO acceptances (member_id) VALUES (?) ON CONFLICT DO NOTHING");
    insert.bind(signed(member.0)).execute(&mut commit.connection).await.map_err(failed)?;
    accept(commit, member, ACCEPTED_MAX).await?;
    Ok(())
}

/// Leaves the follow requests that are still pending to a member whose posts are no longer public.
pub(crate) async fn stop_accepting(commit: &mut Commit, member: MemberId) -> StoreResult<()> {
    let delete = sqlx::query("DELETE FROM acceptances WHERE member_id = ?").bind(signed(member.0));
    delete.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(())
}

/// Takes a step of an acceptance.
async fn accept(commit: &mut Commit, member: MemberId, rows: usize) -> StoreResult<usize> {
    let max = rows.min(ACCEPTED_MAX);
    let accepted = relations::accept_oldest(commit, member, max).await?;
    if accepted < max {
        stop_accepting(commit, member).await?;
    }
    Ok(accepted)
}

async fn take_step(commit: &mut Commit, after: MemberId, rows: usize) -> StoreResult<Option<DepartureStep>> {
    let query = sqlx::query(NEXT).bind(signed(after.0));
    let Some(next) = query.fetch_optional(&mut commit.connection).await.map_err(failed)? else { return Ok(None) };
    let (member, accepting) = (MemberId(number(next.get(0))), next.get(1));
    let rows = if accepting { accept(commit, member, rows).await? } else { step(commit, member, rows).await? };
    let row = sqlx::query(OPEN).fetch_one(&mut commit.connection).await.map_err(failed)?;
    Ok(Some(DepartureStep { member, rows, open: number(row.get(0)) }))
}

/// Takes a step of the departure of a member who was deactivated before that time. Returns 0 if there is
/// none, and at least 1 otherwise.
pub(crate) async fn step_before_purge(commit: &mut Commit, before: Timestamp, rows: usize) -> StoreResult<u64> {
    let query = sqlx::query(PURGED).bind(before.0);
    let Some(row) = query.fetch_optional(&mut commit.connection).await.map_err(failed)? else { return Ok(0) };
    let visited = step(commit, MemberId(number(row.get(0))), rows).await?;
    Ok(visited.max(1) as u64)
}

/// Counts the open departures and acceptances.
pub(crate) async fn count_open(pool: &SqlitePool) -> StoreResult<u64> {
    let row = sqlx::query(OPEN).fetch_one(pool).await.map_err(failed)?;
    Ok(number(row.get(0)))
}

#[async_trait]
impl DepartureStore for Sqlite {
    async fn take_step(&self, after: MemberId, rows: usize) -> StoreResult<Option<DepartureStep>> {
        Ok(self.writer.write(move |commit| take_step(commit, after, rows).boxed()).await?.value)
    }

    async fn next_departure(&self, after: MemberId) -> StoreResult<Option<MemberId>> {
        let row = sqlx::query(NEXT).bind(signed(after.0)).fetch_optional(&self.read_pool).await.map_err(failed)?;
        Ok(row.map(|row| MemberId(number(row.get(0)))))
    }

    #[cfg(test)]
    async fn open_departures(&self) -> StoreResult<u64> {
        count_open(&self.read_pool).await
    }

    #[cfg(test)]
    async fn begin_to_leave(&self, member: MemberId) -> StoreResult<()> {
        let now = Timestamp::now();
        self.writer.write(move |commit| super::members::deactivate_in_steps(commit, member, now, 0).boxed()).await?;
        Ok(())
    }

    #[cfg(test)]
    async fn begin_to_return(&self, member: MemberId) -> StoreResult<()> {
        self.writer.write(move |commit| super::members::restore_in_steps(commit, member, 0).boxed()).await?;
        Ok(())
    }
}
