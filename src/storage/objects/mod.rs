//! `ImageFileStore` on the object_store crate: the bytes of images as files in a local folder.
use super::{FILE_PARTITIONS, FoundFile, ImageFileStore, StoreError, StoreResult};
use crate::{
    config::Config,
    domain::{ImageId, Timestamp, Variant},
    files,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path};
use std::{
    ops::Range,
    path::PathBuf,
    sync::{Arc, OnceLock},
};
use tokio::sync::Semaphore;

/// Image files. Both variants of an image are in the partition (a subfolder) that its id decides.
pub(super) struct Objects {
    folder: PathBuf,
    /// Whether each write is synced to the disk: as durable as the row of the image.
    synced: bool,
    /// Empty until the folder has been opened.
    store: OnceLock<Arc<dyn ObjectStore>>,
    /// Bounds the files that are read at once, because databases and connections need file handles too.
    read_permits: Arc<Semaphore>,
}

/// Name of the file that `check` writes and deletes. No image has this name.
const CHECK_FILE: &str = "check";

impl Objects {
    /// Opens the folder that the configuration names, and creates it if it does not exist. Logs a failure: every later
    /// call tries again.
    pub(super) fn open(config: &Config) -> Self {
        let folder = match config.images.folder() {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(&config.data_dir).join("images"),
        };
        let synced = config.storage.synchronous == "full";
        let share = files::share(config.http.connections_max, config.storage.read_connections);
        let read_permits = Arc::new(Semaphore::new(share.images));
        let images = Self { folder, synced, store: OnceLock::new(), read_permits };
        if let Err(error) = images.store() {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot open the image folder");
        }
        images
    }

    /// Returns the open folder, and opens it first if it is closed.
    fn store(&self) -> StoreResult<&Arc<dyn ObjectStore>> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(&self.folder).map_err(failed)?.with_fsync(self.synced);
        Ok(self.store.get_or_init(|| Arc::new(store)))
    }
}

/// Returns the partition of an image. The milliseconds of its id decide, so that images spread evenly.
fn partition_of(id: ImageId) -> u64 {
    (id.0 >> 12) % FILE_PARTITIONS
}

fn path_of(id: ImageId, variant: Variant) -> Path {
    Path::from(format!("{:02x}/{id}-{}", partition_of(id), variant.name()))
}

/// Returns the image in the name of a file; `None` for a file that is not an image's.
fn image_of(path: &Path) -> Option<ImageId> {
    let (id, _) = path.filename()?.split_once('-')?;
    id.parse().ok().map(ImageId)
}

fn failed(source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { backend: "images", source: Arc::new(source) }
}

#[async_trait]
impl ImageFileStore for Objects {
    async fn check(&self) -> StoreResult<()> {
        let store = self.store()?;
        let path = Path::from(CHECK_FILE);
        store.put(&path, Bytes::from_static(b"x").into()).await.map_err(failed)?;
        store.delete(&path).await.map_err(failed)
    }

    async fn write(&self, id: ImageId, original: Bytes, thumbnail: Bytes) -> StoreResult<()> {
        for (variant, bytes) in [(Variant::Original, original), (Variant::Thumbnail, thumbnail)] {
            self.store()?.put(&path_of(id, variant), bytes.into()).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn read(
        &self,
        id: ImageId,
        variant: Variant,
        range: Range<u64>,
    ) -> StoreResult<Option<BoxStream<'static, StoreResult<Bytes>>>> {
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(range)));
        let permit = self.read_permits.clone().try_acquire_owned();
        let permit = permit.map_err(|_| StoreError::Busy { backend: "images" })?;
        match self.store()?.get_opts(&path_of(id, variant), options).await {
            Ok(found) => {
                let chunks = found.into_stream().map_err(failed);
                // The stream owns the permit until it is dropped.
                Ok(Some(chunks.inspect(move |_| _ = &permit).boxed()))
            }
            // If the folder itself is missing, the file may exist on a disk that is not mounted.
            Err(error @ object_store::Error::NotFound { .. }) if !self.folder.is_dir() => Err(failed(error)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    async fn delete(&self, id: ImageId) -> StoreResult<()> {
        for variant in Variant::ALL {
            match self.store()?.delete(&path_of(id, variant)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    fn partition(&self, partition: u8) -> BoxStream<'static, StoreResult<FoundFile>> {
        let store = match self.store() {
            Ok(store) => store,
            Err(error) => return stream::StreamExt::boxed(stream::iter([Err(error)])),
        };
        let files = store.list(Some(&Path::from(format!("{partition:02x}"))));
        let images = files.filter_map(|file| async {
            match file {
                Ok(file) => {
                    let written_at = Timestamp(file.last_modified.timestamp_millis());
                    image_of(&file.location).map(|image| Ok(FoundFile { image, written_at }))
                }
                // Deleted since it was listed.
                Err(object_store::Error::NotFound { .. }) => None,
                Err(error) => Some(Err(failed(error))),
            }
        });
        stream::StreamExt::boxed(images)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_image_and_the_image_by_its_file() {
        for id in [ImageId(0), ImageId(7_288_591_360_000_064), ImageId((1 << 53) - 1)] {
            for variant in Variant::ALL {
                let path = path_of(id, variant);
                assert_eq!(image_of(&path), Some(id));
                assert_eq!(path.parts().next().unwrap().as_ref(), format!("{:02x}", partition_of(id)));
            }
        }
        for other in ["00/README", "00/x-original", "00/.DS_Store"] {
            assert_eq!(image_of(&Path::from(other)), None, "{other}");
        }
    }
}
