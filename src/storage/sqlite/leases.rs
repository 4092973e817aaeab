//! `Leases` of the embedded profile: the lock of the data folder admits one process, which does all work.
use super::Sqlite;
use crate::storage::{Leases, StoreResult, Work};
use async_trait::async_trait;

#[async_trait]
impl Leases for Sqlite {
    async fn hold(&self, _: Work) -> StoreResult<bool> {
        Ok(true)
    }

    async fn node(&self) -> StoreResult<u8> {
        Ok(0)
    }
}
