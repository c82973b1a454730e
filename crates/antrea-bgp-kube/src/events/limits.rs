//! Token buckets: some at once, then one in a while.

use std::collections::HashMap;
use std::time::Duration;

use antrea_bgp_api::ObjectRef;
use tokio::time::Instant;

/// Buckets of pairs of object and reason.
#[derive(Debug)]
pub(crate) struct Limits {
    burst: u32,
    refill: Duration,
    buckets: HashMap<(ObjectRef, String), Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// When it was, or will be, as full as it gets.
    full_at: Instant,
    /// How many were refused since the last one that was not.
    refused: u32,
}

impl Limits {
    pub(crate) fn new(burst: u32, refill: Duration) -> Self {
        Self {
            burst: burst.max(1),
            refill,
            buckets: HashMap::new(),
        }
    }

    /// Takes a token. `Ok` has how many were refused before it.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        object: &ObjectRef,
        reason: &str,
    ) -> Result<u32, ()> {
        let full = self.refill * self.burst;
        let bucket = self
            .buckets
            .entry((object.clone(), reason.to_owned()))
            .or_insert(Bucket {
                full_at: now,
                refused: 0,
            });
        let after = bucket.full_at.max(now) + self.refill;
        if after > now + full {
            bucket.refused += 1;
            return Err(());
        }
        bucket.full_at = after;
        Ok(std::mem::take(&mut bucket.refused))
    }

    /// Forgets buckets that are full: a new one would be no different.
    pub(crate) fn tidy(&mut self, now: Instant) {
        self.buckets
            .retain(|_, bucket| bucket.full_at > now || bucket.refused > 0);
    }
}

#[cfg(test)]
mod tests {
    use antrea_bgp_api::Kind;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_in_a_while() {
        let start = Instant::now();
        let node = ObjectRef::cluster(Kind::Node, "a");
        let mut limits = Limits::new(3, Duration::from_secs(300));
        let mut passed = Vec::new();
        for second in 0..1200 {
            let now = start + Duration::from_secs(second);
            if let Ok(refused) = limits.take(now, &node, "PeerDown") {
                passed.push((second, refused));
            }
        }
        assert_eq!(
            passed,
            [(0, 0), (1, 0), (2, 0), (300, 297), (600, 299), (900, 299)]
        );
    }

    #[test]
    fn each_object_and_each_reason_has_its_own() {
        let now = Instant::now();
        let mut limits = Limits::new(1, Duration::from_secs(1));
        for (name, reason) in [("a", "X"), ("a", "Y"), ("b", "X")] {
            let node = ObjectRef::cluster(Kind::Node, name);
            assert_eq!(limits.take(now, &node, reason), Ok(0));
            assert_eq!(limits.take(now, &node, reason), Err(()));
        }
    }

    #[test]
    fn full_buckets_take_no_memory() {
        let now = Instant::now();
        let mut limits = Limits::new(2, Duration::from_secs(1));
        let node = ObjectRef::cluster(Kind::Node, "a");
        assert!(limits.take(now, &node, "X").is_ok());
        limits.tidy(now + Duration::from_secs(2));
        assert!(limits.buckets.is_empty());
    }
}
