//! What a route and a change cost: `cargo bench -p bgp-rib`.
//!
//! Plain loops over whole tables, medians of a few rounds. Nothing is written to a socket.

#![expect(
    clippy::disallowed_methods,
    reason = "the table has no clock, but this measures time"
)]

use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use bgp_rib::{Attributes, GroupKey, PeerId, Table};
use bgp_wire::{AsWidth, Asn, Family, PeerKind};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const ROUNDS: usize = 5;
const FLIPS: usize = 20_000;

fn main() {
    println!("family        routes  peers  load ns  pass ns  pass ms  flip ns  octets/route");
    for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
        for routes in [1_000, 100_000, 1_000_000] {
            for peers in [1, 16] {
                row(family, routes, peers);
            }
        }
    }
}

fn row(family: Family, routes: u32, peers: usize) {
    let rounds: Vec<[Duration; 3]> = (0..ROUNDS)
        .map(|_| measure(family, routes, peers))
        .collect();
    let median = |what: usize| {
        let mut times: Vec<Duration> = rounds.iter().map(|round| round[what]).collect();
        times.sort_unstable();
        times[ROUNDS / 2].as_nanos() as f64
    };
    let mut table = Table::new();
    load(&mut table, family, routes);
    let octets = table.statistics(family).reserved_octets as f64 / f64::from(routes);
    println!(
        "{family:12} {routes:>7} {peers:>6} {:>8.1} {:>8.1} {:>8.2} {:>8.0} {octets:>13.1}",
        median(0) / f64::from(routes),
        median(1) / f64::from(routes),
        median(1) / 1e6,
        median(2) / FLIPS as f64,
    );
}

/// Time to load, for the first pass of all peers, and for [`FLIPS`] single changes that all peers
/// pull.
fn measure(family: Family, routes: u32, peers: usize) -> [Duration; 3] {
    let mut table = Table::new();
    let start = Instant::now();
    load(&mut table, family, routes);
    let loaded = start.elapsed();

    let peers: Vec<PeerId> = (0..peers).map(|_| join(&mut table, family)).collect();
    let start = Instant::now();
    let told: u32 = peers.iter().map(|&peer| drain(&mut table, peer)).sum();
    let passed = start.elapsed();
    assert_eq!(told as usize, routes as usize * peers.len());

    let attributes = table.intern(Attributes::default());
    let start = Instant::now();
    let mut random = 1u32;
    for flip in 0..FLIPS {
        if flip % 2 == 0 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        }
        let prefix = host(family, random % routes);
        let _ = match flip % 2 {
            0 => table.withdraw(&prefix),
            _ => table.announce(prefix, attributes),
        };
        for &peer in &peers {
            drain(&mut table, peer);
        }
    }
    let flipped = start.elapsed();
    [loaded, passed, flipped]
}

fn load(table: &mut Table, family: Family, routes: u32) {
    let prefixes = (0..routes).map(|number| host(family, number));
    assert_eq!(
        table.announce_all(prefixes, Attributes::default()),
        routes as usize
    );
}

fn join(table: &mut Table, family: Family) -> PeerId {
    let key = GroupKey {
        family,
        kind: PeerKind::Ebgp,
        prepend: Asn(64512),
        as_width: AsWidth::Four,
        next_hop: match family {
            Family::IPV4_UNICAST => Ipv4Addr::LOCALHOST.into(),
            _ => Ipv6Addr::LOCALHOST.into(),
        },
        max_message: 4096,
    };
    table.join(key).expect("a group of a family with routes")
}

fn drain(table: &mut Table, peer: PeerId) -> u32 {
    let batches = std::iter::from_fn(|| table.next_batch(peer, Table::DEFAULT_BUDGET));
    batches.map(|batch| black_box(batch).routes).sum()
}

fn host(family: Family, number: u32) -> IpNet {
    match family {
        Family::IPV4_UNICAST => {
            Ipv4Net::new_assert(Ipv4Addr::from_bits(0x1400_0000 + number), 32).into()
        }
        _ => {
            let address = 0x2001_0db8 << 96 | u128::from(number);
            Ipv6Net::new_assert(Ipv6Addr::from_bits(address), 128).into()
        }
    }
}
