//! Whether the bytes of images can be kept: no place for them is a trouble of this part alone.
use crate::{
    actors::{
        Error, Supervisor,
        health::{Part, Trouble},
        pauses::{Pauses, SIDE_MAX},
    },
    storage::{ImageFileStore, StoreError, StoreResult},
};
use std::sync::Arc;
use tokio::sync::Notify;

/// What is known of it.
#[derive(Clone)]
pub(super) struct Check {
    part: Part,
    unkept: Trouble,
    failed: Arc<Notify>,
}

impl Check {
    /// Looks now, and after each failure until it works again.
    pub(super) fn start(supervisor: &Supervisor, part: Part, files: Arc<dyn ImageFileStore>) -> Self {
        let check = Self { unkept: part.trouble(), failed: Arc::new(Notify::new()), part };
        check.failed.notify_one();
        supervisor.spawn_background(looking(check.clone(), files));
        check
    }

    /// Refuses `Down` while no file can be kept.
    pub(super) fn holds(&self) -> Result<(), Error> {
        self.part.check()
    }

    /// Notes what came of keeping a file.
    pub(super) fn after(&self, kept: &StoreResult<()>) {
        if matches!(kept, Err(StoreError::Unavailable { .. })) {
            self.unkept.set(true);
            self.failed.notify_one();
        }
    }
}

async fn looking(check: Check, files: Arc<dyn ImageFileStore>) {
    loop {
        check.failed.notified().await;
        let mut pauses = Pauses::up_to(SIDE_MAX);
        while let Err(error) = files.check().await {
            check.unkept.set(true);
            tracing::error!(error = &error as &dyn std::error::Error, "cannot store images; retrying");
            tokio::time::sleep(pauses.next()).await;
        }
        check.unkept.set(false);
    }
}
