//! `Tables`: the views, likes and comments of every post, by span of time, as sorted rows in memory that are quick to
//! change and to rank.
use crate::{
    domain::{CalendarDay, PostId, RANKED_MAX, RankedBy, RankingPeriod, TOP_KEPT, Tally, Timestamp},
    storage::{PeriodStarts, PostRef, PostTallies, ScoredPost},
};
use jiff::tz::TimeZone;
use rustc_hash::FxHashSet;
use std::{cmp::Reverse, collections::BinaryHeap};

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

/// The tally of a post in one span; 24 bytes.
#[derive(Clone, Copy)]
struct Row {
    post: PostId,
    tally: Tally,
}

/// The posts with a tally in one span, sorted by id.
#[derive(Default)]
struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Appends a post that is newer than every other one, unless its tally is empty.
    fn push(&mut self, post: PostId, tally: Tally) {
        if !tally.is_empty() {
            self.rows.push(Row { post, tally });
        }
    }

    /// Replaces the tallies of posts, which must be sorted by id without duplicates. A row whose tally became empty
    /// stays until rows are merged the next time.
    fn set(&mut self, changes: impl Iterator<Item = (PostId, Tally)>) {
        let mut new = Vec::new();
        for (post, tally) in changes {
            match self.rows.binary_search_by_key(&post, |row| row.post) {
                Ok(index) => self.rows[index].tally = tally,
                Err(_) if tally.is_empty() => {}
                Err(_) => new.push(Row { post, tally }),
            }
        }
        let Some(first) = new.first() else { return };
        let in_order = self.rows.last().is_none_or(|last| last.post < first.post);
        self.rows.append(&mut new);
        if !in_order {
            self.rows.retain(|row| !row.tally.is_empty());
            // The rows are two sorted runs, which the standard sort detects and merges.
            self.rows.sort_by_key(|row| row.post);
        }
    }

    /// Returns the `limit` best rows, best first, in one pass and with memory for `limit` rows. `key` orders them: a
    /// score, then a second key. Rows with score 0 are left out.
    fn best(&self, limit: usize, key: impl Fn(&Row) -> (u64, u64)) -> Vec<ScoredPost> {
        let mut best: BinaryHeap<Reverse<((u64, u64), PostId)>> = BinaryHeap::with_capacity(limit + 1);
        for row in &self.rows {
            let key = key(row);
            if key.0 == 0 || best.len() >= limit && best.peek().is_some_and(|Reverse((least, _))| key <= *least) {
                continue;
            }
            best.push(Reverse((key, row.post)));
            if best.len() > limit {
                best.pop();
            }
        }
        best.into_sorted_vec().into_iter().map(|Reverse(((score, _), post))| ScoredPost { post, score }).collect()
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
        let PostTallies { post, all, week, day, today } = *tallies;
        self.all.push(post, all);
        self.week.push(post, week);
        self.day.push(post, day);
        self.today.push(post, today);
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
        let span_tallies = |tally: fn(PostTallies) -> Tally| {
            rows.iter().map(move |(post, tallied)| (*post, tallied.map(tally).unwrap_or_default()))
        };
        self.all.set(span_tallies(|tallied| tallied.all));
        self.week.set(span_tallies(|tallied| tallied.week));
        self.day.set(span_tallies(|tallied| tallied.day));
        self.today.set(span_tallies(|tallied| tallied.today));
    }

    /// Returns the [`RANKED_MAX`] best posts of a period, best first; of equal scores the newer post first. Fills up
    /// with `newest` if fewer posts have a score.
    pub(super) fn ranked(&self, by: RankedBy, period: RankingPeriod, newest: &[PostRef]) -> Vec<PostId> {
        let table = match period {
            RankingPeriod::All => &self.all,
            RankingPeriod::Week => &self.week,
            RankingPeriod::Day => &self.day,
        };
        let best = table.best(RANKED_MAX, |row| (row.tally.score(by), row.post.0));
        let mut ranked: Vec<PostId> = best.into_iter().map(|scored| scored.post).collect();
        if ranked.len() < RANKED_MAX {
            let scored: FxHashSet<PostId> = ranked.iter().copied().collect();
            let rest = newest.iter().map(|post_ref| post_ref.post).filter(|post| !scored.contains(post));
            ranked.extend(rest.take(RANKED_MAX - ranked.len()));
        }
        ranked
    }

    /// Returns the [`TOP_KEPT`] best posts of today, best first; of equal scores the older post first.
    pub(super) fn best_today(&self) -> Vec<ScoredPost> {
        self.today.best(TOP_KEPT, |row| (row.tally.daily_score(), u64::MAX - row.post.0))
    }

    /// Returns the number of posts that were ever viewed, liked or commented on.
    pub(super) fn post_count(&self) -> usize {
        self.all.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MemberId, Position, PostAudience};

    fn scored(post: u64, score: u64) -> ScoredPost {
        ScoredPost { post: PostId(post), score }
    }

    fn tables() -> Tables {
        Tables::new(Spans::at(Timestamp(1_764_000_000_000), &TimeZone::UTC).unwrap())
    }

    fn tallied(post: u64, views: u32, likes: u32, comments: u32) -> PostTallies {
        let tally = Tally { views, likes, comments };
        PostTallies { post: PostId(post), all: tally, week: tally, day: tally, today: tally }
    }

    fn set(tables: &mut Tables, found: &[PostTallies]) {
        tables.set(found.iter().map(|tallied| tallied.post).collect(), found.to_vec());
    }

    fn newest(posts: impl IntoIterator<Item = u64>) -> Vec<PostRef> {
        let audience = PostAudience::Public;
        let post_ref = |post| PostRef { post: PostId(post), author: MemberId(1), position: Position(1), audience };
        posts.into_iter().map(post_ref).collect()
    }

    fn ranked(tables: &Tables, by: RankedBy, rest: &[PostRef]) -> Vec<u64> {
        tables.ranked(by, RankingPeriod::All, rest).iter().map(|post| post.0).collect()
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
        assert!(ranked.iter().map(|post| post.0).eq(naive.into_iter().map(|(_, post)| post)));
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
}
