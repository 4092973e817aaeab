//! `Tables`: the views, likes and comments of every post, by span of time, as sorted rows in memory that are quick to
//! change and to rank.
use super::table::Table;
use crate::{
    domain::{CalendarDay, PostId, RANKED_MAX, RankedBy, RankingPeriod, TOP_KEPT, Timestamp},
    storage::{NewestPost, PeriodStarts, PostTallies, ScoredPost},
};
use jiff::tz::TimeZone;
use rustc_hash::FxHashSet;

/// The spans of time that are counted, as of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spans {
    pub(super) since: PeriodStarts,
    pub(super) today: CalendarDay,
}

impl Spans {
    /// Returns the spans as of `now`; `None` at the ends of the calendar.
    pub(super) fn at(now: Timestamp, zone: &TimeZone) -> Option<Self> {
        let today = CalendarDay::at(now, zone)?;
        let since = PeriodStarts {
            week: RankingPeriod::Week.since(now),
            day: RankingPeriod::Day.since(now),
            today: today.begin,
        };
        Some(Self { since, today })
    }
}

/// An order of posts, best first: at most [`RANKED_MAX`] posts for everybody, and as many others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) posts: Vec<PostId>,
    /// By rank: whether the post was for everybody when it was ranked.
    pub(super) for_everybody: Vec<bool>,
}

impl Order {
    fn push(&mut self, post: PostId, for_everybody: bool) {
        self.posts.push(post);
        self.for_everybody.push(for_everybody);
    }
}

/// One [`Table`] for each span: 24 bytes for each post that was ever viewed, liked or commented on, and 24 more for
/// each of week, day and today in which it was. Other posts have no rows.
pub(in crate::actors) struct Tables {
    pub(super) spans: Spans,
    all: Table,
    week: Table,
    day: Table,
    today: Table,
}

impl Tables {
    pub(super) fn new(spans: Spans) -> Self {
        let [all, week, day, today] = <[Table; 4]>::default();
        Self { spans, all, week, day, today }
    }

    /// Appends a post that is newer than every other one.
    pub(super) fn push(&mut self, tallies: &PostTallies) {
        self.all.push(tallies, tallies.all);
        self.week.push(tallies, tallies.week);
        self.day.push(tallies, tallies.day);
        self.today.push(tallies, tallies.today);
    }

    /// Moves to other spans, and clears the table of today if the day changed. The caller then sets the tallies of
    /// posts at the moved edges.
    pub(super) fn rotate(&mut self, spans: Spans) {
        if spans.today != self.spans.today {
            self.today = Table::default();
        }
        self.spans = spans;
    }

    /// Replaces the tallies of `changed` posts by those in `found`; a post without one gets an empty tally.
    pub(super) fn set(&mut self, mut changed: Vec<PostId>, mut found: Vec<PostTallies>) {
        changed.sort_unstable();
        changed.dedup();
        found.sort_unstable_by_key(|tallied| tallied.post);
        let rows: Vec<(PostId, Option<PostTallies>)> = changed
            .into_iter()
            .map(|post| {
                let index = found.binary_search_by_key(&post, |tallied| tallied.post).ok();
                (post, index.map(|index| found[index]))
            })
            .collect();
        self.all.set(&rows, |tallied| tallied.all);
        self.week.set(&rows, |tallied| tallied.week);
        self.day.set(&rows, |tallied| tallied.day);
        self.today.set(&rows, |tallied| tallied.today);
    }

    /// Returns the [`RANKED_MAX`] best posts for everybody and the [`RANKED_MAX`] best others of a period, best first;
    /// of equal scores the newer post first. Fills up with `newest`, newest first, if fewer posts have a score.
    pub(super) fn ranked(&self, by: RankedBy, period: RankingPeriod, newest: &[NewestPost]) -> Order {
        let table = match period {
            RankingPeriod::All => &self.all,
            RankingPeriod::Week => &self.week,
            RankingPeriod::Day => &self.day,
        };
        let best = table.best(RANKED_MAX, |tally, post| (tally.score(by), post.0));
        // By `for_everybody`.
        let mut room = [RANKED_MAX; 2];
        let mut order = Order::default();
        for ranked in &best {
            room[usize::from(ranked.for_everybody)] -= 1;
            order.push(ranked.post, ranked.for_everybody);
        }
        if room == [0; 2] {
            return order;
        }
        let scored: FxHashSet<PostId> = order.posts.iter().copied().collect();
        for newest in newest.iter().filter(|newest| !scored.contains(&newest.post)) {
            let room = &mut room[usize::from(newest.for_everybody)];
            if *room > 0 {
                *room -= 1;
                order.push(newest.post, newest.for_everybody);
            }
        }
        order
    }

    /// Returns the [`TOP_KEPT`] best posts for everybody and the [`TOP_KEPT`] best others of today, best first; of
    /// equal scores the older post first.
    pub(super) fn best_today(&self) -> Vec<ScoredPost> {
        let best = self.today.best(TOP_KEPT, |tally, post| (tally.daily_score(), u64::MAX - post.0));
        best.into_iter().map(|best| ScoredPost { post: best.post, score: best.key.0 }).collect()
    }

    /// Returns the number of posts that were ever viewed, liked or commented on.
    pub(super) fn post_count(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Tally;
    use std::cmp::Reverse;

    fn scored(post: u64, score: u64) -> ScoredPost {
        ScoredPost { post: PostId(post), score }
    }

    fn tables() -> Tables {
        Tables::new(Spans::at(Timestamp(1_764_000_000_000), &TimeZone::UTC).unwrap())
    }

    fn tallied(post: u64, views: u32, likes: u32, comments: u32) -> PostTallies {
        let tally = Tally { views, likes, comments };
        PostTallies { post: PostId(post), for_everybody: true, all: tally, week: tally, day: tally, today: tally }
    }

    fn restricted(tallied: PostTallies) -> PostTallies {
        PostTallies { for_everybody: false, ..tallied }
    }

    fn set(tables: &mut Tables, found: &[PostTallies]) {
        tables.set(found.iter().map(|tallied| tallied.post).collect(), found.to_vec());
    }

    fn newest(posts: impl IntoIterator<Item = u64>) -> Vec<NewestPost> {
        posts.into_iter().map(|post| NewestPost { post: PostId(post), for_everybody: true }).collect()
    }

    fn ranked(tables: &Tables, by: RankedBy, rest: &[NewestPost]) -> Vec<u64> {
        tables.ranked(by, RankingPeriod::All, rest).posts.iter().map(|post| post.0).collect()
    }

    #[test]
    fn the_best_post_comes_first_and_of_equal_scores_the_newer() {
        let mut tables = tables();
        set(&mut tables, &[tallied(1, 4, 0, 1), tallied(2, 0, 2, 1), tallied(3, 1, 2, 0), tallied(4, 0, 0, 5)]);
        assert_eq!(ranked(&tables, RankedBy::Popularity, &[]), [3, 2, 1]);
        assert_eq!(ranked(&tables, RankedBy::Comments, &[]), [4, 2, 1]);
    }

    #[test]
    fn the_newest_posts_follow_those_with_a_score() {
        let mut tables = tables();
        set(&mut tables, &[tallied(2, 1, 0, 0)]);
        assert_eq!(ranked(&tables, RankedBy::Popularity, &newest([3, 2, 1])), [2, 3, 1]);
        assert_eq!(ranked(&tables, RankedBy::Comments, &newest([3, 2, 1])), [3, 2, 1]);
        assert_eq!(ranked(&tables, RankedBy::Comments, &newest((1..=2_000).rev())).len(), RANKED_MAX);
    }

    #[test]
    fn a_day_ranks_the_older_of_equal_scores_first_and_leaves_out_posts_without_a_score() {
        let mut tables = tables();
        set(&mut tables, &[tallied(1, 0, 0, 1), tallied(2, 3, 0, 0), tallied(3, 0, 2, 0), tallied(4, 0, 0, 0)]);
        assert_eq!(tables.best_today(), [scored(3, 4), scored(1, 3), scored(2, 3)]);
        let many: Vec<_> = (10..200).map(|post| tallied(post, 1, 1, 1)).collect();
        set(&mut tables, &many);
        let best = tables.best_today();
        assert_eq!((best.len(), best[0], best[49]), (TOP_KEPT, scored(10, 6), scored(59, 6)));
    }

    #[test]
    fn the_best_posts_equal_those_of_a_full_sort() {
        let mut tables = tables();
        (1..=5_000).for_each(|post| tables.push(&tallied(post, (post * 7_919 % 5_003) as u32, 0, 0)));
        let ranked = tables.ranked(RankedBy::Popularity, RankingPeriod::Day, &newest([9_000]));
        let mut naive: Vec<(u64, u64)> = (1..=5_000).map(|post| (post * 7_919 % 5_003, post)).collect();
        naive.sort_unstable_by_key(|key| Reverse(*key));
        naive.truncate(RANKED_MAX);
        assert!(ranked.posts.iter().map(|post| post.0).eq(naive.into_iter().map(|(_, post)| post)));
    }

    #[test]
    fn a_post_without_a_tally_is_not_ranked() {
        let mut tables = tables();
        set(&mut tables, &[tallied(5, 1, 0, 0), tallied(9, 2, 0, 0)]);
        tables.set(vec![PostId(9), PostId(9), PostId(7)], Vec::new());
        assert_eq!(ranked(&tables, RankedBy::Popularity, &[]), [5]);
        // One post older and one newer than those with rows.
        set(&mut tables, &[tallied(11, 3, 0, 0), tallied(1, 4, 0, 0)]);
        assert_eq!(ranked(&tables, RankedBy::Popularity, &[]), [1, 11, 5]);
        assert_eq!(tables.post_count(), 3);
        set(&mut tables, &[tallied(9, 9, 0, 0), tallied(5, 8, 0, 0)]);
        assert_eq!(ranked(&tables, RankedBy::Popularity, &[]), [9, 5, 1, 11]);
    }

    #[test]
    fn a_new_day_begins_without_posts() {
        let mut tables = tables();
        set(&mut tables, &[tallied(1, 1, 0, 0)]);
        let spans = tables.spans;
        tables.rotate(Spans { since: spans.since, today: spans.today });
        assert_eq!(tables.best_today().len(), 1);
        let tomorrow = Spans::at(spans.today.end, &TimeZone::UTC).unwrap();
        tables.rotate(tomorrow);
        assert_eq!((tables.best_today(), tables.spans, tables.post_count()), (Vec::new(), tomorrow, 1));
    }

    #[test]
    fn posts_for_some_take_no_place_of_posts_for_everybody() {
        let mut tables = tables();
        let hidden: Vec<_> = (1_000..3_000).map(|post| restricted(tallied(post, 9, 9, 9))).collect();
        set(&mut tables, &hidden);
        set(&mut tables, &[tallied(1, 1, 0, 1), tallied(5_000, 99, 99, 99), tallied(2, 3, 0, 0)]);
        let of_today = tables.best_today();
        assert_eq!((of_today.len(), of_today[0].post, of_today[1].post), (TOP_KEPT + 3, PostId(5_000), PostId(1_000)));
        assert_eq!(of_today[TOP_KEPT + 1..], [scored(1, 4), scored(2, 3)]);
        let order = tables.ranked(RankedBy::Comments, RankingPeriod::Week, &newest([6_000, 2]));
        assert_eq!(order.posts.len(), RANKED_MAX + 4);
        assert_eq!((order.posts[0], order.posts[1]), (PostId(5_000), PostId(2_999)));
        // The last two have no score.
        assert_eq!(order.posts[RANKED_MAX + 1..], [1, 6_000, 2].map(PostId));
        let public = order.posts.iter().zip(&order.for_everybody).filter(|(_, for_everybody)| **for_everybody);
        assert!(public.map(|(post, _)| post.0).eq([5_000, 1, 6_000, 2]));
    }

    #[test]
    fn the_newest_posts_fill_up_both_kinds() {
        let mut rest: Vec<_> = newest((1..=2_000).rev());
        rest[..1_500].iter_mut().for_each(|newest| newest.for_everybody = false);
        let order = tables().ranked(RankedBy::Popularity, RankingPeriod::Day, &rest);
        assert_eq!((order.posts.len(), order.posts[0], order.posts[1_000]), (1_500, PostId(2_000), PostId(500)));
    }

    #[test]
    fn a_post_changes_its_kind_in_every_span() {
        let mut tables = tables();
        let others: Vec<_> = (10..10 + RANKED_MAX as u64).map(|post| tallied(post, 2, 0, 0)).collect();
        set(&mut tables, &others);
        for (post, shown) in [(tallied(1, 1, 0, 0), false), (restricted(tallied(1, 1, 0, 0)), true)] {
            for _ in 0..2 {
                set(&mut tables, &[post]);
                for period in RankingPeriod::ALL {
                    let order = tables.ranked(RankedBy::Popularity, period, &[]);
                    assert_eq!(order.posts.last() == Some(&PostId(1)), shown, "{period:?}");
                }
                assert_eq!(tables.best_today().len(), TOP_KEPT + usize::from(shown));
            }
        }
    }
}
