//! Random histories: whatever is announced, withdrawn, joined, left, refreshed and pulled in
//! whatever order, every peer ends with what is announced, and the table with nothing else.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use bgp_wire::{AsWidth, Asn, Family, NextHop, PeerKind};
use ipnet::IpNet;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{Peer, ebgp, large, med, net};
use crate::{Attributes, Delivery, GroupKey, Marker, RefreshKind, Table, TombstoneLimit};

const PREFIXES: [&str; 16] = [
    "10.0.0.0/8",
    "10.96.0.1/32",
    "10.96.0.2/32",
    "10.96.0.3/32",
    "10.96.0.4/31",
    "172.16.0.0/12",
    "0.0.0.0/0",
    "192.0.2.128/25",
    "198.51.100.7/32",
    "203.0.113.0/24",
    "::/0",
    "2001:db8::/32",
    "2001:db8::1/128",
    "2001:db8::2/128",
    "2001:db8:1::/48",
    "2001:db8:2::8000/113",
];

#[derive(Clone, Copy, Debug)]
enum Op {
    Announce {
        prefix: usize,
        attributes: u32,
    },
    Withdraw {
        prefix: usize,
    },
    Join {
        group: usize,
    },
    Leave {
        peer: usize,
    },
    /// `forget`: the peer drops its routes when it asks, as after a change of its own policy.
    Refresh {
        peer: usize,
        kind: RefreshKind,
        forget: bool,
    },
    Pull {
        peer: usize,
        budget: usize,
        times: usize,
    },
    HoldEndOfRib(bool),
    Sweep,
    Laggards,
}

fn op() -> impl Strategy<Value = Op> {
    let prefix = 0..PREFIXES.len();
    let kind = prop_oneof![Just(RefreshKind::Plain), Just(RefreshKind::Enhanced)];
    let budget = prop_oneof![6 => Just(4096), 1 => 4096..20_000usize, 1 => Just(65_536)];
    // Sharing needs company.
    let group = prop_oneof![3 => Just(0), 1 => 0..groups().len()];
    prop_oneof![
        12 => (prefix.clone(), 0..8u32)
            .prop_map(|(prefix, attributes)| Op::Announce { prefix, attributes }),
        10 => prefix.prop_map(|prefix| Op::Withdraw { prefix }),
        3 => group.prop_map(|group| Op::Join { group }),
        1 => (0..8usize).prop_map(|peer| Op::Leave { peer }),
        2 => (0..8usize, kind, any::<bool>())
            .prop_map(|(peer, kind, forget)| Op::Refresh { peer, kind, forget }),
        14 => (0..8usize, budget, 1..4usize)
            .prop_map(|(peer, budget, times)| Op::Pull { peer, budget, times }),
        1 => any::<bool>().prop_map(Op::HoldEndOfRib),
        1 => Just(Op::Sweep),
        1 => Just(Op::Laggards),
    ]
}

fn groups() -> [GroupKey; 6] {
    let (ipv4, ipv6) = (ebgp(Family::IPV4_UNICAST), ebgp(Family::IPV6_UNICAST));
    let link_local = Some("fe80::1".parse::<Ipv6Addr>().unwrap());
    let global = "2001:db8::2".parse().unwrap();
    [
        ipv4,
        GroupKey {
            kind: PeerKind::Ibgp,
            ..ipv4
        },
        GroupKey {
            next_hop: ipv6.next_hop,
            max_message: 65535,
            ..ipv4
        },
        GroupKey {
            as_width: AsWidth::Two,
            prepend: Asn(4_200_000_000),
            ..ipv4
        },
        ipv6,
        GroupKey {
            kind: PeerKind::Confederation,
            next_hop: NextHop::V6 { global, link_local },
            ..ipv6
        },
    ]
}

/// The MED names the set.
fn attributes(number: u32) -> Attributes {
    let next_hop = match number {
        5 => Some(NextHop::from(Ipv4Addr::new(192, 0, 2, 55))),
        6 => Some(NextHop::from("2001:db8::66".parse::<Ipv6Addr>().unwrap())),
        _ => None,
    };
    match number {
        0 => med(0),
        // Beyond 4096 octets: only the group with extended messages hears of it.
        7 => {
            let large = large(7);
            Attributes {
                communities: large.communities.repeat(4),
                ..large
            }
        }
        _ => Attributes {
            next_hop,
            ..large(number)
        },
    }
}

/// What a peer of a group shall see of a route.
fn next_hop(group: &GroupKey, number: u32) -> Option<NextHop> {
    let explicit = attributes(number).next_hop;
    let usable = match (explicit, group.next_hop) {
        (Some(NextHop::V4(_)), _) => group.family == Family::IPV4_UNICAST,
        (Some(_), own) => matches!(own, NextHop::V6 { .. }),
        (None, _) => false,
    };
    if usable {
        explicit
    } else {
        Some(group.next_hop)
    }
}

struct Model {
    table: Table,
    intent: BTreeMap<IpNet, u32>,
    peers: Vec<Subject>,
}

struct Subject {
    peer: Peer,
    group: GroupKey,
    /// The receiver dropped its routes, and the pass that brings them again is not over.
    forgot: bool,
}

impl Model {
    fn apply(&mut self, op: Op) {
        let chosen = match &op {
            Op::Leave { peer } | Op::Refresh { peer, .. } | Op::Pull { peer, .. } => {
                if self.peers.is_empty() {
                    return;
                }
                peer % self.peers.len()
            }
            _ => 0,
        };
        match op {
            Op::Announce {
                prefix,
                attributes: number,
            } => {
                let prefix = net(PREFIXES[prefix]);
                let changed = self.table.announce_all([prefix], attributes(number));
                let before = self.intent.insert(prefix, number);
                assert_eq!(changed == 1, before != Some(number));
            }
            Op::Withdraw { prefix } => {
                let prefix = net(PREFIXES[prefix]);
                let change = self.table.withdraw(&prefix);
                let before = self.intent.remove(&prefix);
                assert_eq!(change != crate::Change::Unchanged, before.is_some());
            }
            Op::Join { group } if self.peers.len() < 8 => {
                let group = groups()[group];
                let peer = Peer::join(&mut self.table, group);
                self.peers.push(Subject {
                    peer,
                    group,
                    forgot: false,
                });
            }
            Op::Join { .. } => {}
            Op::Leave { .. } => {
                let subject = self.peers.swap_remove(chosen);
                self.table.leave(subject.peer.id);
                assert_eq!(self.table.next_batch(subject.peer.id, 4096), None);
            }
            Op::Refresh { kind, forget, .. } => {
                let subject = &mut self.peers[chosen];
                self.table.refresh(subject.peer.id, kind);
                if forget {
                    subject.peer.receiver.routes.clear();
                    subject.forgot = true;
                }
            }
            Op::Pull { budget, times, .. } => {
                self.pull(chosen, budget, times);
                self.check_delivery(chosen);
            }
            Op::HoldEndOfRib(hold) => self.table.hold_end_of_rib(hold),
            Op::Sweep => self.table.sweep(),
            Op::Laggards => {
                let limit = TombstoneLimit {
                    floor: 100,
                    percent: 0,
                };
                assert_eq!(self.table.laggards(limit), [], "there are not 100 prefixes");
            }
        }
    }

    fn pull(&mut self, chosen: usize, budget: usize, times: usize) {
        let subject = &mut self.peers[chosen];
        for _ in 0..times {
            let ready = self.table.progress(subject.peer.id).unwrap().ready;
            match subject.peer.pull(&mut self.table, budget) {
                Some(batch) => {
                    assert!(ready);
                    assert!(batch.marker != Some(Marker::EndOfRib) || batch.routes == 0);
                }
                None => {
                    assert!(!self.table.progress(subject.peer.id).unwrap().ready);
                    let refreshing = self.table.progress(subject.peer.id).unwrap().refreshing;
                    subject.forgot &= refreshing;
                    return;
                }
            }
        }
    }

    fn is_told(group: &GroupKey, number: u32) -> bool {
        number != 7 || group.max_message == 65535
    }

    /// What the table says that a peer knows is what the receiver knows.
    fn check_delivery(&self, chosen: usize) {
        let Subject {
            peer,
            group,
            forgot,
        } = &self.peers[chosen];
        if *forgot {
            return;
        }
        let prefixes = PREFIXES.map(net);
        let all: Vec<_> = self.table.deliveries(peer.id, &prefixes).collect();
        let sent = all.iter().filter(|it| **it == Delivery::Sent).count();
        assert_eq!(self.table.sent(peer.id), sent, "{group:?}");
        for (prefix, delivery) in prefixes.into_iter().zip(all) {
            assert_eq!(delivery, self.table.delivery(peer.id, &prefix));
            let received = peer.receiver.routes.get(&prefix);
            match delivery {
                Delivery::Sent => {
                    assert_eq!(
                        received.and_then(|r| r.med),
                        self.intent.get(&prefix).copied()
                    );
                    assert!(received.is_some(), "{prefix} of {group:?}");
                }
                Delivery::NotAdvertised => assert_eq!(received, None, "{prefix} of {group:?}"),
                Delivery::Pending => {}
            }
        }
    }

    fn check_at_rest(&mut self) {
        self.table.hold_end_of_rib(false);
        for chosen in 0..self.peers.len() {
            self.pull(chosen, Table::DEFAULT_BUDGET, usize::MAX);
            self.check_delivery(chosen);
            let Subject { peer, group, .. } = &self.peers[chosen];
            assert_eq!(peer.receiver.ends_of_rib, 1);
            assert!(!peer.receiver.in_refresh(), "every BoRR got its EoRR");
            let received = peer.receiver.routes.iter();
            let received = received.map(|(prefix, route)| (*prefix, route.med, route.next_hop));
            let intended = self.intent.iter().filter(|(prefix, number)| {
                Family::unicast_of(prefix) == group.family && Self::is_told(group, **number)
            });
            let intended =
                intended.map(|(prefix, number)| (*prefix, Some(*number), next_hop(group, *number)));
            assert_eq!(received.collect::<Vec<_>>(), intended.collect::<Vec<_>>());
        }
        for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
            let statistics = self.table.statistics(family);
            let routes = self
                .intent
                .keys()
                .filter(|p| Family::unicast_of(p) == family)
                .count();
            assert_eq!(statistics.routes, routes);
            assert_eq!(statistics.tombstones, 0, "every peer passed them");
            assert_eq!(
                (statistics.cached_batches, statistics.cached_octets),
                (0, 0)
            );
            assert!(statistics.holes < 8.max(routes + 2), "{statistics:?}");
        }
        let mut sets: Vec<u32> = self.intent.values().copied().collect();
        sets.sort_unstable();
        sets.dedup();
        assert_eq!(self.table.attribute_sets(), sets.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        rng_seed: RngSeed::Fixed(0x0b67),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_peer_ends_with_what_is_announced(ops in prop::collection::vec(op(), 1..250)) {
        let mut model = Model { table: Table::new(), intent: BTreeMap::new(), peers: Vec::new() };
        for op in ops {
            model.apply(op);
        }
        model.check_at_rest();

        let announced: Vec<IpNet> = std::mem::take(&mut model.intent).into_keys().collect();
        for prefix in announced {
            let _ = model.table.withdraw(&prefix);
        }
        model.check_at_rest();
        while let Some(subject) = model.peers.pop() {
            model.table.leave(subject.peer.id);
        }
        model.check_at_rest();
    }
}
