//! What posts have gathered, by span of time: sorted rows that are quick to change and to rank.
use crate::{
    domain::{Day, PostId, RANKED_MAX, RankedBy, TOP_KEPT, Tally, Timestamp, Window},
    storage::{PostRef, PostTallies, ScoredPost, WindowStarts},
};
use jiff::tz::TimeZone;
use rustc_hash::FxHashSet;
use std::{cmp::Reverse, collections::BinaryHeap};

/// The spans that are counted, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spans {
    pub(super) since: WindowStarts,
    pub(super) today: Day,
}

impl Spans {
    /// None at the ends of the calendar.
    pub(super) fn at(now: Timestamp, zone: &TimeZone) -> Option<Self> {
        let today = Day::at(now, zone)?;
        let since = WindowStarts { week: Window::Week.since(now), day: Window::Day.since(now), today: today.begin };
        Some(Self { since, today })
    }
}

/// 24 bytes.
#[derive(Clone, Copy)]
struct Row {
    post: PostId,
    tally: Tally,
}

/// Posts that have gathered something in one span, by id.
#[derive(Default)]
struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds a post that is newer than all that are here.
    fn push(&mut self, post: PostId, tally: Tally) {
        if !tally.is_empty() {
            self.rows.push(Row { post, tally });
        }
    }

    /// Replaces what these posts have; the posts must be in order and no post twice. One that has nothing any more
    /// keeps its row until a new one is put in.
    fn set(&mut self, changes: impl Iterator<Item = (PostId, Tally)>) {
        let mut new = Vec::new();
        for (post, tally) in changes {
            match self.rows.binary_search_by_key(&post, |row| row.post) {
                Ok(at) => self.rows[at].tally = tally,
                Err(_) if tally.is_empty() => {}
                Err(_) => new.push(Row { post, tally }),
            }
        }
        let Some(first) = new.first() else { return };
        let in_order = self.rows.last().is_none_or(|last| last.post < first.post);
        self.rows.append(&mut new);
        if !in_order {
            self.rows.retain(|row| !row.tally.is_empty());
            // Two sorted runs, which this sort finds and merges.
            self.rows.sort_by_key(|row| row.post);
        }
    }

    /// The best, best first: one look at each row, and no more memory than what is kept. `key` orders; 0 as its first
    /// part is no score.
    fn best(&self, limit: usize, key: impl Fn(&Row) -> (u64, u64)) -> Vec<(u64, PostId)> {
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
        best.into_sorted_vec().into_iter().map(|Reverse((key, post))| (key.0, post)).collect()
    }
}

/// All spans: 24 bytes for a post that ever gathered anything, and as much again for each of a week, a day and today
/// in which it did. Posts that have gathered nothing are not here.
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

    /// Adds a post that is newer than all that are here.
    pub(super) fn push(&mut self, tallied: &PostTallies) {
        let PostTallies { post, all, week, day, today } = *tallied;
        self.all.push(post, all);
        self.week.push(post, week);
        self.day.push(post, day);
        self.today.push(post, today);
    }

    /// Moves on to other spans. What has to change with that is set afterwards.
    pub(super) fn turn(&mut self, spans: Spans) {
        if spans.today != self.spans.today {
            self.today = Table::default();
        }
        self.spans = spans;
    }

    /// Replaces what these posts have; those that were not found have nothing.
    pub(super) fn set(&mut self, mut changed: Vec<PostId>, mut found: Vec<PostTallies>) {
        changed.sort_unstable();
        changed.dedup();
        found.sort_unstable_by_key(|tallied| tallied.post);
        let of = |post: PostId| found.binary_search_by_key(&post, |tallied| tallied.post).ok().map(|at| found[at]);
        let now: Vec<(PostId, Option<PostTallies>)> = changed.into_iter().map(|post| (post, of(post))).collect();
        let each = |tally: fn(PostTallies) -> Tally| {
            now.iter().map(move |(post, tallied)| (*post, tallied.map(tally).unwrap_or_default()))
        };
        self.all.set(each(|tallied| tallied.all));
        self.week.set(each(|tallied| tallied.week));
        self.day.set(each(|tallied| tallied.day));
        self.today.set(each(|tallied| tallied.today));
    }

    /// The best of a window, of equals the newer; the newest of the rest where fewer have a score.
    pub(super) fn ranked(&self, by: RankedBy, window: Window, newest: &[PostRef]) -> Vec<PostId> {
        let table = match window {
            Window::All => &self.all,
            Window::Week => &self.week,
            Window::Day => &self.day,
        };
        let best = table.best(RANKED_MAX, |row| (row.tally.score(by), row.post.0));
        let mut ranked: Vec<PostId> = best.into_iter().map(|(_, post)| post).collect();
        if ranked.len() < RANKED_MAX {
            let scored: FxHashSet<PostId> = ranked.iter().copied().collect();
            let rest = newest.iter().map(|place| place.post).filter(|post| !scored.contains(post));
            ranked.extend(rest.take(RANKED_MAX - ranked.len()));
        }
        ranked
    }

    /// The best of today, of equals the older.
    pub(super) fn best_today(&self) -> Vec<ScoredPost> {
        let best = self.today.best(TOP_KEPT, |row| (row.tally.of_day(), u64::MAX - row.post.0));
        best.into_iter().map(|(score, post)| ScoredPost { post, score }).collect()
    }

    /// Posts that ever gathered anything.
    pub(super) fn posts(&self) -> usize {
        self.all.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MemberId, Position};

    fn tables() -> Tables {
        Tables::new(Spans::at(Timestamp(1_764_000_000_000), &TimeZone::UTC).unwrap())
    }

    fn gathered(post: u64, views: u32, likes: u32, comments: u32) -> PostTallies {
        let tally = Tally { views, likes, comments };
        PostTallies { post: PostId(post), all: tally, week: tally, day: tally, today: tally }
    }

    fn set(tables: &mut Tables, found: &[PostTallies]) {
        tables.set(found.iter().map(|tallied| tallied.post).collect(), found.to_vec());
    }

    fn newest(posts: impl IntoIterator<Item = u64>) -> Vec<PostRef> {
        let place = |post| PostRef { post: PostId(post), author: MemberId(1), position: Position(1) };
        posts.into_iter().map(place).collect()
    }

    fn ranked(tables: &Tables, by: RankedBy, rest: &[PostRef]) -> Vec<u64> {
        tables.ranked(by, Window::All, rest).iter().map(|post| post.0).collect()
    }

    #[test]
    fn the_best_come_first_and_of_equals_the_newer() {
        let mut tables = tables();
        set(&mut tables, &[gathered(1, 4, 0, 1), gathered(2, 0, 2, 1), gathered(3, 1, 2, 0), gathered(4, 0, 0, 5)]);
        assert_eq!(ranked(&tables, RankedBy::Popularity, &[]), [3, 2, 1]);
        assert_eq!(ranked(&tables, RankedBy::Comments, &[]), [4, 2, 1]);
    }

    #[test]
    fn the_newest_fill_up_what_has_no_score() {
        let mut tables = tables();
        set(&mut tables, &[gathered(2, 1, 0, 0)]);
        assert_eq!(ranked(&tables, RankedBy::Popularity, &newest([3, 2, 1])), [2, 3, 1]);
        assert_eq!(ranked(&tables, RankedBy::Comments, &newest([3, 2, 1])), [3, 2, 1]);
        assert_eq!(ranked(&tables, RankedBy::Comments, &newest((1..=2_000).rev())).len(), RANKED_MAX);
    }

    #[test]
    fn a_day_ranks_the_older_of_equals_first_and_posts_without_score_not_at_all() {
        let mut tables = tables();
        set(&mut tables, &[gathered(1, 0, 0, 1), gathered(2, 3, 0, 0), gathered(3, 0, 2, 0), gathered(4, 0, 0, 0)]);
        let best: Vec<_> = tables.best_today().iter().map(|scored| (scored.post, scored.score)).collect();
        assert_eq!(best, [(PostId(3), 4), (PostId(1), 3), (PostId(2), 3)]);
        let many: Vec<_> = (10..200).map(|post| gathered(post, 1, 1, 1)).collect();
        set(&mut tables, &many);
        let best = tables.best_today();
        let scored = |post| ScoredPost { post: PostId(post), score: 6 };
        assert_eq!((best.len(), best[0], best[49]), (TOP_KEPT, scored(10), scored(59)));
    }

    #[test]
    fn no_more_than_the_best_are_kept() {
        let mut tables = tables();
        (1..=5_000).for_each(|post| tables.push(&gathered(post, (post * 7_919 % 5_003) as u32, 0, 0)));
        let ranked = tables.ranked(RankedBy::Popularity, Window::Day, &newest([9_000]));
        let mut naive: Vec<(u64, u64)> = (1..=5_000).map(|post| (post * 7_919 % 5_003, post)).collect();
        naive.sort_unstable_by_key(|key| Reverse(*key));
        naive.truncate(RANKED_MAX);
        assert!(ranked.iter().map(|post| post.0).eq(naive.into_iter().map(|(_, post)| post)));
    }

    #[test]
    fn what_is_not_found_any_more_is_not_ranked() {
        let mut tables = tables();
        set(&mut tables, &[gathered(5, 1, 0, 0), gathered(9, 2, 0, 0)]);
        tables.set(vec![PostId(9), PostId(9), PostId(7)], Vec::new());
        assert_eq!(ranked(&tables, RankedBy::Popularity, &[]), [5]);
        // Older and newer ones than those that are here.
        set(&mut tables, &[gathered(11, 3, 0, 0), gathered(1, 4, 0, 0)]);
        assert_eq!(ranked(&tables, RankedBy::Popularity, &[]), [1, 11, 5]);
        assert_eq!(tables.posts(), 3);
        set(&mut tables, &[gathered(9, 9, 0, 0), gathered(5, 8, 0, 0)]);
        assert_eq!(ranked(&tables, RankedBy::Popularity, &[]), [9, 5, 1, 11]);
    }

    #[test]
    fn a_new_day_begins_with_nothing() {
        let mut tables = tables();
        set(&mut tables, &[gathered(1, 1, 0, 0)]);
        let spans = tables.spans;
        tables.turn(Spans { since: spans.since, today: spans.today });
        assert_eq!(tables.best_today().len(), 1);
        let tomorrow = Spans::at(spans.today.end, &TimeZone::UTC).unwrap();
        tables.turn(tomorrow);
        assert_eq!((tables.best_today(), tables.spans, tables.posts()), (Vec::new(), tomorrow, 1));
    }
}
