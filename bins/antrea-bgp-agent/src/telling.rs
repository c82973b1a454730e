//! What people are told by Kubernetes Events besides what the engine reports: policy, router ID,
//! sessions, listeners.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use antrea_bgp_api::{Kind, ObjectRef};
use antrea_bgp_kube::{Event, EventType};
use antrea_bgp_policy::{Engine, ProcessSpec, ReasonCode, Report};
use bgp_speaker::{ListenerStatus, PeerStatus, State, Status};

use tracing::info;

use EventType::{Normal, Warning};

/// What was told last, so that only what changed is told.
#[derive(Default)]
pub(crate) struct Teller {
    policy: Option<(String, ProcessSpec)>,
    /// The policies that would be for this node too, each with the older one that is in effect.
    overruled: BTreeSet<(String, String)>,
    /// Whether the session is Established, and how often it left that state.
    sessions: BTreeMap<IpAddr, (bool, u64)>,
    /// Why each of those that do not listen does not.
    deaf: BTreeMap<SocketAddr, String>,
}

impl Teller {
    /// What is new about the policies that are for this node.
    pub(crate) fn policies(&mut self, engine: &Engine) -> Vec<Event> {
        let mut events = self.effective(engine);
        events.extend(self.ignored(engine));
        events
    }

    /// Every node on which both are has the same to say, so it is said of the policy.
    fn ignored(&mut self, engine: &Engine) -> Vec<Event> {
        let effective = engine.policy().map(|policy| policy.name);
        let pair = |name: &str| effective.map(|older| (name.to_owned(), older.to_owned()));
        let present: BTreeSet<_> = engine.overruled().filter_map(pair).collect();
        let news = present.difference(&self.overruled);
        let events = news.map(|(name, older)| {
            let note = format!("Nodes that BGPPolicy/{older} selects too follow that one: it is older");
            info!("BGPPolicy/{name} is ignored on this node, which the older BGPPolicy/{older} selects too");
            Event {
                object: ObjectRef::cluster(Kind::BgpPolicy, name.clone()),
                event_type: Warning,
                reason: "PolicyIgnored".to_owned(),
                note,
            }
        });
        let events = events.collect();
        self.overruled = present;
        events
    }

    fn effective(&mut self, engine: &Engine) -> Vec<Event> {
        let node = engine.node();
        let present = engine
            .policy()
            .map(|policy| (policy.name.to_owned(), policy.process.clone()));
        if present == self.policy {
            return Vec::new();
        }
        let former = std::mem::replace(&mut self.policy, present);
        let mut events = Vec::new();
        match &self.policy {
            Some((name, process)) => {
                let ProcessSpec {
                    local_asn,
                    listen_port,
                    router_id,
                    ..
                } = process;
                let note = format!(
                    "BGPPolicy/{name} is in effect: local AS {local_asn}, router ID {router_id}, \
                     listen port {listen_port}"
                );
                events.push(Event::node(node, Normal, "PolicyEffective", note));
                if let Some((_, former)) = former.filter(|(_, f)| f.router_id != *router_id) {
                    let from = former.router_id;
                    let note = format!("the router ID changes from {from} to {router_id}");
                    events.push(Event::node(node, Normal, "RouterIDReplaced", note));
                }
            }
            None => {
                let name = former.map(|(name, _)| name).unwrap_or_default();
                let note = format!("BGPPolicy/{name} was in effect, and now none is: BGP stopped");
                events.push(Event::node(node, Normal, "PolicyNotEffective", note));
            }
        }
        events
    }

    /// What is new about sessions and listeners.
    pub(crate) fn sessions(&mut self, node: &str, status: Option<&Status>) -> Vec<Event> {
        let mut events = Vec::new();
        let (peers, listeners) = status
            .map(|status| (status.peers.as_slice(), status.listeners.as_slice()))
            .unwrap_or_default();
        let mut sessions = BTreeMap::new();
        for peer in peers {
            let present = (peer.state == State::Established, peer.flaps);
            let former = self.sessions.get(&peer.address).copied();
            events.extend(session(node, peer, former.unwrap_or_default(), present));
            sessions.insert(peer.address, present);
        }
        // Whoever removed a peer knows that its session is gone.
        self.sessions = sessions;
        for listener in listeners {
            events.extend(self.listener(node, listener));
        }
        self.deaf
            .retain(|address, _| listeners.iter().any(|l| l.address == *address));
        events
    }

    fn listener(&mut self, node: &str, listener: &ListenerStatus) -> Option<Event> {
        let address = listener.address;
        match (&listener.local, &listener.error) {
            (Some(_), _) => {
                self.deaf.remove(&address)?;
                let note = format!("BGP listens on {address} now");
                Some(Event::node(node, Normal, "Listening", note))
            }
            (None, Some(error)) if self.deaf.get(&address) != Some(error) => {
                self.deaf.insert(address, error.clone());
                let note = format!(
                    "cannot listen for BGP on {address}: {error}; it is tried again until it works"
                );
                Some(Event::node(node, Warning, "ListenFailed", note))
            }
            _ => None,
        }
    }
}

/// What happened on the session with a peer. Several flaps between two looks are one.
fn session(
    node: &str,
    peer: &PeerStatus,
    (was_up, flaps_before): (bool, u64),
    (is_up, flaps): (bool, u64),
) -> impl Iterator<Item = Event> {
    let name = format!("peer {} (AS {})", peer.address, peer.asn.0);
    let went_down = flaps > flaps_before || (was_up && !is_up);
    let down = went_down.then(|| {
        let why = peer.last_down.as_deref().unwrap_or("no reason is known");
        Event::node(node, Warning, "PeerDown", format!("{name}: {why}"))
    });
    let came_up = is_up && (went_down || !was_up);
    let up = came_up.then(|| {
        let note = format!("the session with {name} is Established");
        Event::node(node, Normal, "PeerUp", note)
    });
    down.into_iter().chain(up)
}

/// A router ID was chosen, and is to be written.
pub(crate) fn router_id(node: &str, id: Ipv4Addr) -> Event {
    let note = format!("router ID {id} is chosen for this node, and written to its annotation");
    Event::node(node, Normal, "RouterIDChosen", note)
}

/// What a report of the engine says. That a kind may not be read the source tells, which knows the
/// rule that is missing.
pub(crate) fn of_report(report: &Report, node: &str) -> Option<Event> {
    (report.code != ReasonCode::SourceDenied).then(|| Event::from_report(report, node))
}
