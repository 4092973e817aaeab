//! Micro-benchmarks of the hot paths, each compared with the bare library or the machine: `cargo bench`.
//!
//! The allocator counts, so every line also shows the number and size of allocations. Both sides of each comparison pay
//! for the counting.
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
