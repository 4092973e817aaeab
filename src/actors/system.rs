//! What the actors are doing: one row each, for operators and tests.
use super::{health::Part, runtime};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

/// One actor as an operator sees it.
#[derive(Debug, Clone)]
pub struct ActorRow {
    /// The domain.
    pub name: &'static str,
    /// Which of its slots; none where the domain has one actor.
    pub slot: Option<usize>,
    /// Messages waiting or being handled.
    pub queued: usize,
    /// Messages that may wait.
    pub capacity: usize,
    /// How long the oldest of them has been here, in milliseconds.
    pub oldest_ms: u64,
    /// How often the actor failed and was started again.
    pub restarts: u64,
    /// Messages handled or dropped since the process began.
    pub handled: u64,
}

/// What is counted about one actor, through all its lives.
pub(super) struct Gauges {
    name: &'static str,
    slot: Option<usize>,
    capacity: usize,
    /// When each waiting message came. As long as the mailbox at most.
    waiting: Mutex<VecDeque<Instant>>,
    handled: AtomicU64,
    restarts: AtomicU64,
}

impl Gauges {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn message_queued(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(Instant::now());
    }

    pub(super) fn message_handled(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        self.handled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("dailyfeed_actor_restarts_total", "actor" => self.name).increment(1);
    }

    fn row(&self) -> ActorRow {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = waiting.front().map_or(0, |since| since.elapsed().as_millis());
        ActorRow {
            name: self.name,
            slot: self.slot,
            queued: waiting.len(),
            capacity: self.capacity,
            oldest_ms: u64::try_from(oldest).unwrap_or(u64::MAX),
            restarts: self.restarts.load(Ordering::Relaxed),
            handled: self.handled.load(Ordering::Relaxed),
        }
    }
}

/// The whole tree from outside. Lock order: `actors`, then the list of waiting messages of one of them.
#[derive(Clone, Default)]
pub struct System {
    actors: Arc<RwLock<Vec<Arc<Gauges>>>>,
    parts: Arc<RwLock<Vec<Part>>>,
    draining: Arc<AtomicBool>,
    started: Arc<AtomicBool>,
}

impl System {
    pub(super) fn register(&self, name: &'static str, slot: Option<usize>, capacity: usize) -> Arc<Gauges> {
        let gauges = Arc::new(Gauges {
            name,
            slot,
            capacity,
            waiting: Mutex::default(),
            handled: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
        });
        self.actors.write().unwrap_or_else(PoisonError::into_inner).push(gauges.clone());
        gauges
    }

    /// A part that everything else goes on without. Each is made once, at the start.
    pub(super) fn part(&self, name: &'static str) -> Part {
        let part = Part::new(name);
        self.parts.write().unwrap_or_else(PoisonError::into_inner).push(part.clone());
        part
    }

    /// The parts that are down, in the order they were started. Everything else goes on without them.
    pub fn parts_down(&self) -> Vec<&'static str> {
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        parts.iter().filter(|part| !part.is_up()).map(Part::name).collect()
    }

    /// One row per actor, in the order they were started.
    pub fn rows(&self) -> Vec<ActorRow> {
        self.actors.read().unwrap_or_else(PoisonError::into_inner).iter().map(|gauges| gauges.row()).collect()
    }

    /// Whether requests are welcome: every actor has started, and the process is not ending.
    pub fn is_ready(&self) -> bool {
        self.started.load(Ordering::Acquire) && !self.draining.load(Ordering::Acquire)
    }

    /// Every actor has started.
    pub(super) fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// The process is about to end: load balancers should send requests elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Sets the gauges of every mailbox and of the runtime; called before metrics are read.
    pub fn publish_metrics(&self) {
        runtime::publish_metrics();
        let mut domains: Vec<(&'static str, usize, u64)> = Vec::new();
        for row in self.rows() {
            match domains.iter_mut().find(|(name, ..)| *name == row.name) {
                Some((_, queued, oldest)) => (*queued, *oldest) = (*queued + row.queued, (*oldest).max(row.oldest_ms)),
                None => domains.push((row.name, row.queued, row.oldest_ms)),
            }
        }
        for (name, queued, oldest_ms) in domains {
            metrics::gauge!("dailyfeed_mailbox_messages", "actor" => name).set(queued as f64);
            metrics::gauge!("dailyfeed_mailbox_oldest_seconds", "actor" => name).set(oldest_ms as f64 / 1000.0);
        }
    }
}
