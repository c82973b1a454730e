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
    sessions: BTreeMap<IpAddr, Session>,
    /// Why each of those that do not listen does not.
    deaf: BTreeMap<SocketAddr, String>,
}

/// What is known of a session.
#[derive(Clone, Default, PartialEq, Eq)]
struct Session {
    is_up: bool,
    /// How often it left Established.
    flaps: u64,
    /// Why the last attempt failed or the last session ended.
    last_down: Option<String>,
}

impl Session {
    fn of(peer: &PeerStatus) -> Self {
        Self {
            is_up: peer.state == State::Established,
            flaps: peer.flaps,
            last_down: peer.last_down.clone(),
        }
    }
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
                info!(local_asn, %router_id, listen_port, "BGPPolicy/{name} is in effect");
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
            let present = Session::of(peer);
            let former = self.sessions.remove(&peer.address).unwrap_or_default();
            let name = format!("peer {} (AS {})", peer.address, peer.asn.0);
            events.extend(session(node, &name, &former, &present));
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

/// What happened on the session with a peer. Several flaps between two looks are one, and an attempt
/// that fails for the same reason as the one before is nothing new.
fn session(
    node: &str,
    peer: &str,
    former: &Session,
    present: &Session,
) -> impl Iterator<Item = Event> {
    let went_down = present.flaps > former.flaps || (former.is_up && !present.is_up);
    let fails = !present.is_up && present.last_down != former.last_down;
    let why = present.last_down.as_deref().unwrap_or("no reason is known");
    let down = (went_down || fails).then(|| {
        let what = if went_down {
            "went down"
        } else {
            "does not come up"
        };
        let note = format!("the session with {peer} {what}: {why}");
        Event::node(node, Warning, "PeerDown", note)
    });
    let came_up = present.is_up && (went_down || !former.is_up);
    let up = came_up.then(|| {
        let note = format!("the session with {peer} is Established");
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

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "peer 192.0.2.9 (AS 65001)";

    fn known(is_up: bool, flaps: u64, last_down: Option<&str>) -> Session {
        Session {
            is_up,
            flaps,
            last_down: last_down.map(str::to_owned),
        }
    }

    /// `reason: note` of what is told of the second after the first.
    fn told(former: &Session, present: &Session) -> Vec<String> {
        session("node-a", PEER, former, present)
            .map(|event| format!("{}: {}", event.reason, event.note))
            .collect()
    }

    #[test]
    fn a_session_that_comes_up_is_told_once() {
        let (new, up) = (Session::default(), known(true, 0, None));
        assert_eq!(
            told(&new, &up),
            ["PeerUp: the session with peer 192.0.2.9 (AS 65001) is Established"]
        );
        assert_eq!(told(&up, &up), [""; 0]);
    }

    #[test]
    fn a_session_that_goes_down_is_told_with_the_reason() {
        let (up, down) = (
            known(true, 2, None),
            known(false, 3, Some("hold timer expired")),
        );
        assert_eq!(
            told(&up, &down),
            ["PeerDown: the session with peer 192.0.2.9 (AS 65001) went down: hold timer expired"]
        );
        assert_eq!(told(&down, &down), [""; 0]);
    }

    #[test]
    fn a_flap_between_two_looks_is_told_as_both() {
        let (up, again) = (
            known(true, 2, None),
            known(true, 5, Some("reset by the neighbour")),
        );
        let told = told(&up, &again);
        assert!(told[0].starts_with("PeerDown: "), "{told:?}");
        assert!(told[1].starts_with("PeerUp: "), "{told:?}");
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn a_peer_that_never_comes_up_is_told_once_for_each_reason() {
        let (new, refused) = (Session::default(), known(false, 0, Some("refused")));
        let told_first = told(&new, &refused);
        assert!(
            told_first[0].contains("does not come up: refused"),
            "{told_first:?}"
        );
        assert_eq!(told(&refused, &refused), [""; 0]);
        assert_eq!(told(&refused, &known(false, 0, Some("timed out"))).len(), 1);
    }

    fn object(kind: Kind, json: &serde_json::Value) -> antrea_bgp_api::Object {
        antrea_bgp_api::decode(kind, json)
            .expect("it can be decoded")
            .object
    }

    fn policy(name: &str, created: &str) -> antrea_bgp_policy::Input {
        let json = serde_json::json!({
            "metadata": { "name": name, "creationTimestamp": created },
            "spec": { "nodeSelector": {}, "localASN": 64512 } });
        antrea_bgp_policy::Input::Applied(object(Kind::BgpPolicy, &json))
    }

    #[test]
    fn a_policy_that_an_older_one_overrules_is_told_alike_on_all_nodes() {
        let mut all = Vec::new();
        for node in ["node-a", "node-b"] {
            let mut engine = Engine::new(node);
            let own = serde_json::json!({ "metadata": { "name": node }, "status": {
                "addresses": [{ "type": "InternalIP", "address": "192.0.2.1" }] } });
            engine.handle_all([
                antrea_bgp_policy::Input::Applied(object(Kind::Node, &own)),
                policy("young", "2026-02-01T00:00:00Z"),
                policy("old", "2026-01-01T00:00:00Z"),
            ]);
            let mut teller = Teller::default();
            let events = teller.policies(&engine);
            let ignored = events.into_iter().find(|e| e.reason == "PolicyIgnored");
            all.push(ignored.expect("one is ignored"));
            // Once.
            assert_eq!(teller.policies(&engine), []);
        }
        assert_eq!(all[0], all[1]);
        assert_eq!(all[0].object.to_string(), "BGPPolicy/young");
        assert!(all[0].note.contains("BGPPolicy/old"), "{}", all[0].note);
    }
}
