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
/// and only changes that cancel each other out before anything is sent have none.
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

    #[test]
    fn changes_that_cancel_each_other_out_have_no_answer() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let route: IpNet = "20.0.0.1/32".parse().expect("a constant");
        let changes = [
            (route, false, at(0)),
            (route, true, at(10)),
            (route, false, at(20)),
        ];
        let all = [
            (route, false, at(3)),
            (route, true, at(11)),
            (route, false, at(25)),
        ];
        let expected = [1, 3, 5].map(Duration::from_millis);
        assert_eq!(latencies(&changes, &all), expected);
        assert_eq!(latencies(&changes, &all[2..]), [Duration::from_millis(5)]);
    }

    #[test]
    fn a_change_that_is_followed_by_another_before_the_peer_hears_of_it_has_its_answer() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let route: IpNet = "20.0.0.1/32".parse().expect("a constant");
        let changes = [
            (route, false, at(0)),
            (route, true, at(10)),
            (route, false, at(20)),
        ];
        let all = [
            (route, false, at(12)),
            (route, true, at(23)),
            (route, false, at(24)),
        ];
        let expected = [4, 12, 13].map(Duration::from_millis);
        assert_eq!(latencies(&changes, &all), expected);
        assert_eq!(latencies(&changes[..2], &all[..2]), expected[1..]);
    }

    #[test]
    fn a_share_is_the_smallest_that_so_many_do_not_exceed() {
        let two = [1, 2].map(Duration::from_millis);
        let thousand: Vec<_> = (1..=1000).map(Duration::from_millis).collect();
        assert_eq!(
            [0.0, 0.5, 0.51, 0.99, 1.0].map(|it| share(&two, it)),
            [1.0, 1.0, 2.0, 2.0, 2.0]
        );
        assert_eq!(
            [0.5, 0.99, 0.999, 1.0].map(|it| share(&thousand, it)),
            [500.0, 990.0, 999.0, 1000.0]
        );
    }

    #[test]
    fn what_was_heard_before_a_change_is_no_answer_to_it() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let route: IpNet = "20.0.0.1/32".parse().expect("a constant");
        let heard = [(route, true, at(0)), (route, false, at(7))];
        let expected = [Duration::from_millis(2)];
        assert_eq!(latencies(&[(route, false, at(5))], &heard), expected);
    }
}
