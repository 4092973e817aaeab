//! Restarts actors that failed. What the server is nothing without may fail a few times, then the process ends; every other
//! part is tried again for as long as it takes.
use super::{
    health::{Part, Trouble},
    mailbox::{Bounds, Envelope, Mailbox},
    pauses::{Pauses, SIDE_MAX},
    system::{Gauges, System},
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

/// More failures of core actors than this within the window, and the process ends; what runs it starts it afresh.
const FAILURES_MAX: usize = 5;
const WINDOW: Duration = Duration::from_secs(30);
/// How long to wait before a core actor that could not be restarted is tried again.
const PAUSE: Duration = Duration::from_millis(200);
/// An actor beside the core that has lived for so long is well: the pause after its next failure is short again.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// How long the actors may take to finish what waits for them when the process ends.
const DRAIN_MAX: Duration = Duration::from_secs(3);

/// Brings one actor to life under its parent, and points its mailbox at it.
type Birth = Box<dyn Fn(ActorCell) -> BoxFuture<'static, Result<ActorCell, SpawnErr>> + Send + Sync>;

/// The root of the tree. When it ends, the process should too.
#[derive(Clone)]
pub struct Supervisor {
    root: ActorRef<Adopt>,
    system: System,
    bounds: Bounds,
    /// Nobody is brought to life any more.
    closing: CancellationToken,
    /// Ends the tasks beside the tree: those that carry the log, and clocks.
    ending: CancellationToken,
}

/// An actor that is alive, or was.
struct Child {
    birth: Birth,
    gauges: Arc<Gauges>,
    standing: Standing,
    born: Instant,
}

/// How much hangs on an actor.
enum Standing {
    /// Everything.
    Core,
    /// Its part alone, which has this trouble while the actor is down.
    Aside(Trouble, Pauses),
}

/// Takes over an actor that has been brought to life.
struct Adopt {
    id: ActorId,
    child: Child,
}

impl Supervisor {
    pub(super) async fn start(system: System, bounds: Bounds) -> Result<Self, SpawnErr> {
        let closing = CancellationToken::new();
        let (root, _) = Actor::spawn(None, Root { closing: closing.clone() }, ()).await?;
        Ok(Self { root, system, bounds, closing, ending: CancellationToken::new() })
    }

    /// A part that everything else goes on without.
    pub(super) fn part(&self, name: &'static str) -> Part {
        self.system.part(name)
    }

    /// Starts an actor that everything hangs on, keeps it alive from now on, and returns the one door to all its lives.
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
        let (mailbox, child) = self.child(name, slot, Standing::Core, make);
        let id = (child.birth)(self.root.get_cell()).await?.get_id();
        let failed = |error: String| SpawnErr::StartupFailed(error.into());
        self.root.cast(Adopt { id, child }).map_err(|error| failed(error.to_string()))?;
        Ok(mailbox)
    }

    /// Starts an actor of a part that everything else goes on without. Where it cannot be started it is tried again, and
    /// its door answers `Restarting` until then.
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
        let standing = Standing::Aside(part.trouble(), Pauses::up_to(SIDE_MAX));
        let (mailbox, child) = self.child(part.name(), slot, standing, make);
        match (child.birth)(self.root.get_cell()).await {
            // The root is gone only where the process is ending.
            Ok(actor) => drop(self.root.cast(Adopt { id: actor.get_id(), child })),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(actor = part.name(), error, "cannot start actor; retrying");
                revive(self.root.clone(), child, &self.closing);
            }
        }
        mailbox
    }

    fn child<A, M>(
        &self,
        name: &'static str,
        slot: Option<usize>,
        standing: Standing,
        make: impl Fn() -> (A, A::Arguments) + Send + Sync + 'static,
    ) -> (Mailbox<M>, Child)
    where
        A: Actor<Msg = Envelope<M>>,
        M: Send + 'static,
    {
        let gauges = self.system.register(name, slot, self.bounds.queue_max);
        let mailbox = Mailbox::new(self.bounds, gauges.clone());
        let door = mailbox.clone();
        let birth: Birth = Box::new(move |parent| {
            let (door, (actor, arguments)) = (door.clone(), make());
            Box::pin(async move {
                let (actor, _) = Actor::spawn_linked(None, actor, arguments, parent).await?;
                door.replace(actor.clone());
                Ok(actor.get_cell())
            })
        });
        (mailbox, Child { birth, gauges, standing, born: Instant::now() })
    }

    /// Runs a task beside the tree until the tree is stopped.
    pub(super) fn spawn_background(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ending = self.ending.clone();
        tokio::spawn(async move { ending.run_until_cancelled(task).await });
    }

    /// Returns once the tree has ended, by request or because it gave up.
    pub async fn ended(&self) {
        // Waiting fails only where it has ended already.
        let _ = self.root.get_cell().wait(None).await;
    }

    /// Lets every actor finish what waits for it, then ends the tree.
    pub async fn stop(&self) {
        self.closing.cancel();
        self.root.get_cell().drain_children_and_wait(Some(DRAIN_MAX)).await;
        // Stopping fails only where it has ended already.
        let _ = self.root.get_cell().stop_and_wait(None, Some(DRAIN_MAX)).await;
        self.ending.cancel();
    }
}

/// Tries to bring an actor back to life, with growing pauses, for as long as it takes.
fn revive(root: ActorRef<Adopt>, mut child: Child, closing: &CancellationToken) {
    let closing = closing.clone();
    tokio::spawn(closing.run_until_cancelled_owned(async move {
        loop {
            let Standing::Aside(trouble, pauses) = &mut child.standing else { return };
            trouble.set(true);
            tokio::time::sleep(pauses.next()).await;
            match (child.birth)(root.get_cell()).await {
                Ok(next) => {
                    trouble.set(false);
                    child.gauges.restarted();
                    child.born = Instant::now();
                    // The root is gone only where the process is ending.
                    let _ = root.cast(Adopt { id: next.get_id(), child });
                    return;
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(actor = child.gauges.name(), error, "cannot restart actor; retrying");
                }
            }
        }
    }));
}

struct Root {
    closing: CancellationToken,
}

#[derive(Default)]
struct Family {
    children: HashMap<ActorId, Child>,
    /// Actors that failed before they were adopted, and of what.
    orphans: HashMap<ActorId, ActorProcessingErr>,
    failures: Vec<Instant>,
}

impl Family {
    /// Counts a failure of a core actor; an error once there were too many.
    fn failed(&mut self, cause: &str) -> Result<(), ActorProcessingErr> {
        self.failures.retain(|at| at.elapsed() < WINDOW);
        self.failures.push(Instant::now());
        if self.failures.len() > FAILURES_MAX {
            return Err(format!("gave up after {FAILURES_MAX} failures; the last: {cause}").into());
        }
        Ok(())
    }

    /// Sees to it that a child lives again.
    async fn restart(
        &mut self,
        root: ActorRef<Adopt>,
        mut child: Child,
        cause: &ActorProcessingErr,
        closing: &CancellationToken,
    ) -> Result<(), ActorProcessingErr> {
        let name = child.gauges.name();
        tracing::error!(actor = name, error = cause.as_ref() as &dyn std::error::Error, "actor failed; restarting");
        if let Standing::Aside(_, pauses) = &mut child.standing {
            if child.born.elapsed() > WELL_AFTER {
                pauses.reset();
            }
            revive(root, child, closing);
            return Ok(());
        }
        self.failed(&in_full(cause.as_ref()))?;
        let next = loop {
            match (child.birth)(root.get_cell()).await {
                Ok(next) => break next.get_id(),
                Err(error) => {
                    self.failed(&in_full(&error))?;
                    tracing::error!(
                        actor = name,
                        error = &error as &dyn std::error::Error,
                        "cannot restart actor; retrying"
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        child.gauges.restarted();
        child.born = Instant::now();
        self.children.insert(next, child);
        Ok(())
    }
}

impl Actor for Root {
    type Msg = Adopt;
    type State = Family;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Adopt>, (): ()) -> Result<Family, ActorProcessingErr> {
        Ok(Family::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Adopt>,
        adopt: Adopt,
        family: &mut Family,
    ) -> Result<(), ActorProcessingErr> {
        let Adopt { id, child } = adopt;
        match family.orphans.remove(&id) {
            Some(cause) => family.restart(myself, child, &cause, &self.closing).await,
            None => {
                family.children.insert(id, child);
                Ok(())
            }
        }
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Adopt>,
        event: SupervisionEvent,
        family: &mut Family,
    ) -> Result<(), ActorProcessingErr> {
        let SupervisionEvent::ActorFailed(failed, cause) = event else {
            return Ok(());
        };
        match family.children.remove(&failed.get_id()) {
            Some(child) => family.restart(myself, child, &cause, &self.closing).await,
            None => {
                family.orphans.insert(failed.get_id(), cause);
                Ok(())
            }
        }
    }
}
