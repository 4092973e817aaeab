//! The statements of recommendations.
use std::sync::LazyLock;

/// The relations that exclude member `m` from the recommendations to `?1`.
const RELATED: &str = "EXISTS (SELECT 1 FROM follows WHERE follower_id = ?1 AND followee_id = m.id) \
    OR EXISTS (SELECT 1 FROM follow_requests WHERE requester_id = ?1 AND target_id = m.id) \
    OR EXISTS (SELECT 1 FROM blocks WHERE member_id = ?1 AND blocked_id = m.id) \
    OR EXISTS (SELECT 1 FROM blocks WHERE member_id = m.id AND blocked_id = ?1) \
    OR EXISTS (SELECT 1 FROM mutes WHERE member_id = ?1 AND muted_id = m.id \
    AND (expires_at IS NULL OR expires_at > unixepoch() * 1000))";

/// Maximum number of follows of the viewer's followees that are counted. Beyond it, the followees whom the viewer has
/// followed longest are ignored: 1,000 followees with 1,000 follows each would be a million rows to sort for every
/// page.
const NETWORK_ROWS_MAX: u32 = 250_000;

/// Parameters: viewer, id to continue below, limit.
pub(super) static NEWEST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT m.id, m.handle, m.display_name, m.member_name, m.avatar_id, m.avatar_key, 0 AS common FROM members m \
        WHERE m.id < ?2 AND m.id <> ?1 AND m.deactivated_at IS NULL AND NOT ({RELATED}) ORDER BY m.id DESC LIMIT ?3"
    )
});

/// Parameters: viewer, common follows and id to continue below, limit.
pub(super) static NETWORK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT m.id, m.handle, m.display_name, m.member_name, m.avatar_id, m.avatar_key, f.common FROM \
        (SELECT theirs.followee_id AS member, count(*) AS common FROM \
        (SELECT friend.id, sum(friend.following_count) OVER (ORDER BY f.id DESC) AS follows FROM follows f \
        JOIN members friend ON friend.id = f.followee_id AND friend.deactivated_at IS NULL \
        WHERE f.follower_id = ?1) mine \
        JOIN follows theirs ON theirs.follower_id = mine.id WHERE mine.follows <= {NETWORK_ROWS_MAX} \
        GROUP BY theirs.followee_id) f JOIN members m ON m.id = f.member WHERE m.id <> ?1 \
        AND m.deactivated_at IS NULL AND (f.common < ?2 OR f.common = ?2 AND m.id < ?3) \
        AND NOT ({RELATED}) ORDER BY f.common DESC, m.id DESC LIMIT ?4"
    )
});
