//! `System`: the counters of every actor and the state of every part, for `/admin/actors`, `/health/ready`, metrics and
//! tests.
use super::{health::Part, runtime};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

/// One actor in `/admin/actors`.
#[derive(Debug, Clone)]
pub struct ActorRow {
    /// The domain of the actor.
    pub name: &'static str,
    /// The slot of the actor; `None` in a domain with a single actor.
    pub slot: Option<usize>,
    /// Messages that wait for the actor or are being handled.
    pub queued: usize,
    /// The upper bound of `queued`.
    pub capacity: usize,
    /// The age of the oldest queued message, in milliseconds.
    pub oldest_ms: u64,
    /// How often the actor failed and was restarted.
    pub restarts: u64,
    /// Messages handled or dropped since the process started.
    pub handled: u64,
}

/// The counters of one actor, across its incarnations.
pub(super) struct ActorStats {
    name: &'static str,
    slot: Option<usize>,
    capacity: usize,
    /// When each queued message arrived, oldest first; at most `capacity` entries.
    queued_at: Mutex<VecDeque<Instant>>,
    handled: AtomicU64,
    restarts: AtomicU64,
}

impl ActorStats {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Notes a message that a mailbox accepted.
    pub(super) fn message_queued(&self) {
        self.queued_at.lock().unwrap_or_else(PoisonError::into_inner).push_back(Instant::now());
    }

    /// Notes that a message was handled or dropped. Takes it for the oldest, although commands can end out of order.
    pub(super) fn message_handled(&self) {
        self.queued_at.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        self.handled.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a restart of the actor.
    pub(super) fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("dailyfeed_actor_restarts_total", "actor" => self.name).increment(1);
    }

    fn row(&self) -> ActorRow {
        let queued_at = self.queued_at.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = queued_at.front().map_or(0, |since| since.elapsed().as_millis());
        ActorRow {
            name: self.name,
            slot: self.slot,
            queued: queued_at.len(),
            capacity: self.capacity,
            oldest_ms: u64::try_from(oldest).unwrap_or(u64::MAX),
            restarts: self.restarts.load(Ordering::Relaxed),
            handled: self.handled.load(Ordering::Relaxed),
        }
    }
}

/// The counters and parts of the whole tree of actors. Cheap to clone. Lock order: `actors`, then
/// `ActorStats::queued_at` of one actor.
#[derive(Clone, Default)]
pub struct System {
    actors: Arc<RwLock<Vec<Arc<ActorStats>>>>,
    parts: Arc<RwLock<Vec<Part>>>,
    draining: Arc<AtomicBool>,
    writer_ended: Arc<AtomicBool>,
    started: Arc<AtomicBool>,
}

impl System {
    /// Adds the counters of one actor; called once for each actor, for all its incarnations.
    pub(super) fn register(&self, name: &'static str, slot: Option<usize>, capacity: usize) -> Arc<ActorStats> {
        let stats = Arc::new(ActorStats {
            name,
            slot,
            capacity,
            queued_at: Mutex::default(),
            handled: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
        });
        self.actors.write().unwrap_or_else(PoisonError::into_inner).push(stats.clone());
        stats
    }

    /// Adds a part; called once for each part, at the start.
    pub(super) fn add_part(&self, name: &'static str) -> Part {
        let part = Part::new(name);
        self.parts.write().unwrap_or_else(PoisonError::into_inner).push(part.clone());
        part
    }

    /// The names of the parts that are down, in the order of their start.
    pub fn parts_down(&self) -> Vec<&'static str> {
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        parts.iter().filter(|part| !part.is_up()).map(Part::name).collect()
    }

    /// One row per actor, in the order of their start.
    pub fn rows(&self) -> Vec<ActorRow> {
        self.actors.read().unwrap_or_else(PoisonError::into_inner).iter().map(|stats| stats.row()).collect()
    }

    /// Whether the server accepts requests: every actor has started, the store can write, and no shutdown has begun.
    pub fn is_ready(&self) -> bool {
        let cannot_write = self.writer_ended.load(Ordering::Acquire);
        self.started.load(Ordering::Acquire) && !cannot_write && !self.draining.load(Ordering::Acquire)
    }

    /// Notes that the writer of the store has ended.
    pub(super) fn set_writer_ended(&self) {
        self.writer_ended.store(true, Ordering::Release);
    }

    /// Notes that every actor has started.
    pub(super) fn set_started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// Notes that shutdown has begun: load balancers should send requests elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Sets the stats of every mailbox and of the runtime. The caller runs it before metrics are read.
    pub fn publish_metrics(&self) {
        runtime::publish_metrics();
        // One row per domain: the sum over its slots, and the oldest message of them.
        let mut domains: Vec<ActorRow> = Vec::new();
        for row in self.rows() {
            if let Some(domain) = domains.iter_mut().find(|domain| domain.name == row.name) {
                domain.queued += row.queued;
                domain.oldest_ms = row.oldest_ms.max(domain.oldest_ms);
            } else {
                domains.push(row);
            }
        }
        for ActorRow { name, queued, oldest_ms, .. } in domains {
            metrics::gauge!("dailyfeed_mailbox_messages", "actor" => name).set(queued as f64);
            metrics::gauge!("dailyfeed_mailbox_oldest_seconds", "actor" => name).set(oldest_ms as f64 / 1000.0);
        }
    }
}
