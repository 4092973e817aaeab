//! `Supervisor`: starts actors below the root (`root.rs`), which restarts the ones that failed, and stops them at
//! shutdown.
use super::{
    backoff::{Backoff, PART_MAX},
    health::Part,
    mailbox::{Bounds, Envelope, Mailbox},
    root::{Child, Criticality, Factory, Message, Root, restart_with_backoff},
    system::System,
};
use crate::storage::WriterStatus;
use ractor::{Actor, ActorRef, SpawnErr};
use std::{
    future::Future,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The time that actors have to finish their queued messages at shutdown.
const DRAIN_MAX: Duration = Duration::from_secs(3);

/// The root of the tree of actors. The process ends when the root ends. Cheap to clone.
#[derive(Clone)]
pub struct Supervisor {
    root: ActorRef<Message>,
    system: System,
    bounds: Bounds,
    /// Cancelled when shutdown begins: no actor of a part is restarted any more.
    shutdown_began: CancellationToken,
    /// Cancelled when the actors have stopped: ends the background tasks (log readers, timers).
    actors_stopped: CancellationToken,
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
        let registered = self.root.cast(Message::Register { id, child });
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
            Ok(actor) => drop(self.root.cast(Message::Register { id: actor.get_id(), child })),
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

    /// Watches the writer of the store: its panics use up the failures of core actors, and its end ends the process.
    pub(super) fn watch_writer(&self, mut writer: watch::Receiver<WriterStatus>) {
        let (root, system) = (self.root.clone(), self.system.clone());
        self.spawn_background(async move {
            let mut counted = 0;
            loop {
                let status = *writer.borrow_and_update();
                // A cast fails only when the root has ended: the process is ending.
                for _ in counted..status.panics {
                    let _ = root.cast(Message::WriterPanicked);
                }
                counted = status.panics;
                if !status.is_running || writer.changed().await.is_err() {
                    system.set_writer_ended();
                    let _ = root.cast(Message::WriterEnded);
                    return;
                }
            }
        });
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
