//! Waits until a watched value is what it should be, and answers with a copy.
//!
//! `watch::Receiver::wait_for` returns a read guard of the channel. Kept while the channel is read again it deadlocks
//! with a sender that waits between the two (ADR 0023), so clippy.toml allows the method here alone.
use tokio::sync::watch::{Receiver, error::RecvError};

/// The first value for which `is` holds, the present one included. Fails once every sender is gone.
#[expect(clippy::disallowed_methods, reason = "the guard ends with this function")]
pub(super) async fn reached<T: Copy>(watched: &mut Receiver<T>, is: impl FnMut(&T) -> bool) -> Result<T, RecvError> {
    watched.wait_for(is).await.map(|value| *value)
}
