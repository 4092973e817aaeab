//! Panics of commands become errors of the store.
use crate::storage::{StoreError, StoreResult, sqlite::failed};
use futures::FutureExt;
use std::{any::Any, panic::AssertUnwindSafe};

/// The error of work that panicked.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {message}")]
pub(super) struct Panicked {
    message: String,
}

impl Panicked {
    fn new(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self { message: text.unwrap_or("no message").to_owned() }
    }
}

/// Returns the result of some work, or the error [`Panicked`]. The caller discards the state that the work changed: it
/// rolls back to a savepoint, or replaces the connection.
pub(super) async fn catch_panic<T>(work: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(failed(Panicked::new(panic.as_ref()))),
    }
}

/// Returns whether the error is a panic.
pub(super) fn is_panic(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { source, .. } if source.is::<Panicked>())
}
