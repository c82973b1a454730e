//! Metrics: a snapshot of the agent, written in the text format of Prometheus.
//!
//! A scrape builds its registry from the snapshot, so a peer that is removed takes its series along
//! and nothing has to be kept in step.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use antrea_bgp_policy::{Report, RouteType, Severity};
use bgp_speaker::{ListenerStatus, PeerStatus, State};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::answers::Known;
use crate::cluster_metrics::cluster_metrics;
use crate::source::ClusterHealth;

/// Every state that a session can be in (RFC 4271 section 8.2.2).
const STATES: [State; 6] = [
    State::Idle,
    State::Connect,
    State::Active,
    State::OpenSent,
    State::OpenConfirm,
    State::Established,
];

/// All that metrics and probes tell, at one moment.
pub(crate) struct Snapshot {
    pub(crate) policy: Option<String>,
    pub(crate) routes: BTreeMap<RouteType, u64>,
    pub(crate) configured_peers: usize,
    pub(crate) peers: Vec<PeerStatus>,
    pub(crate) listeners: Vec<ListenerStatus>,
    pub(crate) problems: usize,
    /// None where there is no API server.
    pub(crate) cluster: Option<ClusterHealth>,
}

impl Snapshot {
    pub(crate) fn of(known: &Known<'_>) -> Self {
        let (engine, process) = (known.engine, known.process);
        let mut routes: BTreeMap<_, _> = RouteType::ALL.into_iter().map(|t| (t, 0)).collect();
        for route in engine.routes() {
            *routes.entry(route.owner().route_type).or_default() += 1;
        }
        let (peers, listeners) = process
            .status()
            .map(|status| (status.peers, status.listeners))
            .unwrap_or_default();
        let counts = |report: &&Report| report.severity >= Severity::Warning;
        Self {
            policy: engine.policy().map(|policy| policy.name.to_owned()),
            routes,
            configured_peers: engine.peers().count(),
            peers,
            listeners,
            problems: engine.problems().filter(counts).count() + known.source.problems().len(),
            cluster: known.source.health(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PeerLabels {
    peer: String,
    asn: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    peer: String,
    asn: u32,
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FamilyLabels {
    peer: String,
    asn: u32,
    family: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    peer: String,
    asn: u32,
    r#type: &'static str,
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabels {
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabels {
    policy: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AddressLabels {
    address: String,
}

type Gauges<L> = Family<L, Gauge>;
type Counters<L> = Family<L, Counter<u64, AtomicU64>>;

/// The snapshot as OpenMetrics text.
///
/// # Errors
///
/// None in practice: writing into memory cannot fail, but the library's signature allows for it.
pub(crate) fn render(snapshot: &Snapshot) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("antrea_agent_bgp");
    agent_metrics(&mut registry, snapshot);
    peer_metrics(&mut registry, &snapshot.peers);
    if let Some(cluster) = &snapshot.cluster {
        cluster_metrics(&mut registry, cluster);
    }
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

fn agent_metrics(registry: &mut Registry, snapshot: &Snapshot) {
    let effective = Gauges::<PolicyLabels>::default();
    if let Some(policy) = &snapshot.policy {
        effective
            .get_or_create(&PolicyLabels {
                policy: policy.clone(),
            })
            .set(1);
    }
    registry.register(
        "effective_policy",
        "The BGPPolicy in effect on this node",
        effective,
    );

    let routes = Gauges::<TypeLabels>::default();
    for (route_type, count) in &snapshot.routes {
        routes
            .get_or_create(&TypeLabels {
                r#type: route_type.name(),
            })
            .set(as_gauge(*count));
    }
    registry.register(
        "advertised_routes",
        "Routes that this node advertises, by type",
        routes,
    );

    let count = |n: usize| {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(n).unwrap_or(i64::MAX));
        gauge
    };
    let peers = count(snapshot.configured_peers);
    registry.register("configured_peers", "Peers of the policy in effect", peers);
    let problems = count(snapshot.problems);
    registry.register(
        "problems",
        "Things wrong in the objects that this node reads",
        problems,
    );

    let listeners = Gauges::<AddressLabels>::default();
    for listener in &snapshot.listeners {
        let labels = AddressLabels {
            address: listener.address.to_string(),
        };
        listeners
            .get_or_create(&labels)
            .set(i64::from(listener.local.is_some()));
    }
    registry.register(
        "listener_up",
        "Whether the agent listens for BGP here",
        listeners,
    );
}

fn peer_metrics(registry: &mut Registry, peers: &[PeerStatus]) {
    let up = Gauges::<PeerLabels>::default();
    let uptime = Gauges::<PeerLabels>::default();
    let state = Gauges::<StateLabels>::default();
    let flaps = Counters::<PeerLabels>::default();
    for status in peers {
        let (peer, asn) = (status.address.to_string(), status.asn.0);
        let labels = PeerLabels {
            peer: peer.clone(),
            asn,
        };
        up.get_or_create(&labels)
            .set(i64::from(status.state == State::Established));
        let seconds = status.uptime.unwrap_or_default().as_secs();
        uptime.get_or_create(&labels).set(as_gauge(seconds));
        flaps.get_or_create(&labels).inc_by(status.flaps);
        for each in STATES {
            let labels = StateLabels {
                peer: peer.clone(),
                asn,
                state: each.to_string(),
            };
            state
                .get_or_create(&labels)
                .set(i64::from(status.state == each));
        }
    }
    registry.register("peer_up", "Whether the session is Established", up);
    registry.register(
        "peer_session_state",
        "1 for the state that the session is in",
        state,
    );
    registry.register(
        "peer_uptime_seconds",
        "How long the session is Established",
        uptime,
    );
    registry.register(
        "peer_flaps",
        "How many times the session left Established",
        flaps,
    );
    route_metrics(registry, peers);
    message_metrics(registry, peers);
    load_metrics(registry, peers);
}

/// What waits for a peer, and what it sent that was not sound.
fn load_metrics(registry: &mut Registry, peers: &[PeerStatus]) {
    let queued = Gauges::<PeerLabels>::default();
    let pending = Gauges::<PeerLabels>::default();
    let malformed = Counters::<PeerLabels>::default();
    for status in peers {
        let labels = PeerLabels {
            peer: status.address.to_string(),
            asn: status.asn.0,
        };
        let octets = i64::try_from(status.queue_octets).unwrap_or(i64::MAX);
        queued.get_or_create(&labels).set(octets);
        let changes = as_gauge(status.pending_changes);
        pending.get_or_create(&labels).set(changes);
        let updates = status.malformed_updates;
        malformed.get_or_create(&labels).inc_by(updates);
    }
    let help = "Octets that wait for the socket of the session";
    registry.register("peer_queue_bytes", help, queued);
    let help = "Changes of routes that the peer has yet to be told, at most";
    registry.register("peer_pending_changes", help, pending);
    let help = "UPDATEs with errors that RFC 7606 tells to survive";
    registry.register("malformed_updates", help, malformed);
}

fn route_metrics(registry: &mut Registry, peers: &[PeerStatus]) {
    let advertised = Counters::<FamilyLabels>::default();
    let withdrawn = Counters::<FamilyLabels>::default();
    let received = Counters::<FamilyLabels>::default();
    let given_up = Counters::<FamilyLabels>::default();
    for status in peers {
        for counts in &status.routes {
            let labels = FamilyLabels {
                peer: status.address.to_string(),
                asn: status.asn.0,
                family: counts.family.to_string(),
            };
            advertised.get_or_create(&labels).inc_by(counts.advertised);
            withdrawn.get_or_create(&labels).inc_by(counts.withdrawn);
            received.get_or_create(&labels).inc_by(counts.received);
            let withdrawals = counts.received_withdrawn;
            given_up.get_or_create(&labels).inc_by(withdrawals);
        }
    }
    registry.register(
        "route_advertisements",
        "Prefixes announced to the peer",
        advertised,
    );
    registry.register(
        "route_withdrawals",
        "Prefixes withdrawn from the peer",
        withdrawn,
    );
    let help = "Prefixes received from the peer, counted and dropped";
    registry.register("received_prefixes", help, received);
    let help = "Prefixes that the peer withdrew, counted only";
    registry.register("received_withdrawals", help, given_up);
}

fn message_metrics(registry: &mut Registry, peers: &[PeerStatus]) {
    let messages = Counters::<MessageLabels>::default();
    for status in peers {
        for (direction, counts) in [
            ("sent", status.messages.sent),
            ("received", status.messages.received),
        ] {
            let by_type = [
                ("open", counts.open),
                ("update", counts.update),
                ("notification", counts.notification),
                ("keepalive", counts.keepalive),
                ("route-refresh", counts.route_refresh),
            ];
            for (r#type, count) in by_type {
                let peer = status.address.to_string();
                let labels = MessageLabels {
                    peer,
                    asn: status.asn.0,
                    r#type,
                    direction,
                };
                messages.get_or_create(&labels).inc_by(count);
            }
        }
    }
    registry.register("messages", "BGP messages by type and direction", messages);
}

fn as_gauge(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
