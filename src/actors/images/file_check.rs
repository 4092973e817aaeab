//! Checks whether image files can be written; the images part is down while they cannot.
use crate::{
    actors::{
        backoff::{Backoff, PART_MAX},
        error::Error,
        health::{Fault, Part},
        supervisor::Supervisor,
    },
    storage::{ImageFileStore, StoreError, StoreResult},
};
use std::sync::Arc;
use tokio::sync::Notify;

/// The result of the last check. Cheap to clone.
#[derive(Clone)]
pub(super) struct FileCheck {
    part: Part,
    unwritable: Fault,
    check_again: Arc<Notify>,
}

impl FileCheck {
    /// Starts the task that checks now, and after each failed write until a check succeeds.
    pub(super) fn start(supervisor: &Supervisor, part: Part, files: Arc<dyn ImageFileStore>) -> Self {
        let check = Self { unwritable: part.fault(), check_again: Arc::new(Notify::new()), part };
        check.check_again.notify_one();
        supervisor.spawn_background(check_until_writable(check.clone(), files));
        check
    }

    /// Refuses `Down` while the part is down.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.part.check()
    }

    /// Records the result of a write: a failed one starts the check.
    pub(super) fn record_write(&self, written: &StoreResult<()>) {
        if matches!(written, Err(StoreError::Unavailable { .. })) {
            self.unwritable.set(true);
            self.check_again.notify_one();
        }
    }
}

async fn check_until_writable(check: FileCheck, files: Arc<dyn ImageFileStore>) {
    loop {
        check.check_again.notified().await;
        let mut backoff = Backoff::up_to(PART_MAX);
        while let Err(error) = files.check().await {
            check.unwritable.set(true);
            tracing::error!(error = &error as &dyn std::error::Error, "cannot store images; retrying");
            tokio::time::sleep(backoff.next()).await;
        }
        check.unwritable.set(false);
    }
}
