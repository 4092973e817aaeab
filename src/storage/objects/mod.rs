//! Bytes of images in an object store: a folder so far.
use super::{FILE_PARTS, FoundFile, ImageFileStore, StoreError, StoreResult};
use crate::{
    config::Config,
    domain::{ImageId, Timestamp, Variant},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path};
use std::{ops::Range, path::PathBuf, sync::Arc};

/// Images as files of an object store, both variants in the part that the id decides.
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
}

impl Objects {
    /// Opens the folder that the configuration names, making it where there is none.
    pub(super) fn open(config: &Config) -> StoreResult<Self> {
        let folder = match config.images.folder() {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(&config.data_dir).join("images"),
        };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        // As durable as the row that names it.
        let synced = config.storage.synchronous == "full";
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(failed)?.with_fsync(synced);
        Ok(Self { store: Arc::new(store) })
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
    async fn write(&self, id: ImageId, original: Bytes, thumbnail: Bytes) -> StoreResult<()> {
        for (variant, bytes) in [(Variant::Original, original), (Variant::Thumbnail, thumbnail)] {
            self.store.put(&place(id, variant), bytes.into()).await.map_err(failed)?;
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
        match self.store.get_opts(&place(id, variant), options).await {
            Ok(found) => Ok(Some(found.into_stream().map_err(failed).boxed())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    async fn delete(&self, id: ImageId) -> StoreResult<()> {
        for variant in Variant::ALL {
            match self.store.delete(&place(id, variant)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    fn part(&self, part: u8) -> BoxStream<'static, StoreResult<FoundFile>> {
        let listed = self.store.list(Some(&Path::from(format!("{part:02x}"))));
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
