//! One open stream's side of the hub: what it has not sent yet, what its client has seen, and its wake-up.
use crate::domain::{Event, MemberId, PostId};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use tokio::sync::Notify;

/// Posts whose counts a stream keeps telling of, 8 bytes each; those seen first are forgotten first.
pub(super) const SEEN_MAX: usize = 200;

pub(super) struct Watcher {
    pub(super) member: MemberId,
    pub(super) wake: Notify,
    items: Mutex<Items>,
    /// Newest last, none twice.
    seen: Mutex<VecDeque<PostId>>,
}

#[derive(Default)]
struct Items {
    waiting: VecDeque<Event>,
    /// More came than may wait: the stream ends, and resumes from its last id.
    over: bool,
}

impl Watcher {
    pub(super) fn new(member: MemberId) -> Self {
        Self { member, wake: Notify::new(), items: Mutex::default(), seen: Mutex::default() }
    }

    pub(super) fn offer(&self, event: Event, waiting_max: usize) {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        // Who is part of an audience twice is told once.
        if items.over || items.waiting.back().is_some_and(|last| last.position == event.position) {
            return;
        }
        if items.waiting.len() < waiting_max {
            items.waiting.push_back(event);
        } else {
            items.over = true;
        }
        drop(items);
        self.wake.notify_one();
    }

    pub(super) fn interrupt(&self) {
        self.items.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.wake.notify_one();
    }

    /// The first of what waits, left in its place; `None` once more came than may wait.
    pub(super) fn first(&self, limit: usize) -> Option<Vec<Event>> {
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

    /// The client has seen these posts: it is told when their counts change.
    pub(super) fn saw(&self, posts: impl IntoIterator<Item = PostId>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for post in posts {
            if !seen.contains(&post) {
                seen.push_back(post);
            }
        }
        let surplus = seen.len().saturating_sub(SEEN_MAX);
        seen.drain(..surplus);
    }

    /// Those seen posts that are wanted.
    pub(super) fn seen(&self, wanted: impl Fn(PostId) -> bool) -> Vec<PostId> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().copied().filter(|post| wanted(*post)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventKind, Fact, Position};

    #[test]
    fn what_was_seen_first_is_forgotten_first() {
        let watcher = Watcher::new(MemberId(1));
        watcher.saw((0..SEEN_MAX as u64 + 5).chain([7]).map(PostId));
        let seen = watcher.seen(|_| true);
        assert_eq!((seen.len(), seen[0]), (SEEN_MAX, PostId(5)));
        assert_eq!(watcher.seen(|post| post.0 <= 7).len(), 3);
    }

    #[test]
    fn an_event_that_is_offered_twice_waits_once() {
        let watcher = Watcher::new(MemberId(1));
        let event = |position| Event {
            position: Position(position),
            at_ns: 0,
            fact: Fact::new(EventKind::PostLiked, MemberId(2)),
        };
        for position in [1, 1, 2] {
            watcher.offer(event(position), 2);
        }
        assert_eq!(watcher.first(9).map(|first| first.len()), Some(2));
        watcher.offer(event(3), 2);
        watcher.taken(2);
        assert_eq!(watcher.first(9), None);
    }
}
