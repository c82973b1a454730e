//! How long changes of routes take to the wire.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Changes whose time is remembered. A peer that looks less often than that is told the time of the oldest of them.
const REMEMBERED: usize = 256;

/// How long it took until a peer was told what had changed, counted by upper bounds.
///
/// One observation is one time that a peer caught up: from the oldest change that it had not been told to the moment when
/// its socket had taken everything. The first routes of a session count only as far as something changed meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LatencyHistogram {
    buckets: [u64; Self::BOUNDS.len() + 1],
    sum: Duration,
}

impl LatencyHistogram {
    /// The upper bounds of the buckets in seconds, but for the last one, which has none.
    pub const BOUNDS: [f64; 15] = [
        0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
        10.0,
    ];

    /// The buckets, each with its upper bound in seconds (infinity for the last) and what fell between it and the bound
    /// before.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = Self::BOUNDS.into_iter().chain([f64::INFINITY]);
        bounds.zip(self.buckets)
    }

    /// How many observations there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The sum of all observations.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    pub(crate) fn observe(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = Self::BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket] += 1;
        self.sum += time;
    }
}

/// When changes happened, in their order.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// How many there were.
    count: u64,
    /// When the last of them happened.
    times: VecDeque<Instant>,
}

impl Changes {
    /// Something changed, for a reason that came up at this moment.
    pub(crate) fn note(&mut self, at: Instant) {
        if self.times.len() == REMEMBERED {
            self.times.pop_front();
        }
        self.times.push_back(at);
        self.count += 1;
    }

    /// How many there were so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// When the first one after the first `seen` happened; of those that are still remembered.
    pub(crate) fn first_after(&self, seen: u64) -> Option<Instant> {
        let unseen = usize::try_from(self.count - seen).unwrap_or(usize::MAX);
        let at = self.times.len().saturating_sub(unseen);
        self.times.get(at).copied()
    }
}

/// What one peer has yet to be told.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    /// The changes that were looked at.
    seen: u64,
    /// When the oldest change happened that the peer was not told.
    since: Option<Instant>,
    /// Whether any of it concerned the peer.
    told: bool,
}

impl Stopwatch {
    /// For a peer that begins with the table as it is.
    pub(crate) fn new(changes: &Changes) -> Self {
        Self {
            seen: changes.count(),
            since: None,
            told: false,
        }
    }

    /// Takes note of what changed since the last look.
    pub(crate) fn look(&mut self, changes: &Changes) {
        if self.seen != changes.count() {
            self.since = self.since.or_else(|| changes.first_after(self.seen));
            self.seen = changes.count();
        }
    }

    /// Something is being told.
    pub(crate) fn tell(&mut self) {
        self.told = true;
    }

    /// Everything was told: how long that took, if anything was.
    pub(crate) fn caught_up(&mut self) -> Option<Duration> {
        let told = std::mem::take(&mut self.told);
        let since = self.since.take()?;
        told.then(|| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut histogram = LatencyHistogram::default();
        for micros in [0, 250, 251, 1_000, 60_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let counts: Vec<u64> = histogram.buckets().map(|(_, count)| count).collect();
        assert_eq!(counts[..4], [2, 1, 1, 0]);
        assert_eq!(counts.last(), Some(&1));
        assert_eq!(histogram.count(), 5);
        assert_eq!(histogram.sum(), Duration::from_micros(60_001_501));
    }

    #[test]
    fn the_oldest_change_that_was_not_told_counts() {
        let (mut changes, start) = (Changes::default(), Instant::now());
        changes.note(start);
        let mut peer = Stopwatch::new(&changes);
        assert_eq!(peer.caught_up(), None, "nothing since it began");
        let at = |seconds| start + Duration::from_secs(seconds);
        changes.note(at(1));
        changes.note(at(2));
        peer.look(&changes);
        changes.note(at(3));
        peer.look(&changes);
        assert_eq!(peer.since, Some(at(1)));
        peer.tell();
        assert!(peer.caught_up().is_some());
        assert_eq!(peer.caught_up(), None, "once");
    }

    #[test]
    fn a_change_that_is_none_of_the_peers_business_does_not_count() {
        let mut changes = Changes::default();
        let mut peer = Stopwatch::new(&changes);
        changes.note(Instant::now());
        peer.look(&changes);
        assert_eq!(peer.caught_up(), None);
    }

    #[test]
    fn of_changes_that_were_forgotten_the_oldest_that_is_known_counts() {
        let (mut changes, start) = (Changes::default(), Instant::now());
        let mut peer = Stopwatch::new(&changes);
        for n in 0..REMEMBERED as u64 + 10 {
            changes.note(start + Duration::from_secs(n));
        }
        peer.look(&changes);
        assert_eq!(peer.since, Some(start + Duration::from_secs(10)));
    }
}
