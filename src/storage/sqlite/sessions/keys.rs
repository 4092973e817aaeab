//! The table `jwt_keys`: a primary key, which signs tokens, and replaced keys, which still verify them.
use super::secret;
use crate::{
    domain::{SigningKey, Timestamp},
    storage::{
        Keys, StoreResult,
        sqlite::{decoded, failed, writer::Commit},
    },
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

/// Decodes a row of `jwt_keys`.
fn key(row: &SqliteRow) -> sqlx::Result<SigningKey> {
    let id: String = row.try_get("id")?;
    Ok(SigningKey {
        id: id.parse().map_err(|error: uuid::Error| sqlx::Error::Decode(error.into()))?,
        secret: secret(row)?,
        created_at: Timestamp(row.try_get("created_at")?),
        replaced_at: row.try_get::<Option<i64>, _>("replaced_at")?.map(Timestamp),
    })
}

/// Returns the keys that are not disabled.
pub(super) async fn keys(connection: &mut SqliteConnection) -> StoreResult<Option<Keys>> {
    let select = "SELECT * FROM jwt_keys WHERE disabled_at IS NULL ORDER BY created_at";
    let rows = sqlx::query(select).fetch_all(connection).await.map_err(failed)?;
    let keys = decoded(&rows, key)?;
    let (primary, others): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.replaced_at.is_none());
    Ok(primary.into_iter().next().map(|primary| Keys { primary, others }))
}

/// Makes a key the primary if `expected` is still the primary.
pub(super) async fn rotate_key(
    commit: &mut Commit,
    expected: Option<Uuid>,
    new: SigningKey,
    disable_replaced_before: Timestamp,
) -> StoreResult<Keys> {
    let before = keys(&mut commit.connection).await?;
    if before.as_ref().map(|keys| keys.primary.id) == expected {
        // Caps the times that a wrong clock has set.
        let replace = "UPDATE jwt_keys SET replaced_at = ?1 WHERE replaced_at IS NULL OR replaced_at > ?1";
        let query = sqlx::query(replace).bind(new.created_at.0);
        query.execute(&mut commit.connection).await.map_err(failed)?;
        let insert = "INSERT INTO jwt_keys (id, secret, created_at) VALUES (?, ?, ?)";
        let query = sqlx::query(insert).bind(new.id.to_string()).bind(new.secret.to_vec()).bind(new.created_at.0);
        query.execute(&mut commit.connection).await.map_err(failed)?;
    }
    disable_keys(&mut commit.connection, disable_replaced_before).await?;
    keys(&mut commit.connection).await?.ok_or_else(|| failed(sqlx::Error::RowNotFound))
}

/// Disables keys that were replaced before that time.
pub(super) async fn disable_keys(connection: &mut SqliteConnection, replaced_before: Timestamp) -> StoreResult<()> {
    let update = "UPDATE jwt_keys SET disabled_at = ?1 WHERE replaced_at < ?1 AND disabled_at IS NULL";
    sqlx::query(update).bind(replaced_before.0).execute(connection).await.map_err(failed)?;
    Ok(())
}
