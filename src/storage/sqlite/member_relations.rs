//! Whom a member follows, blocks and mutes: what visibility is decided by.
use super::{Sqlite, failed, number, signed};
use crate::{
    domain::{MemberId, Privacy, Relations, Timestamp},
    storage::StoreResult,
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

/// As the schema numbers it.
pub(super) fn privacy(number: u8) -> Privacy {
    match number {
        0 => Privacy::Public,
        1 => Privacy::Followers,
        _ => Privacy::Private,
    }
}

/// The inverse.
pub(super) fn privacy_number(privacy: Privacy) -> u8 {
    match privacy {
        Privacy::Public => 0,
        Privacy::Followers => 1,
        Privacy::Private => 2,
    }
}

fn id(row: &SqliteRow) -> MemberId {
    MemberId(number(row.get(0)))
}

async fn ids(connection: &mut SqliteConnection, select: &'static str, of: MemberId) -> StoreResult<Vec<SqliteRow>> {
    sqlx::query(select).bind(signed(of.0)).fetch_all(connection).await.map_err(failed)
}

impl Sqlite {
    pub(super) async fn relations_of_member(&self, member: MemberId) -> StoreResult<Relations> {
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        let watched = "SELECT followee_id FROM follows WHERE follower_id = ?1 UNION SELECT ?1 ORDER BY 1";
        let watched = ids(&mut connection, watched, member).await?;
        let blocked = "SELECT blocked_id FROM blocks WHERE member_id = ?1 UNION \
            SELECT member_id FROM blocks WHERE blocked_id = ?1 ORDER BY 1";
        let blocked = ids(&mut connection, blocked, member).await?;
        let muted = "SELECT muted_id, expires_at FROM mutes WHERE member_id = ? ORDER BY muted_id";
        let muted = ids(&mut connection, muted, member).await?;
        Ok(Relations {
            member,
            watched: watched.iter().map(id).collect(),
            blocked: blocked.iter().map(id).collect(),
            muted: muted.iter().map(|row| (id(row), row.get::<Option<i64>, _>(1).map(Timestamp))).collect(),
        })
    }

    pub(super) async fn members_non_public(&self) -> StoreResult<Vec<(MemberId, Privacy)>> {
        let select = "SELECT id, privacy FROM members WHERE privacy > 0";
        let rows = sqlx::query(select).fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.iter().map(|row| (id(row), privacy(row.get(1)))).collect())
    }
}
