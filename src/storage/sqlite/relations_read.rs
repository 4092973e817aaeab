//! The relations role, and its reads.
use super::{Sqlite, failed, json_ids, members_read::listed_card, number, signed};
use crate::{
    domain::{MemberCard, MemberId, Position, Privacy, Relation, RelationChange, Relations, Timestamp},
    storage::{Followed, Listed, RelationStore, StoreResult},
};
use async_trait::async_trait;
use sqlx::Row;

/// A list of members who stand in a row with the one who is asked about. Dates of one of the lists come last.
macro_rules! list {
    ($table:literal, $of:literal, $listed:literal) => {
        list!($table, $of, $listed, "?4 >= 0")
    };
    ($table:literal, $of:literal, $listed:literal, $also:literal) => {
        concat!(
            "SELECT t.id AS place, m.id, m.handle, m.display_name, m.member_name, m.avatar_id, m.avatar_key FROM ",
            $table,
            " t JOIN members m ON m.id = t.",
            $listed,
            " WHERE t.",
            $of,
            " = ?1 AND t.id < ?2 AND m.deactivated_at IS NULL AND ",
            $also,
            " ORDER BY t.id DESC LIMIT ?3"
        )
    };
}

const FOLLOWERS: &str = list!("follows", "followee_id", "follower_id");
const FOLLOWINGS: &str = list!("follows", "follower_id", "followee_id");
const REQUESTS: &str = list!("follow_requests", "target_id", "requester_id");
const BLOCKS: &str = list!("blocks", "member_id", "blocked_id");
const MUTES: &str = list!("mutes", "member_id", "muted_id", "(t.expires_at IS NULL OR t.expires_at > ?4)");

impl Sqlite {
    async fn listed(
        &self,
        select: &'static str,
        id: MemberId,
        (before, limit): (u64, usize),
        now: Timestamp,
    ) -> StoreResult<Vec<Listed<MemberCard>>> {
        let query = sqlx::query(select).bind(signed(id.0)).bind(signed(before)).bind(signed(limit as u64)).bind(now.0);
        Ok(query.fetch_all(&self.readers).await.map_err(failed)?.iter().map(listed_card).collect())
    }
}

#[async_trait]
impl RelationStore for Sqlite {
    async fn follow(&self, id: u64, follower: MemberId, followee: MemberId) -> StoreResult<Followed> {
        self.wish_to_follow(id, follower, followee).await
    }

    async fn change_relation(
        &self,
        change: RelationChange,
        member: MemberId,
        other: MemberId,
    ) -> StoreResult<Option<Position>> {
        self.changed_relation(change, member, other).await
    }

    async fn followers(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.listed(FOLLOWERS, id, (before, limit), Timestamp(0)).await
    }

    async fn followings(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.listed(FOLLOWINGS, id, (before, limit), Timestamp(0)).await
    }

    async fn follow_requests(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.listed(REQUESTS, id, (before, limit), Timestamp(0)).await
    }

    async fn blocks(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.listed(BLOCKS, id, (before, limit), Timestamp(0)).await
    }

    async fn mutes(
        &self,
        id: MemberId,
        now: Timestamp,
        before: u64,
        limit: usize,
    ) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.listed(MUTES, id, (before, limit), now).await
    }

    async fn relations(&self, viewer: MemberId, others: &[MemberId], now: Timestamp) -> StoreResult<Vec<Relation>> {
        let select = "SELECT EXISTS (SELECT 1 FROM follows WHERE follower_id = ?1 AND followee_id = j.value), \
            EXISTS (SELECT 1 FROM follow_requests WHERE requester_id = ?1 AND target_id = j.value), \
            EXISTS (SELECT 1 FROM follows WHERE follower_id = j.value AND followee_id = ?1), \
            EXISTS (SELECT 1 FROM blocks WHERE member_id = ?1 AND blocked_id = j.value), \
            EXISTS (SELECT 1 FROM blocks WHERE member_id = j.value AND blocked_id = ?1), \
            EXISTS (SELECT 1 FROM mutes WHERE member_id = ?1 AND muted_id = j.value \
            AND (expires_at IS NULL OR expires_at > ?3)) FROM json_each(?2) j ORDER BY j.key";
        let others = json_ids(others.iter().map(|id| id.0));
        let query = sqlx::query(select).bind(signed(viewer.0)).bind(others).bind(now.0);
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        let relation = |row: &sqlx::sqlite::SqliteRow| Relation {
            following: row.get(0),
            requested: row.get(1),
            followed_by: row.get(2),
            blocked: row.get(3),
            blocked_by: row.get(4),
            muted: row.get(5),
        };
        Ok(rows.iter().map(relation).collect())
    }

    async fn counted_among(&self, id: MemberId, members: &[MemberId]) -> StoreResult<[u64; 2]> {
        let select = "SELECT count(f.id), count(g.id) FROM json_each(?2) a JOIN members m ON m.id = a.value \
            AND m.deactivated_at IS NULL LEFT JOIN follows f ON f.follower_id = m.id AND f.followee_id = ?1 \
            LEFT JOIN follows g ON g.follower_id = ?1 AND g.followee_id = m.id";
        let query = sqlx::query(select).bind(signed(id.0)).bind(json_ids(members.iter().map(|member| member.0)));
        let row = query.fetch_one(&self.readers).await.map_err(failed)?;
        Ok([number(row.get(0)), number(row.get(1))])
    }

    async fn relations_of(&self, id: MemberId) -> StoreResult<Relations> {
        self.relations_of_member(id).await
    }

    async fn non_public_authors(&self) -> StoreResult<Vec<(MemberId, Privacy)>> {
        self.members_non_public().await
    }
}
