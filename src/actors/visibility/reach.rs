//! `Visibility::reach`: a short wait for a position that a client got from another process over the same data.
use super::Visibility;
use crate::{
    actors::{error::Error, wait_until::wait_until},
    domain::Position,
    storage::Reach,
};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The longest wait for this process to reach a position. After it, the request is `Late`.
const WAIT_MAX: Duration = Duration::from_secs(1);

impl Visibility {
    /// Waits until every room has applied the events up to `position`. Returns false at once if no process has given
    /// out the position. Errors: `Late` if the wait takes too long.
    pub(in crate::actors) async fn reach(&self, position: Position) -> Result<bool, Error> {
        if self.position() >= position {
            return Ok(true);
        }
        let until = Instant::now() + WAIT_MAX;
        match self.shared.log.reach(position, WAIT_MAX).await? {
            Reach::Beyond => return Ok(false),
            Reach::Reached => {}
        }
        let mut applied = self.applied_positions();
        match timeout_at(until, wait_until(&mut applied, |applied| *applied >= position)).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(_)) | Err(_) => Err(Error::Late("timeline")),
        }
    }
}
