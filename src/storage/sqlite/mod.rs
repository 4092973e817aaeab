//! The embedded profile: one SQLite file, one writer that groups commands into commits, and a pool of readers.
//!
//! The SQL of a table is in the folder or file of its name, which implements the trait of its subject. Commands run in
//! the writer's commit, reads on the pool.
mod members;
mod relations;
mod sessions;

mod comments;
mod likes;
mod posts;
mod views;

mod images;
mod markers;
mod ranking;

mod departures;
mod housekeeping;
mod leases;
mod log;
mod writer;

mod open;
mod slow_reads;

mod activity;

#[cfg(test)]
pub(super) mod for_tests;
#[cfg(test)]
mod migration_tests;

pub(super) use activity::SqliteActivity;
pub(super) use open::{audit, file};

use super::{StoreError, StoreResult, WriterStatus};
use crate::domain::Epoch;
use housekeeping::Reserve;
use log::Tail;
use open::pool_options;
use slow_reads::SlowReads;
use sqlx::{SqlitePool, sqlite::SqliteRow};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::sync::watch;
use writer::Writer;

/// Every store of the embedded profile that is in the database.
pub(super) struct Sqlite {
    read_pool: SqlitePool,
    /// The connections of slow reads, so that they take none from `readers`.
    slow_reads: SlowReads,
    writer: Writer,
    tail: Arc<Tail>,
    epoch: Epoch,
    reserve: Reserve,
    /// The longest lifetime of an access token.
    token_lifetime: Duration,
    /// Locked until the store is dropped. `None` for a store that shares its database.
    _lock: Option<std::fs::File>,
    /// Follows the commits of other stores over the database.
    #[cfg(test)]
    _follower: Option<log::Follower>,
}

impl Sqlite {
    /// Returns a receiver of the state of the writer.
    pub(super) fn writer_status(&self) -> watch::Receiver<WriterStatus> {
        self.writer.status()
    }
}

/// Wraps an error of SQLite, or of data that it stores.
fn failed(source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { backend: "sqlite", source: Arc::new(source) }
}

/// Wraps the error of a path in the data folder.
fn unusable(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unusable { path: path.display().to_string(), key: "data_dir", source: Arc::new(source) }
}

/// Decodes every row.
fn decoded<T>(rows: &[SqliteRow], decode: impl Fn(&SqliteRow) -> sqlx::Result<T>) -> StoreResult<Vec<T>> {
    rows.iter().map(decode).collect::<sqlx::Result<_>>().map_err(failed)
}

/// Encodes ids as a JSON array: one parameter and one prepared statement for any number of ids.
fn json_ids(ids: impl IntoIterator<Item = u64>) -> String {
    let mut json = String::from("[");
    for id in ids {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&id.to_string());
    }
    json.push(']');
    json
}

/// Converts a stored id or count, which the schema keeps from being negative.
fn number(value: i64) -> u64 {
    value.cast_unsigned()
}

/// Converts an id or count to a stored one. Ids have 53 bits.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
