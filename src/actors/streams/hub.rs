//! `Hub`: every open stream of this process, by its member and by the authors that it watches. It offers each event to
//! the streams of the event's audience.
use super::stream_queue::StreamQueue;
use crate::domain::{Event, EventAudience, EventKind, MemberId, Position, PostId};
use rustc_hash::FxHashMap;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// One open stream.
struct Stream {
    queue: Arc<StreamQueue>,
    /// The authors that it watches, ascending. Shared with the cached relations until a follow changes them.
    authors: Arc<[MemberId]>,
}

/// The open streams, indexed by author and by member.
#[derive(Default)]
struct Index {
    by_author: FxHashMap<MemberId, Vec<Arc<StreamQueue>>>,
    by_member: FxHashMap<MemberId, Vec<Stream>>,
}

impl Index {
    /// Removes a stream; false if it is unknown.
    fn remove(&mut self, queue: &Arc<StreamQueue>) -> bool {
        let Some(own) = self.by_member.get_mut(&queue.member) else { return false };
        let Some(index) = own.iter().position(|stream| Arc::ptr_eq(&stream.queue, queue)) else { return false };
        let stream = own.swap_remove(index);
        if own.is_empty() {
            self.by_member.remove(&queue.member);
        }
        for author in stream.authors.iter() {
            remove_watcher(&mut self.by_author, *author, queue);
        }
        true
    }

    fn follow(&mut self, member: MemberId, author: MemberId) {
        for stream in self.by_member.get_mut(&member).into_iter().flatten() {
            let Err(index) = stream.authors.binary_search(&author) else { continue };
            let (before, after) = stream.authors.split_at(index);
            stream.authors = before.iter().chain([&author]).chain(after).copied().collect();
            self.by_author.entry(author).or_default().push(stream.queue.clone());
        }
    }

    fn unfollow(&mut self, member: MemberId, author: MemberId) {
        for stream in self.by_member.get_mut(&member).into_iter().flatten() {
            if stream.authors.binary_search(&author).is_ok() {
                stream.authors = stream.authors.iter().filter(|other| **other != author).copied().collect();
                remove_watcher(&mut self.by_author, author, &stream.queue);
            }
        }
    }
}

/// Every open stream of this process; one for all members.
///
/// Lock order: `streams` first, then the lists of one [`StreamQueue`] or the channel of the projection's position,
/// whose writer holds no other lock.
pub(super) struct Hub {
    streams: Mutex<Index>,
    /// Every stream has been offered the events up to here.
    offered_to: AtomicU64,
    /// Number of streams.
    open: AtomicUsize,
    /// Maximum number of events that wait in one stream.
    waiting_max: usize,
}

impl Hub {
    pub(super) fn new(waiting_max: usize) -> Self {
        Self { streams: Mutex::default(), offered_to: AtomicU64::new(0), open: AtomicUsize::new(0), waiting_max }
    }

    /// Returns the position up to which every stream has been offered the events.
    pub(super) fn offered_to(&self) -> Position {
        Position(self.offered_to.load(Ordering::Acquire))
    }

    /// Registers a stream. Returns the position after which it is offered the events; `None` if the member has
    /// `per_member_max` streams.
    pub(super) fn open(
        &self,
        queue: &Arc<StreamQueue>,
        authors: Arc<[MemberId]>,
        per_member_max: usize,
        applied: impl FnOnce() -> Position,
    ) -> Option<Position> {
        let mut streams = self.lock();
        let own = streams.by_member.entry(queue.member).or_default();
        if own.len() >= per_member_max {
            return None;
        }
        own.push(Stream { queue: queue.clone(), authors: authors.clone() });
        for author in authors.iter() {
            streams.by_author.entry(*author).or_default().push(queue.clone());
        }
        // Read under the lock: an event that is applied later is offered to this stream.
        let live_from = applied();
        drop(streams);
        let open = self.open.fetch_add(1, Ordering::AcqRel) + 1;
        metrics::gauge!("dailyfeed_stream_watchers").set(open as f64);
        Some(live_from)
    }

    /// Removes a stream.
    pub(super) fn close(&self, queue: &Arc<StreamQueue>) {
        if !self.lock().remove(queue) {
            return;
        }
        let open = self.open.fetch_sub(1, Ordering::AcqRel) - 1;
        metrics::gauge!("dailyfeed_stream_watchers").set(open as f64);
    }

    /// Has the member's open streams watch `author`.
    pub(super) fn follow(&self, member: MemberId, author: MemberId) {
        self.lock().follow(member, author);
    }

    /// Has the member's open streams no longer watch `author`.
    pub(super) fn unfollow(&self, member: MemberId, author: MemberId) {
        self.lock().unfollow(member, author);
    }

    /// Offers an event to every stream of its audience.
    pub(super) fn offer(&self, event: &Event) {
        let (audience, fact) = (EventAudience::of(event.fact.kind), &event.fact);
        if audience == EventAudience::default() {
            return;
        }
        let streams = self.lock();
        let offer = |queue: &Arc<StreamQueue>| queue.offer(*event, self.waiting_max);
        let offer_to_member = |member: MemberId| {
            for stream in streams.by_member.get(&member).into_iter().flatten() {
                offer(&stream.queue);
            }
        };
        if audience.followers {
            streams.by_author.get(&fact.member).into_iter().flatten().for_each(offer);
        }
        if audience.actor {
            offer_to_member(fact.member);
        }
        if audience.target
            && let Some(target) = fact.target
        {
            offer_to_member(target);
        }
        if audience.everybody {
            streams.by_member.values().flatten().for_each(|stream| offer(&stream.queue));
        }
    }

    /// Returns the created and updated posts among these events that some stream shows.
    pub(super) fn awaited_posts(&self, events: &[Event]) -> Vec<PostId> {
        if self.is_empty() {
            return Vec::new();
        }
        let streams = self.lock();
        let awaited = |event: &&Event| {
            matches!(event.fact.kind, EventKind::PostCreated | EventKind::PostUpdated)
                && streams.by_author.contains_key(&event.fact.member)
        };
        events.iter().filter(awaited).filter_map(|event| event.fact.post).collect()
    }

    /// Notes that the member's client shows these posts: the member's open streams report their counts from now on.
    pub(super) fn note_on_screen(&self, member: MemberId, posts: impl Iterator<Item = PostId> + Clone) {
        if self.is_empty() {
            return;
        }
        let streams = self.lock();
        for stream in streams.by_member.get(&member).into_iter().flatten() {
            stream.queue.note_on_screen(posts.clone());
        }
    }

    /// Whether no stream is open; can be stale for a moment. Spares callers the lock while no stream is open.
    fn is_empty(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    /// Ends every open stream after the events that it was offered. Each client resumes from its last id and misses
    /// nothing.
    pub(super) fn interrupt(&self) {
        let streams = self.lock();
        for stream in streams.by_member.values().flatten() {
            stream.queue.interrupt();
        }
    }

    /// Notes that every stream has been offered the events up to `position`.
    pub(super) fn set_offered_to(&self, position: Position) {
        self.offered_to.store(position.0, Ordering::Release);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Index> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a queue from those of one author.
fn remove_watcher(
    by_author: &mut FxHashMap<MemberId, Vec<Arc<StreamQueue>>>,
    author: MemberId,
    queue: &Arc<StreamQueue>,
) {
    if let Some(queues) = by_author.get_mut(&author) {
        if let Some(index) = queues.iter().position(|other| Arc::ptr_eq(other, queue)) {
            queues.swap_remove(index);
        }
        if queues.is_empty() {
            by_author.remove(&author);
        }
    }
}
