//! The root of the tree of actors: restarts the actors that failed, and ends when too many did.
//!
//! Core actors can fail [`FAILURES_MAX`] times within [`FAILURE_WINDOW`]; one more failure ends the process. A panic in
//! the writer of the store counts as such a failure. Actors of parts are restarted with backoff, without a limit.
use super::{backoff::Backoff, health::Fault, system::ActorStats};
use crate::causes::in_full;
use futures::future::BoxFuture;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// Failures of core actors within [`FAILURE_WINDOW`]; one more ends the process, which its service manager restarts.
const FAILURES_MAX: usize = 5;
const FAILURE_WINDOW: Duration = Duration::from_secs(30);
/// The pause before the next attempt to restart a core actor.
const CORE_PAUSE: Duration = Duration::from_millis(200);
/// An actor of a part that has run for this time is healthy: its next failure begins with the shortest pause again.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// Spawns an incarnation of one actor under the root and connects the actor's mailbox to it.
pub(super) type Factory = Box<dyn Fn(ActorCell) -> BoxFuture<'static, Result<ActorCell, SpawnErr>> + Send + Sync>;

/// One supervised actor.
pub(super) struct Child {
    pub(super) factory: Factory,
    pub(super) stats: Arc<ActorStats>,
    pub(super) criticality: Criticality,
    pub(super) started: Instant,
}

/// How much is down while an actor is down.
pub(super) enum Criticality {
    /// The whole process.
    Core,
    /// One part, which has this fault while the actor is down.
    Part(Fault, Backoff),
}

/// The messages of the root.
pub(super) enum Message {
    /// Hands a spawned actor to the root, which restarts it from then on.
    Register { id: ActorId, child: Child },
    /// The writer of the store panicked, and goes on.
    WriterPanicked,
    /// The writer of the store has ended: no command can be carried out any more.
    WriterEnded,
}

/// Restarts an actor of a part in the background, with growing pauses, until it runs or shutdown begins.
pub(super) fn restart_with_backoff(root: ActorRef<Message>, mut child: Child, shutdown_began: &CancellationToken) {
    let shutdown_began = shutdown_began.clone();
    tokio::spawn(shutdown_began.run_until_cancelled_owned(async move {
        loop {
            let Criticality::Part(fault, backoff) = &mut child.criticality else { return };
            fault.set(true);
            tokio::time::sleep(backoff.next()).await;
            match (child.factory)(root.get_cell()).await {
                Ok(next) => {
                    fault.set(false);
                    child.stats.restarted();
                    child.started = Instant::now();
                    // The root has ended only when the process is ending.
                    let _ = root.cast(Message::Register { id: next.get_id(), child });
                    return;
                }
                Err(error) => log_failed_restart(child.stats.name(), &error),
            }
        }
    }));
}

fn log_failed_restart(name: &str, error: &SpawnErr) {
    tracing::error!(actor = name, error = error as &dyn std::error::Error, "cannot restart actor; retrying");
}

/// The root actor: it does nothing but restart its children.
pub(super) struct Root {
    /// Cancelled when shutdown begins: no actor of a part is restarted any more.
    pub(super) shutdown_began: CancellationToken,
}

/// The state of the root.
#[derive(Default)]
pub(super) struct Children {
    registered: HashMap<ActorId, Child>,
    /// Actors that failed between their spawn and their registration, with the cause.
    failed_early: HashMap<ActorId, ActorProcessingErr>,
    /// When core actors failed, within the last [`FAILURE_WINDOW`].
    core_failures: Vec<Instant>,
}

impl Children {
    /// Counts a failure of a core actor. Returns an error, which ends the root, after more than [`FAILURES_MAX`].
    fn count_core_failure(&mut self, cause: &str) -> Result<(), ActorProcessingErr> {
        self.core_failures.retain(|failed_at| failed_at.elapsed() < FAILURE_WINDOW);
        self.core_failures.push(Instant::now());
        if self.core_failures.len() > FAILURES_MAX {
            tracing::error!(cause, "core actors failed too often; ending the process");
            return Err(format!("more than {FAILURES_MAX} failures in {FAILURE_WINDOW:?}; the last: {cause}").into());
        }
        Ok(())
    }

    /// Restarts a child that failed: a core actor before this returns, an actor of a part in the background.
    async fn restart(
        &mut self,
        root: ActorRef<Message>,
        mut child: Child,
        cause: &ActorProcessingErr,
        shutdown_began: &CancellationToken,
    ) -> Result<(), ActorProcessingErr> {
        let name = child.stats.name();
        tracing::error!(actor = name, error = cause.as_ref() as &dyn std::error::Error, "actor failed");
        if let Criticality::Part(_, backoff) = &mut child.criticality {
            if child.started.elapsed() > HEALTHY_AFTER {
                backoff.reset();
            }
            restart_with_backoff(root, child, shutdown_began);
            return Ok(());
        }
        self.count_core_failure(&in_full(cause.as_ref()))?;
        let next = loop {
            match (child.factory)(root.get_cell()).await {
                Ok(next) => break next.get_id(),
                Err(error) => {
                    self.count_core_failure(&in_full(&error))?;
                    log_failed_restart(name, &error);
                    tokio::time::sleep(CORE_PAUSE).await;
                }
            }
        };
        child.stats.restarted();
        child.started = Instant::now();
        self.registered.insert(next, child);
        Ok(())
    }
}

impl Actor for Root {
    type Msg = Message;
    type State = Children;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<Children, ActorProcessingErr> {
        Ok(Children::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        children: &mut Children,
    ) -> Result<(), ActorProcessingErr> {
        let (id, child) = match message {
            Message::Register { id, child } => (id, child),
            Message::WriterPanicked => return children.count_core_failure("the writer of the store panicked"),
            Message::WriterEnded => return Err("the writer of the store has ended".into()),
        };
        if let Some(cause) = children.failed_early.remove(&id) {
            return children.restart(myself, child, &cause, &self.shutdown_began).await;
        }
        children.registered.insert(id, child);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Message>,
        event: SupervisionEvent,
        children: &mut Children,
    ) -> Result<(), ActorProcessingErr> {
        let SupervisionEvent::ActorFailed(failed, cause) = event else { return Ok(()) };
        if let Some(child) = children.registered.remove(&failed.get_id()) {
            return children.restart(myself, child, &cause, &self.shutdown_began).await;
        }
        children.failed_early.insert(failed.get_id(), cause);
        Ok(())
    }
}
