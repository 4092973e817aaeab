//! Bytes of images in an object store: a folder so far.
use super::{FILE_PARTS, FoundFile, ImageFileStore, StoreError, StoreResult};
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

/// Images as files of an object store, both variants in the part that the id decides.
pub(super) struct Objects {
    folder: PathBuf,
    /// As durable as the row that names it.
    synced: bool,
    /// None until the folder could be opened.
    store: OnceLock<Arc<dyn ObjectStore>>,
    /// Files that are read at once; one more is refused, because databases and connections need theirs.
    reads: Arc<Semaphore>,
}

/// Written and removed again to see whether files can be kept. No image has this name.
const CHECK: &str = "check";

impl Objects {
    /// For the folder that the configuration names, which is made where there is none. Where that fails it is tried again
    /// by whoever needs it.
    pub(super) fn open(config: &Config) -> Self {
        let folder = match config.images.folder() {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(&config.data_dir).join("images"),
        };
        let synced = config.storage.synchronous == "full";
        let share = files::share(config.http.connections_max, config.storage.read_connections);
        let reads = Arc::new(Semaphore::new(share.images));
        let images = Self { folder, synced, store: OnceLock::new(), reads };
        if let Err(error) = images.store() {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot open the image folder");
        }
        images
    }

    fn store(&self) -> StoreResult<&Arc<dyn ObjectStore>> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(&self.folder).map_err(failed)?.with_fsync(self.synced);
        Ok(self.store.get_or_init(|| Arc::new(store)))
    }
}

/// Ids of one millisecond are neighbours, so the milliseconds decide.
fn part_of(id: ImageId) -> u64 {
    (id.0 >> 12) % FILE_PARTS
}

fn place(id: ImageId, variant: Variant) -> Path {
    Path::from(format!("{:02x}/{id}-{}", part_of(id), variant.name()))
}

/// The image that a file's name speaks of; none for files that are not ours.
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
        let (store, path) = (self.store()?, Path::from(CHECK));
        store.put(&path, Bytes::from_static(b"x").into()).await.map_err(failed)?;
        store.delete(&path).await.map_err(failed)
    }

    async fn write(&self, id: ImageId, original: Bytes, thumbnail: Bytes) -> StoreResult<()> {
        for (variant, bytes) in [(Variant::Original, original), (Variant::Thumbnail, thumbnail)] {
            self.store()?.put(&place(id, variant), bytes.into()).await.map_err(failed)?;
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
        let busy = || StoreError::Busy { backend: "images" };
        let turn = self.reads.clone().try_acquire_owned().map_err(|_| busy())?;
        match self.store()?.get_opts(&place(id, variant), options).await {
            Ok(found) => {
                let pieces = found.into_stream().map_err(failed);
                // The turn ends with the file.
                Ok(Some(pieces.inspect(move |_| _ = &turn).boxed()))
            }
            // Without its folder, nothing is known of any file.
            Err(error @ object_store::Error::NotFound { .. }) if !self.folder.is_dir() => Err(failed(error)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    async fn delete(&self, id: ImageId) -> StoreResult<()> {
        for variant in Variant::ALL {
            match self.store()?.delete(&place(id, variant)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    fn part(&self, part: u8) -> BoxStream<'static, StoreResult<FoundFile>> {
        let store = match self.store() {
            Ok(store) => store,
            Err(error) => return stream::StreamExt::boxed(stream::iter([Err(error)])),
        };
        let listed = store.list(Some(&Path::from(format!("{part:02x}"))));
        let ours = listed.filter_map(|file| async {
            match file {
                Ok(file) => {
                    let written_at = Timestamp(file.last_modified.timestamp_millis());
                    image_of(&file.location).map(|image| Ok(FoundFile { image, written_at }))
                }
                // Removed while it was being looked at.
                Err(object_store::Error::NotFound { .. }) => None,
                Err(error) => Some(Err(failed(error))),
            }
        });
        stream::StreamExt::boxed(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_image_and_the_image_by_its_file() {
        for id in [ImageId(0), ImageId(7_288_591_360_000_064), ImageId((1 << 53) - 1)] {
            for variant in Variant::ALL {
                let path = place(id, variant);
                assert_eq!(image_of(&path), Some(id));
                assert_eq!(path.parts().next().unwrap().as_ref(), format!("{:02x}", part_of(id)));
            }
        }
        for other in ["00/README", "00/x-original", "00/.DS_Store"] {
            assert_eq!(image_of(&Path::from(other)), None, "{other}");
        }
    }
}
