//! `Error`: why an actor gives no result. `StartError`: why the tree of actors does not start.
use crate::{domain::Refusal, storage::StoreError};

/// Why an actor gives no result. Knows nothing of HTTP: `http::problem` maps each variant to a status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule refused the request.
    #[error(transparent)]
    Refused(Refusal),
    /// The mailbox, lane or queue of this name is full; a retry after a moment may succeed.
    #[error("{0} has too many waiting requests")]
    Busy(&'static str),
    /// No answer came in time. A command may still be carried out.
    #[error("{0} did not answer in time")]
    Late(&'static str),
    /// The actor failed and is being restarted.
    #[error("{0} is restarting")]
    Restarting(&'static str),
    /// The part is down and is retried; the core and the other parts work.
    #[error("{0} is down")]
    Down(&'static str),
    /// A library failed at a task that does not depend on the request; a retry would fail again.
    #[error("{0} failed")]
    Failed(&'static str),
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => Self::Refused(refusal),
            StoreError::Busy { backend } => Self::Busy(backend),
            StoreError::Late { backend } => Self::Late(backend),
            error => Self::Store(error),
        }
    }
}

/// The port for one answer. A refusal is an answer, not a failure of the actor.
pub(super) type Reply<T> = ractor::RpcReplyPort<Result<T, Error>>;

/// Why the tree of actors does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A read from a store failed.
    #[error("cannot read a store")]
    Store(#[from] StoreError),
    /// The first start of an actor failed.
    #[error("cannot start an actor")]
    Spawn(#[from] ractor::SpawnErr),
    /// The state that an actor starts with is not available.
    #[error("cannot prepare an actor")]
    Actor(#[from] Error),
}
