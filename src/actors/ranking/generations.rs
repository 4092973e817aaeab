//! Generations: the last 30 immutable orders of each ranking, so that paging through one is not disturbed by the next.
use super::tables::Order;
use crate::{
    actors::wait_until::wait_until,
    domain::{GENERATIONS_KEPT, PostId, RankedBy, RankingPeriod, Timestamp},
};
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::watch;

/// One numbered, immutable order of a ranking: at most 2,000 posts of 9 bytes.
pub(super) struct Generation {
    pub(super) number: u64,
    order: Order,
}

/// The place of a post in a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) rank: usize,
    /// The post was for everybody when it was ranked.
    pub(super) for_everybody: bool,
}

impl Generation {
    /// Returns the posts, best first.
    pub(super) fn posts(&self) -> &[PostId] {
        &self.order.posts
    }

    /// Returns the place of a post; `None` if the generation does not rank it.
    pub(super) fn place_of(&self, post: PostId) -> Option<Place> {
        let rank = self.order.posts.iter().position(|ranked| *ranked == post)?;
        Some(Place { rank, for_everybody: self.order.for_everybody[rank] })
    }
}

/// The last [`GENERATIONS_KEPT`] generations of one ranking, oldest first.
#[derive(Default)]
struct History(VecDeque<Arc<Generation>>);

impl History {
    /// Appends a generation under the next number, unless its order equals that of the newest one.
    fn add(&mut self, order: Order, now: Timestamp) {
        let newest = self.0.back();
        if newest.is_some_and(|newest| newest.order == order) {
            return;
        }
        // Numbers start from the clock, so that an earlier run of the process has used none of them.
        let number = newest.map_or(0, |newest| newest.number + 1).max(u64::try_from(now.0).unwrap_or_default());
        self.0.push_back(Arc::new(Generation { number, order }));
        if self.0.len() > GENERATIONS_KEPT {
            self.0.pop_front();
        }
    }
}

/// The generations of all six rankings, written by the actor. A reader holds a lock only while it clones an `Arc`.
pub(super) struct Generations {
    /// By [`RankedBy`], then by [`RankingPeriod`].
    histories: [[RwLock<History>; 3]; 2],
    /// True once every ranking has a generation.
    ready: watch::Sender<bool>,
}

impl Generations {
    pub(super) fn new() -> Self {
        Self { histories: Default::default(), ready: watch::channel(false).0 }
    }

    fn history(&self, by: RankedBy, period: RankingPeriod) -> &RwLock<History> {
        &self.histories[by as usize][period as usize]
    }

    /// Adds a generation, unless its order equals that of the newest one.
    pub(super) fn add(&self, by: RankedBy, period: RankingPeriod, order: Order, now: Timestamp) {
        self.history(by, period).write().unwrap_or_else(PoisonError::into_inner).add(order, now);
    }

    /// Notes that every ranking has a generation from now on.
    pub(super) fn set_ready(&self) {
        self.ready.send_if_modified(|ready| !std::mem::replace(ready, true));
    }

    /// Waits until every ranking has a generation.
    pub(super) async fn wait_until_ready(&self) {
        // Fails only without a sender, and `self` holds it.
        let _ = wait_until(&mut self.ready.subscribe(), |ready| *ready).await;
    }

    /// Returns the newest generation of a ranking; `None` before the first rebuild.
    pub(super) fn newest(&self, by: RankedBy, period: RankingPeriod) -> Option<Arc<Generation>> {
        self.history(by, period).read().unwrap_or_else(PoisonError::into_inner).0.back().cloned()
    }

    /// Returns the generation with that number; `None` if it was dropped from the history or never existed.
    pub(super) fn numbered(&self, by: RankedBy, period: RankingPeriod, number: u64) -> Option<Arc<Generation>> {
        let history = self.history(by, period).read().unwrap_or_else(PoisonError::into_inner);
        history.0.iter().find(|generation| generation.number == number).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: RankedBy = RankedBy::Comments;
    const WINDOW: RankingPeriod = RankingPeriod::Week;

    fn add(generations: &Generations, post: u64, now: i64) -> u64 {
        add_order(generations, Order { posts: vec![PostId(post)], for_everybody: vec![true] }, now)
    }

    fn add_order(generations: &Generations, order: Order, now: i64) -> u64 {
        generations.add(BY, WINDOW, order, Timestamp(now));
        generations.newest(BY, WINDOW).unwrap().number
    }

    #[test]
    fn the_last_thirty_generations_can_be_paged() {
        let generations = Generations::new();
        let numbers: Vec<u64> = (0..31).map(|post| add(&generations, post, 1_000)).collect();
        assert!(generations.numbered(BY, WINDOW, numbers[0]).is_none());
        for (post, number) in numbers.iter().enumerate().skip(1) {
            let generation = generations.numbered(BY, WINDOW, *number).unwrap();
            assert_eq!(generation.posts(), [PostId(post as u64)]);
            assert_eq!(generation.place_of(PostId(post as u64)), Some(Place { rank: 0, for_everybody: true }));
            assert_eq!(generation.place_of(PostId(99)), None);
        }
    }

    #[test]
    fn numbers_grow_even_if_the_clock_is_set_back() {
        let generations = Generations::new();
        let numbers = [(1, 5_000), (2, 5_000), (3, 4_000), (4, 9_000)].map(|(post, now)| add(&generations, post, now));
        assert_eq!(numbers, [5_000, 5_001, 5_002, 9_000]);
    }

    #[test]
    fn an_unchanged_order_is_no_new_generation() {
        let generations = Generations::new();
        assert_eq!(add(&generations, 1, 5_000), add(&generations, 1, 6_000));
        let restricted = Order { posts: vec![PostId(1)], for_everybody: vec![false] };
        assert_eq!(add_order(&generations, restricted, 7_000), 7_000);
    }

    #[test]
    fn rankings_do_not_share_generations() {
        let generations = Generations::new();
        let number = add(&generations, 1, 5_000);
        assert!(generations.numbered(BY, RankingPeriod::Day, number).is_none());
        assert!(generations.newest(RankedBy::Popularity, WINDOW).is_none());
    }
}
