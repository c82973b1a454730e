//! From a change to when a peer heard of it.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use ipnet::IpNet;

/// A route, whether it is there from now on, and when that is.
pub type Change = (IpNet, bool, Instant);

/// From a change to when the peer heard of it, in order of length. What the peer hears answers the last change before it;
/// changes that cancel each other out before the peer hears of them have no answer.
#[must_use]
pub fn latencies(changes: &[Change], history: &[Change]) -> Vec<Duration> {
    let mut made: HashMap<IpNet, VecDeque<(bool, Instant)>> = HashMap::new();
    for (route, is_there, at) in changes {
        made.entry(*route).or_default().push_back((*is_there, *at));
    }
    let mut latencies: Vec<_> = history
        .iter()
        .filter_map(|(route, is_there, when)| {
            let changes = made.get_mut(route)?;
            let mut last = None;
            while changes.front().is_some_and(|(_, at)| at <= when) {
                last = changes.pop_front();
            }
            let (wanted, at) = last?;
            (wanted == *is_there).then(|| *when - at)
        })
        .collect();
    latencies.sort_unstable();
    latencies
}

/// The latency that this share of all (0.0 to 1.0) does not exceed, in milliseconds. They are sorted, and there is one.
#[must_use]
pub fn share(latencies: &[Duration], share: f64) -> f64 {
    let at = ((latencies.len() - 1) as f64 * share) as usize;
    latencies[at].as_secs_f64() * 1e3
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
    fn what_was_heard_before_a_change_is_no_answer_to_it() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let route: IpNet = "20.0.0.1/32".parse().expect("a constant");
        let heard = [(route, true, at(0)), (route, false, at(7))];
        let expected = [Duration::from_millis(2)];
        assert_eq!(latencies(&[(route, false, at(5))], &heard), expected);
    }
}
