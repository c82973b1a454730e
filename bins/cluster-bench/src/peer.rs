//! The agent's peer: it knows when it heard of what.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bgp_speaker::{Asn, Observer, PeerConfig, Speaker, SpeakerConfig};
use bgp_wire::UpdateView;
use ipnet::IpNet;

use crate::{HERE, PORT, THERE};

/// What was heard, and when.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) routes: BTreeSet<IpNet>,
    pub(crate) end_of_rib: bool,
    pub(crate) updates: u64,
    /// Each change of a route: whether it is there since.
    pub(crate) history: Vec<(IpNet, bool, Instant)>,
}

#[derive(Default)]
struct Listener(Mutex<Heard>);

impl Listener {
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Observer for Listener {
    fn update(&self, _: IpAddr, update: &UpdateView<'_>) {
        let now = Instant::now();
        let mut heard = self.lock();
        heard.updates += 1;
        heard.end_of_rib |= update.end_of_rib().is_some();
        for route in update.withdrawn() {
            heard.routes.remove(&route.prefix);
            heard.history.push((route.prefix, false, now));
        }
        for route in update.announced() {
            heard.routes.insert(route.prefix);
            heard.history.push((route.prefix, true, now));
        }
    }
}

pub(crate) struct Peer {
    listener: Arc<Listener>,
    _speaker: Speaker,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let listener = Arc::new(Listener::default());
        let config = SpeakerConfig::new(Asn(65001), [10, 0, 0, 2].into());
        let config = config
            .listen((THERE, PORT).into())
            .observer(listener.clone());
        let speaker = Speaker::start(config);
        let mut agent = PeerConfig::new(HERE.into(), Asn(64512));
        agent.passive = true;
        speaker.set_peer(agent);
        Self {
            listener,
            _speaker: speaker,
        }
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.listener.lock())
    }

    /// Drops the history.
    pub(crate) fn forget(&self) {
        self.listener.lock().history.clear();
    }

    pub(crate) async fn until(
        &self,
        bound: Duration,
        is_so: impl Fn(&Heard) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + bound;
        while !self.with(&is_so) {
            let routes = self.with(|heard| heard.routes.len());
            ensure!(
                Instant::now() < deadline,
                "the peer has {routes} routes after {bound:?}"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

/// From a change to when the peer heard of it, in order of length. What the peer hears answers the last change before it;
/// changes that cancel each other out before the peer hears of them have no answer.
pub(crate) fn latencies(
    changes: &[(IpNet, bool, Instant)],
    history: &[(IpNet, bool, Instant)],
) -> Vec<Duration> {
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
