//! What posts gathered since some time: every count is a range of one index.
use super::{Sqlite, failed, json_ids, number, signed};
use crate::{
    domain::{COMMENT_WEIGHT, Day, LIKE_WEIGHT, MemberId, PostId, Tally, Timestamp, first_hour, first_id_at},
    storage::{Scored, Since, StoreResult, Tallied},
};
use sqlx::{Row, Sqlite as Backend, query::Query, sqlite::SqliteArguments, sqlite::SqliteRow};

/// Likes of one post since an id, by members who are here.
macro_rules! likes {
    ($since:literal) => {
        concat!(
            "CASE WHEN p.like_count = 0 THEN 0 ELSE (SELECT count(*) FROM post_likes WHERE post_id = p.id AND id >= ",
            $since,
            " AND member_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL)) END"
        )
    };
}
macro_rules! comments {
    ($since:literal) => {
        concat!(
            "CASE WHEN p.comment_count = 0 THEN 0 ELSE (SELECT count(*) FROM comments WHERE post_id = p.id AND id >= ",
            $since,
            " AND deleted_at IS NULL AND author_deactivated = 0) END"
        )
    };
}
macro_rules! views {
    ($since:literal) => {
        concat!(
            "CASE WHEN p.view_count = 0 THEN 0 ELSE (SELECT count(*) FROM post_views WHERE post_id = p.id AND hour >= ",
            $since,
            ") END"
        )
    };
}
/// Three numbers for each span. Parameters 1 to 3 are the ids, 4 to 6 the hours at which week, day and today begin.
macro_rules! tallies {
    ($of:literal) => {
        concat!(
            "SELECT p.id, p.view_count, p.like_count, p.comment_count, ",
            views!("?4"),
            ", ",
            likes!("?1"),
            ", ",
            comments!("?1"),
            ", ",
            views!("?5"),
            ", ",
            likes!("?2"),
            ", ",
            comments!("?2"),
            ", ",
            views!("?6"),
            ", ",
            likes!("?3"),
            ", ",
            comments!("?3"),
            " FROM ",
            $of
        )
    };
}

/// In the order of ids, so that the table is read once from end to end.
const AFTER: &str = tallies!(
    "posts p WHERE p.id > ?7 AND p.deleted_at IS NULL AND p.view_count + p.like_count + p.comment_count > 0 \
    AND p.author_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL) ORDER BY p.id LIMIT ?8"
);
const OF_POSTS: &str = tallies!(
    "json_each(?7) j CROSS JOIN posts p ON p.id = j.value WHERE p.deleted_at IS NULL \
    AND p.view_count + p.like_count + p.comment_count > 0 \
    AND p.author_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL)"
);
/// Ids carry their time, so the rows of a span are together in the table itself, whatever else seems quicker.
const STIRRED: &str = "SELECT post_id FROM post_likes NOT INDEXED WHERE id >= ?1 AND id < ?2 \
    UNION SELECT post_id FROM comments NOT INDEXED WHERE id >= ?1 AND id < ?2 \
    UNION SELECT post_id FROM post_views INDEXED BY post_views_of_hour WHERE hour >= ?3 AND hour < ?4 LIMIT ?5";
const TOUCHED: &str = "SELECT id FROM posts WHERE author_id = ?1 \
    UNION SELECT post_id FROM post_likes WHERE member_id = ?1 \
    UNION SELECT post_id FROM comments WHERE author_id = ?1 LIMIT ?2";
const BEST_OF_DAY: &str = "SELECT s.post_id, sum(s.score) AS score FROM ( \
    SELECT post_id, ?5 * count(*) AS score FROM post_likes NOT INDEXED WHERE id >= ?1 AND id < ?2 \
    AND member_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL) GROUP BY post_id \
    UNION ALL SELECT post_id, ?6 * count(*) FROM comments NOT INDEXED WHERE id >= ?1 AND id < ?2 \
    AND deleted_at IS NULL AND author_deactivated = 0 GROUP BY post_id \
    UNION ALL SELECT post_id, count(*) FROM post_views INDEXED BY post_views_of_hour \
    WHERE hour >= ?3 AND hour < ?4 GROUP BY post_id) s \
    JOIN posts p ON p.id = s.post_id WHERE p.deleted_at IS NULL \
    AND p.author_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL) \
    GROUP BY s.post_id ORDER BY score DESC, s.post_id LIMIT ?7";
const PUBLIC: &str = "SELECT p.id FROM json_each(?) j JOIN posts p ON p.id = j.value \
    JOIN members m ON m.id = p.author_id WHERE p.deleted_at IS NULL AND m.deactivated_at IS NULL AND m.privacy = 0";

type Statement = Query<'static, Backend, SqliteArguments>;

/// A statement with the first six parameters.
fn since(statement: &'static str, since: Since) -> Statement {
    let spans = [since.week, since.day, since.today];
    let query = spans.iter().fold(sqlx::query(statement), |query, span| query.bind(signed(first_id_at(*span))));
    spans.iter().fold(query, |query, span| query.bind(first_hour(*span)))
}

fn tallied(row: &SqliteRow) -> Tallied {
    let count = |index: usize| u32::try_from(row.get::<i64, _>(index)).unwrap_or(u32::MAX);
    let tally = |from: usize| Tally { views: count(from), likes: count(from + 1), comments: count(from + 2) };
    Tallied { post: PostId(number(row.get(0))), all: tally(1), week: tally(4), day: tally(7), today: tally(10) }
}

fn post(row: &SqliteRow) -> PostId {
    PostId(number(row.get(0)))
}

impl Sqlite {
    async fn rows_of(&self, query: Statement) -> StoreResult<Vec<SqliteRow>> {
        query.fetch_all(&self.readers).await.map_err(failed)
    }

    pub(super) async fn tallied_after(&self, after: PostId, from: Since, limit: usize) -> StoreResult<Vec<Tallied>> {
        let query = since(AFTER, from).bind(signed(after.0)).bind(signed(limit as u64));
        Ok(self.rows_of(query).await?.iter().map(tallied).collect())
    }

    pub(super) async fn tallied(&self, posts: &[PostId], from: Since) -> StoreResult<Vec<Tallied>> {
        let query = since(OF_POSTS, from).bind(json_ids(posts.iter().map(|post| post.0)));
        Ok(self.rows_of(query).await?.iter().map(tallied).collect())
    }

    pub(super) async fn stirred_posts(
        &self,
        from: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> StoreResult<Vec<PostId>> {
        let query = sqlx::query(STIRRED).bind(signed(first_id_at(from))).bind(signed(first_id_at(until)));
        let query = query.bind(first_hour(from)).bind(first_hour(until)).bind(signed(limit as u64));
        Ok(self.rows_of(query).await?.iter().map(post).collect())
    }

    pub(super) async fn touched_posts(&self, member: MemberId, limit: usize) -> StoreResult<Vec<PostId>> {
        let query = sqlx::query(TOUCHED).bind(signed(member.0)).bind(signed(limit as u64));
        Ok(self.rows_of(query).await?.iter().map(post).collect())
    }

    pub(super) async fn best_on(&self, day: Day, limit: usize) -> StoreResult<Vec<Scored>> {
        let (first, end) = day.hours();
        let query = sqlx::query(BEST_OF_DAY)
            .bind(signed(first_id_at(day.begin)))
            .bind(signed(first_id_at(day.end)))
            .bind(first)
            .bind(end)
            .bind(signed(LIKE_WEIGHT))
            .bind(signed(COMMENT_WEIGHT))
            .bind(signed(limit as u64));
        Ok(self.rows_of(query).await?.iter().map(|row| (post(row), number(row.get(1)))).collect())
    }

    pub(super) async fn public_among(&self, posts: &[PostId]) -> StoreResult<Vec<PostId>> {
        let query = sqlx::query(PUBLIC).bind(json_ids(posts.iter().map(|post| post.0)));
        let found: Vec<PostId> = self.rows_of(query).await?.iter().map(post).collect();
        Ok(posts.iter().copied().filter(|post| found.contains(post)).collect())
    }
}
