//! The audit: recomputes every counter from its rows and counts the rows that disagree. It finds no drift between two
//! steps of a departure either.
use crate::storage::{
    Drift, StoreResult,
    sqlite::{failed, number},
};
use sqlx::{Row, SqlitePool};

/// Returns the counters that drifted.
pub(crate) async fn audit(pool: &SqlitePool) -> StoreResult<Vec<Drift>> {
    let mut drifts = Vec::new();
    for (counter, count) in QUERIES {
        let row = sqlx::query(count).fetch_one(pool).await.map_err(failed)?;
        let rows = number(row.get(0));
        if rows > 0 {
            drifts.push(Drift { counter, rows });
        }
    }
    Ok(drifts)
}

/// Each counter or flag, and a query for the number of its wrong rows: counters that differ from the number of rows whose
/// flag is set, and flags that differ from the activity of a member whose departure is not open.
const QUERIES: [(&str, &str); 14] = [
    (
        "members.follower_count",
        "SELECT count(*) FROM members LEFT JOIN (SELECT followee_id AS id, count(*) AS n FROM follows \
        WHERE follower_counted GROUP BY followee_id) USING (id) \
        WHERE follower_count <> coalesce(n, 0)",
    ),
    (
        "members.following_count",
        "SELECT count(*) FROM members LEFT JOIN (SELECT follower_id AS id, count(*) AS n FROM follows \
        WHERE followee_counted GROUP BY follower_id) USING (id) \
        WHERE following_count <> coalesce(n, 0)",
    ),
    (
        "members.post_count",
        "SELECT count(*) FROM members LEFT JOIN (SELECT author_id AS id, count(*) AS n FROM posts \
        WHERE deleted_at IS NULL GROUP BY author_id) USING (id) WHERE post_count <> coalesce(n, 0)",
    ),
    (
        "posts.view_count",
        "SELECT count(*) FROM posts LEFT JOIN (SELECT post_id AS id, count(*) AS n FROM post_views GROUP BY post_id) \
        USING (id) WHERE view_count <> views_base + coalesce(n, 0)",
    ),
    (
        "posts.like_count",
        "SELECT count(*) FROM posts LEFT JOIN (SELECT post_id AS id, count(*) AS n FROM post_likes \
        WHERE counted GROUP BY post_id) USING (id) \
        WHERE like_count <> coalesce(n, 0)",
    ),
    (
        "posts.comment_count",
        "SELECT count(*) FROM posts LEFT JOIN (SELECT post_id AS id, count(*) AS n FROM comments \
        WHERE deleted_at IS NULL AND counted GROUP BY post_id) USING (id) \
        WHERE comment_count <> coalesce(n, 0)",
    ),
    (
        "comments.like_count",
        "SELECT count(*) FROM comments LEFT JOIN (SELECT comment_id AS id, count(*) AS n FROM comment_likes \
        WHERE counted GROUP BY comment_id) USING (id) \
        WHERE like_count <> coalesce(n, 0)",
    ),
    (
        "comments.reply_count",
        "SELECT count(*) FROM comments LEFT JOIN (SELECT parent_id AS id, count(*) AS n FROM comments \
        WHERE deleted_at IS NULL AND counted AND parent_id IS NOT NULL GROUP BY parent_id) USING (id) \
        WHERE reply_count <> coalesce(n, 0)",
    ),
    (
        "comments.below_count",
        "SELECT count(*) FROM comments LEFT JOIN (SELECT id, sum(n) AS n FROM \
        (SELECT parent_id AS id, 1 AS n FROM comments WHERE deleted_at IS NULL AND counted \
        AND parent_id IS NOT NULL UNION ALL SELECT p.parent_id, 1 FROM comments c \
        JOIN comments p ON p.id = c.parent_id WHERE c.deleted_at IS NULL AND c.counted \
        AND p.parent_id IS NOT NULL) GROUP BY id) USING (id) WHERE below_count <> coalesce(n, 0)",
    ),
    (
        "follows.follower_counted",
        "SELECT count(*) FROM follows f JOIN members m ON m.id = f.follower_id \
        WHERE f.follower_counted <> (m.deactivated_at IS NULL) AND m.id NOT IN (SELECT member_id FROM departures)",
    ),
    (
        "follows.followee_counted",
        "SELECT count(*) FROM follows f JOIN members m ON m.id = f.followee_id \
        WHERE f.followee_counted <> (m.deactivated_at IS NULL) AND m.id NOT IN (SELECT member_id FROM departures)",
    ),
    (
        "post_likes.counted",
        "SELECT count(*) FROM post_likes l JOIN members m ON m.id = l.member_id \
        WHERE l.counted <> (m.deactivated_at IS NULL) AND m.id NOT IN (SELECT member_id FROM departures)",
    ),
    (
        "comment_likes.counted",
        "SELECT count(*) FROM comment_likes l JOIN members m ON m.id = l.member_id \
        WHERE l.counted <> (m.deactivated_at IS NULL) AND m.id NOT IN (SELECT member_id FROM departures)",
    ),
    (
        "comments.counted",
        "SELECT count(*) FROM comments c JOIN members m ON m.id = c.author_id WHERE c.deleted_at IS NULL \
        AND c.counted <> (m.deactivated_at IS NULL) AND m.id NOT IN (SELECT member_id FROM departures)",
    ),
];
