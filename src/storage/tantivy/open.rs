//! Opens the index of a folder and checks whether it can be used: its versions, its schema, its check sums.
use super::{
    IndexOptions, failed,
    index::TantivyIndex,
    schema::{Fields, SCHEMA_VERSION},
};
use crate::{
    causes::in_full,
    domain::{Epoch, Position, search::TOKENIZER_VERSION},
    storage::{IndexCheckpoint, StoreResult},
};
use serde::{Deserialize, Serialize};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};
use tantivy::{Index, TantivyError};

/// The check sums of an index up to this size are verified when it is opened, which finds every changed byte. Verifying
/// a larger one would delay the start; it is left to the checks of Tantivy.
const CHECKED_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The payload of each commit.
#[derive(Serialize, Deserialize)]
pub(super) struct CommitPayload {
    tokenizer: u32,
    schema: u32,
    epoch: u32,
    position: u64,
    complete: bool,
}

impl CommitPayload {
    pub(super) fn of(checkpoint: IndexCheckpoint) -> Self {
        Self {
            tokenizer: TOKENIZER_VERSION,
            schema: SCHEMA_VERSION,
            epoch: checkpoint.epoch.0,
            position: checkpoint.position.0,
            complete: checkpoint.complete,
        }
    }

    fn checkpoint(&self) -> IndexCheckpoint {
        let (epoch, position) = (Epoch(self.epoch), Position(self.position));
        IndexCheckpoint { epoch, position, complete: self.complete }
    }
}

/// The result of opening an index.
pub(super) enum OpenedIndex {
    Usable(Box<TantivyIndex>),
    /// The reason why another index has to be built.
    Unusable(String),
}

impl TantivyIndex {
    /// Opens the index in `path`. Errors: `Unavailable` if the cause is not the index itself.
    pub(super) fn open(path: &Path, options: IndexOptions) -> StoreResult<OpenedIndex> {
        // Tantivy expects every file to be as long as its footer, and panics at a shorter one.
        let opened = catch_unwind(AssertUnwindSafe(|| Self::try_open(path, options)));
        opened.unwrap_or_else(|_| Ok(OpenedIndex::Unusable("one of its files is truncated".to_owned())))
    }

    fn try_open(path: &Path, options: IndexOptions) -> StoreResult<OpenedIndex> {
        let unusable = |why: &(dyn std::error::Error + 'static)| Ok(OpenedIndex::Unusable(in_full(why)));
        let index = match Index::open_in_dir(path) {
            Ok(index) => index,
            Err(error) => return unusable(&error),
        };
        let payload = index.load_metas().map(|metas| metas.payload.unwrap_or_default());
        let payload = match payload.map(|payload| serde_json::from_str::<CommitPayload>(&payload)) {
            Ok(Ok(payload)) => payload,
            Ok(Err(error)) => return unusable(&error),
            Err(error) => return unusable(&error),
        };
        if (payload.tokenizer, payload.schema) != (TOKENIZER_VERSION, SCHEMA_VERSION)
            || index.schema() != Fields::new().0
        {
            return Ok(OpenedIndex::Unusable("another version built it".to_owned()));
        }
        if bytes_in(path) <= CHECKED_BYTES_MAX {
            match index.validate_checksum() {
                Ok(damaged) if damaged.is_empty() => {}
                Ok(damaged) => return Ok(OpenedIndex::Unusable(format!("{} of its files are damaged", damaged.len()))),
                Err(error) => return unusable(&error),
            }
        }
        match Self::new(index, options, payload.checkpoint()) {
            Ok(index) => Ok(OpenedIndex::Usable(Box::new(index))),
            // Another process has locked the index, or the disk failed: the index may be fine.
            Err(
                error @ (TantivyError::LockFailure(..)
                | TantivyError::IoError(_)
                | TantivyError::OpenWriteError(_)
                | TantivyError::SystemError(_)),
            ) => Err(failed(error)),
            Err(error) => unusable(&error),
        }
    }
}

/// Adds up the sizes of the files. Skips a file without readable metadata: opening it reports the error.
fn bytes_in(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}
