//! `MemberStore` over the table `members`: sign-up, profiles, handles, cards, recommendations and deactivation.
mod commands;
mod deactivation;
mod recommend;
mod rows;

pub(crate) use deactivation::{deactivate, restore};
#[cfg(test)]
pub(crate) use deactivation::{deactivate_in_steps, restore_in_steps};
pub(crate) use rows::{listed_card, profile_columns};

use super::{Sqlite, decoded, failed, json_ids, number, signed};
use crate::{
    domain::{
        Deadline, Handle, Member, MemberCard, MemberId, Outcome, Privacy, ProfilePatch, Receipt, Recommendation,
        Timestamp,
    },
    storage::{Committed, MemberStore, NewMember, Recommended, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};

const HANDLE_TAKEN: &str = "SELECT 1 FROM members WHERE handle_key = ?";
const BY_ID: &str = "SELECT * FROM members WHERE id = ? AND deactivated_at IS NULL";
const BY_IDS: &str = "SELECT m.* FROM json_each(?) j JOIN members m ON m.id = j.value WHERE deactivated_at IS NULL";
const FROM: &str = "SELECT * FROM members WHERE id > ? AND deactivated_at IS NULL ORDER BY id LIMIT ?";
const BY_HANDLE: &str = "SELECT * FROM members WHERE handle_key = ? AND deactivated_at IS NULL";
const CARDS: &str = "SELECT m.id, handle, display_name, member_name, avatar_id, avatar_key FROM json_each(?) j \
    JOIN members m ON m.id = j.value WHERE deactivated_at IS NULL";
const INACTIVE: &str = "SELECT j.value FROM json_each(?) j WHERE NOT EXISTS \
    (SELECT 1 FROM members WHERE id = j.value AND deactivated_at IS NULL)";
const CARDS_BY_HANDLE: &str = "SELECT m.id, handle, display_name, member_name, avatar_id, avatar_key \
    FROM json_each(?) j JOIN members m ON m.handle_key = j.value WHERE deactivated_at IS NULL";

/// Returns whether a statement with this key finds a row.
async fn exists(connection: &mut SqliteConnection, select: &'static str, key: &str) -> StoreResult<bool> {
    let row = sqlx::query(select).bind(key).fetch_optional(connection).await.map_err(failed)?;
    Ok(row.is_some())
}

/// Returns whether the member exists and is not deactivated.
pub(crate) async fn is_active(connection: &mut SqliteConnection, member: MemberId) -> StoreResult<bool> {
    let query = sqlx::query("SELECT 1 FROM members WHERE id = ? AND deactivated_at IS NULL").bind(signed(member.0));
    Ok(query.fetch_optional(connection).await.map_err(failed)?.is_some())
}

/// Returns an active member.
async fn by_id(connection: &mut SqliteConnection, id: MemberId) -> StoreResult<Option<Member>> {
    let row = sqlx::query(BY_ID).bind(signed(id.0)).fetch_optional(connection).await.map_err(failed)?;
    row.map(|row| rows::member(&row)).transpose().map_err(failed)
}

#[async_trait]
impl MemberStore for Sqlite {
    async fn sign_up(&self, member: NewMember, receipt: Option<Receipt>) -> StoreResult<Committed<Outcome>> {
        self.writer.write(move |commit| commands::sign_up(commit, member.clone(), receipt.clone()).boxed()).await
    }

    async fn change_profile(
        &self,
        member: MemberId,
        patch: ProfilePatch,
        expected: Option<Member>,
    ) -> StoreResult<Committed<()>> {
        let change = commands::ProfileChange { member, patch, expected, at: Timestamp::now() };
        self.writer.write(move |commit| commands::change_profile(commit, change.clone()).boxed()).await
    }

    async fn change_handle(
        &self,
        member: MemberId,
        handle: Handle,
        expected: Option<Member>,
    ) -> StoreResult<Committed<()>> {
        self.writer
            .write(move |commit| commands::change_handle(commit, member, handle.clone(), expected.clone()).boxed())
            .await
    }

    #[cfg(test)]
    async fn deactivate(&self, member: MemberId, at: Timestamp) -> StoreResult<Committed<()>> {
        self.writer.write(move |commit| deactivate(commit, member, at).boxed()).await
    }

    #[cfg(test)]
    async fn restore(&self, member: MemberId) -> StoreResult<Committed<bool>> {
        self.writer.write(move |commit| restore(commit, member).boxed()).await
    }

    async fn member(&self, id: MemberId) -> StoreResult<Option<Member>> {
        let mut connection = self.read_pool.acquire().await.map_err(failed)?;
        by_id(&mut connection, id).await
    }

    async fn members_by_id(&self, ids: &[MemberId]) -> StoreResult<Vec<Member>> {
        let query = sqlx::query(BY_IDS).bind(json_ids(ids.iter().map(|id| id.0)));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, rows::member)
    }

    async fn members_from(&self, after: MemberId, limit: usize) -> StoreResult<Vec<Member>> {
        let query = sqlx::query(FROM).bind(signed(after.0)).bind(signed(limit as u64));
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, rows::member)
    }

    async fn member_by_handle(&self, key: &str) -> StoreResult<Option<Member>> {
        let row = sqlx::query(BY_HANDLE).bind(key).fetch_optional(&self.read_pool).await.map_err(failed)?;
        row.map(|row| rows::member(&row)).transpose().map_err(failed)
    }

    async fn cards(&self, ids: &[MemberId]) -> StoreResult<Vec<MemberCard>> {
        let query = sqlx::query(CARDS).bind(json_ids(ids.iter().map(|id| id.0)));
        Ok(query.fetch_all(&self.read_pool).await.map_err(failed)?.iter().map(rows::card).collect())
    }

    async fn cards_by_handle(&self, keys: &[String]) -> StoreResult<Vec<MemberCard>> {
        let keys = serde_json::to_string(keys).map_err(failed)?;
        let rows = sqlx::query(CARDS_BY_HANDLE).bind(keys).fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(rows::card).collect())
    }

    async fn handle_taken(&self, key: &str) -> StoreResult<bool> {
        let mut connection = self.read_pool.acquire().await.map_err(failed)?;
        exists(&mut connection, HANDLE_TAKEN, key).await
    }

    async fn recommend(
        &self,
        viewer: MemberId,
        how: Recommendation,
        after: Option<[u64; 2]>,
        limit: usize,
        until: &Deadline,
    ) -> StoreResult<Vec<Recommended>> {
        let [common, id] = after.unwrap_or([u64::MAX, u64::MAX]);
        let query = match how {
            Recommendation::Newest => {
                sqlx::query(AssertSqlSafe(recommend::NEWEST.as_str())).bind(signed(viewer.0)).bind(signed(id))
            }
            Recommendation::Network => sqlx::query(AssertSqlSafe(recommend::NETWORK.as_str()))
                .bind(signed(viewer.0))
                .bind(signed(common))
                .bind(signed(id)),
        };
        let rows = self.slow_reads.fetch_all(query.bind(signed(limit as u64)), until).await?;
        let recommended =
            |row: &SqliteRow| Recommended { member: rows::card(row), common_follows: number(row.get("common")) };
        Ok(rows.iter().map(recommended).collect())
    }

    async fn inactive_members(&self, ids: &[MemberId], until: Option<&Deadline>) -> StoreResult<Vec<MemberId>> {
        let query = sqlx::query(INACTIVE).bind(json_ids(ids.iter().map(|id| id.0)));
        Ok(self.fetch_rows(query, until).await?.iter().map(|row| MemberId(number(row.get(0)))).collect())
    }

    async fn deactivated(&self) -> StoreResult<Vec<MemberId>> {
        let select = "SELECT id FROM members WHERE deactivated_at IS NOT NULL";
        let rows = sqlx::query(select).fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(|row| MemberId(number(row.get(0)))).collect())
    }

    async fn purged(&self, ids: &[MemberId]) -> StoreResult<Vec<MemberId>> {
        let select = "SELECT value FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM members WHERE id = value)";
        let query = sqlx::query(select).bind(json_ids(ids.iter().map(|id| id.0)));
        let rows = query.fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(|row| MemberId(number(row.get(0)))).collect())
    }

    async fn non_public_authors(&self) -> StoreResult<Vec<(MemberId, Privacy)>> {
        let select = "SELECT id, privacy FROM members WHERE privacy > 0";
        let rows = sqlx::query(select).fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(|row| (MemberId(number(row.get(0))), rows::privacy(row.get(1)))).collect())
    }
}
