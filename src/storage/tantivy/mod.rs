//! `SearchStore` on Tantivy: one folder per index (`g7` is the seventh), and the file `live` that names the live one.
mod admission;
mod collect;
mod index;
mod open;
mod query;
mod schema;

use super::{IndexCheckpoint, SearchIndex, SearchStore, StoreError, StoreResult};
use crate::{
    config::Config,
    domain::{Epoch, Position},
};
use async_trait::async_trait;
use index::TantivyIndex;
use open::OpenedIndex;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;

/// The file that names the folder of the live index.
const LIVE: &str = "live";

/// The directory of all indexes: `search/` in the data folder.
pub(super) struct IndexDirectory {
    folder: PathBuf,
    options: IndexOptions,
    /// Folder name of the index that [`SearchStore::begin`] made last.
    begun: Mutex<Option<String>>,
}

/// The options of every index.
#[derive(Clone)]
struct IndexOptions {
    /// Bytes that the writer buffers before it writes a segment.
    memory_bytes: usize,
    /// Searches that run at once, of all indexes: as many as there are cores.
    ///
    /// The lane of `actors/search` bounds searches too, but does not replace this: its permit is released when the
    /// caller is dropped, while the blocking thread searches until its next check of the deadline. That thread holds
    /// this permit, which therefore bounds the threads. It is also the smaller of the two on one core, where the lane
    /// has two permits.
    search_permits: Arc<Semaphore>,
}

impl IndexDirectory {
    /// Opens and creates nothing yet.
    pub(super) fn new(config: &Config) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let memory_bytes = config.search.memory_bytes;
        let options = IndexOptions { memory_bytes, search_permits: Arc::new(Semaphore::new(cores)) };
        Self { folder: Path::new(&config.data_dir).join("search"), options, begun: Mutex::default() }
    }

    /// Returns the folder name of the live index, from the file `live`.
    fn live_name(&self) -> io::Result<Option<String>> {
        match std::fs::read_to_string(self.folder.join(LIVE)) {
            Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| index_number(name).is_some())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists the folder names of all indexes.
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            names.extend(entry?.file_name().into_string().ok().filter(|name| index_number(name).is_some()));
        }
        Ok(names)
    }
}

/// Returns the number of an index in the name of its folder.
fn index_number(name: &str) -> Option<u64> {
    name.strip_prefix('g')?.parse().ok()
}

#[async_trait]
impl SearchStore for IndexDirectory {
    async fn live(&self) -> StoreResult<Option<Arc<dyn SearchIndex>>> {
        let Some(name) = self.live_name().map_err(failed)? else { return Ok(None) };
        let path = self.folder.join(&name);
        let options = self.options.clone();
        match blocking(move || TantivyIndex::open(&path, options)).await? {
            OpenedIndex::Usable(index) => Ok(Some(Arc::new(*index))),
            OpenedIndex::Unusable(why) => {
                tracing::warn!(index = name, why, "cannot use the search index");
                Ok(None)
            }
        }
    }

    async fn begin(&self, epoch: Epoch) -> StoreResult<Arc<dyn SearchIndex>> {
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let last = self.names().map_err(failed)?.iter().filter_map(|name| index_number(name)).max();
        let name = format!("g{}", last.unwrap_or(0) + 1);
        let path = self.folder.join(&name);
        let options = self.options.clone();
        let checkpoint = IndexCheckpoint { epoch, position: Position(0), complete: false };
        let index = blocking(move || {
            std::fs::create_dir(&path).map_err(failed)?;
            TantivyIndex::create(&path, options, checkpoint).inspect_err(|_| {
                // A folder that cannot be removed either is left to the next sweep.
                let _ = std::fs::remove_dir_all(&path);
            })
        });
        let index = index.await?;
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
        Ok(Arc::new(index))
    }

    async fn make_live(&self) -> StoreResult<()> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(name) = begun else { return Ok(()) };
        let folder = self.folder.clone();
        blocking(move || {
            // Renamed into place, so that a crash leaves the file with one name or the other.
            let next = folder.join("live.next");
            let mut file = std::fs::File::create(&next).map_err(failed)?;
            file.write_all(name.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            std::fs::rename(&next, folder.join(LIVE)).map_err(failed)?;
            std::fs::File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed)
        })
        .await
    }

    async fn sweep(&self) -> StoreResult<()> {
        let live = self.live_name().map_err(failed)?;
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_kept = |name: &String| Some(name) == live.as_ref() || Some(name) == begun.as_ref();
        for name in self.names().unwrap_or_default().into_iter().filter(|name| !is_kept(name)) {
            let path = self.folder.join(name);
            blocking(move || std::fs::remove_dir_all(path).map_err(failed)).await?;
        }
        Ok(())
    }
}

/// Runs work that holds a core or waits for the disk on a blocking thread. A panic in it is an error of this backend.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> StoreResult<T> + Send + 'static) -> StoreResult<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(failed(panic)))
}

/// Wraps an error of Tantivy or of the disk.
fn failed(source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { backend: "tantivy", source: Arc::new(source) }
}
