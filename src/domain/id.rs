//! Identifiers: 53 bits, ordered by time, generated before anything is stored.
use super::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bits below the milliseconds: 6 bits of node, then 6 bits of sequence.
const LOW_BITS: u32 = 12;
const SEQUENCE_BITS: u32 = 6;
/// 2025-01-01T00:00:00Z. 41 bits of milliseconds from here last until 2094.
const EPOCH_MS: i64 = 1_735_689_600_000;
/// Exclusive upper bound of all ids, so that a JavaScript number holds each exactly.
pub const ID_END: u64 = 1 << 53;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// Id of a member. Decides the slot of the member's commands: `Slot::of`.
    MemberId,
    /// Id of a post.
    PostId,
    /// Id of a comment or a reply.
    CommentId,
    /// Id of a session: one login on one device.
    SessionId,
    /// Id of an image.
    ImageId,
}

/// Generates increasing ids: 41 bits of milliseconds since 2025, 6 bits of node, 6 bits of sequence.
///
/// Within one process ids never repeat and never decrease, even if the clock goes back: after the 64 ids of a
/// millisecond the next ones take the following millisecond.
#[derive(Debug)]
pub struct IdGenerator {
    node: u64,
    /// The last tick that was used: milliseconds and sequence, without the node.
    last: AtomicU64,
}

impl IdGenerator {
    /// `floor` is the largest id found in the stores at the start; every generated id is larger.
    pub fn new(node: u8, floor: u64) -> Self {
        let node = u64::from(node) & ((1 << (LOW_BITS - SEQUENCE_BITS)) - 1);
        let floor_tick = (floor >> LOW_BITS) << SEQUENCE_BITS | ((1 << SEQUENCE_BITS) - 1);
        let last = AtomicU64::new(if floor == 0 { 0 } else { floor_tick });
        Self { node, last }
    }

    /// Returns the next id. Never waits.
    pub fn next(&self) -> u64 {
        let now = (Timestamp::now().0 - EPOCH_MS).max(1).cast_unsigned() << SEQUENCE_BITS;
        let advance = |last: u64| Some(now.max(last + 1));
        let before = self.last.fetch_update(Ordering::AcqRel, Ordering::Acquire, advance);
        let tick = now.max(before.unwrap_or_default() + 1);
        let (ms, sequence) = (tick >> SEQUENCE_BITS, tick & ((1 << SEQUENCE_BITS) - 1));
        (ms << LOW_BITS | self.node << SEQUENCE_BITS | sequence) & (ID_END - 1)
    }
}

/// Returns the smallest id that could have been generated at this time.
pub fn first_id_at(time: Timestamp) -> u64 {
    (time.0 - EPOCH_MS).max(0).cast_unsigned() << LOW_BITS
}

/// Returns the time in an id.
pub fn time_of(id: u64) -> Timestamp {
    Timestamp((id >> LOW_BITS).cast_signed() + EPOCH_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_and_fit_53_bits() {
        let ids = IdGenerator::new(3, 0);
        let made: Vec<u64> = (0..10_000).map(|_| ids.next()).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(made.iter().all(|id| *id < ID_END));
        assert!(made.iter().all(|id| id >> SEQUENCE_BITS & 63 == 3));
    }

    #[test]
    fn ids_never_go_below_the_floor() {
        let ahead = first_id_at(Timestamp(Timestamp::now().0 + 60_000)) + 77;
        let ids = IdGenerator::new(0, ahead);
        assert!(ids.next() > ahead);
    }

    #[test]
    fn an_id_carries_its_time() {
        let before = Timestamp::now().0;
        let id = IdGenerator::new(1, 0).next();
        assert!((time_of(id).0 - before).abs() < 1000);
    }

    #[test]
    fn threads_never_get_the_same_id() {
        let ids = IdGenerator::new(0, 0);
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..5_000).map(|_| ids.next()).collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
        });
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 20_000);
    }
}
