//! Which posts' counts have changed lately, so that each stream can tell of those that its client has seen.
use crate::domain::{Position, PostId};
use rustc_hash::FxHashMap;
use std::{
    collections::VecDeque,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Changes remembered, 40 bytes each: a stream that looks once a second misses a count where more posts than this
/// change within that second, and has it at the post's next change.
const KEPT: usize = 16_384;

#[derive(Default)]
pub(super) struct Changes {
    inner: RwLock<Inner>,
    /// Where the newest of them happened.
    newest: AtomicU64,
}

#[derive(Default)]
struct Inner {
    last: FxHashMap<PostId, Position>,
    order: VecDeque<(Position, PostId)>,
}

impl Changes {
    pub(super) fn add(&self, changed: impl Iterator<Item = (Position, PostId)>) {
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

    pub(super) fn newest(&self) -> Position {
        Position(self.newest.load(Ordering::Acquire))
    }

    /// Asks about many posts at once. Nothing in `look` may wait. Lock order: `inner`, then in `look` one watcher's
    /// list of seen posts.
    pub(super) fn since<T>(&self, after: Position, look: impl FnOnce(&dyn Fn(PostId) -> bool) -> T) -> T {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        look(&|post| inner.last.get(&post).is_some_and(|position| *position > after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &Changes, after: u64, post: u64) -> bool {
        changes.since(Position(after), |changed| changed(PostId(post)))
    }

    #[test]
    fn a_change_is_known_to_those_who_looked_before_it() {
        let changes = Changes::default();
        changes.add([(Position(5), PostId(1)), (Position(7), PostId(2)), (Position(9), PostId(1))].into_iter());
        assert!(
            changed(&changes, 8, 1) && !changed(&changes, 9, 1) && !changed(&changes, 7, 2) && changed(&changes, 6, 2)
        );
        assert_eq!(changes.newest(), Position(9));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let changes = Changes::default();
        changes.add((0..KEPT as u64 + 10).map(|number| (Position(number + 1), PostId(number))));
        assert!(!changed(&changes, 0, 9) && changed(&changes, 0, 10));
        let lengths = changes.inner.read().map(|inner| (inner.last.len(), inner.order.len()));
        assert_eq!(lengths.unwrap(), (KEPT, KEPT));
    }
}
