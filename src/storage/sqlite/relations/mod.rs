//! `RelationStore` over the tables `follows`, `follow_requests`, `blocks` and `mutes`: the reads. The commands are in
//! `commands.rs` and `blocks_and_mutes.rs`.
mod blocks_and_mutes;
mod commands;

pub(crate) use commands::accept_oldest;

use super::{Sqlite, failed, json_ids, members, number, signed};
use crate::{
    domain::{Deadline, MemberCard, MemberId, Relation, RelationChange, Relations, Timestamp},
    storage::{Committed, CountBy, Followed, Listed, RelationStore, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{
    AssertSqlSafe, Row, Sqlite as Backend, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use std::sync::LazyLock;

static FOLLOWERS: LazyLock<String> = LazyLock::new(|| list_statement("follows", "followee_id", "follower_id", ""));
static FOLLOWINGS: LazyLock<String> = LazyLock::new(|| list_statement("follows", "follower_id", "followee_id", ""));
static REQUESTS: LazyLock<String> =
    LazyLock::new(|| list_statement("follow_requests", "target_id", "requester_id", ""));
static BLOCKS: LazyLock<String> = LazyLock::new(|| list_statement("blocks", "member_id", "blocked_id", ""));
static MUTES: LazyLock<String> = LazyLock::new(|| {
    list_statement("mutes", "member_id", "muted_id", "AND (t.expires_at IS NULL OR t.expires_at > ?4)")
});

/// Rows of a counted member and whether that member follows `?1`; otherwise `?1` follows the member.
const FOLLOWS_OF: &str = "SELECT follower_id, 1 FROM follows WHERE followee_id = ?1 AND follower_counted = 1 \
    UNION ALL SELECT followee_id, 0 FROM follows WHERE follower_id = ?1 AND followee_counted = 1";
/// Seeks each member in both directions.
const FOLLOW_COUNTS_BY: &str = "SELECT count(f.id), count(g.id) FROM json_each(?2) a \
    LEFT JOIN follows f ON f.follower_id = a.value AND f.followee_id = ?1 AND f.follower_counted = 1 \
    LEFT JOIN follows g ON g.follower_id = ?1 AND g.followee_id = a.value AND g.followee_counted = 1";

/// Builds the statement of a list: the members in the column `listed` of the rows whose column `of` is `?1`, with ids
/// below `?2`, at most `?3`.
fn list_statement(table: &str, of: &str, listed: &str, condition: &str) -> String {
    format!(
        "SELECT t.id AS key, m.id, m.handle, m.display_name, m.member_name, m.avatar_id, m.avatar_key FROM {table} t \
        JOIN members m ON m.id = t.{listed} WHERE t.{of} = ?1 AND t.id < ?2 AND m.deactivated_at IS NULL {condition} \
        ORDER BY t.id DESC LIMIT ?3"
    )
}

/// Binds the parameters that every list has.
fn page(statement: &'static str, id: MemberId, before: u64, limit: usize) -> Query<'static, Backend, SqliteArguments> {
    sqlx::query(AssertSqlSafe(statement)).bind(signed(id.0)).bind(signed(before)).bind(signed(limit as u64))
}

/// Decodes the first column.
fn member_id(row: &SqliteRow) -> MemberId {
    MemberId(number(row.get(0)))
}

/// Fetches the rows of a statement about one member.
async fn fetch_about(
    connection: &mut SqliteConnection,
    select: &'static str,
    of: MemberId,
) -> StoreResult<Vec<SqliteRow>> {
    sqlx::query(select).bind(signed(of.0)).fetch_all(connection).await.map_err(failed)
}

impl Sqlite {
    /// Fetches a page of members.
    async fn fetch_page(&self, page: Query<'static, Backend, SqliteArguments>) -> StoreResult<Vec<Listed<MemberCard>>> {
        let rows = page.fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(members::listed_card).collect())
    }
}

#[async_trait]
impl RelationStore for Sqlite {
    async fn follow(&self, id: u64, follower: MemberId, followee: MemberId) -> StoreResult<Committed<Followed>> {
        self.writer.write(move |commit| commands::follow(commit, id, follower, followee).boxed()).await
    }

    async fn change_relation(
        &self,
        change: RelationChange,
        member: MemberId,
        other: MemberId,
    ) -> StoreResult<Committed<bool>> {
        let now = Timestamp::now();
        self.writer.write(move |commit| commands::change_relation(commit, change, member, other, now)).await
    }

    async fn followers(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.fetch_page(page(&FOLLOWERS, id, before, limit)).await
    }

    async fn followings(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.fetch_page(page(&FOLLOWINGS, id, before, limit)).await
    }

    async fn follow_requests(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.fetch_page(page(&REQUESTS, id, before, limit)).await
    }

    async fn blocks(&self, id: MemberId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.fetch_page(page(&BLOCKS, id, before, limit)).await
    }

    async fn mutes(
        &self,
        id: MemberId,
        now: Timestamp,
        before: u64,
        limit: usize,
    ) -> StoreResult<Vec<Listed<MemberCard>>> {
        self.fetch_page(page(&MUTES, id, before, limit).bind(now.0)).await
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
        let rows = query.fetch_all(&self.read_pool).await.map_err(failed)?;
        let relation = |row: &SqliteRow| Relation {
            following: row.get(0),
            requested: row.get(1),
            followed_by: row.get(2),
            blocked: row.get(3),
            blocked_by: row.get(4),
            muted: row.get(5),
        };
        Ok(rows.iter().map(relation).collect())
    }

    async fn follow_counts_by(
        &self,
        id: MemberId,
        members: &[MemberId],
        how: CountBy,
        until: Option<&Deadline>,
    ) -> StoreResult<[u64; 2]> {
        match how {
            CountBy::Acts => {
                let rows = self.fetch_rows(sqlx::query(FOLLOWS_OF).bind(signed(id.0)), until).await?;
                let known = rows.iter().filter(|row| members.binary_search(&member_id(row)).is_ok());
                let follows = known.clone().filter(|row| row.get(1)).count() as u64;
                Ok([follows, known.count() as u64 - follows])
            }
            CountBy::Members => {
                let members = json_ids(members.iter().map(|member| member.0));
                let query = sqlx::query(FOLLOW_COUNTS_BY).bind(signed(id.0)).bind(members);
                let rows = self.fetch_rows(query, until).await?;
                Ok(rows.first().map_or([0, 0], |row| [number(row.get(0)), number(row.get(1))]))
            }
        }
    }

    async fn relations_of(&self, member: MemberId) -> StoreResult<Relations> {
        let mut connection = self.read_pool.acquire().await.map_err(failed)?;
        let home_authors = "SELECT followee_id FROM follows WHERE follower_id = ?1 UNION SELECT ?1 ORDER BY 1";
        let home_authors = fetch_about(&mut connection, home_authors, member).await?;
        let blocked = "SELECT blocked_id FROM blocks WHERE member_id = ?1 UNION \
            SELECT member_id FROM blocks WHERE blocked_id = ?1 ORDER BY 1";
        let blocked = fetch_about(&mut connection, blocked, member).await?;
        let muted = "SELECT muted_id, expires_at FROM mutes WHERE member_id = ? ORDER BY muted_id";
        let muted = fetch_about(&mut connection, muted, member).await?;
        Ok(Relations {
            member,
            home_authors: home_authors.iter().map(member_id).collect(),
            blocked: blocked.iter().map(member_id).collect(),
            muted: muted.iter().map(|row| (member_id(row), row.get::<Option<i64>, _>(1).map(Timestamp))).collect(),
        })
    }
}
