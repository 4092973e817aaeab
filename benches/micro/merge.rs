//! The merge of a home feed by number of followed authors, compared with the minimum: look up every author in a map and
//! keep the newest posts.
use dailyfeed::{
    actors::bench_api::Merge,
    domain::{MemberId, PostId},
};
use divan::black_box;
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

const ALL: u64 = 10_000;
const LIMIT: usize = 21;
static MERGE: LazyLock<Merge> = LazyLock::new(|| Merge::new(ALL, 20));

/// Returns authors scattered over all members, as follows are.
fn followed(count: u64) -> Vec<MemberId> {
    let mut authors: Vec<_> = (0..count).map(|number| MemberId(1 + number * 7_919 % ALL)).collect();
    authors.sort_unstable();
    authors
}

#[divan::bench(args = [10, 200, 1_000])]
fn first_page(bencher: divan::Bencher, count: u64) {
    let (authors, merge) = (followed(count), &*MERGE);
    bencher.bench_local(|| merge.page(black_box(&authors), true, LIMIT));
}

#[divan::bench(args = [10, 200, 1_000])]
fn later_page(bencher: divan::Bencher, count: u64) {
    let (authors, merge) = (followed(count), &*MERGE);
    bencher.bench_local(|| merge.page(black_box(&authors), false, LIMIT));
}

#[divan::bench(args = [10, 200, 1_000])]
fn bare_map_and_select(bencher: divan::Bencher, count: u64) {
    let authors = followed(count);
    let newest: FxHashMap<MemberId, PostId> = (1..=ALL).map(|id| (MemberId(id), PostId(id * 3))).collect();
    bencher.bench_local(|| {
        let mut found: Vec<_> = black_box(&authors).iter().filter_map(|author| newest.get(author)).copied().collect();
        if found.len() > LIMIT {
            found.select_nth_unstable_by(LIMIT, |a, b| b.cmp(a));
        }
        found
    });
}
