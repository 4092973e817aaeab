//! `StreamQueue`: the queue of one open stream. The hub puts events in, the stream's `Subscription` takes them out. It
//! also holds the posts on the client's screen, and the authors that the stream watches.
use crate::domain::{Event, MemberId, Position, PostId};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Maximum number of posts whose changed counts a stream reports, 8 bytes each; the oldest entry is evicted first.
const ON_SCREEN_MAX: usize = 200;

/// One open stream as the hub sees it. Lock order: `watched` before the lists of the hub, and those before the other
/// two locks, which are never held at once.
pub(super) struct StreamQueue {
    pub(super) member: MemberId,
    /// Wakes the reader.
    pub(super) wake: Notify,
    queue: Mutex<Queue>,
    /// Posts that the client shows; newest last, without duplicates.
    on_screen: Mutex<VecDeque<PostId>>,
    /// The authors that it watches, ascending; `None` while the hub does not have the stream. Shared with the cached
    /// relations until a follow changes them.
    watched: Mutex<Option<Arc<[MemberId]>>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Event>,
    /// The last event that was offered. An event up to here is ignored: an audience can name a stream twice, a fan-out
    /// can visit it twice, and a failed one is repeated.
    offered_to: Position,
    /// More events were offered than can wait, or the projection was rebuilt: the stream ends, and its client resumes
    /// from its last id.
    ended: bool,
}

impl StreamQueue {
    pub(super) fn new(member: MemberId) -> Self {
        Self {
            member,
            wake: Notify::new(),
            queue: Mutex::default(),
            on_screen: Mutex::default(),
            watched: Mutex::default(),
        }
    }

    /// Locks the authors that the stream watches. Only the hub calls this.
    pub(super) fn watched(&self) -> MutexGuard<'_, Option<Arc<[MemberId]>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an event once and wakes the reader; at most `waiting_max` events wait. Events are offered in the order of
    /// the log.
    pub(super) fn offer(&self, event: Event, waiting_max: usize) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.ended || event.position <= queue.offered_to {
            return;
        }
        queue.offered_to = event.position;
        if queue.waiting.len() < waiting_max {
            queue.waiting.push_back(event);
        } else {
            queue.ended = true;
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Blocks every offer to this stream while the returned guard lives.
    #[cfg(test)]
    pub(super) fn block(&self) -> impl Drop + '_ {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the stream after the events that wait.
    pub(super) fn interrupt(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.wake.notify_one();
    }

    /// Returns the first events that wait, without removing them; `None` if none waits and the stream has ended.
    pub(super) fn first(&self, limit: usize) -> Option<Vec<Event>> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let first: Vec<_> = queue.waiting.iter().take(limit).copied().collect();
        if first.is_empty() && queue.ended { None } else { Some(first) }
    }

    /// Removes the first `count` events: they are in the outbox.
    pub(super) fn remove_first(&self, count: usize) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.drain(..count);
        if queue.waiting.is_empty() {
            // Releases the capacity: thousands of idle streams would otherwise keep what one burst needed.
            queue.waiting = VecDeque::new();
        }
    }

    /// Whether no event waits and the stream has not ended.
    pub(super) fn is_idle(&self) -> bool {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.is_empty() && !queue.ended
    }

    /// Notes that the client shows these posts. Beyond [`ON_SCREEN_MAX`] the oldest are forgotten.
    pub(super) fn note_on_screen(&self, posts: impl IntoIterator<Item = PostId>) {
        let mut on_screen = self.on_screen.lock().unwrap_or_else(PoisonError::into_inner);
        for post in posts {
            if !on_screen.contains(&post) {
                on_screen.push_back(post);
            }
        }
        let surplus = on_screen.len().saturating_sub(ON_SCREEN_MAX);
        on_screen.drain(..surplus);
    }

    /// Returns those of the posts on the client's screen that are `wanted`.
    pub(super) fn on_screen(&self, wanted: impl Fn(PostId) -> bool) -> Vec<PostId> {
        let on_screen = self.on_screen.lock().unwrap_or_else(PoisonError::into_inner);
        on_screen.iter().copied().filter(|post| wanted(*post)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventKind, Fact, Position};

    #[test]
    fn the_oldest_post_on_the_screen_is_evicted_first() {
        let queue = StreamQueue::new(MemberId(1));
        queue.note_on_screen((0..ON_SCREEN_MAX as u64 + 5).chain([7]).map(PostId));
        let on_screen = queue.on_screen(|_| true);
        assert_eq!((on_screen.len(), on_screen[0]), (ON_SCREEN_MAX, PostId(5)));
        assert_eq!(queue.on_screen(|post| post.0 <= 7).len(), 3);
    }

    #[test]
    fn an_event_that_is_offered_twice_waits_once() {
        let queue = StreamQueue::new(MemberId(1));
        let event = |position| Event {
            position: Position(position),
            at_ns: 0,
            fact: Fact::new(EventKind::PostLiked, MemberId(2)),
        };
        for position in [1, 1, 2] {
            queue.offer(event(position), 2);
        }
        assert_eq!(queue.first(9).map(|first| first.len()), Some(2));
        queue.offer(event(3), 2);
        queue.remove_first(2);
        assert_eq!(queue.first(9), None);
    }
}
