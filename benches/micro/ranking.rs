//! One ranking generation by number of ranked posts, compared with a scan over the same number of rows.
use dailyfeed::actors::bench_api::Ranks;
use divan::black_box;

#[divan::bench(args = [1_000, 100_000, 1_000_000])]
fn generation(bencher: divan::Bencher, posts: u32) {
    let ranks = Ranks::new(posts).unwrap();
    bencher.bench_local(|| black_box(&ranks).generation());
}

/// The minimum: reads each row of 24 bytes once.
#[divan::bench(args = [1_000, 100_000, 1_000_000])]
fn bare_look_at_each(bencher: divan::Bencher, posts: u64) {
    let rows: Vec<[u64; 3]> = (0..posts).map(|number| [number, number * 7, 1]).collect();
    bencher.bench_local(|| black_box(&rows).iter().fold(0_u64, |most, row| most.max(row[1] + 2 * row[2])));
}
