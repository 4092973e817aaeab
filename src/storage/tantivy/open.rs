//! Opens the index of a folder, and finds out whether it can be used.
use super::{
    failed,
    index::TantivyIndex,
    schema::{Fields, SCHEMA_VERSION},
};
use crate::{
    causes::in_full,
    domain::{Epoch, Position, search::TOKENIZER_VERSION},
    storage::{IndexMark, StoreResult},
};
use serde::{Deserialize, Serialize};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};
use tantivy::{Index, TantivyError};
use tokio::sync::Semaphore;

/// An index up to this many bytes is read through at its opening, and one byte that is not as it was written is noticed.
/// A larger one would hold up the start; of it, only what Tantivy checks itself is checked.
const CHECKED_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// What stands in each commit.
#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    tokenizer: u32,
    schema: u32,
    epoch: u32,
    position: u64,
    complete: bool,
}

impl Payload {
    pub(super) fn of(mark: IndexMark) -> Self {
        let (epoch, position, complete) = (mark.epoch.0, mark.position.0, mark.complete);
        Self { tokenizer: TOKENIZER_VERSION, schema: SCHEMA_VERSION, epoch, position, complete }
    }
}

/// What came of opening an index.
pub(super) enum Open {
    Usable(Box<TantivyIndex>),
    /// And why.
    Useless(String),
}

impl TantivyIndex {
    pub(super) fn open(path: &Path, memory: usize, searches: Arc<Semaphore>) -> StoreResult<Open> {
        // Tantivy takes files for at least as long as their footers, and panics at a shorter one.
        let opened = catch_unwind(AssertUnwindSafe(|| Self::attempt(path, memory, searches)));
        opened.unwrap_or_else(|_| Ok(Open::Useless("one of its files is truncated".to_owned())))
    }

    fn attempt(path: &Path, memory: usize, searches: Arc<Semaphore>) -> StoreResult<Open> {
        let useless = |why: &(dyn std::error::Error + 'static)| Ok(Open::Useless(in_full(why)));
        let index = match Index::open_in_dir(path) {
            Ok(index) => index,
            Err(error) => return useless(&error),
        };
        let payload = index.load_metas().map(|metas| metas.payload.unwrap_or_default());
        let payload = match payload.map(|payload| serde_json::from_str::<Payload>(&payload)) {
            Ok(Ok(payload)) => payload,
            Ok(Err(error)) => return useless(&error),
            Err(error) => return useless(&error),
        };
        if (payload.tokenizer, payload.schema) != (TOKENIZER_VERSION, SCHEMA_VERSION)
            || index.schema() != Fields::new().0
        {
            return Ok(Open::Useless("another version built it".to_owned()));
        }
        if bytes_in(path) <= CHECKED_BYTES_MAX {
            match index.validate_checksum() {
                Ok(damaged) if damaged.is_empty() => {}
                Ok(damaged) => return Ok(Open::Useless(format!("{} of its files are damaged", damaged.len()))),
                Err(error) => return useless(&error),
            }
        }
        let (epoch, position) = (Epoch(payload.epoch), Position(payload.position));
        let mark = IndexMark { epoch, position, complete: payload.complete };
        match Self::of(index, memory, searches, mark) {
            Ok(index) => Ok(Open::Usable(Box::new(index))),
            // Somebody has it, or the disk does not: that is no fault of the index.
            Err(
                error @ (TantivyError::LockFailure(..)
                | TantivyError::IoError(_)
                | TantivyError::OpenWriteError(_)
                | TantivyError::SystemError(_)),
            ) => Err(failed(error)),
            Err(error) => useless(&error),
        }
    }
}

/// Files that cannot be looked at count nothing: opening them will say more.
fn bytes_in(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}
