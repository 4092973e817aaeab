//! Opens the index that a new incarnation of the search actor writes: the one that was open before, else the live one
//! on disk, else a new and empty one that is handed to the builder.
use super::{
    build,
    shared::{FirstBuild, Shared},
};
use crate::{
    actors::error::Error,
    domain::Position,
    storage::{SearchIndex, StoreError, StoreResult},
};
use std::sync::Arc;

/// Opens an index and makes searches read it. Searches of a new one find the documents that it has so far. Refuses
/// `Busy` if a new one is needed while another one is being built.
pub(super) async fn open(shared: &Shared) -> Result<Arc<dyn SearchIndex>, Error> {
    let mut damaged = false;
    if let Some(index) = shared.open_index() {
        damaged = index.is_damaged();
        if !damaged && is_reusable(shared, &index).await {
            return Ok(index);
        }
        // Closing releases the files, so that they can be opened again.
        index.close().await;
    }
    // To open a large index does not read all of it, so a damaged one would seem intact.
    let live = if damaged { None } else { open_live(shared).await? };
    let index = match live {
        Some(index) => index,
        None => begin_first(shared).await?,
    };
    build::sweep(&*shared.store).await;
    shared.set_index(index.clone());
    Ok(index)
}

/// Returns true for an index that is being built, and for a complete one that can be written again.
async fn is_reusable(shared: &Shared, index: &Arc<dyn SearchIndex>) -> bool {
    if index.checkpoint().complete { recover(index).await } else { shared.is_building() }
}

/// Rolls back to the last commit and tries another commit. Without the commit, an index that cannot be written would
/// look recovered after each restart, until there is something to commit.
async fn recover(index: &Arc<dyn SearchIndex>) -> bool {
    let position = index.checkpoint().position;
    let recovery = async {
        index.roll_back().await?;
        index.commit(position, true).await
    };
    match recovery.await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot write the search index; reopening it");
            false
        }
    }
}

/// Opens the live index on disk, if it fits the log.
async fn open_live(shared: &Shared) -> StoreResult<Option<Arc<dyn SearchIndex>>> {
    let Some(index) = shared.store.live().await? else { return Ok(None) };
    let (checkpoint, head) = (index.checkpoint(), *shared.log.head().borrow());
    let pruned = shared.log.pruned_to().await?;
    let why = if checkpoint.epoch != shared.log.epoch() || checkpoint.position > head {
        "it belongs to another log"
    } else if checkpoint.position < pruned {
        "the log no longer has the events after it"
    } else if !checkpoint.complete {
        "its build did not finish"
    } else {
        return Ok(Some(index));
    };
    tracing::warn!(why, position = checkpoint.position.0, "cannot use the search index");
    index.close().await;
    Ok(None)
}

/// Creates an empty index and hands it to the builder. Refuses `Busy` while another one is being built.
async fn begin_first(shared: &Shared) -> Result<Arc<dyn SearchIndex>, Error> {
    let busy = || Error::from(StoreError::Busy { backend: "search" });
    // Taken before the index exists, so that no incomplete index is ever without a build.
    let permit = shared.try_build_permit().ok_or_else(busy)?;
    let index = shared.store.begin(shared.log.epoch()).await?;
    shared.first_builds.try_send(FirstBuild { index: index.clone(), permit }).map_err(|_| busy())?;
    shared.progress.committed(Position(0));
    Ok(index)
}
