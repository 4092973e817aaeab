//! The tables `revocations` and `member_revocations`: tokens revoked before they expire, of single sessions and of
//! every older session of a member.
use crate::{
    domain::{MemberId, SessionId, Timestamp},
    storage::{
        SessionsToEnd, StoreResult,
        sqlite::{Sqlite, failed, json_ids, number, signed, writer::Commit},
    },
};
use sqlx::{Row, SqliteConnection};

/// Maximum number of sessions of one step of pruning, which takes the writer a few milliseconds.
const STEP: i64 = 500;

/// Deletes sessions and revokes their tokens. Returns the ended sessions.
pub(super) async fn end_sessions(
    connection: &mut SqliteConnection,
    member: MemberId,
    which: SessionsToEnd,
    tokens_until: Timestamp,
) -> StoreResult<Vec<SessionId>> {
    let (delete, id) = match which {
        SessionsToEnd::One(id) | SessionsToEnd::Own(id) => {
            ("DELETE FROM sessions WHERE member_id = ? AND id = ? RETURNING id", id.0)
        }
        SessionsToEnd::AllBut { keep, .. } => {
            ("DELETE FROM sessions WHERE member_id = ? AND id <> ? RETURNING id", keep.0)
        }
        SessionsToEnd::All { .. } => ("DELETE FROM sessions WHERE member_id = ? AND id > ? RETURNING id", 0),
    };
    let query = sqlx::query(delete).bind(signed(member.0)).bind(signed(id));
    let rows = query.fetch_all(&mut *connection).await.map_err(failed)?;
    let mut ended: Vec<SessionId> = rows.iter().map(|row| SessionId(number(row.get(0)))).collect();
    match which {
        SessionsToEnd::Own(id) if ended.is_empty() => ended.push(id),
        SessionsToEnd::AllBut { keep, before } => {
            not_before(connection, member, before, Some(keep), tokens_until).await?
        }
        SessionsToEnd::All { before } => not_before(connection, member, before, None, tokens_until).await?,
        SessionsToEnd::One(_) | SessionsToEnd::Own(_) => {}
    }
    revoke(connection, &ended, tokens_until).await?;
    Ok(ended)
}

/// Stores the revocations of single sessions.
async fn revoke(connection: &mut SqliteConnection, ended: &[SessionId], tokens_until: Timestamp) -> StoreResult<()> {
    let insert = "INSERT INTO revocations (session_id, tokens_until) SELECT value, ? FROM json_each(?) \
        WHERE true ON CONFLICT (session_id) DO UPDATE SET tokens_until = max(tokens_until, excluded.tokens_until)";
    let ids = json_ids(ended.iter().map(|id| id.0));
    sqlx::query(insert).bind(tokens_until.0).bind(ids).execute(connection).await.map_err(failed)?;
    Ok(())
}

/// Stores the revocation of every session before `before`. The newest row replaces an older one, because it covers more
/// sessions and keeps one that has not ended.
async fn not_before(
    connection: &mut SqliteConnection,
    member: MemberId,
    before: SessionId,
    keep: Option<SessionId>,
    tokens_until: Timestamp,
) -> StoreResult<()> {
    let insert = "INSERT INTO member_revocations (member_id, before_session, kept_session, tokens_until) \
        VALUES (?, ?, ?, ?) ON CONFLICT (member_id) DO UPDATE SET kept_session = excluded.kept_session, \
        before_session = max(before_session, excluded.before_session), \
        tokens_until = max(tokens_until, excluded.tokens_until)";
    let query = sqlx::query(insert)
        .bind(signed(member.0))
        .bind(signed(before.0))
        .bind(keep.map(|keep| signed(keep.0)))
        .bind(tokens_until.0);
    query.execute(connection).await.map_err(failed)?;
    Ok(())
}

/// Deletes expired sessions and stores their revocations.
async fn prune_sessions(commit: &mut Commit, now: Timestamp, tokens_until: Timestamp) -> StoreResult<u64> {
    let delete = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ? LIMIT ?) RETURNING id";
    let query = sqlx::query(delete).bind(now.0).bind(STEP);
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    let expired: Vec<SessionId> = rows.iter().map(|row| SessionId(number(row.get(0)))).collect();
    if !expired.is_empty() {
        revoke(&mut commit.connection, &expired, tokens_until).await?;
    }
    Ok(expired.len() as u64)
}

impl Sqlite {
    /// Deletes expired sessions in steps. Revokes their tokens, which another version or configuration may have made
    /// with a longer lifetime.
    pub(crate) async fn prune_sessions(&self, now: Timestamp) -> StoreResult<u64> {
        let until = now.after(self.token_lifetime);
        self.run_steps(move |commit| Box::pin(prune_sessions(commit, now, until))).await
    }
}
