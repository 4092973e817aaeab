//! The tables `revocations` and `member_revocations`: tokens revoked before they expire, of single sessions and of
//! every older session of a member.
use crate::{
    domain::{EventKind, Fact, MemberId, Position, SessionId, Timestamp},
    storage::{
        NotBefore, SessionsToEnd, StoreResult, StoredRevocations,
        sqlite::{Sqlite, failed, json_ids, number, signed, writer::Commit},
    },
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

/// Maximum number of sessions of one step of pruning, which takes the writer a few milliseconds.
const STEP: i64 = 500;

const BETWEEN: &str = "SELECT session_id, tokens_until FROM revocations WHERE position > ? AND position <= ?";
const MEMBERS_BETWEEN: &str = "SELECT member_id, before_session, kept_session, tokens_until FROM member_revocations \
    WHERE position > ? AND position <= ?";

/// The arguments of [`end_sessions`].
pub(super) struct Ending {
    pub(super) member: MemberId,
    pub(super) which: SessionsToEnd,
    /// The expiry of the last revoked token.
    pub(super) tokens_until: Timestamp,
    /// The kind of the event that announces the revocations.
    pub(super) kind: EventKind,
}

/// Deletes sessions, revokes their tokens and emits the event that announces it, unless there is nothing to revoke.
/// Returns the ended sessions.
pub(super) async fn end_sessions(commit: &mut Commit, ending: Ending) -> StoreResult<Vec<SessionId>> {
    let Ending { member, which, tokens_until, kind } = ending;
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
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    let mut ended: Vec<SessionId> = rows.iter().map(|row| SessionId(number(row.get(0)))).collect();
    let (older, keep) = match which {
        SessionsToEnd::One(_) if ended.is_empty() => return Ok(ended),
        SessionsToEnd::One(_) => (None, None),
        SessionsToEnd::Own(id) => {
            ended = vec![id];
            (None, None)
        }
        SessionsToEnd::AllBut { keep, before } => (Some(before), Some(keep)),
        SessionsToEnd::All { before } => (Some(before), None),
    };
    let position = commit.emit(Fact::new(kind, member));
    if let Some(before) = older {
        let older = NotBefore { before, keep, tokens_until };
        not_before(&mut commit.connection, member, older, position).await?;
    }
    revoke(&mut commit.connection, &ended, tokens_until, Some(position)).await?;
    Ok(ended)
}

/// Stores the revocations of single sessions, and the position of the event that announces them.
async fn revoke(
    connection: &mut SqliteConnection,
    ended: &[SessionId],
    tokens_until: Timestamp,
    position: Option<Position>,
) -> StoreResult<()> {
    let insert = "INSERT INTO revocations (session_id, tokens_until, position) SELECT value, ?, ? FROM json_each(?) \
        WHERE true ON CONFLICT (session_id) DO UPDATE SET tokens_until = max(tokens_until, excluded.tokens_until), \
        position = coalesce(excluded.position, position)";
    let ids = json_ids(ended.iter().map(|id| id.0));
    let query = sqlx::query(insert).bind(tokens_until.0).bind(position.map(|at| signed(at.0))).bind(ids);
    query.execute(connection).await.map_err(failed)?;
    Ok(())
}

/// Stores the revocation of every older session. The newest row replaces an older one, because it covers more sessions
/// and keeps one that has not ended.
async fn not_before(
    connection: &mut SqliteConnection,
    member: MemberId,
    older: NotBefore,
    position: Position,
) -> StoreResult<()> {
    let insert = "INSERT INTO member_revocations (member_id, before_session, kept_session, tokens_until, position) \
        VALUES (?, ?, ?, ?, ?) ON CONFLICT (member_id) DO UPDATE SET kept_session = excluded.kept_session, \
        before_session = max(before_session, excluded.before_session), \
        tokens_until = max(tokens_until, excluded.tokens_until), position = excluded.position";
    let query = sqlx::query(insert)
        .bind(signed(member.0))
        .bind(signed(older.before.0))
        .bind(older.keep.map(|keep| signed(keep.0)))
        .bind(older.tokens_until.0)
        .bind(signed(position.0));
    query.execute(connection).await.map_err(failed)?;
    Ok(())
}

/// Decodes the columns `session_id, tokens_until`.
pub(super) fn revoked(row: &SqliteRow) -> (SessionId, Timestamp) {
    (SessionId(number(row.get(0))), Timestamp(row.get(1)))
}

/// Decodes the columns `member_id, before_session, kept_session, tokens_until`.
pub(super) fn revoked_member(row: &SqliteRow) -> (MemberId, NotBefore) {
    let keep: Option<i64> = row.get(2);
    let not_before = NotBefore {
        before: SessionId(number(row.get(1))),
        keep: keep.map(|keep| SessionId(number(keep))),
        tokens_until: Timestamp(row.get(3)),
    };
    (MemberId(number(row.get(0))), not_before)
}

/// Deletes expired sessions and stores their revocations.
async fn prune_sessions(commit: &mut Commit, now: Timestamp, tokens_until: Timestamp) -> StoreResult<u64> {
    let delete = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ? LIMIT ?) RETURNING id";
    let query = sqlx::query(delete).bind(now.0).bind(STEP);
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    let expired: Vec<SessionId> = rows.iter().map(|row| SessionId(number(row.get(0)))).collect();
    if !expired.is_empty() {
        // Without an event: these tokens have expired with their sessions, unless another version made them.
        revoke(&mut commit.connection, &expired, tokens_until, None).await?;
    }
    Ok(expired.len() as u64)
}

impl Sqlite {
    /// Returns the revocations whose events are after `after` and up to `until`.
    pub(super) async fn revocations_between(&self, after: Position, until: Position) -> StoreResult<StoredRevocations> {
        let between = |select: &'static str| sqlx::query(select).bind(signed(after.0)).bind(signed(until.0));
        let sessions = between(BETWEEN).fetch_all(&self.read_pool).await.map_err(failed)?;
        let members = between(MEMBERS_BETWEEN).fetch_all(&self.read_pool).await.map_err(failed)?;
        Ok(StoredRevocations {
            sessions: sessions.iter().map(revoked).collect(),
            members: members.iter().map(revoked_member).collect(),
        })
    }

    /// Deletes expired sessions in steps. Revokes their tokens, which another version or configuration may have made
    /// with a longer lifetime.
    pub(crate) async fn prune_sessions(&self, now: Timestamp) -> StoreResult<u64> {
        let until = now.after(self.token_lifetime);
        self.run_steps(move |commit| Box::pin(prune_sessions(commit, now, until))).await
    }
}
