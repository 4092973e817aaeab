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

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler<mimalloc::MiMalloc> = divan::AllocProfiler::new(mimalloc::MiMalloc);

fn main() {
    divan::main();
}
