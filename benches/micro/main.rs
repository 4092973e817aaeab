//! Small measurements of the hot parts, each beside what the bare library or the machine does: `cargo bench`.
//!
//! The allocator counts, so every line also says how often and how much is allocated. Its cost is in the times, at both
//! sides of each comparison.
mod commit;
mod cursor;
mod events;
mod feed;
mod fixture;
mod mailbox;
mod merge;
mod ranking;
mod tokens;

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler<Jemalloc> = divan::AllocProfiler::new(Jemalloc);

fn main() {
    divan::main();
}
