//! From a change to when a peer heard of it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ipnet::IpNet;

/// A route, whether it is there from now on, and when that is.
pub type Change = (IpNet, bool, Instant);

/// From a change to when the peer heard of it, in order of length; both sides are in order of time.
///
/// What the peer heard last of a route answers the last change before it that made the route so, what it heard before
/// that an earlier change, and so on. So a change that is followed by others before the peer hears of it has its answer,
/// and only changes that cancel each other out before anything is sent have none. Where some did, the answer may be that to
/// an earlier change than the one it is taken for, and the latency a longer one.
#[must_use]
pub fn latencies(changes: &[Change], history: &[Change]) -> Vec<Duration> {
    let mut made: HashMap<IpNet, Vec<(bool, Instant)>> = HashMap::new();
    for (route, is_there, at) in changes {
        made.entry(*route).or_default().push((*is_there, *at));
    }
    let mut latencies: Vec<_> = history
        .iter()
        .rev()
        .filter_map(|(route, is_there, when)| {
            let unanswered = made.get_mut(route)?;
            let is_answered = |(made, at): &(bool, Instant)| made == is_there && at <= when;
            let at = unanswered.iter().rposition(is_answered)?;
            let (_, since) = unanswered[at];
            unanswered.truncate(at);
            Some(*when - since)
        })
        .collect();
    latencies.sort_unstable();
    latencies
}

/// The latency that this share of all (0.0 to 1.0) does not exceed, in milliseconds. They are sorted, and there is one.
#[must_use]
pub fn share(latencies: &[Duration], share: f64) -> f64 {
    // The smallest that so many do not exceed (nearest rank).
    let rank = (latencies.len() as f64 * share).ceil() as usize;
    latencies[rank.max(1) - 1].as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Latencies, in milliseconds, of changes of one route; each is there from so many milliseconds on, or is not.
    fn heard(changes: &[(bool, u64)], history: &[(bool, u64)]) -> Vec<u128> {
        let start = Instant::now();
        let route: IpNet = "20.0.0.1/32".parse().expect("a constant");
        let dated = |all: &[(bool, u64)]| -> Vec<Change> {
            let dated = all.iter();
            dated
                .map(|(is_there, at)| (route, *is_there, start + Duration::from_millis(*at)))
                .collect()
        };
        let all = latencies(&dated(changes), &dated(history));
        all.iter().map(Duration::as_millis).collect()
    }

    const CHANGES: [(bool, u64); 3] = [(false, 0), (true, 10), (false, 20)];

    #[test]
    fn changes_that_cancel_each_other_out_have_no_answer() {
        let all = [(false, 3), (true, 11), (false, 25)];
        assert_eq!(heard(&CHANGES, &all), [1, 3, 5]);
        assert_eq!(heard(&CHANGES, &all[2..]), [5]);
    }

    #[test]
    fn a_change_that_is_followed_by_another_before_the_peer_hears_of_it_has_its_answer() {
        let all = [(false, 12), (true, 23), (false, 24)];
        assert_eq!(heard(&CHANGES, &all), [4, 12, 13]);
        assert_eq!(heard(&CHANGES[..2], &all[..2]), [12, 13]);
    }

    #[test]
    fn what_was_heard_before_a_change_is_no_answer_to_it() {
        assert_eq!(heard(&[(false, 5)], &[(true, 0), (false, 7)]), [2]);
    }

    #[test]
    fn a_share_is_the_smallest_that_so_many_do_not_exceed() {
        let two = [1, 2].map(Duration::from_millis);
        let thousand: Vec<_> = (1..=1000).map(Duration::from_millis).collect();
        let of_two = [0.0, 0.5, 0.51, 0.99, 1.0].map(|it| share(&two, it));
        assert_eq!(of_two, [1.0, 1.0, 2.0, 2.0, 2.0]);
        let of_thousand = [0.5, 0.99, 0.999, 1.0].map(|it| share(&thousand, it));
        assert_eq!(of_thousand, [500.0, 990.0, 999.0, 1000.0]);
    }
}
