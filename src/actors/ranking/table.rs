//! `Table`: the tallies of posts in one span of time, as sorted rows, and the best rows by any score.
use crate::{
    domain::{PostId, Tally},
    storage::PostTallies,
};
use std::{cmp::Reverse, collections::BinaryHeap};

/// The tally of a post in one span; 24 bytes, of which three are padding.
#[derive(Clone, Copy)]
struct Row {
    post: PostId,
    tally: Tally,
    /// As in [`PostTallies`].
    for_everybody: bool,
}

/// A key that orders rows: a score, then a second key that no two rows share. The largest is the best.
pub(super) type Key = (u64, u64);

/// A row among the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Best {
    pub(super) key: Key,
    pub(super) post: PostId,
    pub(super) for_everybody: bool,
}

/// The posts with a tally in one span, sorted by id.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Returns the number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Appends a post that is newer than every other one, unless its tally is empty.
    pub(super) fn push(&mut self, tallied: &PostTallies, tally: Tally) {
        if !tally.is_empty() {
            self.rows.push(Row { post: tallied.post, tally, for_everybody: tallied.for_everybody });
        }
    }

    /// Replaces the tallies of posts, which must be sorted by id without duplicates; `None` for a post without any. A
    /// row whose tally became empty stays until rows are merged the next time.
    pub(super) fn set(&mut self, changes: &[(PostId, Option<PostTallies>)], tally: fn(&PostTallies) -> Tally) {
        let mut new = Vec::new();
        for (post, tallied) in changes {
            let for_everybody = tallied.is_some_and(|tallied| tallied.for_everybody);
            let row = Row { post: *post, tally: tallied.as_ref().map(tally).unwrap_or_default(), for_everybody };
            match self.rows.binary_search_by_key(post, |row| row.post) {
                Ok(index) => self.rows[index] = row,
                Err(_) if row.tally.is_empty() => {}
                Err(_) => new.push(row),
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

    /// Returns the `limit` best posts for everybody and the `limit` best others, best first: neither take the place of
    /// the other. Makes one pass, with memory for twice `limit` rows. Rows with score 0 are left out.
    pub(super) fn best(&self, limit: usize, key: impl Fn(Tally, PostId) -> Key) -> Vec<Best> {
        // By `for_everybody`: the best so far, and the largest key that is too small to be among them.
        let mut lists: [BinaryHeap<Reverse<(Key, PostId)>>; 2] = [(); 2].map(|()| BinaryHeap::with_capacity(limit + 1));
        let mut too_small: [Key; 2] = [(0, u64::MAX); 2];
        for row in &self.rows {
            let (key, list) = (key(row.tally, row.post), usize::from(row.for_everybody));
            if key <= too_small[list] {
                continue;
            }
            lists[list].push(Reverse((key, row.post)));
            if lists[list].len() > limit
                && let Some(Reverse((least, _))) = lists[list].pop()
            {
                too_small[list] = least;
            }
        }
        let [others, for_everybody] = lists;
        let mut best: Vec<Best> = [(others, false), (for_everybody, true)]
            .into_iter()
            .flat_map(|(list, for_everybody)| {
                let sorted = list.into_sorted_vec().into_iter();
                sorted.map(move |Reverse((key, post))| Best { key, post, for_everybody })
            })
            .collect();
        // Two sorted runs, as above.
        best.sort_by_key(|best| Reverse(best.key));
        best
    }
}
