//! The part of comments' counts that some members contribute, counted in one of two ways: see `CountBy`.
use super::statements::exists;
use crate::{
    domain::{CommentId, Deadline, MemberId},
    storage::{
        BlockedCounts, StoreResult,
        sqlite::{Sqlite, json_ids, number},
    },
};
use sqlx::{AssertSqlSafe, Row, sqlite::SqliteRow};
use std::{collections::BTreeMap, sync::LazyLock};

/// Rows of comment, member, and kind: 0 for a like, 1 for a direct reply, 2 for a reply to one of those.
static ACTS: LazyLock<String> = LazyLock::new(|| {
    let (exists_c, exists_d) = (exists("c"), exists("d"));
    format!(
        "SELECT l.comment_id, l.member_id, 0 FROM json_each(?1) j \
        CROSS JOIN comment_likes l ON l.comment_id = j.value AND l.counted = 1 \
        UNION ALL SELECT c.parent_id, c.author_id, 1 FROM json_each(?1) j CROSS JOIN comments c ON c.parent_id = j.value \
        AND {exists_c} \
        UNION ALL SELECT c.parent_id, d.author_id, 2 FROM json_each(?1) j CROSS JOIN comments c ON c.parent_id = j.value \
        CROSS JOIN comments d ON d.parent_id = c.id AND {exists_d}"
    )
});
/// Rows of comment, number, and kind as above. Seeks each pair of comment and member among the likes, and each pair of
/// post and member among the comments: a reply names its parent, and that one its own.
static MEMBERS: LazyLock<String> = LazyLock::new(|| {
    let exists = exists("c");
    let comments = format!(
        "FROM (SELECT DISTINCT k.post_id FROM json_each(?1) j JOIN comments k ON k.id = j.value) p \
        CROSS JOIN json_each(?2) a CROSS JOIN comments c ON c.post_id = p.post_id AND c.author_id = a.value AND {exists}"
    );
    format!(
        "SELECT j.value, count(*), 0 FROM json_each(?1) j CROSS JOIN json_each(?2) a \
        CROSS JOIN comment_likes l ON l.comment_id = j.value AND l.member_id = a.value AND l.counted = 1 GROUP BY j.value \
        UNION ALL SELECT c.parent_id, count(*), 1 {comments} WHERE c.parent_id IS NOT NULL GROUP BY c.parent_id \
        UNION ALL SELECT d.parent_id, count(*), 2 {comments} CROSS JOIN comments d ON d.id = c.parent_id \
        WHERE d.parent_id IS NOT NULL GROUP BY d.parent_id"
    )
});

/// Counts by comment.
#[derive(Default)]
struct Counts(BTreeMap<CommentId, BlockedCounts>);

impl Counts {
    fn add(&mut self, comment: CommentId, kind: u8, number: u64) {
        let empty = BlockedCounts { comment, likes: 0, replies: 0, below: 0 };
        let counts = self.0.entry(comment).or_insert(empty);
        match kind {
            0 => counts.likes += number,
            1 => {
                counts.replies += number;
                counts.below += number;
            }
            _ => counts.below += number,
        }
    }
}

fn comment(row: &SqliteRow) -> CommentId {
    CommentId(number(row.get(0)))
}

pub(super) async fn by_acts(
    sqlite: &Sqlite,
    ids: &[CommentId],
    members: &[MemberId],
    until: Option<&Deadline>,
) -> StoreResult<Vec<BlockedCounts>> {
    let query = sqlx::query(AssertSqlSafe(ACTS.as_str())).bind(json_ids(ids.iter().map(|id| id.0)));
    let mut counts = Counts::default();
    for row in &sqlite.fetch_rows(query, until).await? {
        if members.binary_search(&MemberId(number(row.get(1)))).is_ok() {
            counts.add(comment(row), row.get(2), 1);
        }
    }
    Ok(counts.0.into_values().collect())
}

pub(super) async fn by_members(
    sqlite: &Sqlite,
    ids: &[CommentId],
    members: &[MemberId],
    until: Option<&Deadline>,
) -> StoreResult<Vec<BlockedCounts>> {
    let query = sqlx::query(AssertSqlSafe(MEMBERS.as_str()))
        .bind(json_ids(ids.iter().map(|id| id.0)))
        .bind(json_ids(members.iter().map(|id| id.0)));
    let mut counts = Counts::default();
    for row in &sqlite.fetch_rows(query, until).await? {
        // The members' replies to other comments of the post are among the rows.
        if ids.contains(&comment(row)) {
            counts.add(comment(row), row.get(2), number(row.get(1)));
        }
    }
    Ok(counts.0.into_values().collect())
}
