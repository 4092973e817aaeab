//! `InForce`: holds back the acknowledgement of a command until the projection has applied it.
//!
//! These commands promise that no read, of whichever member, shows the state before them once they are acknowledged:
//!
//! | command | handle |
//! |---|---|
//! | `delete_post`; `edit_post` of a post for the mentioned | `content/mod.rs` |
//! | `change_relation`: every `RelationChange` (unfollow, block, mute, ...) | `members/relations.rs` |
//! | `change_profile`: privacy, and every other field | `members/mod.rs` |
//! | `deactivate` | `sessions/password.rs` |
//!
//! Each of them ends with `Visibility::put_in_force`. The other commands only promise that the member's own next read
//! shows them (`own_writes.rs`). Comments need no promise: their reads go to the database.
use crate::{
    actors::{error::Error, wait_until::wait_until},
    config::Config,
    domain::Position,
};
use std::time::Duration;
use tokio::sync::watch;

/// Waits for the projection on behalf of commands that promise to be in force.
pub(super) struct InForce {
    /// The projection's position.
    applied: watch::Receiver<Position>,
    /// The longest wait. After it the command is `Late`.
    wait_max: Duration,
}

impl InForce {
    /// A command waits as long as its request may still take: the time of a request without that of the command, so
    /// that the answer goes out before the request is cut off.
    pub(super) fn new(applied: watch::Receiver<Position>, config: &Config) -> Self {
        let request = Duration::from_millis(config.http.request_timeout_ms);
        let command = Duration::from_millis(config.actors.answer_timeout_ms);
        Self { applied, wait_max: request.saturating_sub(command).max(request / 2) }
    }

    /// Waits until the projection has applied everything up to `at`. Refuses `Late`.
    pub(super) async fn wait(&self, at: Position) -> Result<(), Error> {
        let mut applied = self.applied.clone();
        let waiting = wait_until(&mut applied, |applied| *applied >= at);
        match tokio::time::timeout(self.wait_max, waiting).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::Late("timeline")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting_for(applied: watch::Receiver<Position>) -> InForce {
        let folder = tempfile::tempdir().unwrap();
        InForce::new(applied, &Config::for_tests(folder.path()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_is_in_force_once_its_position_is_applied() {
        let (projection, applied) = watch::channel(Position(4));
        let in_force = waiting_for(applied);
        in_force.wait(Position(4)).await.unwrap();
        let waiting = in_force.wait(Position(5));
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        projection.send_replace(Position(5));
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_is_not_in_force_in_time_is_late() {
        let (projection, applied) = watch::channel(Position(4));
        let in_force = waiting_for(applied);
        let begun = tokio::time::Instant::now();
        assert!(matches!(in_force.wait(Position(5)).await, Err(Error::Late("timeline"))));
        assert_eq!(begun.elapsed(), in_force.wait_max, "it waits for as long as the request may take");
        drop(projection);
        assert!(matches!(in_force.wait(Position(5)).await, Err(Error::Late("timeline"))));
    }
}
