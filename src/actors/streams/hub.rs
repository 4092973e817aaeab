//! `Hub`: every open stream of this process, by its member and by the authors that it watches. It offers each event to
//! the streams of the event's audience, in slices, so that a fan-out holds up nothing else.
use super::{stream_lists::StreamLists, stream_queue::StreamQueue};
use crate::domain::{Event, EventAudience, EventKind as K, MemberId, Position, PostId};
use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Offers in one slice, some 20 µs: then the lock of the list is released and other tasks have their turn. A worker
/// thread runs up to 61 tasks until the fan-out continues. Fewer offers than that keep its queue of woken tasks short,
/// so that a task of a request waits for few of them, and never overflow it, which would put that task behind all
/// others.
const SLICE: usize = 32;
/// Offers of one event before the first pause, which take about a millisecond: a fan-out to fewer streams runs at once,
/// because pauses would delay its last streams and spare others nothing.
const FIRST_SLICE: usize = 1_024;

/// Every open stream of this process; one for all members.
///
/// One task offers events and changes follows: the actor of the streams. Any task opens and closes streams, and notes
/// what a client shows. An event that is applied after the `live_from` of a stream is offered to the stream once, in
/// the order of the log.
///
/// Lock order: the authors of one [`StreamQueue`] first, then one shard of one of the lists, then the queue or the
/// screen of one [`StreamQueue`], or the channel of the projection's position, whose writer holds no other lock. A home
/// feed takes a shard of `by_member` alone, which is never held for longer than the streams of one member or a copy of
/// the shard.
pub(super) struct Hub {
    /// The streams of each member.
    by_member: StreamLists,
    /// The streams that watch each author.
    by_author: StreamLists,
    /// Every stream has been offered the events up to here.
    offered_to: AtomicU64,
    /// Number of streams.
    open: AtomicUsize,
    /// Maximum number of events that wait in one stream.
    waiting_max: usize,
}

/// Counts the offers of a fan-out, and gives way to other tasks after each slice of them.
pub(super) struct Pace {
    /// Offers before the first pause of an event.
    first: usize,
    /// Offers in each further slice.
    slice: usize,
    /// Offers until the next pause.
    left: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { first: FIRST_SLICE, slice: SLICE, left: FIRST_SLICE }
    }
}

impl Pace {
    /// Begins to count, with a first slice like the others; `slice` is at least 1.
    #[cfg(test)]
    pub(super) fn new(slice: usize) -> Self {
        Self { first: slice, slice, left: slice }
    }

    /// Begins an event. Gives way first, if the events before it have used a part of their first slice that counts.
    async fn begin(&mut self) {
        if self.left + self.slice <= self.first {
            tokio::task::yield_now().await;
        }
        self.left = self.first;
    }

    async fn count(&mut self, offers: usize) {
        self.left = self.left.saturating_sub(offers);
        if self.left == 0 {
            self.left = self.slice;
            tokio::task::yield_now().await;
        }
    }
}

impl Hub {
    pub(super) fn new(waiting_max: usize) -> Self {
        Self {
            by_member: StreamLists::default(),
            by_author: StreamLists::default(),
            offered_to: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            waiting_max,
        }
    }

    /// Returns the position up to which every stream has been offered the events.
    pub(super) fn offered_to(&self) -> Position {
        Position(self.offered_to.load(Ordering::Acquire))
    }

    /// Notes that every stream has been offered the events up to `position`.
    pub(super) fn set_offered_to(&self, position: Position) {
        self.offered_to.store(position.0, Ordering::Release);
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
        // Held until the stream watches every author: a follow of the member waits for it.
        let mut watched = queue.watched();
        if !self.by_member.add(queue.member, queue, per_member_max) {
            return None;
        }
        self.by_author.add_to_all(&authors, queue);
        *watched = Some(authors);
        // Read after the stream is in every list: an event that is applied later is offered to it.
        let live_from = applied();
        drop(watched);
        let open = self.open.fetch_add(1, Ordering::AcqRel) + 1;
        metrics::gauge!("dailyfeed_stream_watchers").set(open as f64);
        Some(live_from)
    }

    /// Removes a stream.
    pub(super) fn close(&self, queue: &Arc<StreamQueue>) {
        if !self.by_member.remove(queue.member, queue) {
            return;
        }
        // A follow that found the stream before it was removed finds no authors afterwards, and adds none.
        let authors = queue.watched().take();
        self.by_author.remove_from_all(authors.as_deref().unwrap_or_default(), queue);
        let open = self.open.fetch_sub(1, Ordering::AcqRel) - 1;
        metrics::gauge!("dailyfeed_stream_watchers").set(open as f64);
    }

    /// Has the streams of a follower watch or no longer watch the author, if this event is about a follow.
    pub(super) fn change_watched(&self, event: &Event) {
        let fact = &event.fact;
        match (fact.kind, fact.target) {
            (K::MemberFollowed | K::FollowBegan, Some(author)) => self.follow(fact.member, author),
            (K::MemberUnfollowed | K::FollowEnded, Some(author)) => self.unfollow(fact.member, author),
            _ => {}
        }
    }

    fn follow(&self, member: MemberId, author: MemberId) {
        for queue in self.by_member.list(member) {
            let mut watched = queue.watched();
            let Some(authors) = watched.as_deref() else { continue };
            let Err(index) = authors.binary_search(&author) else { continue };
            let (before, after) = authors.split_at(index);
            *watched = Some(before.iter().chain([&author]).chain(after).copied().collect());
            self.by_author.add(author, &queue, usize::MAX);
            drop(watched);
        }
    }

    fn unfollow(&self, member: MemberId, author: MemberId) {
        for queue in self.by_member.list(member) {
            let mut watched = queue.watched();
            let Some(authors) = watched.as_deref() else { continue };
            if authors.binary_search(&author).is_ok() {
                *watched = Some(authors.iter().filter(|other| **other != author).copied().collect());
                self.by_author.remove(author, &queue);
            }
            drop(watched);
        }
    }

    /// Offers an event to every stream of its audience. Gives way to other tasks as `pace` demands.
    pub(super) async fn offer(&self, event: &Event, pace: &mut Pace) {
        pace.begin().await;
        let (audience, fact) = (EventAudience::of(event.fact.kind), &event.fact);
        if audience.followers {
            self.offer_to_watchers(event, pace).await;
        }
        if audience.actor {
            self.offer_to_member(event, fact.member, pace).await;
        }
        if audience.target
            && let Some(target) = fact.target
        {
            self.offer_to_member(event, target, pace).await;
        }
        if audience.everybody {
            self.offer_to_everybody(event, pace).await;
        }
    }

    async fn offer_to_watchers(&self, event: &Event, pace: &mut Pace) {
        let mut end = usize::MAX;
        while end > 0 {
            let slice = self.by_author.visit_slice(event.fact.member, end, pace.slice, |queue| {
                queue.offer(*event, self.waiting_max);
            });
            end = slice.rest;
            pace.count(slice.visited).await;
        }
    }

    async fn offer_to_member(&self, event: &Event, member: MemberId, pace: &mut Pace) {
        let offered = self.by_member.visit(member, |queue| queue.offer(*event, self.waiting_max));
        pace.count(offered).await;
    }

    async fn offer_to_everybody(&self, event: &Event, pace: &mut Pace) {
        for shard in 0..StreamLists::SHARDS {
            // The later `live_from` of a stream that is registered after this copy is not before the event.
            for slice in self.by_member.of_shard(shard).chunks(pace.slice) {
                slice.iter().for_each(|queue| queue.offer(*event, self.waiting_max));
                pace.count(slice.len()).await;
            }
        }
    }

    /// Returns the created and updated posts among these events that some stream shows.
    pub(super) fn awaited_posts(&self, events: &[Event]) -> Vec<PostId> {
        if self.is_empty() {
            return Vec::new();
        }
        let awaited = |event: &&Event| {
            matches!(event.fact.kind, K::PostCreated | K::PostUpdated) && self.by_author.has(event.fact.member)
        };
        events.iter().filter(awaited).filter_map(|event| event.fact.post).collect()
    }

    /// Notes that the member's client shows these posts: the member's open streams report their counts from now on.
    pub(super) fn note_on_screen(&self, member: MemberId, posts: impl Iterator<Item = PostId> + Clone) {
        if !self.is_empty() {
            self.by_member.visit(member, |queue| queue.note_on_screen(posts.clone()));
        }
    }

    /// Whether no list has a stream.
    #[cfg(test)]
    pub(super) fn has_no_lists(&self) -> bool {
        self.by_member.is_empty() && self.by_author.is_empty()
    }

    /// Whether no stream is open; can be stale for a moment. Spares callers the locks while no stream is open.
    fn is_empty(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    /// Ends every open stream after the events that it was offered. Each client resumes from its last id and misses
    /// nothing.
    pub(super) async fn interrupt(&self) {
        let mut pace = Pace::default();
        for shard in 0..StreamLists::SHARDS {
            for slice in self.by_member.of_shard(shard).chunks(pace.slice) {
                slice.iter().for_each(|queue| queue.interrupt());
                pace.count(slice.len()).await;
            }
        }
    }
}
