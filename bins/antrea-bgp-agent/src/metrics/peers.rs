//! Metrics of sessions.

use std::net::IpAddr;

use antrea_bgp_policy::{Engine, PeerState};
use bgp_speaker::{LatencyHistogram, NotificationStatus, PeerStatus, State};
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::{Counters, Gauges, Snapshot, as_gauge, unix_time};

/// Every state that a session can be in (RFC 4271 section 8.2.2).
const STATES: [State; 6] = [
    State::Idle,
    State::Connect,
    State::Active,
    State::OpenSent,
    State::OpenConfirm,
    State::Established,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PeerLabels {
    peer: String,
    asn: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    peer: String,
    asn: u32,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabels {
    peer: String,
    asn: u32,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotificationLabels {
    peer: String,
    asn: u32,
    direction: &'static str,
    code: u8,
    subcode: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    peer: String,
    asn: u32,
    r#type: &'static str,
    direction: &'static str,
}

impl PeerLabels {
    fn of(status: &PeerStatus) -> Self {
        Self {
            peer: status.address.to_string(),
            asn: status.asn.0,
        }
    }
}

/// A peer that routes are meant for.
pub(crate) struct Peer {
    address: IpAddr,
    asn: u32,
    /// None while it is held back, or refused: it is down all the same, and whoever watches is to see that.
    pub(super) session: Option<PeerStatus>,
}

/// The peers of the policy in effect but those that this node leaves out, each with its session.
pub(super) fn known(engine: &Engine, mut sessions: Vec<PeerStatus>) -> Vec<Peer> {
    let peers = (engine.peers()).filter(|view| !matches!(view.state, PeerState::Skipped(_)));
    let with_session = peers.map(|view| {
        let address = view.peer.address;
        let at = sessions.iter().position(|it| it.address == address);
        Peer {
            address,
            asn: view.peer.asn,
            session: at.map(|at| sessions.swap_remove(at)),
        }
    });
    with_session.collect()
}

pub(super) fn register(registry: &mut Registry, snapshot: &Snapshot) {
    states(registry, &snapshot.peers);
    let sessions = snapshot.sessions();
    errors(registry, &sessions);
    messages(registry, &sessions);
    load(registry, &sessions);
    let latencies = (sessions.iter()).map(|it| (PeerLabels::of(it), it.latency));
    let help = "From a change in the cluster or the folder until the socket of the peer took all that \
                follows from it; of changes that came together the oldest counts";
    registry.register(
        "event_to_wire_seconds",
        help,
        Latencies(latencies.collect()),
    );
}

fn states(registry: &mut Registry, peers: &[Peer]) {
    let up = Gauges::<PeerLabels>::default();
    let uptime = Gauges::<PeerLabels>::default();
    let state = Gauges::<StateLabels>::default();
    let flaps = Counters::<PeerLabels>::default();
    for peer in peers {
        let labels = PeerLabels {
            peer: peer.address.to_string(),
            asn: peer.asn,
        };
        let session = peer.session.as_ref();
        let now = session.map_or(State::Idle, |session| session.state);
        let is_up = i64::from(now == State::Established);
        up.get_or_create(&labels).set(is_up);
        let seconds = session.and_then(|session| session.uptime);
        let seconds = seconds.unwrap_or_default().as_secs();
        uptime.get_or_create(&labels).set(as_gauge(seconds));
        if let Some(session) = session {
            flaps.get_or_create(&labels).inc_by(session.flaps);
        }
        for each in STATES {
            let labels = StateLabels {
                peer: labels.peer.clone(),
                asn: labels.asn,
                state: each.name(),
            };
            let is_this = i64::from(now == each);
            state.get_or_create(&labels).set(is_this);
        }
    }
    let help = "Whether the session is Established; also where there is none, since the peer is held \
                back or refused";
    registry.register("peer_up", help, up);
    let help = "1 for the state that the session is in";
    registry.register("peer_session_state", help, state);
    let help = "How long the session is Established";
    registry.register("peer_uptime_seconds", help, uptime);
    let help = "How many times the session left Established";
    registry.register("peer_flaps", help, flaps);
}

/// When sessions ended or failed last, and what was said about it.
fn errors(registry: &mut Registry, sessions: &[&PeerStatus]) {
    let errors = Gauges::<CauseLabels>::default();
    let notifications = Gauges::<NotificationLabels>::default();
    for status in sessions {
        let PeerLabels { peer, asn } = PeerLabels::of(status);
        let mut events = status.history.iter().rev();
        let last = events.find_map(|event| Some((event.last, event.kind.cause()?)));
        if let Some((at, cause)) = last {
            let labels = CauseLabels {
                peer: peer.clone(),
                asn,
                cause: cause.name(),
            };
            errors.get_or_create(&labels).set(unix_time(at));
        }
        for (direction, notification) in [
            ("sent", &status.last_error_sent),
            ("received", &status.last_error_received),
        ] {
            let Some(NotificationStatus { at, error, .. }) = notification else {
                continue;
            };
            let labels = NotificationLabels {
                peer: peer.clone(),
                asn,
                direction,
                code: error.code,
                subcode: error.subcode,
            };
            notifications.get_or_create(&labels).set(unix_time(*at));
        }
    }
    let help = "When a session ended or did not come up last, and for which cause";
    registry.register("peer_last_error_timestamp_seconds", help, errors);
    let help = "When the last NOTIFICATION was sent or received, by code and subcode (RFC 4271 \
                section 4.5)";
    registry.register(
        "peer_last_notification_timestamp_seconds",
        help,
        notifications,
    );
}

fn messages(registry: &mut Registry, sessions: &[&PeerStatus]) {
    let messages = Counters::<MessageLabels>::default();
    for status in sessions {
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
                let PeerLabels { peer, asn } = PeerLabels::of(status);
                let labels = MessageLabels {
                    peer,
                    asn,
                    r#type,
                    direction,
                };
                messages.get_or_create(&labels).inc_by(count);
            }
        }
    }
    registry.register("messages", "BGP messages by type and direction", messages);
}

/// What waits for a peer, and what it sent that was not sound.
fn load(registry: &mut Registry, sessions: &[&PeerStatus]) {
    let queued = Gauges::<PeerLabels>::default();
    let pending = Gauges::<PeerLabels>::default();
    let malformed = Counters::<PeerLabels>::default();
    for status in sessions {
        let labels = PeerLabels::of(status);
        let octets = as_gauge(status.queue_octets);
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

/// Histograms that the speaker counts.
#[derive(Debug)]
struct Latencies(Vec<(PeerLabels, LatencyHistogram)>);

impl EncodeMetric for Latencies {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (labels, histogram) in &self.0 {
            let buckets: Vec<_> = histogram.buckets().collect();
            let (sum, count) = (histogram.sum().as_secs_f64(), histogram.count());
            encoder
                .encode_family(labels)?
                .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
