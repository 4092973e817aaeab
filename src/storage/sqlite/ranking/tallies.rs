//! The statements that tally posts: views, likes and comments of all time, of the week, of the last day and of today.
use crate::{
    domain::{PostId, Tally, first_hour, first_id_at},
    storage::{
        PeriodStarts, PostTallies,
        sqlite::{number, signed},
    },
};
use sqlx::{
    AssertSqlSafe, Row, Sqlite,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use std::sync::LazyLock;

/// Whether post `p` is for everybody: one look-up by key, and none for a post with a narrower audience.
pub(super) const FOR_EVERYBODY: &str =
    "CASE WHEN p.audience = 0 THEN (SELECT m.privacy = 0 FROM members m WHERE m.id = p.author_id) ELSE 0 END";

/// Parameters 7 and 8: the id to continue above, and the limit. Ordered by id, so that the table is read once.
pub(super) static AFTER: LazyLock<String> = LazyLock::new(|| {
    select(
        "posts p WHERE p.id > ?7 AND p.deleted_at IS NULL AND p.view_count + p.like_count + p.comment_count > 0 \
        AND p.author_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL) ORDER BY p.id LIMIT ?8",
    )
});
/// Parameter 7: the ids of the posts.
pub(super) static OF_POSTS: LazyLock<String> = LazyLock::new(|| {
    select(
        "json_each(?7) j CROSS JOIN posts p ON p.id = j.value WHERE p.deleted_at IS NULL \
        AND p.view_count + p.like_count + p.comment_count > 0 \
        AND p.author_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL)",
    )
});

/// Selects the tallies of posts `p`. Parameters 1 to 3 are the first ids of week, day and today, 4 to 6 the first
/// hours.
fn select(from: &str) -> String {
    let [week, day, today] = [period("?1", "?4"), period("?2", "?5"), period("?3", "?6")];
    format!(
        "SELECT p.id, p.view_count, p.like_count, p.comment_count, {week}, {day}, {today}, {FOR_EVERYBODY} FROM {from}"
    )
}

/// Selects three counts of post `p` from an id and an hour on. Skips a count whose counter is 0. Excludes likes and
/// comments of deactivated members.
fn period(first_id: &str, first_hour: &str) -> String {
    format!(
        "CASE WHEN p.view_count = 0 THEN 0 ELSE (SELECT count(*) FROM post_views WHERE post_id = p.id \
        AND hour >= {first_hour}) END, \
        CASE WHEN p.like_count = 0 THEN 0 ELSE (SELECT count(*) FROM post_likes WHERE post_id = p.id \
        AND id >= {first_id} AND member_id NOT IN (SELECT id FROM members WHERE deactivated_at IS NOT NULL)) END, \
        CASE WHEN p.comment_count = 0 THEN 0 ELSE (SELECT count(*) FROM comments WHERE post_id = p.id \
        AND id >= {first_id} AND deleted_at IS NULL AND counted = 1) END"
    )
}

/// Binds the first six parameters.
pub(super) fn bind(statement: &'static str, starts: PeriodStarts) -> Query<'static, Sqlite, SqliteArguments> {
    let starts = [starts.week, starts.day, starts.today];
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for start in starts {
        query = query.bind(signed(first_id_at(start)));
    }
    for start in starts {
        query = query.bind(first_hour(start));
    }
    query
}

pub(super) fn decode(row: &SqliteRow) -> PostTallies {
    let count = |index: usize| u32::try_from(row.get::<i64, _>(index)).unwrap_or(u32::MAX);
    let tally = |from: usize| Tally { views: count(from), likes: count(from + 1), comments: count(from + 2) };
    PostTallies {
        post: PostId(number(row.get(0))),
        for_everybody: row.get(13),
        all: tally(1),
        week: tally(4),
        day: tally(7),
        today: tally(10),
    }
}
