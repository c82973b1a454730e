//! What routes and changes allocate: a guard against costs that creep in. Counts are the same on every machine.

use std::net::Ipv4Addr;

use allocation_counter::measure;
use bgp_rib::{Attributes, GroupKey, PeerId, Table};
use bgp_wire::{AsWidth, Asn, Family, PeerKind};
use ipnet::{IpNet, Ipv4Net};

const ROUTES: u32 = 10_000;

fn host(number: u32) -> IpNet {
    Ipv4Net::from(Ipv4Addr::from_bits(0x1400_0000 + number)).into()
}

fn join(table: &mut Table) -> PeerId {
    let key = GroupKey {
        family: Family::IPV4_UNICAST,
        kind: PeerKind::Ebgp,
        prepend: Asn(64512),
        as_width: AsWidth::Four,
        next_hop: Ipv4Addr::LOCALHOST.into(),
        max_message: 4096,
    };
    table.join(key).expect("a group of a family with routes")
}

fn drain(table: &mut Table, peers: &[PeerId]) -> u32 {
    let mut routes = 0;
    for peer in peers {
        while let Some(batch) = table.next_batch(*peer, Table::DEFAULT_BUDGET) {
            routes += batch.routes;
        }
    }
    routes
}

fn table_with(peers: usize) -> (Table, Vec<PeerId>) {
    let mut table = Table::new();
    table.announce_all((0..ROUTES).map(host), Attributes::default());
    let peers: Vec<_> = (0..peers).map(|_| join(&mut table)).collect();
    assert_eq!(
        drain(&mut table, &peers) as usize,
        ROUTES as usize * peers.len()
    );
    (table, peers)
}

/// Changes that every peer is told at once, with the allocations of each.
fn per_flip(peers: usize) -> f64 {
    const FLIPS: u32 = 2_000;
    let (mut table, peers) = table_with(peers);
    let attributes = table.intern(Attributes::default());
    let flip = |table: &mut Table, number: u32| {
        let prefix = host(number * 7919 % ROUTES);
        let _ = table.withdraw(&prefix);
        drain(table, &peers);
        let _ = table.announce(prefix, attributes);
        drain(table, &peers);
    };
    // Whatever grows has grown.
    (0..FLIPS).for_each(|number| flip(&mut table, number));
    let info = measure(|| (0..FLIPS).for_each(|number| flip(&mut table, number)));
    info.count_total as f64 / f64::from(2 * FLIPS)
}

#[test]
fn a_change_costs_its_message_whatever_the_number_of_peers() {
    let (one, many) = (per_flip(1), per_flip(16));
    // The message itself, which all peers of a group share, and now and then a piece of the log.
    assert!(
        one <= FLIP_BOUND,
        "{one} allocations for a change with one peer"
    );
    assert!(
        many <= one + 0.5,
        "{many} with sixteen peers, {one} with one"
    );
}

/// Allocations for one change: five when this was written.
const FLIP_BOUND: f64 = 5.5;

#[test]
fn a_route_is_no_allocation() {
    let info = measure(|| drop(table_with(1)));
    let per_route = info.count_total as f64 / f64::from(ROUTES);
    assert!(
        per_route < 0.05,
        "{per_route} allocations for a route and its first pass"
    );
}

#[test]
fn a_peer_that_reads_nothing_costs_nothing() {
    let (mut table, peers) = table_with(2);
    let attributes = table.intern(Attributes::default());
    let change = |table: &mut Table, reader: &[PeerId]| {
        for number in 0..ROUTES {
            let _ = table.withdraw(&host(number));
            let _ = table.announce(host(number), attributes);
            drain(table, reader);
        }
    };
    change(&mut table, &peers);
    // Ten times the table in changes, of which the log keeps one for each route.
    let one_stuck = measure(|| (0..10).for_each(|_| change(&mut table, &peers[..1])));
    assert!(one_stuck.bytes_current < 16 * 1024, "{one_stuck:?}");
}
