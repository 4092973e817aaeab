//! The ranking role, and the days that it keeps.
use super::{Sqlite, commit::Commit, failed, signed};
use crate::{
    domain::{Day, EventKind, Fact, MemberId, Position, PostId, Timestamp},
    storage::{KeptDay, RankingStore, Scored, Since, StoreResult, Tallied},
};
use async_trait::async_trait;
use futures::FutureExt;
use jiff::civil::Date;
use sqlx::{Row, SqliteExecutor};

async fn kept(executor: impl SqliteExecutor<'_>, date: Date) -> StoreResult<Option<KeptDay>> {
    let select = "SELECT shown, frozen FROM daily_top3 WHERE day = ?";
    let Some(row) = sqlx::query(select).bind(date.to_string()).fetch_optional(executor).await.map_err(failed)? else {
        return Ok(None);
    };
    let shown = serde_json::from_str(row.get(0)).map_err(failed)?;
    let frozen = row.get::<Option<&str>, _>(1).map(serde_json::from_str).transpose().map_err(failed)?;
    Ok(Some(KeptDay { shown, frozen }))
}

async fn keep(
    commit: &mut Commit,
    date: Date,
    shown: Vec<PostId>,
    frozen: Option<Vec<Scored>>,
) -> StoreResult<Option<Position>> {
    let before = kept(&mut commit.connection, date).await?;
    if before.as_ref().is_some_and(|day| day.frozen.is_some()) {
        return Ok(None);
    }
    let upsert = "INSERT INTO daily_top3 (day, shown, frozen) VALUES (?, ?, ?) \
        ON CONFLICT (day) DO UPDATE SET shown = excluded.shown, frozen = excluded.frozen";
    let query = sqlx::query(upsert)
        .bind(date.to_string())
        .bind(serde_json::to_string(&shown).map_err(failed)?)
        .bind(frozen.map(|best| serde_json::to_string(&best)).transpose().map_err(failed)?);
    query.execute(&mut commit.connection).await.map_err(failed)?;
    if shown == before.map(|day| day.shown).unwrap_or_default() {
        return Ok(None);
    }
    let position = commit.emit(Fact::new(EventKind::DailyTop3Changed, MemberId(0)));
    let note = "INSERT INTO daily_top3_changes (position, day) VALUES (?, ?)";
    let query = sqlx::query(note).bind(signed(position.0)).bind(date.to_string());
    query.execute(&mut commit.connection).await.map_err(failed)?;
    // What the log no longer has, nobody asks for.
    let forget = "DELETE FROM daily_top3_changes WHERE position <= \
        (SELECT value FROM meta WHERE name = 'events_pruned_to')";
    sqlx::query(forget).execute(&mut commit.connection).await.map_err(failed)?;
    Ok(Some(position))
}

#[async_trait]
impl RankingStore for Sqlite {
    async fn tallies_after(&self, after: PostId, since: Since, limit: usize) -> StoreResult<Vec<Tallied>> {
        self.tallied_after(after, since, limit).await
    }

    async fn tallies(&self, posts: &[PostId], since: Since) -> StoreResult<Vec<Tallied>> {
        self.tallied(posts, since).await
    }

    async fn stirred(&self, from: Timestamp, until: Timestamp, limit: usize) -> StoreResult<Vec<PostId>> {
        self.stirred_posts(from, until, limit).await
    }

    async fn touched_by(&self, member: MemberId, limit: usize) -> StoreResult<Vec<PostId>> {
        self.touched_posts(member, limit).await
    }

    async fn best_of_day(&self, day: Day, limit: usize) -> StoreResult<Vec<Scored>> {
        self.best_on(day, limit).await
    }

    async fn public_posts(&self, posts: &[PostId]) -> StoreResult<Vec<PostId>> {
        self.public_among(posts).await
    }

    async fn kept_day(&self, date: Date) -> StoreResult<Option<KeptDay>> {
        kept(&self.readers, date).await
    }

    async fn keep_day(
        &self,
        date: Date,
        shown: Vec<PostId>,
        frozen: Option<Vec<Scored>>,
    ) -> StoreResult<Option<Position>> {
        self.writer.write(move |commit| keep(commit, date, shown, frozen).boxed()).await
    }

    async fn top3_changed_at(&self, position: Position) -> StoreResult<Option<Date>> {
        let select = "SELECT day FROM daily_top3_changes WHERE position = ?";
        let query = sqlx::query(select).bind(signed(position.0));
        let row = query.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| row.get::<&str, _>(0).parse()).transpose().map_err(failed)
    }
}
