//! The commands on sessions: logins, rotations and ends of sessions, password changes and deactivations.
use super::revocations::{self, Ending};
use crate::{
    domain::{EventKind, Fact, Identity, MemberId, Refusal, Session, SessionId, Timestamp},
    storage::{
        Credentials, SessionsToEnd, StoreResult,
        sqlite::{failed, members, signed, writer::Commit},
    },
};
use sqlx::SqliteConnection;

const INSERT: &str = "INSERT INTO sessions (id, member_id, device, address, created_at, last_used_at, expires_at, \
    secret, rotation, rotated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const ROTATE: &str = "UPDATE sessions SET rotation = rotation + 1, rotated_at = ?1, last_used_at = ?1, \
    expires_at = ?2, address = ?3 WHERE id = ?4 AND rotation = ?5";

/// Refuses `LoginFailed` if the password was changed, or the member deactivated or restored, since the check.
async fn check_unchanged(connection: &mut SqliteConnection, checked: &Credentials) -> StoreResult<()> {
    let select = "SELECT 1 FROM members WHERE id = ? AND password_hash = ? AND deactivated_at IS ?";
    let query = sqlx::query(select)
        .bind(signed(checked.member.0))
        .bind(&checked.password_hash)
        .bind(checked.deactivated_at.map(|at| at.0));
    let unchanged = query.fetch_optional(connection).await.map_err(failed)?.is_some();
    if unchanged { Ok(()) } else { Err(Refusal::LoginFailed.into()) }
}

/// Refuses `TokenRevoked` if the session has ended or expired.
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

pub(super) async fn create_session(
    commit: &mut Commit,
    session: Session,
    checked: Credentials,
    rehashed: Option<String>,
) -> StoreResult<()> {
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
        .bind(signed(session.rotation))
        .bind(session.rotated_at.0);
    query.execute(&mut commit.connection).await.map_err(failed)?;
    commit.emit(Fact::new(EventKind::MemberLoggedIn, session.member));
    Ok(())
}

/// The arguments of `rotate`.
#[derive(Clone)]
pub(super) struct Rotation {
    pub(super) id: SessionId,
    pub(super) rotation: u64,
    pub(super) now: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) address: String,
}

pub(super) async fn rotate(commit: &mut Commit, rotation: Rotation) -> StoreResult<bool> {
    let query = sqlx::query(ROTATE)
        .bind(rotation.now.0)
        .bind(rotation.expires_at.0)
        .bind(rotation.address)
        .bind(signed(rotation.id.0))
        .bind(signed(rotation.rotation));
    Ok(query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 1)
}

pub(super) async fn end_sessions(
    commit: &mut Commit,
    member: MemberId,
    which: SessionsToEnd,
    tokens_until: Timestamp,
) -> StoreResult<Vec<SessionId>> {
    let kind = EventKind::MemberLoggedOut;
    revocations::end_sessions(commit, Ending { member, which, tokens_until, kind }).await
}

/// The arguments of `change_password`.
#[derive(Clone)]
pub(super) struct PasswordChange {
    pub(super) identity: Identity,
    pub(super) checked: Credentials,
    pub(super) password_hash: String,
    pub(super) at: Timestamp,
    pub(super) before: SessionId,
    pub(super) tokens_until: Timestamp,
}

pub(super) async fn change_password(commit: &mut Commit, change: PasswordChange) -> StoreResult<Vec<SessionId>> {
    let PasswordChange { identity, checked, password_hash, at, before, tokens_until } = change;
    let connection = &mut commit.connection;
    check_unchanged(connection, &checked).await?;
    check_active(connection, identity, at).await?;
    set_password_hash(connection, identity.member, password_hash).await?;
    let which = SessionsToEnd::AllBut { keep: identity.session, before };
    let (member, kind) = (identity.member, EventKind::PasswordChanged);
    revocations::end_sessions(commit, Ending { member, which, tokens_until, kind }).await
}

/// The arguments of `deactivate`.
#[derive(Clone)]
pub(super) struct Deactivation {
    pub(super) identity: Identity,
    pub(super) checked: Credentials,
    pub(super) at: Timestamp,
    pub(super) before: SessionId,
    pub(super) tokens_until: Timestamp,
}

pub(super) async fn deactivate(commit: &mut Commit, deactivation: Deactivation) -> StoreResult<Vec<SessionId>> {
    let Deactivation { identity, checked, at, before, tokens_until } = deactivation;
    check_unchanged(&mut commit.connection, &checked).await?;
    check_active(&mut commit.connection, identity, at).await?;
    let which = SessionsToEnd::All { before };
    let (member, kind) = (identity.member, EventKind::MemberLoggedOut);
    let ended = revocations::end_sessions(commit, Ending { member, which, tokens_until, kind }).await?;
    members::deactivate(commit, identity.member, at).await?;
    Ok(ended)
}
