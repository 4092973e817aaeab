//! Generations of rankings: what a page is read from, unchanged while somebody pages through it.
use crate::{
    actors::wait_until::wait_until,
    domain::{GENERATIONS_KEPT, PostId, RankedBy, Timestamp, Window},
};
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::watch;

/// A ranking as it was once. At most 1,000 posts of 8 bytes.
pub(super) struct Generation {
    pub(super) number: u64,
    /// Best first.
    pub(super) posts: Box<[PostId]>,
}

/// The last generations of one ranking, oldest first.
#[derive(Default)]
struct Kept(VecDeque<Arc<Generation>>);

impl Kept {
    /// Keeps a ranking under the next number, unless it is what the newest says already.
    fn add(&mut self, posts: Vec<PostId>, now: Timestamp) {
        let newest = self.0.back();
        if newest.is_some_and(|newest| *newest.posts == *posts) {
            return;
        }
        // By the clock, so that numbers of another life of this process are none of this one's.
        let number = newest.map_or(0, |newest| newest.number + 1).max(u64::try_from(now.0).unwrap_or_default());
        self.0.push_back(Arc::new(Generation { number, posts: posts.into() }));
        if self.0.len() > GENERATIONS_KEPT {
            self.0.pop_front();
        }
    }
}

/// Every ranking. Readers hold a lock for as long as it takes to clone a pointer.
pub(super) struct Generations {
    kept: [[RwLock<Kept>; 3]; 2],
    made: watch::Sender<bool>,
}

impl Generations {
    pub(super) fn new() -> Self {
        Self { kept: Default::default(), made: watch::channel(false).0 }
    }

    fn of(&self, by: RankedBy, window: Window) -> &RwLock<Kept> {
        &self.kept[by as usize][window as usize]
    }

    pub(super) fn add(&self, by: RankedBy, window: Window, posts: Vec<PostId>, now: Timestamp) {
        self.of(by, window).write().unwrap_or_else(PoisonError::into_inner).add(posts, now);
    }

    /// There is one of each from now on.
    pub(super) fn all_made(&self) {
        self.made.send_if_modified(|made| !std::mem::replace(made, true));
    }

    /// Returns when there is one of each.
    pub(super) async fn made(&self) {
        // Fails only where the sender is gone, which is here.
        let _ = wait_until(&mut self.made.subscribe(), |made| *made).await;
    }

    pub(super) fn newest(&self, by: RankedBy, window: Window) -> Option<Arc<Generation>> {
        self.of(by, window).read().unwrap_or_else(PoisonError::into_inner).0.back().cloned()
    }

    /// The generation of that number; none where it is not kept any more, or never was.
    pub(super) fn numbered(&self, by: RankedBy, window: Window, number: u64) -> Option<Arc<Generation>> {
        let kept = self.of(by, window).read().unwrap_or_else(PoisonError::into_inner);
        kept.0.iter().find(|generation| generation.number == number).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: RankedBy = RankedBy::Comments;
    const WINDOW: Window = Window::Week;

    fn add(generations: &Generations, post: u64, now: i64) -> u64 {
        generations.add(BY, WINDOW, vec![PostId(post)], Timestamp(now));
        generations.newest(BY, WINDOW).unwrap().number
    }

    #[test]
    fn the_last_thirty_can_be_paged() {
        let generations = Generations::new();
        let numbers: Vec<u64> = (0..31).map(|post| add(&generations, post, 1_000)).collect();
        assert!(generations.numbered(BY, WINDOW, numbers[0]).is_none());
        for (post, number) in numbers.iter().enumerate().skip(1) {
            let generation = generations.numbered(BY, WINDOW, *number).unwrap();
            assert_eq!(*generation.posts, [PostId(post as u64)]);
        }
    }

    #[test]
    fn numbers_grow_whatever_the_clock_does() {
        let generations = Generations::new();
        let numbers = [(1, 5_000), (2, 5_000), (3, 4_000), (4, 9_000)].map(|(post, now)| add(&generations, post, now));
        assert_eq!(numbers, [5_000, 5_001, 5_002, 9_000]);
    }

    #[test]
    fn what_did_not_change_is_no_new_generation() {
        let generations = Generations::new();
        assert_eq!(add(&generations, 1, 5_000), add(&generations, 1, 6_000));
    }

    #[test]
    fn rankings_do_not_share_generations() {
        let generations = Generations::new();
        let number = add(&generations, 1, 5_000);
        assert!(generations.numbered(BY, Window::Day, number).is_none());
        assert!(generations.newest(RankedBy::Popularity, WINDOW).is_none());
    }
}
