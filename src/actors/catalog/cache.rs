//! A bounded cache that never returns a value older than the events that were applied, and loads each missing value
//! once for all who want it at the same time (`single_flight.rs`).
use super::single_flight::SingleFlight;
use crate::storage::StoreResult;
use quick_cache::{Weighter, sync::Cache as Inner};
use std::{
    hash::{BuildHasher, Hash},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Number of stripes that keys are hashed to. An invalidation discards the results of all loads in its stripe that are
/// under way; their keys are loaded once more.
const STRIPES: usize = 256;

/// Weighs an entry in bytes.
struct ByteWeight<K, V: ?Sized>(fn(&K, &Arc<V>) -> u64);

// `derive(Clone)` would require `K: Clone` and `V: Clone`.
impl<K, V: ?Sized> Clone for ByteWeight<K, V> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<K, V: ?Sized> Weighter<K, Arc<V>> for ByteWeight<K, V> {
    fn weight(&self, key: &K, value: &Arc<V>) -> u64 {
        (self.0)(key, value)
    }
}

/// Values by key, bounded in bytes; evicts the least used first.
pub(super) struct Cache<K, V: ?Sized> {
    inner: Inner<K, Arc<V>, ByteWeight<K, V>, rustc_hash::FxBuildHasher>,
    /// Invalidations of each stripe so far.
    invalidations: Box<[AtomicU64]>,
    loads: SingleFlight<K, V>,
}

/// A load under way: the number of invalidations of its stripe when it began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Load(u64);

impl<K: Hash + Eq + Clone, V: ?Sized> Cache<K, V> {
    /// Makes a cache of at most `bytes_max` bytes, as weighed by `weigh`; `typical_bytes` is the weight of a usual
    /// entry.
    pub(super) fn new(bytes_max: u64, typical_bytes: u64, weigh: fn(&K, &Arc<V>) -> u64) -> Self {
        let items = usize::try_from(bytes_max / typical_bytes.max(1)).unwrap_or(usize::MAX).max(16);
        let hasher = rustc_hash::FxBuildHasher;
        let inner =
            Inner::with(items, bytes_max, ByteWeight(weigh), hasher, quick_cache::sync::DefaultLifecycle::default());
        Self { inner, invalidations: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(), loads: SingleFlight::default() }
    }

    /// Returns the values of `keys` in the same order, `None` for those that do not exist. Loads the missing ones with
    /// one call of `load`, which returns them in any order, and waits for those that another caller is loading.
    pub(super) async fn get_or_load<F: Future<Output = StoreResult<Vec<(K, Arc<V>)>>>>(
        &self,
        keys: &[K],
        load: impl Fn(Vec<K>) -> F,
    ) -> StoreResult<Vec<Option<Arc<V>>>> {
        let mut found: Vec<Option<Arc<V>>> = keys.iter().map(|key| self.get(key)).collect();
        if found.iter().any(Option::is_none) {
            let missing = keys.iter().zip(&found).filter(|(_, value)| value.is_none());
            let missing: Vec<(K, Load)> = missing.map(|(key, _)| (key.clone(), self.begin_load(key))).collect();
            let finish = |load, key, value| self.finish_load(load, key, value);
            let loaded = self.loads.load(missing, load, finish).await?;
            for (key, entry) in keys.iter().zip(&mut found).filter(|(_, value)| value.is_none()) {
                *entry = loaded.get(key).cloned();
            }
        }
        Ok(found)
    }

    pub(super) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.inner.get(key)
    }

    /// Begins a load. The caller calls it before the query whose result goes to `finish_load`.
    pub(super) fn begin_load(&self, key: &K) -> Load {
        Load(self.invalidations_of(key).load(Ordering::SeqCst))
    }

    /// Inserts a loaded value, unless the key's stripe was invalidated since the load began: the value may be stale
    /// then, and the next reader loads it again.
    pub(super) fn finish_load(&self, load: Load, key: K, value: Arc<V>) {
        let invalidations = self.invalidations_of(&key);
        if invalidations.load(Ordering::SeqCst) != load.0 {
            return;
        }
        self.inner.insert(key.clone(), value);
        // An invalidation between the check and the insert found no entry to remove.
        if invalidations.load(Ordering::SeqCst) != load.0 {
            self.inner.remove(&key);
        }
    }

    /// Removes one value, which has changed in the store.
    pub(super) fn invalidate(&self, key: &K) {
        self.invalidations_of(key).fetch_add(1, Ordering::SeqCst);
        self.inner.remove(key);
    }

    /// Removes every value: any may have changed in the store.
    pub(super) fn invalidate_all(&self) {
        for invalidations in &self.invalidations {
            invalidations.fetch_add(1, Ordering::SeqCst);
        }
        self.inner.clear();
    }

    fn invalidations_of(&self, key: &K) -> &AtomicU64 {
        let hash = rustc_hash::FxBuildHasher.hash_one(key);
        &self.invalidations[(hash >> 32) as usize % STRIPES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> Cache<u64, str> {
        Cache::new(10_000, 10, |_, value| value.len() as u64)
    }

    #[test]
    fn a_load_that_an_invalidation_overtook_is_discarded() {
        let cache = cache();
        let load = cache.begin_load(&1);
        cache.invalidate(&1);
        cache.finish_load(load, 1, "stale".into());
        assert!(cache.get(&1).is_none());
        cache.finish_load(cache.begin_load(&1), 1, "fresh".into());
        assert_eq!(cache.get(&1).as_deref(), Some("fresh"));
    }

    #[test]
    fn an_invalidation_removes_the_value() {
        let cache = cache();
        for key in [1, 2] {
            cache.finish_load(cache.begin_load(&key), key, "kept".into());
        }
        cache.invalidate(&1);
        assert!(cache.get(&1).is_none() && cache.get(&2).is_some());
        cache.invalidate_all();
        assert!(cache.get(&2).is_none());
    }

    #[test]
    fn a_cache_stays_within_its_bytes() {
        let cache = cache();
        for key in 0..1_000 {
            cache.finish_load(cache.begin_load(&key), key, "x".repeat(100).into());
        }
        let kept = (0..1_000).filter(|key| cache.get(key).is_some()).count();
        assert!(kept > 0 && kept <= 100, "{kept}");
    }
}
