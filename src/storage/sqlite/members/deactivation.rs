//! Deactivation and restore: both change every counter that counts the member, in the same commit. Views, and the count
//! of the member's own posts, stay.
use crate::{
    domain::{EventKind, Fact, MemberId, Refusal, Timestamp},
    storage::{
        StoreResult,
        sqlite::{failed, signed, writer::Commit},
    },
};

/// The changes of counters by a restore (`?2` = 1) or a deactivation (`?2` = -1) of member `?1`. A
/// counter counts active members, whether or not the member or author of its own row is active.
const ADJUST_COUNTERS: [&str; 7] = [
    "UPDATE members SET follower_count = follower_count + ?2 \
    WHERE id IN (SELECT followee_id FROM follows WHERE follower_id = ?1)",
    "UPDATE members SET following_count = following_count + ?2 \
    WHERE id IN (SELECT follower_id FROM follows WHERE followee_id = ?1)",
    "UPDATE posts SET like_count = like_count + ?2 \
    WHERE id IN (SELECT post_id FROM post_likes WHERE member_id = ?1)",
    "UPDATE comments SET like_count = like_count + ?2 \
    WHERE id IN (SELECT comment_id FROM comment_likes WHERE member_id = ?1)",
    "UPDATE posts SET comment_count = comment_count + ?2 * counted.comments FROM \
    (SELECT post_id, count(*) AS comments FROM comments WHERE author_id = ?1 AND deleted_at IS NULL \
    GROUP BY post_id) counted WHERE posts.id = counted.post_id",
    "UPDATE comments SET reply_count = reply_count + ?2 * counted.replies, below_count = below_count + ?2 * counted.replies \
    FROM (SELECT parent_id, count(*) AS replies FROM comments WHERE author_id = ?1 AND deleted_at IS NULL \
    AND parent_id IS NOT NULL GROUP BY parent_id) counted WHERE comments.id = counted.parent_id",
    "UPDATE comments SET below_count = below_count + ?2 * counted.replies FROM (SELECT p.parent_id AS id, \
    count(*) AS replies FROM comments c JOIN comments p ON p.id = c.parent_id WHERE c.author_id = ?1 \
    AND c.deleted_at IS NULL AND p.parent_id IS NOT NULL GROUP BY p.parent_id) counted WHERE comments.id = counted.id",
];

/// Refuses `MemberNotFound` for a member who is not active.
pub(crate) async fn deactivate(commit: &mut Commit, member: MemberId, at: Timestamp) -> StoreResult<()> {
    let update = "UPDATE members SET deactivated_at = ? WHERE id = ? AND deactivated_at IS NULL";
    let query = sqlx::query(update).bind(at.0).bind(signed(member.0));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 0 {
        return Err(Refusal::MemberNotFound.into());
    }
    adjust_counters(commit, member, -1).await?;
    commit.emit(Fact::new(EventKind::MemberDeactivated, member));
    Ok(())
}

/// Returns `false` for an active member.
pub(crate) async fn restore(commit: &mut Commit, member: MemberId) -> StoreResult<bool> {
    let update = "UPDATE members SET deactivated_at = NULL WHERE id = ? AND deactivated_at IS NOT NULL";
    let query = sqlx::query(update).bind(signed(member.0));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 0 {
        return Ok(false);
    }
    adjust_counters(commit, member, 1).await?;
    commit.emit(Fact::new(EventKind::MemberRestored, member));
    Ok(true)
}

/// Adds `by`, 1 or -1, to every counter that counts the member.
async fn adjust_counters(commit: &mut Commit, member: MemberId, by: i64) -> StoreResult<()> {
    let update = "UPDATE comments SET author_deactivated = ? WHERE author_id = ?";
    let query = sqlx::query(update).bind(by < 0).bind(signed(member.0));
    query.execute(&mut commit.connection).await.map_err(failed)?;
    for statement in ADJUST_COUNTERS {
        let query = sqlx::query(statement).bind(signed(member.0)).bind(by);
        query.execute(&mut commit.connection).await.map_err(failed)?;
    }
    Ok(())
}
