//! The table `receipts`: stored answers of requests with an Idempotency-Key.
use super::bulk::{Bulk, Query};
use crate::{
    domain::{Answer, Receipt, Refusal},
    storage::{StoreResult, sqlite::failed},
};
use sqlx::{Row, SqliteConnection};
use std::{collections::HashMap, sync::LazyLock};

/// Returns the stored answer if the request is a repeat, and stores the receipt if it is not. Refuses
/// `IdempotencyKeyReused` if the key is another request's.
pub(crate) async fn find_or_insert(
    connection: &mut SqliteConnection,
    receipt: Option<&Receipt>,
) -> StoreResult<Option<Answer>> {
    let Some(receipt) = receipt else { return Ok(None) };
    let known = known(connection, std::iter::once(receipt)).await?;
    if let Some(stored) = known.into_values().next() {
        return stored.answer_for(&receipt.fingerprint).map(Some);
    }
    insert_all(connection, std::iter::once(receipt)).await?;
    Ok(None)
}

/// A stored answer and the fingerprint of its request.
#[derive(Clone)]
pub(crate) struct StoredReceipt {
    fingerprint: Vec<u8>,
    answer: Answer,
}

impl StoredReceipt {
    /// Refuses `IdempotencyKeyReused` if the fingerprint is another request's.
    pub(crate) fn answer_for(&self, fingerprint: &[u8; 32]) -> StoreResult<Answer> {
        let same = self.fingerprint == fingerprint;
        if same { Ok(self.answer.clone()) } else { Err(Refusal::IdempotencyKeyReused.into()) }
    }
}

impl From<&Receipt> for StoredReceipt {
    fn from(receipt: &Receipt) -> Self {
        Self { fingerprint: receipt.fingerprint.to_vec(), answer: receipt.answer.clone() }
    }
}

/// Returns the stored receipts with the keys of `receipts`, by scope and key.
pub(crate) async fn known(
    connection: &mut SqliteConnection,
    receipts: impl Iterator<Item = &Receipt>,
) -> StoreResult<HashMap<(String, String), StoredReceipt>> {
    let keys: Vec<_> = receipts.map(|receipt| (&receipt.scope, &receipt.key)).collect();
    let select = "SELECT r.scope, r.key, fingerprint, status, location, body FROM json_each(?) j \
        JOIN receipts r ON r.scope = j.value->>0 AND r.key = j.value->>1";
    let keys = serde_json::to_string(&keys).map_err(failed)?;
    let rows = sqlx::query(select).bind(keys).fetch_all(connection).await.map_err(failed)?;
    let stored = rows.iter().map(|row| {
        let answer = Answer { status: row.get(3), location: row.get(4), body: row.get(5) };
        ((row.get(0), row.get(1)), StoredReceipt { fingerprint: row.get(2), answer })
    });
    Ok(stored.collect())
}

/// Stores receipts.
pub(crate) async fn insert_all(
    connection: &mut SqliteConnection,
    receipts: impl Iterator<Item = &Receipt>,
) -> StoreResult<()> {
    let receipts: Vec<_> = receipts.collect();
    RECEIPTS.run(connection, &receipts, |query, receipt| bind(query, receipt)).await
}

static RECEIPTS: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::new("INSERT INTO receipts (scope, key, fingerprint, status, location, body, at)", 7, ""));

fn bind(query: Query, receipt: &Receipt) -> Query {
    let Answer { status, location, body } = &receipt.answer;
    query
        .bind(receipt.scope.clone())
        .bind(receipt.key.clone())
        .bind(receipt.fingerprint.to_vec())
        .bind(*status)
        .bind(location.clone())
        .bind(body.clone())
        .bind(receipt.at.0)
}
