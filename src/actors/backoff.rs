//! Exponential backoff with jitter: the pauses between the attempts at an operation that fails.
use std::time::Duration;

/// The upper bound of the first pause.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause of a part: a failed attempt costs little, and a part should be up again soon after its cause has
/// been repaired.
pub(super) const PART_MAX: Duration = Duration::from_secs(15);
/// The longest pause of the core, which every request waits for.
pub(super) const CORE_MAX: Duration = Duration::from_secs(1);

/// Pauses that double up to a maximum.
pub(super) struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    /// Starts with the shortest pause; no pause is longer than `max`.
    pub(super) fn up_to(max: Duration) -> Self {
        Self { next: FIRST, max }
    }

    /// Returns a random pause, at least half of the next one and at most all of it, so that operations that failed at
    /// the same time are not repeated at the same time.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.next.min(self.max);
        self.next = (whole * 2).min(self.max);
        whole.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Starts again with the shortest pause, after a success.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::up_to(Duration::from_secs(1));
        for whole in [200, 400, 800, 1_000, 1_000].map(Duration::from_millis) {
            let pause = backoff.next();
            assert!(whole / 2 <= pause && pause <= whole, "{pause:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
