//! A bounded cache that is never older than the events that were applied.
use quick_cache::{Weighter, sync::Cache as Inner};
use std::{
    hash::{BuildHasher, Hash},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Loads that are under way are told apart by this many groups of keys; a change of one key spoils the others' loads
/// in its group, which costs them one more load.
const STRIPES: usize = 256;

struct Bytes<K, V: ?Sized>(fn(&K, &Arc<V>) -> u64);

// Derived, it would ask the same of what it only points to.
impl<K, V: ?Sized> Clone for Bytes<K, V> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<K, V: ?Sized> Weighter<K, Arc<V>> for Bytes<K, V> {
    fn weight(&self, key: &K, value: &Arc<V>) -> u64 {
        (self.0)(key, value)
    }
}

/// Values by key, at most so many bytes; what is used least leaves first.
pub(super) struct Cache<K, V: ?Sized> {
    inner: Inner<K, Arc<V>, Bytes<K, V>, rustc_hash::FxBuildHasher>,
    changes: Box<[AtomicU64]>,
}

/// Remembers when a load began.
#[derive(Clone, Copy)]
pub(super) struct Loading(u64);

impl<K: Hash + Eq + Clone, V: ?Sized> Cache<K, V> {
    pub(super) fn new(bytes_max: u64, typical_bytes: u64, weigh: fn(&K, &Arc<V>) -> u64) -> Self {
        let items = usize::try_from(bytes_max / typical_bytes.max(1)).unwrap_or(usize::MAX).max(16);
        let hasher = rustc_hash::FxBuildHasher;
        let inner = Inner::with(items, bytes_max, Bytes(weigh), hasher, quick_cache::sync::DefaultLifecycle::default());
        Self { inner, changes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(super) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.inner.get(key)
    }

    /// Call before the store is asked for what is to be put here.
    pub(super) fn loading(&self, key: &K) -> Loading {
        Loading(self.changes_of(key).load(Ordering::SeqCst))
    }

    /// Keeps a loaded value, unless the key changed since the load began: then it may be stale, and the next reader
    /// loads it again.
    pub(super) fn loaded(&self, loading: Loading, key: K, value: Arc<V>) {
        let changes = self.changes_of(&key);
        if changes.load(Ordering::SeqCst) != loading.0 {
            return;
        }
        self.inner.insert(key.clone(), value);
        // A change between the look and the insert removed nothing, so it is done here.
        if changes.load(Ordering::SeqCst) != loading.0 {
            self.inner.remove(&key);
        }
    }

    /// The stored value has changed.
    pub(super) fn changed(&self, key: &K) {
        self.changes_of(key).fetch_add(1, Ordering::SeqCst);
        self.inner.remove(key);
    }

    /// Any stored value may have changed.
    pub(super) fn all_changed(&self) {
        for changes in &self.changes {
            changes.fetch_add(1, Ordering::SeqCst);
        }
        self.inner.clear();
    }

    fn changes_of(&self, key: &K) -> &AtomicU64 {
        let hash = rustc_hash::FxBuildHasher.hash_one(key);
        &self.changes[(hash >> 32) as usize % STRIPES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> Cache<u64, str> {
        Cache::new(10_000, 10, |_, value| value.len() as u64)
    }

    #[test]
    fn a_load_that_was_overtaken_is_not_kept() {
        let cache = cache();
        let loading = cache.loading(&1);
        cache.changed(&1);
        cache.loaded(loading, 1, "stale".into());
        assert!(cache.get(&1).is_none());
        cache.loaded(cache.loading(&1), 1, "fresh".into());
        assert_eq!(cache.get(&1).as_deref(), Some("fresh"));
    }

    #[test]
    fn a_change_removes_what_was_kept() {
        let cache = cache();
        for key in [1, 2] {
            cache.loaded(cache.loading(&key), key, "kept".into());
        }
        cache.changed(&1);
        assert!(cache.get(&1).is_none() && cache.get(&2).is_some());
        cache.all_changed();
        assert!(cache.get(&2).is_none());
    }

    #[test]
    fn it_stays_within_its_bytes() {
        let cache = cache();
        for key in 0..1_000 {
            cache.loaded(cache.loading(&key), key, "x".repeat(100).into());
        }
        let kept = (0..1_000).filter(|key| cache.get(key).is_some()).count();
        assert!(kept > 0 && kept <= 100, "{kept}");
    }
}
