//! How a life of the search actor comes by its index.
use super::{build, shared::Shared};
use crate::{
    actors::Error,
    domain::Position,
    storage::{SearchIndex, StoreError, StoreResult},
};
use std::sync::Arc;

/// The index that was open before, if it can be written; else the live one of the folder; else a new one, which answers
/// from now on with what it has, and is handed to the builder.
pub(super) async fn open(shared: &Shared) -> Result<Arc<dyn SearchIndex>, Error> {
    let mut damaged = false;
    if let Some(index) = shared.held() {
        damaged = index.is_damaged();
        let complete = index.checkpoint().complete;
        let being_built = !complete && shared.building.available_permits() == 0;
        if !damaged && (being_built || complete && mended(&index).await) {
            return Ok(index);
        }
        // Lets go of its files, which another can be opened on.
        index.close().await;
    }
    // A large index is not read through when it is opened, and so would be taken for whole again.
    let usable = if damaged { None } else { usable(shared).await? };
    let index = match usable {
        Some(index) => index,
        None => begin(shared).await?,
    };
    build::sweep(&*shared.store).await;
    shared.show(index.clone());
    Ok(index)
}

/// Goes back to the last commit, and sees whether there can be another. One that fails again and again would seem to
/// be well each time until it has something to commit.
async fn mended(index: &Arc<dyn SearchIndex>) -> bool {
    let position = index.checkpoint().position;
    let mended = async {
        index.roll_back().await?;
        index.commit(position, true).await
    };
    match mended.await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot write the search index; reopening it");
            false
        }
    }
}

/// The live index, where it fits the log.
async fn usable(shared: &Shared) -> StoreResult<Option<Arc<dyn SearchIndex>>> {
    let Some(index) = shared.store.live().await? else { return Ok(None) };
    let (mark, head) = (index.checkpoint(), *shared.log.head().borrow());
    let pruned = shared.log.pruned_to().await?;
    let why = if mark.epoch != shared.log.epoch() || mark.position > head {
        "it belongs to another log"
    } else if mark.position < pruned {
        "the log no longer has the events after it"
    } else if !mark.complete {
        "its build did not finish"
    } else {
        return Ok(Some(index));
    };
    tracing::warn!(why, position = mark.position.0, "cannot use the search index");
    index.close().await;
    Ok(None)
}

#[expect(clippy::significant_drop_tightening, reason = "a place, not a lock: kept for as long as the work takes")]
async fn begin(shared: &Shared) -> Result<Arc<dyn SearchIndex>, Error> {
    // Taken here, so that from the beginning nobody sees an index that is not being built.
    let busy = || Error::from(StoreError::Busy { backend: "search" });
    let turn = shared.building.clone().try_acquire_owned().map_err(|_| busy())?;
    let index = shared.store.begin(shared.log.epoch()).await?;
    shared.to_build.try_send((index.clone(), turn)).map_err(|_| busy())?;
    shared.set_durable(Position(0));
    shared.covered.send_replace(Position(0));
    Ok(index)
}
