//! Metrics of the route table, and of routes as they pass to and from peers.

use bgp_speaker::PeerStatus;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::registry::Registry;

use super::{Counters, Gauges, Snapshot, as_gauge};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FamilyLabels {
    family: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PeerFamilyLabels {
    peer: String,
    asn: u32,
    family: String,
}

pub(super) fn register(registry: &mut Registry, snapshot: &Snapshot) {
    table(registry, snapshot);
    passed(registry, &snapshot.sessions());
}

/// The one table that all peers are told from.
fn table(registry: &mut Registry, snapshot: &Snapshot) {
    let [routes, withdrawals, octets] = [(); 3].map(|()| Gauges::<FamilyLabels>::default());
    for table in &snapshot.table {
        let labels = FamilyLabels {
            family: table.family.to_string(),
        };
        routes.get_or_create(&labels).set(as_gauge(table.routes));
        let waiting = as_gauge(table.withdrawals);
        withdrawals.get_or_create(&labels).set(waiting);
        octets.get_or_create(&labels).set(as_gauge(table.octets));
    }
    let help = "Prefixes in the route table";
    registry.register("table_routes", help, routes);
    let help = "Withdrawals in the route table that some peer has yet to be told";
    registry.register("table_pending_withdrawals", help, withdrawals);
    let help = "Octets that the route table reserves";
    registry.register("table_bytes", help, octets);
}

fn passed(registry: &mut Registry, sessions: &[&PeerStatus]) {
    let [advertised, withdrawn, received, given_up] =
        [(); 4].map(|()| Counters::<PeerFamilyLabels>::default());
    for status in sessions {
        for counts in &status.routes {
            let labels = PeerFamilyLabels {
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
    let help = "Prefixes announced to the peer";
    registry.register("route_advertisements", help, advertised);
    let help = "Prefixes withdrawn from the peer";
    registry.register("route_withdrawals", help, withdrawn);
    let help = "Prefixes received from the peer, counted and dropped";
    registry.register("received_prefixes", help, received);
    let help = "Prefixes that the peer withdrew, counted only";
    registry.register("received_withdrawals", help, given_up);
}
