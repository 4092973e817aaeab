//! `SessionStore` over the tables `sessions`, `revocations`, `member_revocations` and `jwt_keys`, and the credentials
//! in `members`.
mod keys;
mod revocations;

use super::{Sqlite, decoded, failed, members, number, signed, writer::Commit};
use crate::{
    domain::{EventKind, Fact, Identity, MemberId, Position, Refusal, Session, SessionId, SigningKey, Timestamp},
    storage::{Credentials, End, Keys, NotBefore, SessionStore, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

/// Sessions in one list.
const LISTED_MAX: i64 = 100;

const INSERT: &str = "INSERT INTO sessions (id, member_id, device, address, created_at, last_used_at, expires_at, \
    secret, generation, rotated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const ROTATE: &str = "UPDATE sessions SET generation = generation + 1, rotated_at = ?1, last_used_at = ?1, \
    expires_at = ?2, address = ?3 WHERE id = ?4 AND generation = ?5";
const OF_MEMBER: &str = "SELECT * FROM sessions WHERE member_id = ? AND expires_at > ? \
    ORDER BY last_used_at DESC, id DESC LIMIT ?";
const CREDENTIALS: &str = "SELECT id, password_hash, deactivated_at, email_key FROM members WHERE id = ?";
const CREDENTIALS_BY_EMAIL: &str =
    "SELECT id, password_hash, deactivated_at, email_key FROM members WHERE email_key = ?";

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
        generation: number(row.try_get("generation")?),
        rotated_at: Timestamp(row.try_get("rotated_at")?),
    })
}

fn credentials(row: &SqliteRow) -> Credentials {
    Credentials {
        member: MemberId(number(row.get(0))),
        password_hash: row.get(1),
        deactivated_at: row.get::<Option<i64>, _>(2).map(Timestamp),
        email_key: row.get(3),
    }
}

/// Refuses `LoginFailed` where the password was changed, or the member deactivated or restored, since the check.
async fn check_unchanged(connection: &mut SqliteConnection, checked: &Credentials) -> StoreResult<()> {
    let select = "SELECT 1 FROM members WHERE id = ? AND password_hash = ? AND deactivated_at IS ?";
    let query = sqlx::query(select)
        .bind(signed(checked.member.0))
        .bind(&checked.password_hash)
        .bind(checked.deactivated_at.map(|at| at.0));
    let unchanged = query.fetch_optional(connection).await.map_err(failed)?.is_some();
    if unchanged { Ok(()) } else { Err(Refusal::LoginFailed.into()) }
}

/// Refuses `TokenRevoked` where the session has ended or expired.
async fn check_active(connection: &mut SqliteConnection, identity: Identity, now: Timestamp) -> StoreResult<()> {
    let select = "SELECT 1 FROM sessions WHERE id = ? AND member_id = ? AND expires_at > ?";
    let query = sqlx::query(select).bind(signed(identity.session.0)).bind(signed(identity.member.0)).bind(now.0);
    let active = query.fetch_optional(connection).await.map_err(failed)?.is_some();
    if active { Ok(()) } else { Err(Refusal::TokenRevoked.into()) }
}

async fn set_password_hash(connection: &mut SqliteConnection, member: MemberId, hash: String) -> StoreResult<()> {
    let query = sqlx::query("UPDATE members SET password_hash = ? WHERE id = ?").bind(hash).bind(signed(member.0));
    query.execute(connection).await.map_err(failed)?;
    Ok(())
}

async fn create_session(
    commit: &mut Commit,
    session: Session,
    checked: Credentials,
    rehashed: Option<String>,
) -> StoreResult<Position> {
    check_unchanged(&mut commit.connection, &checked).await?;
    if checked.deactivated_at.is_some() {
        members::restore(commit, session.member).await?;
    }
    if let Some(hash) = rehashed {
        set_password_hash(&mut commit.connection, session.member, hash).await?;
    }
    let query = sqlx::query(INSERT)
        .bind(signed(session.id.0))
        .bind(signed(session.member.0))
        .bind(session.device)
        .bind(session.address)
        .bind(session.created_at.0)
        .bind(session.last_used_at.0)
        .bind(session.expires_at.0)
        .bind(session.secret.to_vec())
        .bind(signed(session.generation))
        .bind(session.rotated_at.0);
    query.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(commit.emit(Fact::new(EventKind::MemberLoggedIn, session.member)))
}

#[async_trait]
impl SessionStore for Sqlite {
    async fn create_session(
        &self,
        session: Session,
        checked: Credentials,
        rehashed: Option<String>,
    ) -> StoreResult<Position> {
        self.writer.write(move |commit| create_session(commit, session, checked, rehashed).boxed()).await
    }

    async fn refresh_session(
        &self,
        id: SessionId,
        generation: u64,
        now: Timestamp,
        expires_at: Timestamp,
        address: String,
    ) -> StoreResult<bool> {
        let work = async move |commit: &mut Commit| {
            let query = sqlx::query(ROTATE)
                .bind(now.0)
                .bind(expires_at.0)
                .bind(address)
                .bind(signed(id.0))
                .bind(signed(generation));
            Ok(query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 1)
        };
        self.writer.write(move |commit| async move { work(commit).await }.boxed()).await
    }

    async fn end_sessions(&self, member: MemberId, which: End, tokens_until: Timestamp) -> StoreResult<Vec<SessionId>> {
        let work = async move |commit: &mut Commit| {
            let ended = revocations::end_sessions(&mut commit.connection, member, which, tokens_until).await?;
            if !ended.is_empty() {
                commit.emit(Fact::new(EventKind::MemberLoggedOut, member));
            }
            Ok(ended)
        };
        self.writer.write(move |commit| async move { work(commit).await }.boxed()).await
    }

    async fn change_password(
        &self,
        identity: Identity,
        checked: Credentials,
        password_hash: String,
        before: SessionId,
        tokens_until: Timestamp,
    ) -> StoreResult<Vec<SessionId>> {
        let work = async move |commit: &mut Commit| {
            let connection = &mut commit.connection;
            check_unchanged(connection, &checked).await?;
            check_active(connection, identity, Timestamp::now()).await?;
            set_password_hash(connection, identity.member, password_hash).await?;
            let which = End::AllBut { keep: identity.session, before };
            revocations::end_sessions(connection, identity.member, which, tokens_until).await
        };
        self.writer.write(move |commit| async move { work(commit).await }.boxed()).await
    }

    async fn deactivate(
        &self,
        identity: Identity,
        checked: Credentials,
        at: Timestamp,
        before: SessionId,
        tokens_until: Timestamp,
    ) -> StoreResult<Vec<SessionId>> {
        let work = async move |commit: &mut Commit| {
            check_unchanged(&mut commit.connection, &checked).await?;
            check_active(&mut commit.connection, identity, at).await?;
            let all = End::All { before };
            let ended = revocations::end_sessions(&mut commit.connection, identity.member, all, tokens_until).await?;
            commit.emit(Fact::new(EventKind::MemberLoggedOut, identity.member));
            members::deactivate(commit, identity.member, at).await?;
            Ok(ended)
        };
        self.writer.write(move |commit| async move { work(commit).await }.boxed()).await
    }

    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        let query = sqlx::query("SELECT * FROM sessions WHERE id = ?").bind(signed(id.0));
        let row = query.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| session(&row)).transpose().map_err(failed)
    }

    async fn sessions(&self, member: MemberId, now: Timestamp) -> StoreResult<Vec<Session>> {
        let query = sqlx::query(OF_MEMBER).bind(signed(member.0)).bind(now.0).bind(LISTED_MAX);
        decoded(&query.fetch_all(&self.readers).await.map_err(failed)?, session)
    }

    async fn revoked(&self, now: Timestamp) -> StoreResult<Vec<(SessionId, Timestamp)>> {
        let select = "SELECT session_id, tokens_until FROM revocations WHERE tokens_until > ?";
        let rows = sqlx::query(select).bind(now.0).fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.iter().map(|row| (SessionId(number(row.get(0))), Timestamp(row.get(1)))).collect())
    }

    async fn not_before(&self, now: Timestamp) -> StoreResult<Vec<(MemberId, NotBefore)>> {
        let select = "SELECT member_id, before_session, kept_session, tokens_until FROM member_revocations \
            WHERE tokens_until > ?";
        let rows = sqlx::query(select).bind(now.0).fetch_all(&self.readers).await.map_err(failed)?;
        let not_before = rows.iter().map(|row| {
            let keep: Option<i64> = row.get(2);
            let not_before = NotBefore {
                before: SessionId(number(row.get(1))),
                keep: keep.map(|keep| SessionId(number(keep))),
                tokens_until: Timestamp(row.get(3)),
            };
            (MemberId(number(row.get(0))), not_before)
        });
        Ok(not_before.collect())
    }

    async fn credentials(&self, id: MemberId) -> StoreResult<Option<Credentials>> {
        let query = sqlx::query(CREDENTIALS).bind(signed(id.0));
        Ok(query.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(credentials))
    }

    async fn credentials_by_email(&self, key: &str) -> StoreResult<Option<Credentials>> {
        let query = sqlx::query(CREDENTIALS_BY_EMAIL).bind(key);
        Ok(query.fetch_optional(&self.readers).await.map_err(failed)?.as_ref().map(credentials))
    }

    async fn keys(&self) -> StoreResult<Option<Keys>> {
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        keys::keys(&mut connection).await
    }

    async fn rotate_key(
        &self,
        expected: Option<Uuid>,
        new: SigningKey,
        disable_replaced_before: Timestamp,
    ) -> StoreResult<Keys> {
        self.writer.write(move |commit| keys::rotate_key(commit, expected, new, disable_replaced_before).boxed()).await
    }

    async fn disable_keys(&self, replaced_before: Timestamp) -> StoreResult<()> {
        self.writer.write(move |commit| keys::disable_keys(&mut commit.connection, replaced_before).boxed()).await
    }
}
