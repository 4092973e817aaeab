//! The upkeep role: removes what has run out, in steps that hold up nobody.
use super::{Sqlite, commit::Commit, failed, json_ids, number, signed};
use crate::{
    domain::{KEPT_HOURS, Position, Timestamp},
    storage::{Drift, Import, PURGE_DAYS, Pruned, StoreResult, UpkeepStore},
};
use async_trait::async_trait;
use futures::{FutureExt, future::BoxFuture};
use sqlx::Row;
use std::time::Duration;

/// Rows in one step: a few milliseconds of the writer's time.
const STEP: i64 = 500;

/// Removes at most `?2` rows that ran out before `?1`, and takes them out of the counters that they are part of, so
/// that an audit between two steps finds nothing off.
#[derive(Clone, Copy)]
struct Sweep {
    /// Returns, for each row, the id of the row whose counter goes down by one; none where no counter does.
    rows: &'static str,
    /// Takes those ids as JSON; empty where no counter is concerned.
    counter: &'static str,
}

const RECEIPTS: Sweep = Sweep {
    rows: "DELETE FROM receipts WHERE (scope, key) IN (SELECT scope, key FROM receipts WHERE at < ?1 LIMIT ?2) \
        RETURNING NULL",
    counter: "",
};
const REVOCATIONS: Sweep = Sweep {
    rows: "DELETE FROM revocations WHERE session_id IN \
        (SELECT session_id FROM revocations WHERE tokens_until < ?1 LIMIT ?2) RETURNING NULL",
    counter: "",
};

const MEMBER_REVOCATIONS: Sweep = Sweep {
    rows: "DELETE FROM member_revocations WHERE member_id IN \
        (SELECT member_id FROM member_revocations WHERE tokens_until < ?1 LIMIT ?2) RETURNING NULL",
    counter: "",
};

/// Takes one off a counter for each time that its row's id is in a JSON array.
macro_rules! less {
    ($table:literal, $counter:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET ",
            $counter,
            " = ",
            $counter,
            " - gone.n FROM (SELECT value AS id, count(*) AS n FROM json_each(?) GROUP BY value) gone WHERE ",
            $table,
            ".id = gone.id"
        )
    };
}

/// Posts of members who went long ago count as deleted when they went.
const POSTS_LEFT_BEHIND: Sweep = Sweep {
    rows: "UPDATE posts SET deleted_at = (SELECT deactivated_at FROM members WHERE id = author_id) WHERE id IN \
        (SELECT p.id FROM members m CROSS JOIN posts p ON p.author_id = m.id WHERE m.deactivated_at < ?1 \
        AND p.deleted_at IS NULL LIMIT ?2) RETURNING author_id",
    counter: less!("members", "post_count"),
};
const VIEWS: Sweep = Sweep {
    rows: "DELETE FROM post_views WHERE (post_id, member_id, hour) IN (SELECT v.post_id, v.member_id, v.hour \
        FROM posts p CROSS JOIN post_views v ON v.post_id = p.id WHERE p.deleted_at < ?1 LIMIT ?2) RETURNING post_id",
    counter: less!("posts", "view_count"),
};
const LIKES: Sweep = Sweep {
    rows: "DELETE FROM post_likes WHERE id IN (SELECT l.id FROM posts p CROSS JOIN post_likes l ON l.post_id = p.id \
        WHERE p.deleted_at < ?1 LIMIT ?2) RETURNING CASE WHEN EXISTS (SELECT 1 FROM members \
        WHERE members.id = member_id AND deactivated_at IS NULL) THEN post_id END",
    counter: less!("posts", "like_count"),
};
/// One at a time: each takes its comments along.
const POSTS: Sweep = Sweep {
    rows: "DELETE FROM posts WHERE id IN (SELECT id FROM posts WHERE deleted_at < ?1 LIMIT min(?2, 1)) RETURNING NULL",
    counter: "",
};

/// What members who went long ago leave behind, before they go themselves. Nobody's counters but their own have
/// counted it since they went.
const LEFT_BEHIND: [Sweep; 5] = [
    Sweep {
        rows: "DELETE FROM follows WHERE id IN (SELECT f.id FROM members m CROSS JOIN follows f ON f.followee_id = m.id \
            WHERE m.deactivated_at < ?1 LIMIT ?2) RETURNING CASE WHEN EXISTS (SELECT 1 FROM members \
            WHERE members.id = follower_id AND deactivated_at IS NULL) THEN followee_id END",
        counter: less!("members", "follower_count"),
    },
    Sweep {
        rows: "DELETE FROM post_likes WHERE id IN (SELECT l.id FROM members m CROSS JOIN post_likes l \
            ON l.member_id = m.id WHERE m.deactivated_at < ?1 LIMIT ?2) RETURNING NULL",
        counter: "",
    },
    Sweep {
        rows: "DELETE FROM comment_likes WHERE id IN (SELECT l.id FROM members m CROSS JOIN comment_likes l \
            ON l.member_id = m.id WHERE m.deactivated_at < ?1 LIMIT ?2) RETURNING NULL",
        counter: "",
    },
    // Their text goes.
    Sweep {
        rows: "UPDATE comments SET content = '', deleted_at = (SELECT deactivated_at FROM members WHERE id = author_id) \
            WHERE id IN (SELECT c.id FROM members m CROSS JOIN comments c ON c.author_id = m.id \
            WHERE m.deactivated_at < ?1 AND c.deleted_at IS NULL LIMIT ?2) RETURNING NULL",
        counter: "",
    },
    // Comments with nothing below go too. The rest stay: tombstones, or what a reply that may come back hangs on.
    Sweep {
        rows: "DELETE FROM comments WHERE id IN (SELECT c.id FROM members m CROSS JOIN comments c ON c.author_id = m.id \
            WHERE m.deactivated_at < ?1 AND NOT EXISTS (SELECT 1 FROM comments WHERE parent_id = c.id) LIMIT ?2) \
            RETURNING NULL",
        counter: "",
    },
];
/// One at a time: each takes sessions and up to `FOLLOWINGS_MAX` follows along.
const MEMBERS: Sweep = Sweep {
    rows: "DELETE FROM members WHERE id IN (SELECT id FROM members WHERE deactivated_at < ?1 LIMIT min(?2, 1)) \
        RETURNING NULL",
    counter: "",
};

async fn sweep(commit: &mut Commit, sweep: Sweep, before: Timestamp) -> StoreResult<u64> {
    let query = sqlx::query(sweep.rows).bind(before.0).bind(STEP);
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    let counted: Vec<u64> = rows.iter().filter_map(|row| row.get::<Option<i64>, _>(0)).map(number).collect();
    if !counted.is_empty() {
        let query = sqlx::query(sweep.counter).bind(json_ids(counted));
        query.execute(&mut commit.connection).await.map_err(failed)?;
    }
    Ok(rows.len() as u64)
}

async fn prune_events(commit: &mut Commit, before: Timestamp, readers_at: Position) -> StoreResult<u64> {
    // In the order of positions, so that what is left has no holes. Times grow with positions, so that looking at the
    // first few is enough.
    let delete = "DELETE FROM events WHERE position IN (SELECT position FROM (SELECT position, at_ns FROM events \
        WHERE position <= ?1 ORDER BY position LIMIT ?3) WHERE at_ns < ?2) RETURNING position";
    let query = sqlx::query(delete).bind(signed(readers_at.0)).bind(before.0.saturating_mul(1_000_000)).bind(STEP);
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    if let Some(last) = rows.iter().map(|row| row.get::<i64, _>(0)).max() {
        let note = "INSERT INTO meta (name, value) VALUES ('events_pruned_to', ?1) \
            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        sqlx::query(note).bind(last).execute(&mut commit.connection).await.map_err(failed)?;
    }
    Ok(rows.len() as u64)
}

impl Sqlite {
    /// Steps until nothing is left, each its own command.
    pub(super) async fn steps<F>(&self, step: F) -> StoreResult<u64>
    where
        F: for<'c> Fn(&'c mut Commit) -> BoxFuture<'c, StoreResult<u64>> + Copy + Send + 'static,
    {
        let mut removed = 0;
        loop {
            match self.writer.write(step).await? {
                0 => return Ok(removed),
                rows => removed += rows,
            }
        }
    }

    async fn sweep(&self, of: Sweep, before: Timestamp) -> StoreResult<u64> {
        self.steps(move |commit| sweep(commit, of, before).boxed()).await
    }

    /// Posts that went long ago, those of members who did included.
    async fn purge_posts(&self, before: Timestamp) -> StoreResult<u64> {
        for of in [POSTS_LEFT_BEHIND, VIEWS, LIKES] {
            self.sweep(of, before).await?;
        }
        self.sweep(POSTS, before).await
    }

    async fn purge_members(&self, before: Timestamp) -> StoreResult<u64> {
        for of in LEFT_BEHIND {
            self.sweep(of, before).await?;
        }
        self.sweep(MEMBERS, before).await
    }
}

#[async_trait]
impl UpkeepStore for Sqlite {
    async fn prune(&self, now: Timestamp, events_before: Timestamp, readers_at: Position) -> StoreResult<Pruned> {
        self.keep_reserve();
        let events = self.steps(move |commit| prune_events(commit, events_before, readers_at).boxed()).await?;
        let receipts = self.sweep(RECEIPTS, now.before(Duration::from_secs(KEPT_HOURS * 3_600))).await?;
        let sessions = self.prune_sessions(now).await?;
        self.sweep(REVOCATIONS, now).await?;
        self.sweep(MEMBER_REVOCATIONS, now).await?;
        let purged = now.before(Duration::from_secs(PURGE_DAYS * 86_400));
        let posts = self.purge_posts(purged).await?;
        let members = self.purge_members(purged).await?;
        Ok(Pruned { events, receipts, sessions, posts, members })
    }

    async fn audit(&self) -> StoreResult<Vec<Drift>> {
        super::audit::audit(&self.readers).await
    }

    async fn import(&self, batch: Import) -> StoreResult<()> {
        self.writer.write(move |commit| super::import::import(commit, batch).boxed()).await
    }
}
