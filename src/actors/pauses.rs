//! Pauses between attempts: each longer than the one before it, up to a most, and none of them exact.
use std::time::Duration;

/// Before the second attempt.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause of a part that everything else goes on without: a failed attempt costs little, and nobody should
/// wait for minutes once what was wrong has been put right.
pub(super) const SIDE_MAX: Duration = Duration::from_secs(15);
/// The longest pause of what everybody waits for.
pub(super) const CORE_MAX: Duration = Duration::from_secs(1);

/// Pauses that double.
pub(super) struct Pauses {
    next: Duration,
    most: Duration,
}

impl Pauses {
    pub(super) fn up_to(most: Duration) -> Self {
        Self { next: FIRST, most }
    }

    /// Between half of the next one and the whole: what failed together is not tried again together.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.next.min(self.most);
        self.next = (whole * 2).min(self.most);
        whole.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// It has worked: the next pause is the shortest.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut pauses = Pauses::up_to(Duration::from_secs(1));
        for whole in [200, 400, 800, 1_000, 1_000].map(Duration::from_millis) {
            let pause = pauses.next();
            assert!(whole / 2 <= pause && pause <= whole, "{pause:?} of {whole:?}");
        }
        pauses.reset();
        assert!(pauses.next() <= FIRST);
    }
}
