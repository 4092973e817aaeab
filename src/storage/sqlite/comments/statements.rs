//! The statements that read comments, all over the same columns and conditions.
//!
//! A comment is hidden if its author is deactivated now, whether or not the steps of the departure have reached its row.
//! Likewise `visible_replies` and `visible_below` count the comments that are visible now: the counters of the row,
//! corrected by the rows of members whose departure has not visited them.
use crate::storage::sqlite::posts::POST_FACTS;
use std::sync::LazyLock;

/// The condition that the author of comment `c` is active. A purged author has no row and only deleted comments.
fn active_author(c: &str) -> String {
    format!("NOT EXISTS (SELECT 1 FROM members a WHERE a.id = {c}.author_id AND a.deactivated_at IS NOT NULL)")
}

/// The difference between the visible comments `r` that match and the counted ones. Seeks comments on the same post by
/// members whose departure has not visited all comments yet, which nearly always are none.
fn correction(c: &str, matches: &str) -> String {
    format!(
        "(SELECT coalesce(sum((d.leaving = 0) - r.counted), 0) FROM departures d CROSS JOIN comments r \
        INDEXED BY comments_by_post_and_author ON r.post_id = {c}.post_id AND r.author_id = d.member_id AND r.id > d.after_id \
        LEFT JOIN comments p ON p.id = r.parent_id \
        WHERE d.phase = 0 AND r.deleted_at IS NULL AND ({matches}))"
    )
}

/// The number of visible comments on any level below comment `c`.
fn visible_below(c: &str) -> String {
    let correction = correction(c, &format!("r.parent_id = {c}.id OR p.parent_id = {c}.id"));
    format!("({c}.below_count + {correction})")
}

/// The columns that `comment` decodes.
fn columns() -> String {
    let (active, below) = (active_author("c"), visible_below("c"));
    let correction = correction("c", "r.parent_id = c.id");
    format!(
        "c.*, NOT {active} AS author_deactivated, c.reply_count + {correction} AS visible_replies, \
        {below} AS visible_below"
    )
}

/// The condition that comment `c` exists: it is neither deleted nor by a deactivated author.
pub(super) fn exists(c: &str) -> String {
    format!("{c}.deleted_at IS NULL AND {}", active_author(c))
}

/// The condition that comment `c` is listed: it exists, or is a tombstone.
fn listed(c: &str) -> String {
    format!("({} OR {} > 0)", exists(c), visible_below(c))
}

pub(super) static STORED: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {} FROM comments c WHERE c.id = ?", columns()));

pub(super) static BY_ID: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM comments c JOIN posts p ON p.id = c.post_id JOIN members m ON m.id = p.author_id \
        WHERE c.id = ? AND p.deleted_at IS NULL AND m.deactivated_at IS NULL AND {}",
        columns(),
        listed("c")
    )
});

pub(super) static BY_IDS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM json_each(?) j JOIN comments c ON c.id = j.value \
        JOIN posts p ON p.id = c.post_id JOIN members m ON m.id = p.author_id \
        WHERE p.deleted_at IS NULL AND m.deactivated_at IS NULL AND {}",
        columns(),
        listed("c")
    )
});

pub(super) static EXISTING: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM json_each(?) j JOIN comments c ON c.id = j.value \
        JOIN posts p ON p.id = c.post_id WHERE p.deleted_at IS NULL AND {}",
        columns(),
        exists("c")
    )
});

pub(super) static FROM: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM comments c JOIN posts p ON p.id = c.post_id WHERE p.deleted_at IS NULL AND {} \
        AND c.id > ? ORDER BY c.id LIMIT ?",
        columns(),
        exists("c")
    )
});

pub(super) static EXISTING_BY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM comments c JOIN posts p ON p.id = c.post_id WHERE c.author_id = ? AND c.id < ? \
        AND p.deleted_at IS NULL AND {} ORDER BY c.id DESC LIMIT ?",
        columns(),
        exists("c")
    )
});

pub(super) static OF_POST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM comments c WHERE c.post_id = ? AND c.parent_id IS NULL AND c.id > ? AND {} \
        ORDER BY c.id LIMIT ?",
        columns(),
        listed("c")
    )
});

pub(super) static REPLIES_TO: LazyLock<String> = LazyLock::new(|| {
    let (columns, listed) = (columns(), listed("c"));
    format!("SELECT {columns} FROM comments c WHERE c.parent_id = ? AND c.id > ? AND {listed} ORDER BY c.id LIMIT ?")
});

/// The comments of member `?1` with the facts of their posts for the viewer `?2`. Reads no text.
pub(super) static OF_MEMBER: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT c.id, {POST_FACTS} FROM comments c JOIN posts p ON p.id = c.post_id \
        JOIN members m ON m.id = p.author_id WHERE c.author_id = ?1 AND c.id < ?3 AND {} \
        AND p.deleted_at IS NULL AND m.deactivated_at IS NULL ORDER BY c.id DESC LIMIT ?4",
        exists("c")
    )
});

pub(super) static FIRST_REPLIES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM json_each(?) j JOIN comments c ON c.id IN (SELECT f.id FROM comments f \
        WHERE f.parent_id = j.value AND {} ORDER BY f.id LIMIT ?) ORDER BY c.id",
        columns(),
        listed("f")
    )
});

pub(super) const COMMENTED_POSTS: &str =
    "SELECT p.id, p.author_id, p.audience FROM json_each(?) j JOIN posts p ON p.id = j.value";

/// Whether each existing comment is a reply.
pub(super) static FACTS: LazyLock<String> = LazyLock::new(|| {
    let exists = exists("c");
    format!("SELECT c.id, c.parent_id IS NOT NULL FROM json_each(?) j JOIN comments c ON c.id = j.value WHERE {exists}")
});

/// A comment for a command of member `?2`: it exists, on a post that is not hidden, and the member is active.
pub(super) static FOR_COMMAND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT c.post_id, c.author_id, c.depth, coalesce((SELECT author_id FROM comments \
        WHERE id = c.parent_id), p.author_id), c.mentions FROM comments c JOIN posts p ON p.id = c.post_id \
        JOIN members m ON m.id = p.author_id WHERE c.id = ? AND {} \
        AND p.deleted_at IS NULL AND m.deactivated_at IS NULL \
        AND EXISTS (SELECT 1 FROM members WHERE id = ? AND deactivated_at IS NULL)",
        exists("c")
    )
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, storage::sqlite::Sqlite};
    use sqlx::Row;

    #[tokio::test]
    async fn corrections_seek_the_comments_of_one_post_and_member() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&Config::for_tests(folder.path())).await.unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {}", OF_POST.as_str());
        let query = sqlx::query(sqlx::AssertSqlSafe(explain)).bind(1_i64).bind(0_i64).bind(20_i64);
        let plan: Vec<String> =
            query.fetch_all(&store.read_pool).await.unwrap().iter().map(|row| row.get("detail")).collect();
        let corrections: Vec<&String> = plan.iter().filter(|step| step.starts_with("SEARCH r ")).collect();
        assert_eq!(corrections.len(), 3, "{plan:#?}");
        let is_bounded = |step: &&String| step.contains("comments_by_post_and_author (post_id=? AND author_id=?");
        assert!(corrections.iter().all(is_bounded), "{plan:#?}");
    }
}
