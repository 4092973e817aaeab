//! Search indexes as Tantivy keeps them: a folder for each, and a file that names the live one.
mod collect;
mod index;
mod open;
mod query;
mod schema;

use super::{IndexMark, SearchIndex, SearchStore, StoreError, StoreResult};
use crate::{
    config::Config,
    domain::{Epoch, Position},
};
use async_trait::async_trait;
use index::TantivyIndex;
use open::Open;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;

/// Names the live index's folder.
const LIVE: &str = "live";

/// The folder of the indexes.
pub(super) struct Shelf {
    folder: PathBuf,
    memory_bytes: usize,
    /// Searches at once: each needs a core.
    searches: Arc<Semaphore>,
    begun: Mutex<Option<String>>,
}

impl Shelf {
    /// Nothing is opened or made yet.
    pub(super) fn new(config: &Config) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            folder: Path::new(&config.data_dir).join("search"),
            memory_bytes: config.search.memory_bytes,
            searches: Arc::new(Semaphore::new(cores)),
            begun: Mutex::default(),
        }
    }

    fn live_name(&self) -> io::Result<Option<String>> {
        match std::fs::read_to_string(self.folder.join(LIVE)) {
            Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| generation(name).is_some())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            names.extend(entry?.file_name().into_string().ok().filter(|name| generation(name).is_some()));
        }
        Ok(names)
    }
}

/// `g7` is the seventh index of this folder.
fn generation(name: &str) -> Option<u64> {
    name.strip_prefix('g')?.parse().ok()
}

#[async_trait]
impl SearchStore for Shelf {
    async fn live(&self) -> StoreResult<Option<Arc<dyn SearchIndex>>> {
        let Some(name) = self.live_name().map_err(failed)? else { return Ok(None) };
        let (path, memory, searches) = (self.folder.join(&name), self.memory_bytes, self.searches.clone());
        match blocking(move || TantivyIndex::open(&path, memory, searches)).await? {
            Open::Usable(index) => Ok(Some(Arc::new(*index))),
            Open::Useless(why) => {
                tracing::warn!(index = name, why, "cannot use the search index");
                Ok(None)
            }
        }
    }

    async fn begin(&self, epoch: Epoch) -> StoreResult<Arc<dyn SearchIndex>> {
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let last = self.names().map_err(failed)?.iter().filter_map(|name| generation(name)).max();
        let name = format!("g{}", last.unwrap_or(0) + 1);
        let (path, memory, searches) = (self.folder.join(&name), self.memory_bytes, self.searches.clone());
        let mark = IndexMark { epoch, position: Position(0), complete: false };
        let index = blocking(move || {
            std::fs::create_dir(&path).map_err(failed)?;
            TantivyIndex::create(&path, memory, searches, mark).inspect_err(|_| {
                // What cannot be removed either is left for the next sweep.
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
            // Renamed into place, so that the file names one index or the other whatever happens.
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
        let kept = |name: &String| Some(name) == live.as_ref() || Some(name) == begun.as_ref();
        for name in self.names().unwrap_or_default().into_iter().filter(|name| !kept(name)) {
            let path = self.folder.join(name);
            blocking(move || std::fs::remove_dir_all(path).map_err(failed)).await?;
        }
        Ok(())
    }
}

/// Work that holds a core or waits for the disk, off the threads that answer requests. A panic in it is a failure of
/// the backend and of nothing else.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> StoreResult<T> + Send + 'static) -> StoreResult<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(failed(panic)))
}

/// What Tantivy or the disk could not do.
fn failed(source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { backend: "tantivy", source: Arc::new(source) }
}
