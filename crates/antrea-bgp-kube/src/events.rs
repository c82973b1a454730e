//! Kubernetes Events: told once, counted when they repeat, few when they flap.

mod limits;
mod object;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use antrea_bgp_api::{Kind, ObjectRef};
use antrea_bgp_policy::{ReasonCode, Report, Severity};
use kube::Client;
use tokio::sync::mpsc;

use crate::cluster::Uids;
use crate::timing::Timing;

use writer::Writer;

/// Events that may wait to be looked at. What comes when so many wait is lost, and counted.
const WAITING: usize = 256;

/// Whether an Event tells of something wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// All is as it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

impl EventType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Something to tell people about an object.
///
/// Two that are equal are one, which is counted. So a note should not hold times or numbers that
/// change with each occurrence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// What it is about: this Node or a BGPPolicy.
    pub object: ObjectRef,
    /// Good or bad.
    pub event_type: EventType,
    /// One word in CamelCase: `PeerDown`. Octets beyond 128 are cut off.
    pub reason: String,
    /// For people. Octets beyond 1024 are cut off.
    pub note: String,
}

impl Event {
    /// About the Node of this name: what concerns this node and no other.
    #[must_use]
    pub fn node(
        node: &str,
        event_type: EventType,
        reason: impl Into<String>,
        note: impl Into<String>,
    ) -> Self {
        Self {
            object: ObjectRef::cluster(Kind::Node, node),
            event_type,
            reason: reason.into(),
            note: note.into(),
        }
    }

    /// What a report of the engine says, where people look for it.
    ///
    /// A warning about a BGPPolicy goes there if the agents of all nodes see the same. Everything
    /// else goes on the agent's own Node: with thousands of nodes nothing that differs between them
    /// belongs on an object that they share.
    #[must_use]
    pub fn from_report(report: &Report, node: &str) -> Self {
        let event_type = match report.severity {
            Severity::Info => EventType::Normal,
            _ => EventType::Warning,
        };
        let message = match &report.field {
            Some(field) => format!("{field}: {}", report.message),
            None => report.message.clone(),
        };
        let everybody_sees = report.object.kind == Kind::BgpPolicy
            && event_type == EventType::Warning
            && matches!(
                report.code,
                ReasonCode::InvalidPolicy
                    | ReasonCode::InvalidElement
                    | ReasonCode::NoEffect
                    | ReasonCode::Undecodable
                    | ReasonCode::FieldDropped
            );
        let own_node = ObjectRef::cluster(Kind::Node, node);
        let (object, note) = if everybody_sees || report.object == own_node {
            (report.object.clone(), message)
        } else {
            (own_node, format!("{}: {message}", report.object))
        };
        Self {
            object,
            event_type,
            reason: report.code.as_str().to_owned(),
            note,
        }
    }

    /// Whether the agents of all nodes write it alike.
    fn is_shared(&self) -> bool {
        self.object.kind != Kind::Node
    }
}

/// Takes Events from anywhere in the agent. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    queue: mpsc::Sender<Event>,
    counters: Arc<Counters>,
}

/// What became of the Events so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventCounts {
    /// Written as new objects, by this agent or, where all write alike, by another.
    pub written: u64,
    /// Counted in an Event that existed.
    pub repeated: u64,
    /// Not written, since there were too many of their kind.
    pub limited: u64,
    /// Lost: too many waited, or the API server would not take them.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Counters {
    written: AtomicU64,
    repeated: AtomicU64,
    limited: AtomicU64,
    lost: AtomicU64,
}

impl Counters {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Events {
    /// Tells people. Never waits: while the API server is away Events wait on their own, and
    /// beyond some hundreds they are lost.
    pub fn publish(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            Counters::add(&self.counters.lost);
        }
    }

    /// What became of the Events so far.
    #[must_use]
    pub fn counts(&self) -> EventCounts {
        let Counters {
            written,
            repeated,
            limited,
            lost,
        } = &*self.counters;
        EventCounts {
            written: written.load(Ordering::Relaxed),
            repeated: repeated.load(Ordering::Relaxed),
            limited: limited.load(Ordering::Relaxed),
            lost: lost.load(Ordering::Relaxed),
        }
    }
}

/// The handle, and the task that writes.
pub(crate) fn channel(
    client: Client,
    node: String,
    timing: Arc<Timing>,
    uids: Uids,
    seed: u64,
) -> (Events, impl Future<Output = ()> + Send + 'static) {
    let (queue, waiting) = mpsc::channel(WAITING);
    let counters = Arc::new(Counters::default());
    let writer = Writer::new(client, node, timing, uids, seed, Arc::clone(&counters));
    (Events { queue, counters }, writer.run(waiting))
}

#[cfg(test)]
mod tests {
    use antrea_bgp_api::{Object, decode};
    use antrea_bgp_policy::{Effect, Engine, Input};
    use serde_json::json;

    use super::*;

    fn object(kind: Kind, json: serde_json::Value) -> Object {
        decode(kind, json).expect("it can be decoded").object
    }

    /// What an engine reports about a policy and a Service.
    fn reports() -> Vec<Report> {
        let mut engine = Engine::new("node-a");
        engine.handle_all([
            Input::Applied(object(
                Kind::Node,
                json!({ "metadata": { "name": "node-a" }, "status": { "addresses": [
                    { "type": "InternalIP", "address": "192.0.2.10" }] } }),
            )),
            Input::Applied(object(
                Kind::BgpPolicy,
                json!({ "metadata": { "name": "edge" }, "spec": {
                    "nodeSelector": {}, "localASN": 64512,
                    "advertisements": { "service": { "ipTypes": ["ExternalIP"] } },
                    "bgpPeers": [{ "address": "nonsense", "asn": 65001 },
                                 { "address": "2001:db8::1", "asn": 65001 }] } }),
            )),
            Input::Applied(object(
                Kind::Service,
                json!({ "metadata": { "name": "web", "namespace": "shop" },
                    "spec": { "externalIPs": ["nonsense"] } }),
            )),
        ]);
        std::iter::from_fn(|| engine.poll_effect())
            .filter_map(|effect| match effect {
                Effect::Report(report) => Some(*report),
                _ => None,
            })
            .collect()
    }

    fn event_of(code: ReasonCode) -> Event {
        let reports = reports();
        let report = reports.iter().find(|report| report.code == code);
        Event::from_report(
            report.unwrap_or_else(|| panic!("{code} is not among {reports:?}")),
            "node-a",
        )
    }

    #[test]
    fn what_all_agents_see_of_a_policy_goes_on_the_policy() {
        let event = event_of(ReasonCode::InvalidElement);
        assert_eq!(event.object.to_string(), "BGPPolicy/edge");
        assert_eq!(event.event_type, EventType::Warning);
        assert!(
            event.note.starts_with("spec.bgpPeers[0].address: "),
            "{}",
            event.note
        );
        assert!(event.is_shared());
    }

    #[test]
    fn what_differs_between_nodes_goes_on_the_node() {
        let event = event_of(ReasonCode::PeerSkipped);
        assert_eq!(event.object.to_string(), "Node/node-a");
        assert!(event.note.starts_with("BGPPolicy/edge: "), "{}", event.note);
        assert!(!event.is_shared());
    }

    #[test]
    fn objects_of_other_people_get_no_events() {
        let event = event_of(ReasonCode::InvalidAddress);
        assert_eq!(event.object.to_string(), "Node/node-a");
        assert!(
            event.note.starts_with("Service/shop/web: "),
            "{}",
            event.note
        );
    }
}
