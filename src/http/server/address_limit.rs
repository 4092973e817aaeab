//! A limit of connections per client address, so that no address holds all of them.
use super::connection_state::ConnectionState;
use crate::http::rate_limits::address_key;
use ipnet::IpNet;
use rustc_hash::FxHashMap;
use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::time::Instant;

/// Maximum connections of an address that one admission scans for an idle one; the next scan continues after them.
const SCANNED_MAX: usize = 64;

/// Counts the open connections of each address. Holds at most as many entries as there are connections.
pub(super) struct AddressLimit {
    per_address_max: usize,
    /// Trusted proxies have no limit: they connect for many clients.
    trusted_proxies: Vec<IpNet>,
    by_address: Mutex<FxHashMap<u64, AddressConnections>>,
    started: Instant,
    /// The minute in which a refusal was logged last.
    logged_minute: AtomicU64,
}

/// The connections of one address.
#[derive(Default)]
struct AddressConnections {
    open: usize,
    /// Candidates for eviction, some of which have ended already.
    candidates: VecDeque<Weak<ConnectionState>>,
}

/// Counts one connection of its address until it is dropped.
pub(super) struct AddressPermit {
    /// The limit and the key of the address; none for a trusted proxy.
    counted: Option<(Arc<AddressLimit>, u64)>,
}

impl AddressLimit {
    pub(super) fn new(per_address_max: usize, trusted_proxies: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self {
            per_address_max,
            trusted_proxies,
            by_address: Mutex::default(),
            started: Instant::now(),
            logged_minute: AtomicU64::new(0),
        })
    }

    /// Admits a connection. An address that has its maximum evicts one of its own idle connections for the new one;
    /// returns none if all of them are in use.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr, state: &Arc<ConnectionState>) -> Option<AddressPermit> {
        let peer = peer.to_canonical();
        if self.trusted_proxies.iter().any(|network| network.contains(&peer)) {
            return Some(AddressPermit { counted: None });
        }
        let key = address_key(peer, false);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = by_address.entry(key).or_default();
        let admitted = connections.open < self.per_address_max || connections.evict_idle();
        if admitted {
            connections.add(state);
        }
        drop(by_address);
        if !admitted {
            metrics::counter!("dailyfeed_connections_refused_total").increment(1);
            self.log_refusal(peer);
            return None;
        }
        Some(AddressPermit { counted: Some((self.clone(), key)) })
    }

    /// Logs a refusal, once a minute at most: a refused client connects again at once.
    fn log_refusal(&self, peer: IpAddr) {
        let minute = self.started.elapsed().as_secs() / 60 + 1;
        if self.logged_minute.swap(minute, Ordering::Relaxed) != minute {
            let max = self.per_address_max;
            let key = "http.connections_per_address_max";
            tracing::warn!(%peer, max, key, "address reached its connection limit and has no idle connection");
        }
    }
}

impl AddressConnections {
    fn add(&mut self, state: &Arc<ConnectionState>) {
        self.open += 1;
        if self.candidates.len() > 2 * self.open + SCANNED_MAX {
            self.candidates.retain(|candidate| candidate.strong_count() > 0);
        }
        self.candidates.push_back(Arc::downgrade(state));
    }

    /// Evicts the first idle connection among up to [`SCANNED_MAX`] candidates. Returns whether one was idle.
    fn evict_idle(&mut self) -> bool {
        for _ in 0..self.candidates.len().min(SCANNED_MAX) {
            let Some(state) = self.candidates.pop_front().and_then(|candidate| candidate.upgrade()) else { continue };
            if state.activity.idle_for().is_some() {
                state.evict();
                return true;
            }
            self.candidates.push_back(Arc::downgrade(&state));
        }
        false
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let Some((limit, key)) = &self.counted else { return };
        let mut by_address = limit.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let still_open = by_address.get_mut(key).map_or(0, |connections| {
            connections.open -= 1;
            connections.open
        });
        if still_open == 0 {
            by_address.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::response_body::ActiveRequest, *};
    use futures::FutureExt;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_a_limit_and_a_trusted_proxy_has_none() {
        let limit = AddressLimit::new(2, vec!["10.0.0.0/8".parse().unwrap()]);
        // All connections share one state, which is never idle.
        let state = Arc::<ConnectionState>::default();
        let _active = ActiveRequest::begin(state.clone());
        let admit = |text: &str| limit.admit(address(text), &state);
        let mut permits: Vec<AddressPermit> = (0..5).filter_map(|_| admit("203.0.113.5")).collect();
        assert_eq!(permits.len(), 2);
        permits.extend(["203.0.113.6", "::ffff:203.0.113.6"].map(|text| admit(text).unwrap()));
        assert!(admit("203.0.113.6").is_none(), "the same address in its other spelling");
        permits.extend(["2001:db8::1", "2001:db8::2"].map(|text| admit(text).unwrap()));
        assert!(admit("2001:db8::3").is_none(), "one customer's network");
        assert!(admit("2001:db8:0:1::1").is_some());
        permits.extend((0..9).map(|_| admit("10.1.2.3").unwrap()));
        drop(permits);
        assert!(limit.by_address.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_new_connection_evicts_an_idle_one_of_its_address() {
        let limit = AddressLimit::new(2, Vec::new());
        let (busy, idle, third) =
            (Arc::<ConnectionState>::default(), Arc::<ConnectionState>::default(), Arc::<ConnectionState>::default());
        let _active = ActiveRequest::begin(busy.clone());
        let admit = |state: &Arc<ConnectionState>| limit.admit(address("203.0.113.5"), state);
        let _permits = [admit(&busy).unwrap(), admit(&idle).unwrap()];
        let _third = admit(&third).unwrap();
        assert!(idle.evicted().now_or_never().is_some() && busy.evicted().now_or_never().is_none());
        let _also_active = ActiveRequest::begin(third.clone());
        assert!(admit(&Arc::default()).is_none(), "no connection is idle any more");
    }
}
