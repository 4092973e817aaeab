//! Starts actors and restarts those that failed.
//!
//! Core actors can fail [`FAILURES_MAX`] times within [`FAILURE_WINDOW`]; one more failure ends the process. Actors of parts
//! are restarted with backoff, without a limit.
use super::{
    backoff::{Backoff, PART_MAX},
    health::{Fault, Part},
    mailbox::{Bounds, Envelope, Mailbox},
    system::{ActorStats, System},
};
use crate::causes::in_full;
use futures::future::BoxFuture;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use std::{
    collections::HashMap,
    future::Future,
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
/// The time that actors have to finish their queued messages at shutdown.
const DRAIN_MAX: Duration = Duration::from_secs(3);

/// Spawns an incarnation of one actor under the root and connects the actor's mailbox to it.
type Factory = Box<dyn Fn(ActorCell) -> BoxFuture<'static, Result<ActorCell, SpawnErr>> + Send + Sync>;

/// The root of the tree of actors. The process ends when the root ends. Cheap to clone.
#[derive(Clone)]
pub struct Supervisor {
    root: ActorRef<Register>,
    system: System,
    bounds: Bounds,
    /// Cancelled when shutdown begins: no actor of a part is restarted any more.
    shutdown_began: CancellationToken,
    /// Cancelled when the actors have stopped: ends the background tasks (log readers, timers).
    actors_stopped: CancellationToken,
}

/// One supervised actor.
struct Child {
    factory: Factory,
    stats: Arc<ActorStats>,
    criticality: Criticality,
    started: Instant,
}

/// How much is down while an actor is down.
enum Criticality {
    /// The whole process.
    Core,
    /// One part, which has this fault while the actor is down.
    Part(Fault, Backoff),
}

/// Hands a spawned actor to the root, which restarts it from then on.
struct Register {
    id: ActorId,
    child: Child,
}

impl Supervisor {
    pub(super) async fn start(system: System, bounds: Bounds) -> Result<Self, SpawnErr> {
        let shutdown_began = CancellationToken::new();
        let (root, _) = Actor::spawn(None, Root { shutdown_began: shutdown_began.clone() }, ()).await?;
        Ok(Self { root, system, bounds, shutdown_began, actors_stopped: CancellationToken::new() })
    }

    /// Adds a part of this name; called once for each part.
    pub(super) fn add_part(&self, name: &'static str) -> Part {
        self.system.add_part(name)
    }

    /// Starts a core actor, supervises it, and returns the mailbox of all its incarnations.
    pub(super) async fn spawn<A, M>(
        &self,
        name: &'static str,
        slot: Option<usize>,
        make: impl Fn() -> (A, A::Arguments) + Send + Sync + 'static,
    ) -> Result<Mailbox<M>, SpawnErr>
    where
        A: Actor<Msg = Envelope<M>>,
        M: Send + 'static,
    {
        let (mailbox, child) = self.prepare_child(name, slot, Criticality::Core, make);
        let id = (child.factory)(self.root.get_cell()).await?.get_id();
        let registered = self.root.cast(Register { id, child });
        registered.map_err(|error| SpawnErr::StartupFailed(error.to_string().into()))?;
        Ok(mailbox)
    }

    /// Starts an actor of a part, supervises it, and returns the mailbox of all its incarnations.
    ///
    /// A failed start is retried in the background; the mailbox answers `Restarting` until then.
    pub(super) async fn spawn_part<A, M>(
        &self,
        part: &Part,
        slot: Option<usize>,
        make: impl Fn() -> (A, A::Arguments) + Send + Sync + 'static,
    ) -> Mailbox<M>
    where
        A: Actor<Msg = Envelope<M>>,
        M: Send + 'static,
    {
        let criticality = Criticality::Part(part.new_fault(), Backoff::up_to(PART_MAX));
        let (mailbox, child) = self.prepare_child(part.name(), slot, criticality, make);
        match (child.factory)(self.root.get_cell()).await {
            // The root has ended only when the process is ending.
            Ok(actor) => drop(self.root.cast(Register { id: actor.get_id(), child })),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(actor = part.name(), error, "cannot start actor; retrying");
                restart_with_backoff(self.root.clone(), child, &self.shutdown_began);
            }
        }
        mailbox
    }

    /// Registers an actor that is not started yet: returns its mailbox, and the child that starts it.
    fn prepare_child<A, M>(
        &self,
        name: &'static str,
        slot: Option<usize>,
        criticality: Criticality,
        make: impl Fn() -> (A, A::Arguments) + Send + Sync + 'static,
    ) -> (Mailbox<M>, Child)
    where
        A: Actor<Msg = Envelope<M>>,
        M: Send + 'static,
    {
        let stats = self.system.register(name, slot, self.bounds.queue_max);
        let mailbox = Mailbox::new(self.bounds, stats.clone());
        let connected = mailbox.clone();
        let factory: Factory = Box::new(move |parent| {
            let mailbox = connected.clone();
            let (actor, arguments) = make();
            Box::pin(async move {
                let (actor, _) = Actor::spawn_linked(None, actor, arguments, parent).await?;
                mailbox.connect(actor.clone());
                Ok(actor.get_cell())
            })
        });
        (mailbox, Child { factory, stats, criticality, started: Instant::now() })
    }

    /// Runs a task that is no actor, until the tree has stopped.
    pub(super) fn spawn_background(&self, task: impl Future<Output = ()> + Send + 'static) {
        let actors_stopped = self.actors_stopped.clone();
        tokio::spawn(async move { actors_stopped.run_until_cancelled(task).await });
    }

    /// Returns when the tree has ended: by [`Supervisor::stop`], or after too many failures of core actors.
    pub async fn ended(&self) {
        // The wait fails only when the root has ended.
        let _ = self.root.get_cell().wait(None).await;
    }

    /// Lets every actor finish its queued messages, then ends the tree. Takes up to twice `DRAIN_MAX`.
    pub async fn stop(&self) {
        self.shutdown_began.cancel();
        self.root.get_cell().drain_children_and_wait(Some(DRAIN_MAX)).await;
        // Stopping fails only when the root has ended.
        let _ = self.root.get_cell().stop_and_wait(None, Some(DRAIN_MAX)).await;
        self.actors_stopped.cancel();
    }
}

/// Restarts an actor of a part in the background, with growing pauses, until it runs or shutdown begins.
fn restart_with_backoff(root: ActorRef<Register>, mut child: Child, shutdown_began: &CancellationToken) {
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
                    let _ = root.cast(Register { id: next.get_id(), child });
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
struct Root {
    shutdown_began: CancellationToken,
}

/// The state of the root.
#[derive(Default)]
struct Children {
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
            tracing::error!(cause, "core actors failed too often; actors_stopped the process");
            return Err(format!("more than {FAILURES_MAX} failures in {FAILURE_WINDOW:?}; the last: {cause}").into());
        }
        Ok(())
    }

    /// Restarts a child that failed: a core actor before this returns, an actor of a part in the background.
    async fn restart(
        &mut self,
        root: ActorRef<Register>,
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
    type Msg = Register;
    type State = Children;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Register>, (): ()) -> Result<Children, ActorProcessingErr> {
        Ok(Children::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Register>,
        Register { id, child }: Register,
        children: &mut Children,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(cause) = children.failed_early.remove(&id) {
            return children.restart(myself, child, &cause, &self.shutdown_began).await;
        }
        children.registered.insert(id, child);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Register>,
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
