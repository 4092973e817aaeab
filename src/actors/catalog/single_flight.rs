//! `SingleFlight`: of several callers that want the same missing value at the same time, one loads it and the others
//! wait for that load. A hot post that every stream reads after each like is read from the store once.
use super::cache::Load;
use crate::storage::StoreResult;
use futures::{FutureExt, future::Shared};
use rustc_hash::FxHashMap;
use std::{
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::oneshot;

/// The values of one load by key, without keys that do not exist.
type Loaded<K, V> = Arc<FxHashMap<K, Arc<V>>>;
/// The end of a load; fails if its leader failed or was cancelled.
type LoadEnd<K, V> = Shared<oneshot::Receiver<Loaded<K, V>>>;

/// The loads under way, by key. Bounded by the requests in progress and the length of a page.
pub(super) struct SingleFlight<K, V: ?Sized> {
    flights: Mutex<FxHashMap<K, Flight<K, V>>>,
}

/// A load under way that others may wait for.
struct Flight<K, V: ?Sized> {
    /// The invalidations of the key's stripe when the load began. A caller that counts more of them does not wait for
    /// this load, because its value may be older than the events that the caller relies on.
    begun: Load,
    end: LoadEnd<K, V>,
}

/// The keys that one caller loads for everybody. Dropping it, also in the middle of the load, ends the wait of the
/// others, who then load by themselves.
struct Leader<'a, K: Hash + Eq, V: ?Sized> {
    flights: &'a SingleFlight<K, V>,
    keys: Vec<(K, Load)>,
    /// `None` once the values are sent.
    values: Option<oneshot::Sender<Loaded<K, V>>>,
    end: LoadEnd<K, V>,
}

/// The missing keys of one caller, divided.
struct Joined<'a, K: Hash + Eq, V: ?Sized> {
    leader: Leader<'a, K, V>,
    /// The keys that another caller is loading already.
    waiting: Vec<(K, LoadEnd<K, V>)>,
}

impl<K, V: ?Sized> Default for SingleFlight<K, V> {
    fn default() -> Self {
        Self { flights: Mutex::default() }
    }
}

impl<K: Hash + Eq + Clone, V: ?Sized> SingleFlight<K, V> {
    /// Returns the values of the missing keys that exist. Calls `load` for the keys that nobody else is loading, and
    /// `finish` for each of their values; then waits for the others' loads.
    ///
    /// Never waits while others wait for it, so no two callers wait for each other. Cancel safe.
    pub(super) async fn load<F: Future<Output = StoreResult<Vec<(K, Arc<V>)>>>>(
        &self,
        missing: Vec<(K, Load)>,
        load: impl Fn(Vec<K>) -> F,
        finish: impl Fn(Load, K, Arc<V>),
    ) -> StoreResult<FxHashMap<K, Arc<V>>> {
        let Joined { mut leader, waiting } = self.join(missing);
        let mut found = FxHashMap::default();
        if !leader.keys.is_empty() {
            let values: FxHashMap<K, Arc<V>> = load(leader.wanted()).await?.into_iter().collect();
            for (key, begun) in &leader.keys {
                if let Some(value) = values.get(key) {
                    finish(*begun, key.clone(), value.clone());
                }
            }
            found.clone_from(&values);
            if let Some(sender) = leader.values.take() {
                // Fails if nobody waits.
                let _ = sender.send(Arc::new(values));
            }
        }
        drop(leader);
        let mut failed = Vec::new();
        for (key, end) in waiting {
            match end.await {
                Ok(loaded) => found.extend(loaded.get(&key).map(|value| (key, value.clone()))),
                Err(_) => failed.push(key),
            }
        }
        if !failed.is_empty() {
            found.extend(load(failed).await?);
        }
        Ok(found)
    }

    /// Divides the keys into those that this caller loads, and those that another caller is loading already.
    fn join(&self, missing: Vec<(K, Load)>) -> Joined<'_, K, V> {
        let (values, end) = oneshot::channel();
        let end = end.shared();
        let mut leader = Leader { flights: self, keys: Vec::new(), values: Some(values), end: end.clone() };
        let mut waiting = Vec::new();
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, begun) in missing {
            match flights.get(&key) {
                // A key that occurs twice.
                Some(flight) if flight.end.ptr_eq(&end) => {}
                Some(flight) if flight.begun == begun => waiting.push((key, flight.end.clone())),
                _ => {
                    flights.insert(key.clone(), Flight { begun, end: end.clone() });
                    leader.keys.push((key, begun));
                }
            }
        }
        drop(flights);
        Joined { leader, waiting }
    }
}

impl<K: Hash + Eq + Clone, V: ?Sized> Leader<'_, K, V> {
    fn wanted(&self) -> Vec<K> {
        self.keys.iter().map(|(key, _)| key.clone()).collect()
    }
}

impl<K: Hash + Eq, V: ?Sized> Drop for Leader<'_, K, V> {
    fn drop(&mut self) {
        if self.keys.is_empty() {
            return;
        }
        let mut flights = self.flights.flights.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in &self.keys {
            // A caller that saw a later invalidation may have replaced the flight.
            if flights.get(key).is_some_and(|flight| flight.end.ptr_eq(&self.end)) {
                flights.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cache::Cache;
    use futures::FutureExt;
    use std::{
        cell::{Cell, RefCell},
        sync::Arc,
    };
    use tokio::sync::oneshot;

    fn cache() -> Cache<u64, str> {
        Cache::new(10_000, 10, |_, value| value.len() as u64)
    }

    #[tokio::test]
    async fn a_value_that_many_want_is_loaded_once() {
        let (cache, loads) = (cache(), Cell::new(0));
        let (answer, wait) = oneshot::channel::<()>();
        let wait = wait.shared();
        let load = |keys: Vec<u64>| {
            loads.set(loads.get() + 1);
            let wait = wait.clone();
            async move {
                wait.await.unwrap();
                Ok(keys.into_iter().filter(|key| *key != 3).map(|key| (key, Arc::from("value"))).collect())
            }
        };
        let readers = futures::future::join_all((0..20).map(|_| cache.get_or_load(&[1, 2, 3, 1], load)));
        let answer = async { answer.send(()).unwrap() };
        let (found, ()) = futures::join!(readers, answer);
        for values in found {
            let values: Vec<Option<String>> = values.unwrap().iter().map(|v| v.as_deref().map(str::to_owned)).collect();
            assert_eq!(values, [Some("value".into()), Some("value".into()), None, Some("value".into())]);
        }
        assert_eq!(loads.get(), 1);
        assert!(cache.get(&1).is_some() && cache.get(&3).is_none());
    }

    #[tokio::test]
    async fn a_cancelled_leader_leaves_no_waiter_behind() {
        let (cache, loads) = (cache(), Cell::new(0));
        let load = |keys: Vec<u64>| {
            loads.set(loads.get() + 1);
            let first = loads.get() == 1;
            async move {
                if first {
                    std::future::pending::<()>().await;
                }
                Ok(keys.into_iter().map(|key| (key, Arc::from("value"))).collect())
            }
        };
        let mut leader = Box::pin(cache.get_or_load(&[1], load));
        assert!(leader.as_mut().now_or_never().is_none());
        let mut waiter = Box::pin(cache.get_or_load(&[1], load));
        assert!(waiter.as_mut().now_or_never().is_none());
        drop(leader);
        assert_eq!(waiter.await.unwrap()[0].as_deref(), Some("value"));
        assert_eq!(loads.get(), 2);
        assert!(cache.get_or_load(&[1], load).now_or_never().is_some(), "no flight is left");
    }

    #[tokio::test]
    async fn a_reader_after_an_invalidation_does_not_get_an_older_load() {
        let (cache, gates) = (cache(), RefCell::new(Vec::new()));
        let load = |keys: Vec<u64>| {
            let (gate, value) = oneshot::channel::<&'static str>();
            gates.borrow_mut().push(gate);
            async move {
                let value = value.await.unwrap();
                Ok(keys.into_iter().map(|key| (key, Arc::from(value))).collect())
            }
        };
        let mut older = Box::pin(cache.get_or_load(&[1], load));
        assert!(older.as_mut().now_or_never().is_none());
        cache.invalidate(&1);
        let mut newer = Box::pin(cache.get_or_load(&[1], load));
        assert!(newer.as_mut().now_or_never().is_none());
        let mut opened = gates.take().into_iter();
        opened.next().unwrap().send("old").unwrap();
        assert_eq!(older.await.unwrap()[0].as_deref(), Some("old"));
        opened.next().unwrap().send("new").unwrap();
        assert_eq!(newer.await.unwrap()[0].as_deref(), Some("new"));
        assert_eq!(cache.get(&1).as_deref(), Some("new"));
    }
}
