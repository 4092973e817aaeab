//! Shares out a scarce place: who asks much waits behind themself, and nobody behind somebody else's crowd.
use super::asker::{Asker, Key};
use crate::actors::Error;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Jobs that may wait or be at work in all: a few kilobytes each. One more is `Busy`.
const ALL_MAX: usize = 1_024;
/// Of one network, so that it takes more than a few to fill the house.
const NETWORK_MAX: usize = 256;
/// Of one account, which are done one after the other.
const ACCOUNT_MAX: usize = 64;

/// The lanes that somebody is in.
#[derive(Default)]
pub(super) struct Lanes(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    lanes: HashMap<Key, Lane>,
    all: usize,
}

struct Lane {
    inside: usize,
    /// Who may stand in the one queue for the threads.
    ahead: Arc<Semaphore>,
}

/// A place in the lane of an account and in that of a network; given up when it is dropped.
pub(super) struct Place {
    open: Arc<Mutex<Open>>,
    asker: Asker,
    account: Arc<Semaphore>,
    network: Arc<Semaphore>,
}

/// One's turn: first in both lanes.
pub(super) struct Ahead {
    // In this order: who comes next finds the lanes as they were.
    _permits: [OwnedSemaphorePermit; 2],
    _place: Place,
}

impl Lanes {
    /// Takes a place, of which `at_once` of one network may be ahead; `Busy` where the lane or the house is full.
    pub(super) fn enter(&self, asker: Asker, at_once: usize) -> Result<Place, Error> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = open.all >= ALL_MAX
            || open.inside(asker.account()) >= ACCOUNT_MAX
            || open.inside(asker.network()) >= NETWORK_MAX;
        if full {
            return Err(Error::Busy("hasher"));
        }
        open.all += 1;
        let (account, network) = (open.join(asker.account(), 1), open.join(asker.network(), at_once));
        drop(open);
        Ok(Place { open: self.0.clone(), asker, account, network })
    }
}

impl Open {
    fn inside(&self, key: Key) -> usize {
        self.lanes.get(&key).map_or(0, |lane| lane.inside)
    }

    fn join(&mut self, key: Key, at_once: usize) -> Arc<Semaphore> {
        let new = || Lane { inside: 0, ahead: Arc::new(Semaphore::new(at_once)) };
        let lane = self.lanes.entry(key).or_insert_with(new);
        lane.inside += 1;
        lane.ahead.clone()
    }

    fn leave(&mut self, key: Key) {
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.inside -= 1;
            if lane.inside == 0 {
                self.lanes.remove(&key);
            }
        }
    }
}

impl Place {
    /// Waits until those before in both lanes are done.
    pub(super) async fn ahead(self) -> Result<Ahead, Error> {
        let closed = |_| Error::Restarting("hasher");
        // Always in this order, so that nobody waits in a circle.
        let account = self.account.clone().acquire_owned().await.map_err(closed)?;
        let network = self.network.clone().acquire_owned().await.map_err(closed)?;
        Ok(Ahead { _permits: [account, network], _place: self })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        open.leave(self.asker.account());
        open.leave(self.asker.network());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn asker(account: &str, network: u8) -> Asker {
        Asker::new(account, std::net::IpAddr::from([192, 0, 2, network]))
    }

    #[test]
    fn who_asks_much_waits_behind_themself() {
        let lanes = Lanes::default();
        let mut crowd: Vec<_> = (0..ACCOUNT_MAX).map(|_| lanes.enter(asker("a", 1), 2).unwrap()).collect();
        assert!(matches!(lanes.enter(asker("a", 1), 2), Err(Error::Busy(_))), "the account's lane is full");
        let first = crowd.pop().unwrap().ahead().now_or_never().unwrap().unwrap();
        assert!(crowd.pop().unwrap().ahead().now_or_never().is_none(), "one of an account at a time");
        let other = lanes.enter(asker("b", 1), 2).unwrap().ahead().now_or_never();
        assert!(other.is_some(), "another account of the same network is not behind it");
        let third = lanes.enter(asker("c", 1), 2).unwrap();
        assert!(third.ahead().now_or_never().is_none(), "two of a network at a time");
        assert!(lanes.enter(asker("c", 2), 2).unwrap().ahead().now_or_never().is_some());
        drop((first, other, crowd));
        assert!(lanes.0.lock().unwrap().lanes.is_empty(), "nothing is left behind");
    }

    #[test]
    fn a_network_cannot_fill_the_house() {
        let lanes = Lanes::default();
        let name = |number: usize| number.to_string();
        let crowd: Vec<_> = (0..NETWORK_MAX).map(|number| lanes.enter(asker(&name(number), 1), 2).unwrap()).collect();
        assert!(matches!(lanes.enter(asker("one more", 1), 2), Err(Error::Busy(_))));
        assert!(lanes.enter(asker("one more", 2), 2).is_ok());
        drop(crowd);
        assert!(lanes.enter(asker("one more", 1), 2).is_ok());
    }
}
