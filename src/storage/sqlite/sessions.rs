//! The sessions role: devices, keys, revocations.
use super::{Sqlite, commit::Commit, deactivation, failed, number, revocations, signed};
use crate::{
    domain::{EventKind, Fact, Identity, MemberId, Position, Refusal, Session, SessionId, SigningKey, Timestamp},
    storage::{Credentials, End, Keys, NotBefore, SessionStore, StoreError, StoreResult},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

/// Sessions in one list.
const LISTED_MAX: i64 = 100;

fn secret(row: &SqliteRow) -> sqlx::Result<[u8; 32]> {
    let bytes: Vec<u8> = row.try_get("secret")?;
    bytes.try_into().map_err(|_| sqlx::Error::Decode("a secret has 32 bytes".into()))
}

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

fn key(row: &SqliteRow) -> sqlx::Result<SigningKey> {
    let id: String = row.try_get("id")?;
    Ok(SigningKey {
        id: id.parse().map_err(|error: uuid::Error| sqlx::Error::Decode(error.into()))?,
        secret: secret(row)?,
        created_at: Timestamp(row.try_get("created_at")?),
        replaced_at: row.try_get::<Option<i64>, _>("replaced_at")?.map(Timestamp),
    })
}

/// Refuses `LoginFailed` where the password was changed, or the member has left or come back, since it was checked.
async fn still(connection: &mut SqliteConnection, checked: &Credentials) -> StoreResult<()> {
    let select = "SELECT 1 FROM members WHERE id = ? AND password_hash = ? AND deactivated_at IS ?";
    let query = sqlx::query(select)
        .bind(signed(checked.member.0))
        .bind(&checked.password_hash)
        .bind(checked.deactivated_at.map(|at| at.0));
    let same = query.fetch_optional(connection).await.map_err(failed)?.is_some();
    if same { Ok(()) } else { Err(Refusal::LoginFailed.into()) }
}

/// Refuses `TokenRevoked` where the session has ended or run out.
async fn lives(connection: &mut SqliteConnection, identity: Identity, now: Timestamp) -> StoreResult<()> {
    let select = "SELECT 1 FROM sessions WHERE id = ? AND member_id = ? AND expires_at > ?";
    let query = sqlx::query(select).bind(signed(identity.session.0)).bind(signed(identity.member.0)).bind(now.0);
    let lives = query.fetch_optional(connection).await.map_err(failed)?.is_some();
    if lives { Ok(()) } else { Err(Refusal::TokenRevoked.into()) }
}

async fn set_hash(connection: &mut SqliteConnection, member: MemberId, hash: String) -> StoreResult<()> {
    let query = sqlx::query("UPDATE members SET password_hash = ? WHERE id = ?").bind(hash).bind(signed(member.0));
    query.execute(connection).await.map_err(failed)?;
    Ok(())
}

async fn open(
    commit: &mut Commit,
    session: Session,
    checked: Credentials,
    rehashed: Option<String>,
) -> StoreResult<Position> {
    still(&mut commit.connection, &checked).await?;
    if checked.deactivated_at.is_some() {
        deactivation::restore(commit, session.member).await?;
    }
    if let Some(hash) = rehashed {
        set_hash(&mut commit.connection, session.member, hash).await?;
    }
    let insert = "INSERT INTO sessions (id, member_id, device, address, created_at, last_used_at, expires_at, secret, \
        generation, rotated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let query = sqlx::query(insert)
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

async fn keys(connection: &mut SqliteConnection) -> StoreResult<Option<Keys>> {
    let select = "SELECT * FROM jwt_keys WHERE disabled_at IS NULL ORDER BY created_at";
    let rows = sqlx::query(select).fetch_all(connection).await.map_err(failed)?;
    let keys: Vec<SigningKey> = rows.iter().map(key).collect::<sqlx::Result<_>>().map_err(failed)?;
    let (primary, others): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.replaced_at.is_none());
    Ok(primary.into_iter().next().map(|primary| Keys { primary, others }))
}

async fn rotate_key(
    commit: &mut Commit,
    expected: Option<Uuid>,
    new: SigningKey,
    disable_replaced_before: Timestamp,
) -> StoreResult<Keys> {
    let before = keys(&mut commit.connection).await?;
    if before.as_ref().map(|keys| keys.primary.id) == expected {
        let replace = "UPDATE jwt_keys SET replaced_at = ? WHERE replaced_at IS NULL";
        let query = sqlx::query(replace).bind(new.created_at.0);
        query.execute(&mut commit.connection).await.map_err(failed)?;
        let insert = "INSERT INTO jwt_keys (id, secret, created_at) VALUES (?, ?, ?)";
        let query = sqlx::query(insert).bind(new.id.to_string()).bind(new.secret.to_vec()).bind(new.created_at.0);
        query.execute(&mut commit.connection).await.map_err(failed)?;
    }
    disable(&mut commit.connection, disable_replaced_before).await?;
    keys(&mut commit.connection).await?.ok_or_else(|| failed(sqlx::Error::RowNotFound))
}

async fn disable(connection: &mut SqliteConnection, replaced_before: Timestamp) -> StoreResult<()> {
    let update = "UPDATE jwt_keys SET disabled_at = ?1 WHERE replaced_at < ?1 AND disabled_at IS NULL";
    sqlx::query(update).bind(replaced_before.0).execute(connection).await.map_err(failed)?;
    Ok(())
}

#[async_trait]
impl SessionStore for Sqlite {
    async fn open_session(
        &self,
        session: Session,
        checked: Credentials,
        rehashed: Option<String>,
    ) -> StoreResult<Position> {
        self.writer.write(move |commit| open(commit, session, checked, rehashed).boxed()).await
    }

    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        let query = sqlx::query("SELECT * FROM sessions WHERE id = ?").bind(signed(id.0));
        let row = query.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| session(&row)).transpose().map_err(failed)
    }

    async fn sessions(&self, member: MemberId, now: Timestamp) -> StoreResult<Vec<Session>> {
        let select = "SELECT * FROM sessions WHERE member_id = ? AND expires_at > ? ORDER BY last_used_at DESC, id DESC \
            LIMIT ?";
        let query = sqlx::query(select).bind(signed(member.0)).bind(now.0).bind(LISTED_MAX);
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(session).collect::<sqlx::Result<_>>().map_err(failed)
    }

    async fn rotate(
        &self,
        id: SessionId,
        generation: u64,
        now: Timestamp,
        expires_at: Timestamp,
        address: String,
    ) -> StoreResult<bool> {
        let work = async move |commit: &mut Commit| {
            let update = "UPDATE sessions SET generation = generation + 1, rotated_at = ?1, last_used_at = ?1, \
                expires_at = ?2, address = ?3 WHERE id = ?4 AND generation = ?5";
            let query = sqlx::query(update)
                .bind(now.0)
                .bind(expires_at.0)
                .bind(address)
                .bind(signed(id.0))
                .bind(signed(generation));
            let rotated = query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 1;
            Ok::<bool, StoreError>(rotated)
        };
        self.writer.write(move |commit| async move { work(commit).await }.boxed()).await
    }

    async fn end_sessions(&self, member: MemberId, which: End, tokens_until: Timestamp) -> StoreResult<Vec<SessionId>> {
        let work = async move |commit: &mut Commit| {
            let ended = revocations::end(&mut commit.connection, member, which, tokens_until).await?;
            if !ended.is_empty() {
                commit.emit(Fact::new(EventKind::MemberLoggedOut, member));
            }
            Ok::<_, StoreError>(ended)
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
            still(connection, &checked).await?;
            lives(connection, identity, Timestamp::now()).await?;
            set_hash(connection, identity.member, password_hash).await?;
            let which = End::AllBut { keep: identity.session, before };
            revocations::end(connection, identity.member, which, tokens_until).await
        };
        self.writer.write(move |commit| async move { work(commit).await }.boxed()).await
    }

    async fn leave(
        &self,
        identity: Identity,
        checked: Credentials,
        at: Timestamp,
        before: SessionId,
        tokens_until: Timestamp,
    ) -> StoreResult<Vec<SessionId>> {
        let work = async move |commit: &mut Commit| {
            still(&mut commit.connection, &checked).await?;
            lives(&mut commit.connection, identity, at).await?;
            let all = End::All { before };
            let ended = revocations::end(&mut commit.connection, identity.member, all, tokens_until).await?;
            commit.emit(Fact::new(EventKind::MemberLoggedOut, identity.member));
            deactivation::deactivate(commit, identity.member, at).await?;
            Ok::<_, StoreError>(ended)
        };
        self.writer.write(move |commit| async move { work(commit).await }.boxed()).await
    }

    async fn revoked(&self, now: Timestamp) -> StoreResult<Vec<(SessionId, Timestamp)>> {
        self.revoked_sessions(now).await
    }

    async fn not_before(&self, now: Timestamp) -> StoreResult<Vec<(MemberId, NotBefore)>> {
        self.revoked_members(now).await
    }

    async fn keys(&self) -> StoreResult<Option<Keys>> {
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        keys(&mut connection).await
    }

    async fn rotate_key(
        &self,
        expected: Option<Uuid>,
        new: SigningKey,
        disable_replaced_before: Timestamp,
    ) -> StoreResult<Keys> {
        self.writer.write(move |commit| rotate_key(commit, expected, new, disable_replaced_before).boxed()).await
    }

    async fn disable_keys(&self, replaced_before: Timestamp) -> StoreResult<()> {
        self.writer.write(move |commit| disable(&mut commit.connection, replaced_before).boxed()).await
    }
}
