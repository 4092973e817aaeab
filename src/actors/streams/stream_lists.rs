//! `StreamLists`: lists of open streams by a member, in shards with a lock each. The hub has two of them: the streams
//! of each member, and the streams that watch each author.
use super::stream_queue::StreamQueue;
use crate::domain::{MemberId, Slot};
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Shard = FxHashMap<MemberId, Vec<Arc<StreamQueue>>>;

/// Open streams by a member, the key. 8 bytes for each stream in each list.
pub(super) struct StreamLists {
    /// One for each slot of the keys.
    shards: Vec<Mutex<Shard>>,
}

/// The result of [`StreamLists::visit_slice`].
pub(super) struct Slice {
    /// The streams that were visited.
    pub(super) visited: usize,
    /// The streams before them, which are not visited yet.
    pub(super) rest: usize,
}

impl Default for StreamLists {
    fn default() -> Self {
        Self { shards: (0..Self::SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl StreamLists {
    pub(super) const SHARDS: usize = Slot::COUNT;

    /// Adds a stream to a list. False if the list has `max` streams.
    pub(super) fn add(&self, key: MemberId, queue: &Arc<StreamQueue>, max: usize) -> bool {
        add_to(self.shard_of(key).entry(key).or_default(), queue, max)
    }

    /// Removes a stream from a list. False if the list does not have it.
    pub(super) fn remove(&self, key: MemberId, queue: &Arc<StreamQueue>) -> bool {
        remove_from(&mut self.shard_of(key), key, queue)
    }

    /// Adds a stream to each list. Takes each shard once, however many keys it has.
    pub(super) fn add_to_all(&self, keys: &[MemberId], queue: &Arc<StreamQueue>) {
        self.for_each_shard(keys, |shard, key| shard.entry(key).or_default().push(queue.clone()));
    }

    /// Removes a stream from each list. Takes each shard once, however many keys it has.
    pub(super) fn remove_from_all(&self, keys: &[MemberId], queue: &Arc<StreamQueue>) {
        self.for_each_shard(keys, |shard, key| {
            remove_from(shard, key, queue);
        });
    }

    fn for_each_shard(&self, keys: &[MemberId], change: impl Fn(&mut Shard, MemberId)) {
        let mut keys = keys.to_vec();
        keys.sort_unstable_by_key(|key| Slot::of(*key));
        for same_slot in keys.chunk_by(|one, other| Slot::of(*one) == Slot::of(*other)) {
            let mut shard = self.shard_of(same_slot[0]);
            for key in same_slot {
                change(&mut shard, *key);
            }
        }
    }

    /// Whether a list has a stream.
    pub(super) fn has(&self, key: MemberId) -> bool {
        self.shard_of(key).contains_key(&key)
    }

    /// Calls `visit` for each stream of a short list under the lock of its shard, and returns their number.
    pub(super) fn visit(&self, key: MemberId, visit: impl FnMut(&Arc<StreamQueue>)) -> usize {
        self.visit_slice(key, usize::MAX, usize::MAX, visit).visited
    }

    /// Returns the streams of a short list.
    pub(super) fn list(&self, key: MemberId) -> Vec<Arc<StreamQueue>> {
        self.shard_of(key).get(&key).cloned().unwrap_or_default()
    }

    /// Calls `visit` for the last `max` of the first `end` streams of a list, under the lock of its shard.
    ///
    /// The caller goes through a list from `end = usize::MAX` down to `rest = 0`, and the list can change between two
    /// slices. A stream that is in it from the first slice to the last is visited at least once:
    /// [`StreamLists::remove`] fills a gap with the last stream, so a stream moves only down, and one that is not
    /// visited yet stays below `rest`. A visited stream that moves below `rest` is visited again.
    pub(super) fn visit_slice(
        &self,
        key: MemberId,
        end: usize,
        max: usize,
        visit: impl FnMut(&Arc<StreamQueue>),
    ) -> Slice {
        visit_last(self.shard_of(key).get(&key).map_or(&[], Vec::as_slice), end, max, visit)
    }

    /// Returns the streams of every list of a shard.
    pub(super) fn of_shard(&self, shard: usize) -> Vec<Arc<StreamQueue>> {
        self.lock(shard).values().flatten().cloned().collect()
    }

    /// Whether no member has a list.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        (0..Self::SHARDS).all(|shard| self.lock(shard).is_empty())
    }

    fn shard_of(&self, key: MemberId) -> MutexGuard<'_, Shard> {
        self.lock(Slot::of(key).index())
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a stream to a list. False if the list has `max` streams.
fn add_to(list: &mut Vec<Arc<StreamQueue>>, queue: &Arc<StreamQueue>, max: usize) -> bool {
    let has_room = list.len() < max;
    if has_room {
        list.push(queue.clone());
    }
    has_room
}

/// Calls `visit` for the last `max` of the first `end` streams.
fn visit_last(list: &[Arc<StreamQueue>], end: usize, max: usize, visit: impl FnMut(&Arc<StreamQueue>)) -> Slice {
    let end = end.min(list.len());
    let rest = end.saturating_sub(max);
    list[rest..end].iter().for_each(visit);
    Slice { visited: end - rest, rest }
}

/// Removes a stream from a list of a shard, and the list if it is empty. False if the list does not have the stream.
fn remove_from(shard: &mut Shard, key: MemberId, queue: &Arc<StreamQueue>) -> bool {
    let Some(list) = shard.get_mut(&key) else { return false };
    let Some(index) = list.iter().position(|other| Arc::ptr_eq(other, queue)) else { return false };
    list.swap_remove(index);
    if list.is_empty() {
        shard.remove(&key);
    }
    true
}
