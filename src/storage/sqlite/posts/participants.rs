//! The likes and comments of posts by member: everybody's of a few posts, or those of some members.
use crate::{
    domain::{Deadline, MemberId, PostCounts, PostId},
    storage::{
        PostParticipants, StoreResult,
        sqlite::{Sqlite, json_ids, number},
    },
};
use sqlx::{Row, sqlite::SqliteRow};
use std::collections::BTreeMap;

/// Rows of post, member, and whether it is a like. Only those that the counters of the post count.
const PARTICIPANTS: &str = "SELECT l.post_id, l.member_id, 1 FROM json_each(?1) p \
    CROSS JOIN post_likes l ON l.post_id = p.value AND l.counted = 1 \
    UNION ALL SELECT c.post_id, c.author_id, 0 FROM json_each(?1) p CROSS JOIN comments c ON c.post_id = p.value \
    AND c.deleted_at IS NULL AND c.counted = 1";
/// Seeks each pair of post and member by index.
const COUNTS_BY: &str = "SELECT p.value, \
    (SELECT count(*) FROM json_each(?2) a CROSS JOIN post_likes l ON l.post_id = p.value AND l.member_id = a.value \
    AND l.counted = 1) AS likes, \
    (SELECT count(*) FROM json_each(?2) a CROSS JOIN comments c ON c.post_id = p.value AND c.author_id = a.value \
    AND c.deleted_at IS NULL AND c.counted = 1) AS comments \
    FROM json_each(?1) p WHERE likes > 0 OR comments > 0";

pub(super) async fn participants(
    sqlite: &Sqlite,
    ids: &[PostId],
    until: Option<&Deadline>,
) -> StoreResult<Vec<(PostId, PostParticipants)>> {
    let query = sqlx::query(PARTICIPANTS).bind(json_ids(ids.iter().map(|id| id.0)));
    let mut posts: BTreeMap<PostId, PostParticipants> = BTreeMap::new();
    for row in &sqlite.fetch_rows(query, until).await? {
        let of_post = posts.entry(PostId(number(row.get(0)))).or_default();
        let list = if row.get(2) { &mut of_post.likers } else { &mut of_post.commenters };
        list.push(MemberId(number(row.get(1))));
    }
    for of_post in posts.values_mut() {
        of_post.likers.sort_unstable();
        of_post.commenters.sort_unstable();
    }
    Ok(posts.into_iter().collect())
}

pub(super) async fn counts_by(
    sqlite: &Sqlite,
    ids: &[PostId],
    members: &[MemberId],
    until: Option<&Deadline>,
) -> StoreResult<Vec<(PostId, PostCounts)>> {
    let query =
        sqlx::query(COUNTS_BY).bind(json_ids(ids.iter().map(|id| id.0))).bind(json_ids(members.iter().map(|id| id.0)));
    let counts = |row: &SqliteRow| {
        let counts = PostCounts { views: 0, likes: number(row.get(1)), comments: number(row.get(2)) };
        (PostId(number(row.get(0))), counts)
    };
    Ok(sqlite.fetch_rows(query, until).await?.iter().map(counts).collect())
}
