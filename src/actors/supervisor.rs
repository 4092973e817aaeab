//! Restarts an actor that failed, and gives up when actors keep failing.
use super::{
    mailbox::{Bounds, Envelope, Mailbox},
    system::{Gauges, System},
};
use futures::future::BoxFuture;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// More failures than this within the window, and the process ends; what runs it starts it afresh.
const FAILURES_MAX: usize = 5;
const WINDOW: Duration = Duration::from_secs(30);
/// How long to wait before an actor that could not be restarted is tried again.
const PAUSE: Duration = Duration::from_millis(200);
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
    /// Ends the tasks beside the tree: those that carry the log, and clocks.
    ending: CancellationToken,
}

struct Adopt {
    child: ActorId,
    birth: Birth,
    gauges: Arc<Gauges>,
}

impl Supervisor {
    pub(super) async fn start(system: System, bounds: Bounds) -> Result<Self, SpawnErr> {
        let (root, _) = Actor::spawn(None, Root, ()).await?;
        Ok(Self { root, system, bounds, ending: CancellationToken::new() })
    }

    /// Starts an actor, keeps it alive from now on, and returns the one door to all its lives.
    pub(super) async fn raise<A, M>(
        &self,
        name: &'static str,
        slot: Option<usize>,
        make: impl Fn() -> (A, A::Arguments) + Send + Sync + 'static,
    ) -> Result<Mailbox<M>, SpawnErr>
    where
        A: Actor<Msg = Envelope<M>>,
        M: Send + 'static,
    {
        let gauges = self.system.register(name, slot, self.bounds.queue_max);
        let (bounds, counted) = (self.bounds, gauges.clone());
        let door: Arc<OnceLock<Mailbox<M>>> = Arc::default();
        let opened = door.clone();
        let birth: Birth = Box::new(move |parent| {
            let (opened, counted, (actor, arguments)) = (opened.clone(), counted.clone(), make());
            Box::pin(async move {
                let (actor, _) = Actor::spawn_linked(None, actor, arguments, parent).await?;
                opened.get_or_init(|| Mailbox::new(actor.clone(), bounds, counted)).replace(actor.clone());
                Ok(actor.get_cell())
            })
        });
        let child = birth(self.root.get_cell()).await?.get_id();
        let failed = |error: String| SpawnErr::StartupFailed(error.into());
        self.root.cast(Adopt { child, birth, gauges }).map_err(|error| failed(error.to_string()))?;
        door.get().cloned().ok_or_else(|| failed("the actor has no door".to_owned()))
    }

    /// Runs a task beside the tree until the tree is stopped.
    pub(super) fn beside(&self, task: impl Future<Output = ()> + Send + 'static) {
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
        self.root.get_cell().drain_children_and_wait(Some(DRAIN_MAX)).await;
        // Stopping fails only where it has ended already.
        let _ = self.root.get_cell().stop_and_wait(None, Some(DRAIN_MAX)).await;
        self.ending.cancel();
    }
}

struct Root;

#[derive(Default)]
struct Family {
    births: HashMap<ActorId, (Birth, Arc<Gauges>)>,
    failures: Vec<Instant>,
}

impl Family {
    /// Counts a failure; an error once there were too many.
    fn failed(&mut self, cause: &str) -> Result<(), ActorProcessingErr> {
        self.failures.retain(|at| at.elapsed() < WINDOW);
        self.failures.push(Instant::now());
        if self.failures.len() > FAILURES_MAX {
            return Err(format!("gave up after {FAILURES_MAX} failures; the last: {cause}").into());
        }
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

    async fn handle(&self, _: ActorRef<Adopt>, adopt: Adopt, family: &mut Family) -> Result<(), ActorProcessingErr> {
        family.births.insert(adopt.child, (adopt.birth, adopt.gauges));
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Adopt>,
        event: SupervisionEvent,
        family: &mut Family,
    ) -> Result<(), ActorProcessingErr> {
        let SupervisionEvent::ActorFailed(child, cause) = event else {
            return Ok(());
        };
        let Some((birth, gauges)) = family.births.remove(&child.get_id()) else {
            return Err(format!("a child failed before it was adopted: {cause}").into());
        };
        family.failed(&cause.to_string())?;
        tracing::warn!(actor = gauges.name(), %cause, "actor failed, restarting");
        let next = loop {
            match birth(myself.get_cell()).await {
                Ok(next) => break next.get_id(),
                Err(error) => {
                    family.failed(&error.to_string())?;
                    tracing::warn!(actor = gauges.name(), %error, "actor could not be restarted, trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        gauges.restarted();
        family.births.insert(next, (birth, gauges));
        Ok(())
    }
}
