//! Which tokens are void before their time: of sessions that were ended, and of all that a member had.
use super::{Sqlite, commit::Commit, failed, json_ids, number, signed};
use crate::{
    domain::{MemberId, SessionId, Timestamp},
    storage::{End, NotBefore, StoreResult},
};
use sqlx::{Row, SqliteConnection};

/// Sessions in one step of a sweep: a few milliseconds of the writer's time.
const STEP: i64 = 500;

/// Removes sessions and remembers that their tokens are void.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    member: MemberId,
    which: End,
    tokens_until: Timestamp,
) -> StoreResult<Vec<SessionId>> {
    let (delete, id) = match which {
        End::One(id) | End::Own(id) => ("DELETE FROM sessions WHERE member_id = ? AND id = ? RETURNING id", id.0),
        End::AllBut { keep, .. } => ("DELETE FROM sessions WHERE member_id = ? AND id <> ? RETURNING id", keep.0),
        End::All { .. } => ("DELETE FROM sessions WHERE member_id = ? AND id > ? RETURNING id", 0),
    };
    let query = sqlx::query(delete).bind(signed(member.0)).bind(signed(id));
    let rows = query.fetch_all(&mut *connection).await.map_err(failed)?;
    let mut ended: Vec<SessionId> = rows.iter().map(|row| SessionId(number(row.get(0)))).collect();
    match which {
        End::Own(id) if ended.is_empty() => ended.push(id),
        End::AllBut { keep, before } => not_before(connection, member, before, Some(keep), tokens_until).await?,
        End::All { before } => not_before(connection, member, before, None, tokens_until).await?,
        End::One(_) | End::Own(_) => {}
    }
    revoke(connection, &ended, tokens_until).await?;
    Ok(ended)
}

async fn revoke(connection: &mut SqliteConnection, ended: &[SessionId], tokens_until: Timestamp) -> StoreResult<()> {
    let insert = "INSERT INTO revocations (session_id, tokens_until) SELECT value, ? FROM json_each(?) \
        WHERE true ON CONFLICT (session_id) DO UPDATE SET tokens_until = max(tokens_until, excluded.tokens_until)";
    let ids = json_ids(ended.iter().map(|id| id.0));
    sqlx::query(insert).bind(tokens_until.0).bind(ids).execute(connection).await.map_err(failed)?;
    Ok(())
}

/// A later one says all that an earlier one said: it reaches further, and keeps a session that lives.
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

/// Removes sessions that have run out, and leaves their revocation behind.
async fn sweep_sessions(commit: &mut Commit, now: Timestamp, tokens_until: Timestamp) -> StoreResult<u64> {
    let delete = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ? LIMIT ?) RETURNING id";
    let query = sqlx::query(delete).bind(now.0).bind(STEP);
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    let gone: Vec<SessionId> = rows.iter().map(|row| SessionId(number(row.get(0)))).collect();
    if !gone.is_empty() {
        revoke(&mut commit.connection, &gone, tokens_until).await?;
    }
    Ok(gone.len() as u64)
}

impl Sqlite {
    /// Sessions that have run out. Their tokens have too, unless another version or configuration made them.
    pub(super) async fn prune_sessions(&self, now: Timestamp) -> StoreResult<u64> {
        let until = now.after(self.token_lifetime);
        self.steps(move |commit| Box::pin(sweep_sessions(commit, now, until))).await
    }

    pub(super) async fn revoked_sessions(&self, now: Timestamp) -> StoreResult<Vec<(SessionId, Timestamp)>> {
        let select = "SELECT session_id, tokens_until FROM revocations WHERE tokens_until > ?";
        let rows = sqlx::query(select).bind(now.0).fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.iter().map(|row| (SessionId(number(row.get(0))), Timestamp(row.get(1)))).collect())
    }

    pub(super) async fn revoked_members(&self, now: Timestamp) -> StoreResult<Vec<(MemberId, NotBefore)>> {
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
}
