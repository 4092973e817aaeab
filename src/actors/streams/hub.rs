//! Which open streams watch which author.
use super::watcher::Watcher;
use crate::domain::{Audience, Event, EventKind, MemberId, Position, PostId};
use rustc_hash::FxHashMap;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

struct Stream {
    watcher: Arc<Watcher>,
    /// Ascending. Shared with the cache of follows for as long as they do not change.
    authors: Arc<[MemberId]>,
}

#[derive(Default)]
struct Streams {
    of_author: FxHashMap<MemberId, Vec<Arc<Watcher>>>,
    of_member: FxHashMap<MemberId, Vec<Stream>>,
}

impl Streams {
    /// Takes a stream out; false where it is not there.
    fn remove(&mut self, watcher: &Arc<Watcher>) -> bool {
        let Some(own) = self.of_member.get_mut(&watcher.member) else { return false };
        let Some(at) = own.iter().position(|stream| Arc::ptr_eq(&stream.watcher, watcher)) else { return false };
        let stream = own.swap_remove(at);
        if own.is_empty() {
            self.of_member.remove(&watcher.member);
        }
        for author in stream.authors.iter() {
            forget(&mut self.of_author, *author, watcher);
        }
        true
    }

    fn follow(&mut self, member: MemberId, author: MemberId) {
        for stream in self.of_member.get_mut(&member).into_iter().flatten() {
            let Err(at) = stream.authors.binary_search(&author) else { continue };
            let (before, after) = stream.authors.split_at(at);
            stream.authors = before.iter().chain([&author]).chain(after).copied().collect();
            self.of_author.entry(author).or_default().push(stream.watcher.clone());
        }
    }

    fn unfollow(&mut self, member: MemberId, author: MemberId) {
        for stream in self.of_member.get_mut(&member).into_iter().flatten() {
            if stream.authors.binary_search(&author).is_ok() {
                stream.authors = stream.authors.iter().filter(|other| **other != author).copied().collect();
                forget(&mut self.of_author, author, &stream.watcher);
            }
        }
    }
}

/// Every open stream of this process.
///
/// Lock order: `streams` first, then the lists of one [`Watcher`] or the projection's `applied` channel, whose writer
/// holds nothing else.
pub(super) struct Hub {
    streams: Mutex<Streams>,
    /// Every stream has been offered what came up to here.
    offered: AtomicU64,
    /// How many there are.
    open: AtomicUsize,
    waiting_max: usize,
}

impl Hub {
    pub(super) fn new(waiting_max: usize) -> Self {
        Self { streams: Mutex::default(), offered: AtomicU64::new(0), open: AtomicUsize::new(0), waiting_max }
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
        // Read before the lock goes: what is applied from here on is offered to this stream.
        let begins = applied();
        drop(streams);
        let open = self.open.fetch_add(1, Ordering::AcqRel) + 1;
        metrics::gauge!("dailyfeed_stream_watchers").set(open as f64);
        Some(begins)
    }

    pub(super) fn close(&self, watcher: &Arc<Watcher>) {
        if !self.lock().remove(watcher) {
            return;
        }
        let open = self.open.fetch_sub(1, Ordering::AcqRel) - 1;
        metrics::gauge!("dailyfeed_stream_watchers").set(open as f64);
    }

    /// The member's open streams show that author from now on.
    pub(super) fn follow(&self, member: MemberId, author: MemberId) {
        self.lock().follow(member, author);
    }

    /// The member's open streams do not show that author any more.
    pub(super) fn unfollow(&self, member: MemberId, author: MemberId) {
        self.lock().unfollow(member, author);
    }

    /// Offers an event to every stream of its audience.
    pub(super) fn offer(&self, event: &Event) {
        let (audience, fact) = (Audience::of(event.fact.kind), &event.fact);
        if audience == Audience::default() {
            return;
        }
        let streams = self.lock();
        let offer = |watcher: &Arc<Watcher>| watcher.offer(*event, self.waiting_max);
        let to_member = |member: MemberId| {
            streams.of_member.get(&member).into_iter().flatten().for_each(|stream| offer(&stream.watcher));
        };
        if audience.watchers {
            streams.of_author.get(&fact.member).into_iter().flatten().for_each(offer);
        }
        if audience.actor {
            to_member(fact.member);
        }
        if audience.target {
            fact.target.into_iter().for_each(to_member);
        }
        if audience.everybody {
            streams.of_member.values().flatten().for_each(|stream| offer(&stream.watcher));
        }
    }

    /// The posts among these events that streams will have to show.
    pub(super) fn awaited(&self, events: &[Event]) -> Vec<PostId> {
        if self.is_empty() {
            return Vec::new();
        }
        let streams = self.lock();
        let awaited = |event: &&Event| {
            matches!(event.fact.kind, EventKind::PostCreated | EventKind::PostUpdated)
                && streams.of_author.contains_key(&event.fact.member)
        };
        events.iter().filter(awaited).filter_map(|event| event.fact.post).collect()
    }

    /// The member has seen these posts: the member's open streams tell when their counts change.
    pub(super) fn saw(&self, member: MemberId, posts: impl Iterator<Item = PostId> + Clone) {
        if self.is_empty() {
            return;
        }
        let streams = self.lock();
        for stream in streams.of_member.get(&member).into_iter().flatten() {
            stream.watcher.saw(posts.clone());
        }
    }

    /// May be wrong for a moment. A read should not take a lock to find out that there are no streams.
    fn is_empty(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
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
