//! Which open streams watch which author.
use crate::domain::{EventKind, MemberId, Position, PostId};
use rustc_hash::FxHashMap;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::Notify;

/// Something that happened to a post, on its way to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) position: Position,
    pub(super) kind: EventKind,
    pub(super) post: PostId,
}

/// One open stream's side of the hub: what it has not sent yet, and its wake-up.
pub(super) struct Watcher {
    pub(super) member: MemberId,
    pub(super) wake: Notify,
    items: Mutex<Items>,
}

#[derive(Default)]
struct Items {
    waiting: VecDeque<Item>,
    /// More came than may wait: the stream ends, and resumes from its last id.
    over: bool,
}

impl Watcher {
    pub(super) fn new(member: MemberId) -> Self {
        Self { member, wake: Notify::new(), items: Mutex::default() }
    }

    fn offer(&self, item: Item, waiting_max: usize) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        if items.over {
            return;
        }
        if items.waiting.len() < waiting_max {
            items.waiting.push_back(item);
        } else {
            items.over = true;
        }
        drop(items);
        self.wake.notify_one();
    }

    fn interrupt(&self) {
        self.items.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.wake.notify_one();
    }

    /// The first of what waits, left in its place; `None` once more came than may wait.
    pub(super) fn first(&self, limit: usize) -> Option<Vec<Item>> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let first: Vec<_> = items.waiting.iter().take(limit).copied().collect();
        (!first.is_empty() || !items.over).then_some(first)
    }

    /// Forgets the first `count`: they are on their way.
    pub(super) fn taken(&self, count: usize) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.waiting.drain(..count);
        if items.waiting.is_empty() {
            // Thousands of idle streams should not keep the room that one busy moment took.
            items.waiting = VecDeque::new();
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.waiting.is_empty() && !items.over
    }
}

struct Stream {
    watcher: Arc<Watcher>,
    /// Ascending. Shared with the cache of follows for as long as they do not change.
    authors: Arc<[MemberId]>,
}

#[derive(Default)]
struct Streams {
    of_author: FxHashMap<MemberId, Vec<Arc<Watcher>>>,
    of_member: FxHashMap<MemberId, Vec<Stream>>,
    count: usize,
}

/// Every open stream of this process.
pub(super) struct Hub {
    streams: Mutex<Streams>,
    /// Every stream has been offered what came up to here.
    offered: AtomicU64,
    waiting_max: usize,
}

impl Hub {
    pub(super) fn new(waiting_max: usize) -> Self {
        Self { streams: Mutex::default(), offered: AtomicU64::new(0), waiting_max }
    }

    pub(super) fn offered(&self) -> Position {
        Position(self.offered.load(Ordering::Acquire))
    }

    /// Registers a stream, and says from which position on it is offered what happens. `None` where the member has
    /// as many as a member may have.
    pub(super) fn open(
        &self,
        watcher: &Arc<Watcher>,
        authors: Arc<[MemberId]>,
        per_member_max: usize,
        applied: impl FnOnce() -> Position,
    ) -> Option<Position> {
        let mut streams = self.lock();
        let own = streams.of_member.entry(watcher.member).or_default();
        if own.len() >= per_member_max {
            return None;
        }
        own.push(Stream { watcher: watcher.clone(), authors: authors.clone() });
        for author in authors.iter() {
            streams.of_author.entry(*author).or_default().push(watcher.clone());
        }
        streams.count += 1;
        metrics::gauge!("dailyfeed_stream_watchers").set(streams.count as f64);
        Some(applied())
    }

    pub(super) fn close(&self, watcher: &Arc<Watcher>) {
        let mut streams = self.lock();
        let streams = &mut *streams;
        let Some(own) = streams.of_member.get_mut(&watcher.member) else { return };
        let Some(at) = own.iter().position(|stream| Arc::ptr_eq(&stream.watcher, watcher)) else { return };
        let stream = own.swap_remove(at);
        if own.is_empty() {
            streams.of_member.remove(&watcher.member);
        }
        for author in stream.authors.iter() {
            forget(&mut streams.of_author, *author, watcher);
        }
        streams.count -= 1;
        metrics::gauge!("dailyfeed_stream_watchers").set(streams.count as f64);
    }

    /// The member's open streams show that author from now on.
    pub(super) fn follow(&self, member: MemberId, author: MemberId) {
        let mut streams = self.lock();
        let streams = &mut *streams;
        for stream in streams.of_member.get_mut(&member).into_iter().flatten() {
            let Err(at) = stream.authors.binary_search(&author) else { continue };
            let (before, after) = stream.authors.split_at(at);
            stream.authors = before.iter().chain([&author]).chain(after).copied().collect();
            streams.of_author.entry(author).or_default().push(stream.watcher.clone());
        }
    }

    /// The member's open streams do not show that author any more.
    pub(super) fn unfollow(&self, member: MemberId, author: MemberId) {
        let mut streams = self.lock();
        let streams = &mut *streams;
        for stream in streams.of_member.get_mut(&member).into_iter().flatten() {
            if stream.authors.binary_search(&author).is_ok() {
                stream.authors = stream.authors.iter().filter(|other| **other != author).copied().collect();
                forget(&mut streams.of_author, author, &stream.watcher);
            }
        }
    }

    /// Offers what happened to an author's post to every stream that watches the author.
    pub(super) fn offer(&self, author: MemberId, item: Item) {
        let streams = self.lock();
        for watcher in streams.of_author.get(&author).into_iter().flatten() {
            watcher.offer(item, self.waiting_max);
        }
    }

    /// Ends every open stream after what it has: each resumes from its last id, and misses nothing.
    pub(super) fn interrupt(&self) {
        let streams = self.lock();
        for stream in streams.of_member.values().flatten() {
            stream.watcher.interrupt();
        }
    }

    /// Everything up to here has been offered.
    pub(super) fn offered_to(&self, position: Position) {
        self.offered.store(position.0, Ordering::Release);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget(of_author: &mut FxHashMap<MemberId, Vec<Arc<Watcher>>>, author: MemberId, watcher: &Arc<Watcher>) {
    if let Some(watchers) = of_author.get_mut(&author) {
        if let Some(at) = watchers.iter().position(|other| Arc::ptr_eq(other, watcher)) {
            watchers.swap_remove(at);
        }
        if watchers.is_empty() {
            of_author.remove(&author);
        }
    }
}
