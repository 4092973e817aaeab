//! `FileCheck`: checks whether image files can be written. The images part is down while they cannot.
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

/// Handle of the task that checks, and of the result of the last check. Cheap to clone.
#[derive(Clone)]
pub(super) struct FileCheck {
    part: Part,
    /// Present while files cannot be written.
    unwritable: Fault,
    /// Wakes the task.
    check_again: Arc<Notify>,
}

impl FileCheck {
    /// Starts the task that checks now, and after each failed write until a check succeeds.
    pub(super) fn start(supervisor: &Supervisor, part: Part, files: Arc<dyn ImageFileStore>) -> Self {
        let check = Self { unwritable: part.new_fault(), check_again: Arc::new(Notify::new()), part };
        check.check_again.notify_one();
        supervisor.spawn_background(check_until_writable(check.clone(), files));
        check
    }

    /// Refuses `Down` while the part is down.
    pub(super) fn require_up(&self) -> Result<(), Error> {
        self.part.require_up()
    }

    /// Notes the result of a write: after a failed one the task checks until it succeeds.
    pub(super) fn note_write(&self, written: &StoreResult<()>) {
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
