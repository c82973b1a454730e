//! Pauses that grow and are never the same.

use std::time::Duration;

/// A sequence of pauses: each about twice the one before, each shortened at random by up to a
/// half, so that agents that failed together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    pub(crate) fn next(&mut self, random: &mut fastrand::Rng) -> Duration {
        // 2^20 is far past any sensible ratio of the two limits.
        let doubled = self.first.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        let pause = doubled.min(self.longest);
        pause.mul_f64(0.5 + random.f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(seed: u64, count: usize) -> Vec<Duration> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        (0..count).map(|_| backoff.next(&mut random)).collect()
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_shortened_by_half_at_most() {
        let mut nominal = Duration::from_millis(500);
        for pause in pauses(7, 40) {
            assert!(pause >= nominal / 2 && pause <= nominal, "{pause:?}");
            nominal = (nominal * 2).min(Duration::from_secs(30));
        }
    }

    #[test]
    fn one_seed_gives_one_sequence_and_another_seed_another() {
        assert_eq!(pauses(1, 10), pauses(1, 10));
        assert_ne!(pauses(1, 10), pauses(2, 10));
    }

    #[test]
    fn a_success_starts_over() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        for _ in 0..10 {
            let _ = backoff.next(&mut random);
        }
        backoff.reset();
        assert!(backoff.next(&mut random) <= Duration::from_secs(1));
    }
}
