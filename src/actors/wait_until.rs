//! `wait_until`: waits until a value in a `watch` channel meets a condition, and returns a copy of it.
//!
//! `watch::Receiver::wait_for` returns a read guard of the channel. A caller that keeps the guard and reads the channel
//! again deadlocks with a sender that waits between the two reads (ADR 0023), so clippy.toml allows the method only
//! here.
use tokio::sync::watch::{Receiver, error::RecvError};

/// Returns the first value that meets `condition`, beginning with the present one. Fails when every sender is dropped.
#[expect(clippy::disallowed_methods, reason = "the guard ends with this function")]
pub(super) async fn wait_until<T: Copy>(
    watched: &mut Receiver<T>,
    condition: impl FnMut(&T) -> bool,
) -> Result<T, RecvError> {
    watched.wait_for(condition).await.map(|value| *value)
}
