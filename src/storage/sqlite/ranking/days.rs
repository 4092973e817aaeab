//! The best posts of each day: the tables `daily_top3` and `daily_top3_changes`.
use crate::{
    domain::{EventKind, Fact, MemberId, PostId},
    storage::{
        KeptDay, ScoredPost, StoreResult,
        sqlite::{failed, signed, writer::Commit},
    },
};
use jiff::civil::Date;
use sqlx::{Row, SqliteExecutor};

const UPSERT: &str = "INSERT INTO daily_top3 (day, shown, frozen) VALUES (?, ?, ?) \
    ON CONFLICT (day) DO UPDATE SET shown = excluded.shown, frozen = excluded.frozen";
/// Deletes the changes whose events the log no longer has.
const PRUNE: &str =
    "DELETE FROM daily_top3_changes WHERE position <= (SELECT value FROM meta WHERE name = 'events_pruned_to')";

/// Returns the stored row of a day.
pub(super) async fn kept_day(executor: impl SqliteExecutor<'_>, date: Date) -> StoreResult<Option<KeptDay>> {
    let select = "SELECT shown, frozen FROM daily_top3 WHERE day = ?";
    let Some(row) = sqlx::query(select).bind(date.to_string()).fetch_optional(executor).await.map_err(failed)? else {
        return Ok(None);
    };
    let shown = serde_json::from_str(row.get(0)).map_err(failed)?;
    let frozen = row.get::<Option<&str>, _>(1).map(serde_json::from_str::<Vec<(PostId, u64)>>).transpose();
    let frozen = frozen.map_err(failed)?;
    let scored = |posts: Vec<_>| posts.into_iter().map(|(post, score)| ScoredPost { post, score }).collect();
    Ok(Some(KeptDay { shown, frozen: frozen.map(scored) }))
}

pub(super) async fn keep_day(
    commit: &mut Commit,
    date: Date,
    shown: Vec<PostId>,
    frozen: Option<Vec<ScoredPost>>,
) -> StoreResult<bool> {
    let before = kept_day(&mut commit.connection, date).await?;
    if before.as_ref().is_some_and(|day| day.frozen.is_some()) {
        return Ok(false);
    }
    let frozen: Option<Vec<_>> = frozen.map(|best| best.iter().map(|scored| (scored.post, scored.score)).collect());
    let query = sqlx::query(UPSERT)
        .bind(date.to_string())
        .bind(serde_json::to_string(&shown).map_err(failed)?)
        .bind(frozen.map(|best| serde_json::to_string(&best)).transpose().map_err(failed)?);
    query.execute(&mut commit.connection).await.map_err(failed)?;
    if shown == before.map(|day| day.shown).unwrap_or_default() {
        return Ok(false);
    }
    let position = commit.emit(Fact::new(EventKind::DailyTop3Changed, MemberId(0)));
    let query = sqlx::query("INSERT INTO daily_top3_changes (position, day) VALUES (?, ?)")
        .bind(signed(position.0))
        .bind(date.to_string());
    query.execute(&mut commit.connection).await.map_err(failed)?;
    sqlx::query(PRUNE).execute(&mut commit.connection).await.map_err(failed)?;
    Ok(true)
}
