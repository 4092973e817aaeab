//! `RecentCounts`: the posts whose counts changed recently. Each stream reports the counts of those on its client's
//! screen.
use crate::domain::{Event, EventKind as K, Position, PostId};
use rustc_hash::FxHashMap;
use std::{
    collections::VecDeque,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Changes kept, 40 bytes each. If more posts than this change within one second, a stream, which reads once a
/// second, misses a count until the post's next change.
const KEPT: usize = 16_384;

/// The newest changes of counts, without the counts themselves.
#[derive(Default)]
pub(super) struct RecentCounts {
    inner: RwLock<Inner>,
    /// Position of the newest change.
    newest: AtomicU64,
}

#[derive(Default)]
struct Inner {
    /// The last change of each post.
    last: FxHashMap<PostId, Position>,
    /// Every change, oldest first.
    order: VecDeque<(Position, PostId)>,
}

impl RecentCounts {
    /// Adds the changes that these events make.
    pub(super) fn note(&self, events: &[Event]) {
        self.add(events.iter().filter_map(|event| Some((event.position, counted_post(event)?))));
    }

    /// Adds changes, in the order of the log.
    fn add(&self, changed: impl Iterator<Item = (Position, PostId)>) {
        let mut changed = changed.peekable();
        if changed.peek().is_none() {
            return;
        }
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        for (position, post) in changed {
            inner.last.insert(post, position);
            inner.order.push_back((position, post));
            self.newest.store(position.0, Ordering::Release);
        }
        while inner.order.len() > KEPT
            && let Some((position, post)) = inner.order.pop_front()
        {
            if inner.last.get(&post) == Some(&position) {
                inner.last.remove(&post);
            }
        }
        drop(inner);
    }

    /// Returns the position of the newest change.
    pub(super) fn newest(&self) -> Position {
        Position(self.newest.load(Ordering::Acquire))
    }

    /// Calls `read` with a function that returns whether a post's counts changed after the position `after`: one lock
    /// for many posts. `read` must not block. Lock order: `inner` first, then, inside `read`, one queue's
    /// `on_screen`.
    pub(super) fn with_changed_after<T>(&self, after: Position, read: impl FnOnce(&dyn Fn(PostId) -> bool) -> T) -> T {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        read(&|post| inner.last.get(&post).is_some_and(|position| *position > after))
    }
}

/// Returns the post whose counts an event changes.
fn counted_post(event: &Event) -> Option<PostId> {
    match event.fact.kind {
        K::PostLiked | K::PostLikeCancelled | K::PostRead | K::CommentCreated | K::CommentDeleted => event.fact.post,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &RecentCounts, after: u64, post: u64) -> bool {
        changes.with_changed_after(Position(after), |changed| changed(PostId(post)))
    }

    #[test]
    fn a_change_is_returned_to_readers_at_earlier_positions() {
        let changes = RecentCounts::default();
        changes.add([(Position(5), PostId(1)), (Position(7), PostId(2)), (Position(9), PostId(1))].into_iter());
        assert!(
            changed(&changes, 8, 1) && !changed(&changes, 9, 1) && !changed(&changes, 7, 2) && changed(&changes, 6, 2)
        );
        assert_eq!(changes.newest(), Position(9));
    }

    #[test]
    fn the_oldest_changes_are_evicted() {
        let changes = RecentCounts::default();
        changes.add((0..KEPT as u64 + 10).map(|number| (Position(number + 1), PostId(number))));
        assert!(!changed(&changes, 0, 9) && changed(&changes, 0, 10));
        let lengths = changes.inner.read().map(|inner| (inner.last.len(), inner.order.len()));
        assert_eq!(lengths.unwrap(), (KEPT, KEPT));
    }
}
