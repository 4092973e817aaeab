//! Admission of connections to one listener: at most `open_max` are open, and idle ones are evicted for new ones.
use super::connection_state::ConnectionState;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A connection that has been idle for less is not evicted: its next request may be on its way.
const IDLE_MIN: Duration = Duration::from_secs(1);
/// How often idle connections are evicted while a new one waits for a permit.
const EVICT_EVERY: Duration = Duration::from_millis(250);
/// One in this many connections is evicted at once. Not more, because each client that was only pausing has to open its
/// connection again.
const EVICT_ONE_IN: usize = 8;

/// The permits of a listener, and the connections that hold them.
pub(super) struct Admission {
    permits: Arc<Semaphore>,
    open: Mutex<OpenConnections>,
}

#[derive(Default)]
struct OpenConnections {
    next_number: u64,
    by_number: HashMap<u64, Arc<ConnectionState>>,
}

/// The right to accept one connection.
pub(super) struct ConnectionPermit(OwnedSemaphorePermit);

/// An open connection and its permit. Dropped when the connection ends.
pub(super) struct AdmittedConnection {
    admission: Arc<Admission>,
    number: u64,
    state: Arc<ConnectionState>,
    _permit: OwnedSemaphorePermit,
}

impl Admission {
    /// Admits `open_max` connections; further ones wait until one ends or is evicted.
    pub(super) fn new(open_max: usize) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(open_max.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { permits, open: Mutex::default() })
    }

    /// Waits for a permit, and evicts idle connections meanwhile.
    pub(super) async fn acquire(&self) -> Option<ConnectionPermit> {
        loop {
            let permit = tokio::time::timeout(EVICT_EVERY, self.permits.clone().acquire_owned());
            match permit.await {
                // The semaphore is never closed.
                Ok(permit) => return permit.ok().map(ConnectionPermit),
                Err(_) => self.evict_idle(),
            }
        }
    }

    /// Registers a connection that was accepted under a permit.
    pub(super) fn admit(self: &Arc<Self>, ConnectionPermit(permit): ConnectionPermit) -> AdmittedConnection {
        let state = Arc::new(ConnectionState::default());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let number = open.next_number;
        open.next_number += 1;
        open.by_number.insert(number, state.clone());
        drop(open);
        AdmittedConnection { admission: self.clone(), number, state, _permit: permit }
    }

    /// Evicts up to one in [`EVICT_ONE_IN`] of the connections, those that have been idle the longest first.
    pub(super) fn evict_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let evicted_max = open.by_number.len().div_ceil(EVICT_ONE_IN);
        let mut idle: Vec<(Duration, Arc<ConnectionState>)> = Vec::new();
        for state in open.by_number.values() {
            if let Some(idle_for) = state.activity.idle_for()
                && idle_for >= IDLE_MIN
            {
                idle.push((idle_for, state.clone()));
            }
        }
        drop(open);
        idle.sort_unstable_by_key(|(idle_for, _)| std::cmp::Reverse(*idle_for));
        idle.truncate(evicted_max);
        if !idle.is_empty() {
            tracing::debug!(connections = idle.len(), "closing idle connections to make room");
            metrics::counter!("dailyfeed_connections_evicted_total").increment(idle.len() as u64);
        }
        for (_, state) in idle {
            state.evict();
        }
    }
}

impl AdmittedConnection {
    pub(super) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }
}

impl Drop for AdmittedConnection {
    fn drop(&mut self) {
        self.admission.open.lock().unwrap_or_else(PoisonError::into_inner).by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::response_body::ActiveRequest, *};

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_is_idle_the_longest_is_evicted_and_a_busy_one_stays() {
        let admission = Admission::new(3);
        let mut admitted = Vec::new();
        for _ in 0..3 {
            let permit = admission.acquire().await.unwrap();
            admitted.push(admission.admit(permit));
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        let _active = ActiveRequest::begin(admitted[0].state().clone());
        let waiting = tokio::spawn({
            let admission = admission.clone();
            async move { admission.acquire().await.is_some() }
        });
        let state = |connection: &AdmittedConnection| connection.state().clone();
        let (busy, oldest, newest) = (state(&admitted[0]), state(&admitted[1]), state(&admitted[2]));
        oldest.evicted().await;
        assert!(tokio::time::timeout(Duration::ZERO, newest.evicted()).await.is_err());
        admitted.remove(1);
        assert!(waiting.await.unwrap(), "the waiting connection has the permit");
        assert!(tokio::time::timeout(Duration::ZERO, busy.evicted()).await.is_err());
    }
}
