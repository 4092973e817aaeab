//! The statements of recommendations.
use crate::storage::{NETWORK_EACH_MAX, NETWORK_FOLLOWINGS_MAX};
use std::sync::LazyLock;

/// The relations that exclude member `m` from the recommendations to `?1`.
const RELATED: &str = "EXISTS (SELECT 1 FROM follows WHERE follower_id = ?1 AND followee_id = m.id) \
    OR EXISTS (SELECT 1 FROM follow_requests WHERE requester_id = ?1 AND target_id = m.id) \
    OR EXISTS (SELECT 1 FROM blocks WHERE member_id = ?1 AND blocked_id = m.id) \
    OR EXISTS (SELECT 1 FROM blocks WHERE member_id = m.id AND blocked_id = ?1) \
    OR EXISTS (SELECT 1 FROM mutes WHERE member_id = ?1 AND muted_id = m.id \
    AND (expires_at IS NULL OR expires_at > unixepoch() * 1000))";

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
        (SELECT friend.id FROM follows f JOIN members friend ON friend.id = f.followee_id \
        AND friend.deactivated_at IS NULL WHERE f.follower_id = ?1 ORDER BY f.id DESC LIMIT {NETWORK_FOLLOWINGS_MAX}) mine \
        CROSS JOIN follows theirs ON theirs.id IN \
        (SELECT id FROM follows WHERE follower_id = mine.id ORDER BY id DESC LIMIT {NETWORK_EACH_MAX}) \
        GROUP BY theirs.followee_id) f JOIN members m ON m.id = f.member WHERE m.id <> ?1 \
        AND m.deactivated_at IS NULL AND (f.common < ?2 OR f.common = ?2 AND m.id < ?3) \
        AND NOT ({RELATED}) ORDER BY f.common DESC, m.id DESC LIMIT ?4"
    )
});
