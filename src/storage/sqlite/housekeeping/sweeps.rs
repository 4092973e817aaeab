//! The sweeps of pruning and purging: statements that remove expired rows in steps.

/// A step of pruning: removes at most `?2` rows that expired before `?1`, and subtracts them from their counters in the
/// same commit, so that an audit between two steps finds no drift.
#[derive(Clone, Copy)]
pub(super) struct Sweep {
    /// Returns for each removed row the id of the row whose counter counted it, or NULL.
    pub(super) remove: &'static str,
    /// Subtracts the rows with those ids (JSON) from a counter; `None` if no counter counts them.
    pub(super) subtract: Option<&'static str>,
}

// Each subtracts one from a counter for each occurrence of its row's id in a JSON array.
const SUBTRACT_POSTS: &str = "UPDATE members SET post_count = post_count - removed.n FROM \
    (SELECT value AS id, count(*) AS n FROM json_each(?) GROUP BY value) removed WHERE members.id = removed.id";
const SUBTRACT_FOLLOWERS: &str = "UPDATE members SET follower_count = follower_count - removed.n FROM \
    (SELECT value AS id, count(*) AS n FROM json_each(?) GROUP BY value) removed WHERE members.id = removed.id";
const SUBTRACT_VIEWS: &str = "UPDATE posts SET view_count = view_count - removed.n FROM \
    (SELECT value AS id, count(*) AS n FROM json_each(?) GROUP BY value) removed WHERE posts.id = removed.id";
const SUBTRACT_LIKES: &str = "UPDATE posts SET like_count = like_count - removed.n FROM \
    (SELECT value AS id, count(*) AS n FROM json_each(?) GROUP BY value) removed WHERE posts.id = removed.id";

pub(super) const RECEIPTS: Sweep = Sweep {
    remove: "DELETE FROM receipts WHERE (scope, key) IN (SELECT scope, key FROM receipts WHERE at < ?1 LIMIT ?2) \
        RETURNING NULL",
    subtract: None,
};
pub(super) const REVOCATIONS: Sweep = Sweep {
    remove: "DELETE FROM revocations WHERE session_id IN \
        (SELECT session_id FROM revocations WHERE tokens_until < ?1 LIMIT ?2) RETURNING NULL",
    subtract: None,
};

pub(super) const MEMBER_REVOCATIONS: Sweep = Sweep {
    remove: "DELETE FROM member_revocations WHERE member_id IN \
        (SELECT member_id FROM member_revocations WHERE tokens_until < ?1 LIMIT ?2) RETURNING NULL",
    subtract: None,
};

/// Marks the posts of purged members as deleted at the time of the deactivation.
pub(super) const POSTS_OF_MEMBERS: Sweep = Sweep {
    remove: "UPDATE posts SET deleted_at = (SELECT deactivated_at FROM members WHERE id = author_id) WHERE id IN \
        (SELECT p.id FROM members m CROSS JOIN posts p ON p.author_id = m.id WHERE m.deactivated_at < ?1 \
        AND p.deleted_at IS NULL LIMIT ?2) RETURNING author_id",
    subtract: Some(SUBTRACT_POSTS),
};
pub(super) const VIEWS: Sweep = Sweep {
    remove: "DELETE FROM post_views WHERE (post_id, member_id, hour) IN (SELECT v.post_id, v.member_id, v.hour \
        FROM posts p CROSS JOIN post_views v ON v.post_id = p.id WHERE p.deleted_at < ?1 LIMIT ?2) RETURNING post_id",
    subtract: Some(SUBTRACT_VIEWS),
};
pub(super) const LIKES: Sweep = Sweep {
    remove: "DELETE FROM post_likes WHERE id IN (SELECT l.id FROM posts p CROSS JOIN post_likes l ON l.post_id = p.id \
        WHERE p.deleted_at < ?1 LIMIT ?2) RETURNING CASE WHEN counted THEN post_id END",
    subtract: Some(SUBTRACT_LIKES),
};
/// One at a time, because a post cascades to its comments.
pub(super) const POSTS: Sweep = Sweep {
    remove: "DELETE FROM posts WHERE id IN (SELECT id FROM posts WHERE deleted_at < ?1 LIMIT min(?2, 1)) RETURNING NULL",
    subtract: None,
};

/// The rows of purged members, removed before the members. Their departures are settled, so no counter of another
/// member counts them.
pub(super) const ROWS_OF_MEMBERS: [Sweep; 7] = [
    // The number of members who mute or block one has no limit.
    Sweep {
        remove: "DELETE FROM mutes WHERE id IN (SELECT t.id FROM members m CROSS JOIN mutes t ON t.muted_id = m.id \
            WHERE m.deactivated_at < ?1 LIMIT ?2) RETURNING NULL",
        subtract: None,
    },
    Sweep {
        remove: "DELETE FROM blocks WHERE id IN (SELECT t.id FROM members m CROSS JOIN blocks t ON t.blocked_id = m.id \
            WHERE m.deactivated_at < ?1 LIMIT ?2) RETURNING NULL",
        subtract: None,
    },
    Sweep {
        remove: "DELETE FROM follows WHERE id IN (SELECT f.id FROM members m CROSS JOIN follows f ON f.followee_id = m.id \
            WHERE m.deactivated_at < ?1 LIMIT ?2) RETURNING CASE WHEN follower_counted THEN followee_id END",
        subtract: Some(SUBTRACT_FOLLOWERS),
    },
    Sweep {
        remove: "DELETE FROM post_likes WHERE id IN (SELECT l.id FROM members m CROSS JOIN post_likes l \
            ON l.member_id = m.id WHERE m.deactivated_at < ?1 LIMIT ?2) RETURNING NULL",
        subtract: None,
    },
    Sweep {
        remove: "DELETE FROM comment_likes WHERE id IN (SELECT l.id FROM members m CROSS JOIN comment_likes l \
            ON l.member_id = m.id WHERE m.deactivated_at < ?1 LIMIT ?2) RETURNING NULL",
        subtract: None,
    },
    // Removes the text of their comments.
    Sweep {
        remove: "UPDATE comments SET content = '', deleted_at = (SELECT deactivated_at FROM members WHERE id = author_id) \
            WHERE id IN (SELECT c.id FROM members m CROSS JOIN comments c ON c.author_id = m.id \
            WHERE m.deactivated_at < ?1 AND c.deleted_at IS NULL LIMIT ?2) RETURNING NULL",
        subtract: None,
    },
    // Removes comments without replies. The others stay, as tombstones or as parents of replies that may be restored.
    Sweep {
        remove: "DELETE FROM comments WHERE id IN (SELECT c.id FROM members m CROSS JOIN comments c ON c.author_id = m.id \
            WHERE m.deactivated_at < ?1 AND NOT EXISTS (SELECT 1 FROM comments WHERE parent_id = c.id) LIMIT ?2) \
            RETURNING NULL",
        subtract: None,
    },
];
/// One at a time, because a member cascades to sessions, up to `FOLLOWINGS_MAX` follows, and the mutes and blocks that
/// the member made.
pub(super) const MEMBERS: Sweep = Sweep {
    remove: "DELETE FROM members WHERE id IN (SELECT id FROM members WHERE deactivated_at < ?1 LIMIT min(?2, 1)) \
        RETURNING NULL",
    subtract: None,
};
