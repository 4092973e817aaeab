//! A share of the connections for each address, so that none has them all.
use super::pace::Pace;
use crate::http::limits::key_of;
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

/// Connections of an address that are looked at for an idle one; the next newcomer looks at the next ones.
const LOOKED_AT: usize = 64;

/// How many connections each address has. As long as there are connections at most.
pub(super) struct Addresses {
    each_max: usize,
    /// Proxies speak for many.
    trusted: Vec<IpNet>,
    open: Mutex<FxHashMap<u64, Share>>,
    begun: Instant,
    /// The minute in which a refusal was logged last.
    logged: AtomicU64,
}

/// What one address has.
#[derive(Default)]
struct Share {
    open: usize,
    /// Those who may be asked to leave, some of which may have left already.
    connections: VecDeque<Weak<Pace>>,
}

/// One connection's place among those of its address.
pub(super) struct Place {
    /// None for a trusted proxy.
    counted: Option<(Arc<Addresses>, u64)>,
}

impl Addresses {
    pub(super) fn new(each_max: usize, trusted: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self { each_max, trusted, open: Mutex::default(), begun: Instant::now(), logged: AtomicU64::new(0) })
    }

    /// A place. Where the address has as many as it may, one of its own that is idle leaves for it; none where they are
    /// all in use.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr, pace: &Arc<Pace>) -> Option<Place> {
        let peer = peer.to_canonical();
        if self.trusted.iter().any(|network| network.contains(&peer)) {
            return Some(Place { counted: None });
        }
        let key = key_of(peer, false);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let share = open.entry(key).or_default();
        let free = share.open < self.each_max || share.one_leaves();
        if free {
            share.add(pace);
        }
        drop(open);
        if !free {
            metrics::counter!("dailyfeed_connections_refused_total").increment(1);
            self.log(peer);
        }
        free.then(|| Place { counted: Some((self.clone(), key)) })
    }
}

impl Addresses {
    /// Once a minute at most: whoever is refused comes again at once.
    fn log(&self, peer: IpAddr) {
        let minute = self.begun.elapsed().as_secs() / 60 + 1;
        if self.logged.swap(minute, Ordering::Relaxed) != minute {
            let max = self.each_max;
            let key = "http.connections_per_address_max";
            tracing::warn!(%peer, max, key, "address reached its connection limit and has no idle connection");
        }
    }
}

impl Share {
    fn add(&mut self, pace: &Arc<Pace>) {
        self.open += 1;
        if self.connections.len() > 2 * self.open + LOOKED_AT {
            self.connections.retain(|connection| connection.strong_count() > 0);
        }
        self.connections.push_back(Arc::downgrade(pace));
    }

    /// Asks the first that is found idle to leave.
    fn one_leaves(&mut self) -> bool {
        for _ in 0..self.connections.len().min(LOOKED_AT) {
            let Some(pace) = self.connections.pop_front().and_then(|connection| connection.upgrade()) else { continue };
            if pace.activity.idle_for().is_some() {
                pace.ask_to_leave();
                return true;
            }
            self.connections.push_back(Arc::downgrade(&pace));
        }
        false
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((addresses, key)) = &self.counted else { return };
        let mut open = addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get_mut(key).map_or(0, |share| {
            share.open -= 1;
            share.open
        });
        if left == 0 {
            open.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::places::Answering, *};
    use futures::FutureExt;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_a_proxy_has_no_limit() {
        let addresses = Addresses::new(2, vec!["10.0.0.0/8".parse().unwrap()]);
        // In use, all of them.
        let pace = Arc::<Pace>::default();
        let _answering = Answering::begin(pace.clone());
        let enter = |text: &str| addresses.enter(address(text), &pace);
        let mut held: Vec<Place> = (0..5).filter_map(|_| enter("203.0.113.5")).collect();
        assert_eq!(held.len(), 2);
        held.extend(["203.0.113.6", "::ffff:203.0.113.6"].map(|text| enter(text).unwrap()));
        assert!(enter("203.0.113.6").is_none(), "the same address, written the other way");
        held.extend(["2001:db8::1", "2001:db8::2"].map(|text| enter(text).unwrap()));
        assert!(enter("2001:db8::3").is_none(), "one customer's network");
        assert!(enter("2001:db8:0:1::1").is_some());
        held.extend((0..9).map(|_| enter("10.1.2.3").unwrap()));
        drop(held);
        assert!(addresses.open.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_newcomer_takes_the_place_of_an_idle_connection_of_its_address() {
        let addresses = Addresses::new(2, Vec::new());
        let (busy, idle, third) = (Arc::<Pace>::default(), Arc::<Pace>::default(), Arc::<Pace>::default());
        let _answering = Answering::begin(busy.clone());
        let enter = |pace: &Arc<Pace>| addresses.enter(address("203.0.113.5"), pace);
        let _held = [enter(&busy).unwrap(), enter(&idle).unwrap()];
        let _third = enter(&third).unwrap();
        assert!(idle.asked_to_leave().now_or_never().is_some() && busy.asked_to_leave().now_or_never().is_none());
        let _answering_too = Answering::begin(third.clone());
        assert!(enter(&Arc::default()).is_none(), "nobody is left who is idle");
    }
}
