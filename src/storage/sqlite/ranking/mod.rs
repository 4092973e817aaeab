//! `RankingStore`: tallies over the tables of posts, likes, comments and views, and the tables of days.
//!
//! Every count reads a range of one index.
mod days;
mod tallies;

use super::{Sqlite, failed, json_ids, number, signed};
use crate::{
    domain::{
        COMMENT_WEIGHT, CalendarDay, LIKE_WEIGHT, MemberId, Position, PostId, Timestamp, first_hour, first_id_at,
    },
    storage::{
        Committed, KeptDay, NEWEST_READ_MAX, NewestPost, PeriodStarts, PostTallies, RankingStore, ScoredPost,
        StoreResult,
    },
};
use async_trait::async_trait;
use futures::FutureExt;
use jiff::civil::Date;
use sqlx::{
    AssertSqlSafe, Row, Sqlite as Backend,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use std::sync::LazyLock;
use tallies::FOR_EVERYBODY;

/// Ids contain their time, so the rows of a span are adjacent in the table itself: `NOT INDEXED` keeps the planner from
/// an index that looks cheaper.
const ACTIVE_BETWEEN: &str = "SELECT post_id FROM post_likes NOT INDEXED WHERE id >= ?1 AND id < ?2 \
    UNION SELECT post_id FROM comments NOT INDEXED WHERE id >= ?1 AND id < ?2 \
    UNION SELECT post_id FROM post_views INDEXED BY post_views_of_hour WHERE hour >= ?3 AND hour < ?4 LIMIT ?5";
const ENGAGED_BY: &str = "SELECT id FROM posts WHERE author_id = ?1 \
    UNION SELECT post_id FROM post_likes WHERE member_id = ?1 \
    UNION SELECT post_id FROM comments WHERE author_id = ?1 LIMIT ?2";
/// The two limits are top-k sorts of one materialized count.
static BEST_OF_DAY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH scored AS MATERIALIZED (SELECT p.id, sum(s.score) AS score, {FOR_EVERYBODY} AS for_everybody FROM ( \
        SELECT post_id, ?5 * count(*) AS score FROM post_likes NOT INDEXED WHERE id >= ?1 AND id < ?2 \
        AND member_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL) GROUP BY post_id \
        UNION ALL SELECT post_id, ?6 * count(*) FROM comments NOT INDEXED WHERE id >= ?1 AND id < ?2 \
        AND deleted_at IS NULL \
        AND author_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL) GROUP BY post_id \
        UNION ALL SELECT post_id, count(*) FROM post_views INDEXED BY post_views_of_hour \
        WHERE hour >= ?3 AND hour < ?4 GROUP BY post_id) s \
        JOIN posts p ON p.id = s.post_id WHERE p.deleted_at IS NULL \
        AND p.author_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL) GROUP BY p.id) \
        SELECT * FROM (SELECT id, score FROM scored WHERE for_everybody ORDER BY score DESC, id LIMIT ?7) \
        UNION ALL SELECT * FROM (SELECT id, score FROM scored WHERE NOT for_everybody ORDER BY score DESC, id LIMIT ?7) \
        ORDER BY score DESC, id"
    )
});
/// Parameters: the limit, and the number of posts that are read for it. Inner limits end the read of the table early.
static NEWEST: LazyLock<String> = LazyLock::new(|| {
    let newest = format!(
        "SELECT p.id, {FOR_EVERYBODY} AS for_everybody FROM posts p WHERE p.deleted_at IS NULL \
        AND p.author_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL) ORDER BY p.id DESC"
    );
    format!(
        "SELECT * FROM ({newest} LIMIT ?1) \
        UNION SELECT * FROM (SELECT * FROM ({newest} LIMIT ?2) WHERE for_everybody LIMIT ?1) ORDER BY id DESC"
    )
});
static PUBLIC: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT p.id FROM json_each(?) j JOIN posts p ON p.id = j.value JOIN members a ON a.id = p.author_id \
        WHERE p.deleted_at IS NULL AND a.deactivated_at IS NULL AND {FOR_EVERYBODY}"
    )
});

/// Decodes the first column.
fn post_id(row: &SqliteRow) -> PostId {
    PostId(number(row.get(0)))
}

impl Sqlite {
    async fn fetch(&self, query: Query<'static, Backend, SqliteArguments>) -> StoreResult<Vec<SqliteRow>> {
        query.fetch_all(&self.read_pool).await.map_err(failed)
    }
}

#[async_trait]
impl RankingStore for Sqlite {
    async fn tallies_after(&self, after: PostId, starts: PeriodStarts, limit: usize) -> StoreResult<Vec<PostTallies>> {
        let query = tallies::bind(&tallies::AFTER, starts).bind(signed(after.0)).bind(signed(limit as u64));
        Ok(self.fetch(query).await?.iter().map(tallies::decode).collect())
    }

    async fn tallies(&self, posts: &[PostId], starts: PeriodStarts) -> StoreResult<Vec<PostTallies>> {
        let query = tallies::bind(&tallies::OF_POSTS, starts).bind(json_ids(posts.iter().map(|post| post.0)));
        Ok(self.fetch(query).await?.iter().map(tallies::decode).collect())
    }

    async fn posts_active_between(&self, from: Timestamp, until: Timestamp, limit: usize) -> StoreResult<Vec<PostId>> {
        let query = sqlx::query(ACTIVE_BETWEEN).bind(signed(first_id_at(from))).bind(signed(first_id_at(until)));
        let query = query.bind(first_hour(from)).bind(first_hour(until)).bind(signed(limit as u64));
        Ok(self.fetch(query).await?.iter().map(post_id).collect())
    }

    async fn posts_engaged_by(&self, member: MemberId, limit: usize) -> StoreResult<Vec<PostId>> {
        let query = sqlx::query(ENGAGED_BY).bind(signed(member.0)).bind(signed(limit as u64));
        Ok(self.fetch(query).await?.iter().map(post_id).collect())
    }

    async fn newest(&self, limit: usize) -> StoreResult<Vec<NewestPost>> {
        let query = sqlx::query(AssertSqlSafe(NEWEST.as_str())).bind(signed(limit as u64));
        let newest = |row: &SqliteRow| NewestPost { post: post_id(row), for_everybody: row.get(1) };
        Ok(self.fetch(query.bind(signed(NEWEST_READ_MAX as u64))).await?.iter().map(newest).collect())
    }

    async fn best_of_day(&self, day: CalendarDay, limit: usize) -> StoreResult<Vec<ScoredPost>> {
        let hours = day.hours();
        let query = sqlx::query(AssertSqlSafe(BEST_OF_DAY.as_str()))
            .bind(signed(first_id_at(day.begin)))
            .bind(signed(first_id_at(day.end)))
            .bind(hours.start)
            .bind(hours.end)
            .bind(signed(LIKE_WEIGHT))
            .bind(signed(COMMENT_WEIGHT))
            .bind(signed(limit as u64));
        let scored = |row: &SqliteRow| ScoredPost { post: post_id(row), score: number(row.get(1)) };
        Ok(self.fetch(query).await?.iter().map(scored).collect())
    }

    async fn public_posts(&self, posts: &[PostId]) -> StoreResult<Vec<PostId>> {
        let query = sqlx::query(AssertSqlSafe(PUBLIC.as_str())).bind(json_ids(posts.iter().map(|post| post.0)));
        let found: Vec<PostId> = self.fetch(query).await?.iter().map(post_id).collect();
        Ok(posts.iter().copied().filter(|post| found.contains(post)).collect())
    }

    async fn kept_day(&self, date: Date) -> StoreResult<Option<KeptDay>> {
        days::kept_day(&self.read_pool, date).await
    }

    async fn keep_day(
        &self,
        date: Date,
        shown: Vec<PostId>,
        frozen: Option<Vec<ScoredPost>>,
    ) -> StoreResult<Committed<bool>> {
        self.writer.write(move |commit| days::keep_day(commit, date, shown.clone(), frozen.clone()).boxed()).await
    }

    async fn top3_changed_at(&self, position: Position) -> StoreResult<Option<Date>> {
        let select = "SELECT day FROM daily_top3_changes WHERE position = ?";
        let query = sqlx::query(select).bind(signed(position.0));
        let row = query.fetch_optional(&self.read_pool).await.map_err(failed)?;
        row.map(|row| row.get::<&str, _>(0).parse()).transpose().map_err(failed)
    }
}
