//! `SessionStore` over the tables `sessions`, `revocations`, `member_revocations` and `jwt_keys`, and the credentials
//! in `members`: the reads. The commands are in `commands.rs` and `keys.rs`.
mod commands;
mod keys;
mod revocations;

use super::{Sqlite, decoded, failed, number, signed};
use crate::{
    domain::{Identity, MemberId, Position, Session, SessionId, SigningKey, Timestamp},
    storage::{Committed, Credentials, Keys, NotBefore, SessionStore, SessionsToEnd, StoreResult, StoredRevocations},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

/// Maximum number of sessions of one list.
const LISTED_MAX: i64 = 100;

const OF_MEMBER: &str = "SELECT * FROM sessions WHERE member_id = ? AND expires_at > ? \
    ORDER BY last_used_at DESC, id DESC LIMIT ?";
const CREDENTIALS: &str = "SELECT id, password_hash, deactivated_at, email_key FROM members WHERE id = ?";
const CREDENTIALS_BY_EMAIL: &str =
    "SELECT id, password_hash, deactivated_at, email_key FROM members WHERE email_key = ?";

/// Decodes the column `secret`.
fn secret(row: &SqliteRow) -> sqlx::Result<[u8; 32]> {
    let bytes: Vec<u8> = row.try_get("secret")?;
    bytes.try_into().map_err(|_| sqlx::Error::Decode("a secret has 32 bytes".into()))
}

/// Decodes a row of `sessions`.
fn session(row: &SqliteRow) -> sqlx::Result<Session> {
    Ok(Session {
        id: SessionId(number(row.try_get("id")?)),
        member: MemberId(number(row.try_get("member_id")?)),
        device: row.try_get("device")?,
        address: row.try_get("address")?,
        created_at: Timestamp(row.try_get("created_at")?),
        last_used_at: Timestamp(row.try_get("last_used_at")?),
        expires_at: Timestamp(row.try_get("expires_at")?),
        secret: secret(row)?,
        rotation: number(row.try_get("rotation")?),
        rotated_at: Timestamp(row.try_get("rotated_at")?),
    })
}

/// Decodes the columns `id, password_hash, deactivated_at, email_key`, in this order.
fn credentials(row: &SqliteRow) -> Credentials {
    Credentials {
        member: MemberId(number(row.get(0))),
        password_hash: row.get(1),
        deactivated_at: row.get::<Option<i64>, _>(2).map(Timestamp),
        email_key: row.get(3),
    }
}

#[async_trait]
impl SessionStore for Sqlite {
    async fn create_session(
        &self,
        session: Session,
        checked: Credentials,
        rehashed: Option<String>,
    ) -> StoreResult<Committed<()>> {
        self.writer
            .write(move |commit| {
                commands::create_session(commit, session.clone(), checked.clone(), rehashed.clone()).boxed()
            })
            .await
    }

    async fn refresh_session(
        &self,
        id: SessionId,
        rotation: u64,
        now: Timestamp,
        expires_at: Timestamp,
        address: String,
    ) -> StoreResult<Committed<bool>> {
        let rotation = commands::Rotation { id, rotation, now, expires_at, address };
        self.writer.write(move |commit| commands::rotate(commit, rotation.clone()).boxed()).await
    }

    async fn end_sessions(
        &self,
        member: MemberId,
        which: SessionsToEnd,
        tokens_until: Timestamp,
    ) -> StoreResult<Committed<Vec<SessionId>>> {
        self.writer.write(move |commit| commands::end_sessions(commit, member, which, tokens_until).boxed()).await
    }

    async fn change_password(
        &self,
        identity: Identity,
        checked: Credentials,
        password_hash: String,
        before: SessionId,
        tokens_until: Timestamp,
    ) -> StoreResult<Committed<Vec<SessionId>>> {
        let at = Timestamp::now();
        let change = commands::PasswordChange { identity, checked, password_hash, at, before, tokens_until };
        self.writer.write(move |commit| commands::change_password(commit, change.clone()).boxed()).await
    }

    async fn deactivate(
        &self,
        identity: Identity,
        checked: Credentials,
        at: Timestamp,
        before: SessionId,
        tokens_until: Timestamp,
    ) -> StoreResult<Committed<Vec<SessionId>>> {
        let deactivation = commands::Deactivation { identity, checked, at, before, tokens_until };
        self.writer.write(move |commit| commands::deactivate(commit, deactivation.clone()).boxed()).await
    }

    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        let query = sqlx::query("SELECT * FROM sessions WHERE id = ?").bind(signed(id.0));
        let row = query.fetch_optional(&self.read_pool).await.map_err(failed)?;
        row.map(|row| session(&row)).transpose().map_err(failed)
    }

    async fn sessions(&self, member: MemberId, now: Timestamp) -> StoreResult<Vec<Session>> {
        let query = sqlx::query(OF_MEMBER).bind(signed(member.0)).bind(now.0).bind(LISTED_MAX);
        decoded(&query.fetch_all(&self.read_pool).await.map_err(failed)?, session)
    }

    async fn revoked(&self, now: Timestamp) -> StoreResult<Vec<(SessionId, Timestamp)>> {
        let select = "SELECT session_id, tokens_until FROM revocations WHERE tokens_until > ?";
        let rows = sqlx::query(select).bind(now.0).fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(revocations::revoked).collect())
    }

    async fn not_before(&self, now: Timestamp) -> StoreResult<Vec<(MemberId, NotBefore)>> {
        let select = "SELECT member_id, before_session, kept_session, tokens_until FROM member_revocations \
            WHERE tokens_until > ?";
        let rows = sqlx::query(select).bind(now.0).fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(rows.iter().map(revocations::revoked_member).collect())
    }

    async fn revocations_between(&self, after: Position, until: Position) -> StoreResult<StoredRevocations> {
        self.revocations_between(after, until).await
    }

    async fn credentials(&self, id: MemberId) -> StoreResult<Option<Credentials>> {
        let query = sqlx::query(CREDENTIALS).bind(signed(id.0));
        Ok(query.fetch_optional(&self.read_pool).await.map_err(failed)?.as_ref().map(credentials))
    }

    async fn credentials_by_email(&self, key: &str) -> StoreResult<Option<Credentials>> {
        let query = sqlx::query(CREDENTIALS_BY_EMAIL).bind(key);
        Ok(query.fetch_optional(&self.read_pool).await.map_err(failed)?.as_ref().map(credentials))
    }

    async fn keys(&self) -> StoreResult<Option<Keys>> {
        let mut connection = self.read_pool.acquire().await.map_err(failed)?;
        keys::keys(&mut connection).await
    }

    async fn rotate_key(
        &self,
        expected: Option<Uuid>,
        new: SigningKey,
        disable_replaced_before: Timestamp,
    ) -> StoreResult<Committed<Keys>> {
        self.writer
            .write(move |commit| keys::rotate_key(commit, expected, new.clone(), disable_replaced_before).boxed())
            .await
    }

    async fn disable_keys(&self, replaced_before: Timestamp) -> StoreResult<Committed<()>> {
        self.writer.write(move |commit| keys::disable_keys(&mut commit.connection, replaced_before).boxed()).await
    }
}
