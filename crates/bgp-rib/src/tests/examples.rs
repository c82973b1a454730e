//! Situations worth telling one by one.

use std::net::Ipv4Addr;

use bgp_wire::Family;
use bytes::Bytes;
use ipnet::{IpNet, Ipv4Net};

use super::{Peer, announce, ebgp, large, med, net};
use crate::{
    Attributes, Change, Delivery, GroupKey, JoinError, Marker, RefreshKind, Table, TombstoneLimit,
};

const V4: Family = Family::IPV4_UNICAST;
const BUDGET: usize = Table::DEFAULT_BUDGET;

/// `10.0.0.0/32`, `10.0.0.1/32`, …
fn hosts(count: u32) -> impl Iterator<Item = IpNet> {
    (0..count).map(|i| Ipv4Net::new_assert(Ipv4Addr::from_bits(0x0a00_0000 + i), 32).into())
}

/// Six prefixes, `10.0.0.0/32` to `10.0.0.5/32`, that take two batches of 4096 octets.
fn two_batches() -> Table {
    let mut table = Table::new();
    for (prefix, number) in hosts(6).zip(1..) {
        assert_eq!(table.announce_all([prefix], large(number)), 1);
    }
    table
}

#[test]
fn scenario_72_a_prefix_withdrawn_during_the_first_pass_does_not_stay() {
    let mut table = two_batches();
    let mut peer = Peer::join(&mut table, ebgp(V4));
    assert_eq!(peer.pull(&mut table, 4096).unwrap().routes, 3);

    for prefix in ["10.0.0.0/32", "10.0.0.5/32"] {
        assert_eq!(table.withdraw(&net(prefix)), Change::Withdrawn);
        assert_eq!(table.delivery(peer.id, &net(prefix)), Delivery::Pending);
    }
    peer.drain(&mut table);
    assert_eq!(
        peer.prefixes(),
        ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32", "10.0.0.4/32"]
    );
    assert_eq!(table.statistics(V4).tombstones, 0);
}

#[test]
fn a_prefix_withdrawn_during_a_refresh_does_not_stay() {
    for kind in [RefreshKind::Plain, RefreshKind::Enhanced] {
        let mut table = two_batches();
        let mut peer = Peer::join(&mut table, ebgp(V4));
        peer.drain(&mut table);
        assert_eq!(table.withdraw(&net("10.0.0.3/32")), Change::Withdrawn);
        table.refresh(peer.id, kind);
        if kind == RefreshKind::Enhanced {
            let begin = peer.pull(&mut table, 4096).unwrap();
            assert_eq!(begin.marker, Some(Marker::BeginRefresh));
        }
        assert_eq!(peer.pull(&mut table, 4096).unwrap().routes, 3);
        assert_eq!(table.withdraw(&net("10.0.0.0/32")), Change::Withdrawn);
        let last = peer.drain(&mut table).pop().unwrap();
        assert_eq!(
            peer.prefixes(),
            ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.4/32", "10.0.0.5/32"]
        );
        let end = (kind == RefreshKind::Enhanced).then_some(Marker::EndRefresh);
        assert_eq!(last.marker, end);
        assert_eq!(peer.receiver.ends_of_rib, 1);
    }
}

#[test]
fn a_peer_in_refresh_still_holds_the_tombstones_it_was_owed() {
    let mut table = two_batches();
    let mut peer = Peer::join(&mut table, ebgp(V4));
    peer.drain(&mut table);
    let _ = table.withdraw(&net("10.0.0.0/32"));
    table.refresh(peer.id, RefreshKind::Plain);
    table.refresh(peer.id, RefreshKind::Plain);
    let mut other = Peer::join(&mut table, ebgp(V4));
    other.drain(&mut table);
    assert_eq!(table.statistics(V4).tombstones, 1);
    peer.drain(&mut table);
    assert!(!peer.prefixes().contains(&"10.0.0.0/32".to_owned()));
    assert_eq!(table.statistics(V4).tombstones, 0);
}

#[test]
fn flaps_coalesce() {
    let mut table = Table::new();
    let mut peer = Peer::join(&mut table, ebgp(V4));
    peer.drain(&mut table);
    for round in 0..1000 {
        announce(&mut table, "10.0.0.1/32", med(round));
        announce(&mut table, "10.0.0.2/32", med(round));
        let _ = table.withdraw(&net("10.0.0.1/32"));
    }
    let batches = peer.drain(&mut table);
    assert_eq!(batches.len(), 1);
    assert_eq!(
        (
            batches[0].routes,
            batches[0].withdrawals,
            batches[0].messages
        ),
        (1, 1, 2)
    );
    assert_eq!(peer.receiver.routes[&net("10.0.0.2/32")].med, Some(999));
}

#[test]
fn peers_of_a_group_share_one_allocation() {
    let mut table = two_batches();
    let [mut a, mut b] = [(); 2].map(|()| Peer::join(&mut table, ebgp(V4)));
    let ibgp = GroupKey {
        kind: bgp_wire::PeerKind::Ibgp,
        ..ebgp(V4)
    };
    let mut c = Peer::join(&mut table, ibgp);

    // All are kept until the end, so that no address is used twice.
    let mut pull = |peer: &mut Peer| -> Vec<Bytes> {
        let batches: Vec<Bytes> = std::iter::from_fn(|| peer.pull(&mut table, 4096))
            .map(|batch| batch.updates)
            .collect();
        assert_eq!(batches.len(), 3, "two of routes and End-of-RIB");
        batches
    };
    let pointers = |batches: &[Bytes]| batches.iter().map(|b| b.as_ptr()).collect::<Vec<_>>();
    let (of_a, of_b, of_c) = (pull(&mut a), pull(&mut b), pull(&mut c));
    assert_eq!(pointers(&of_a), pointers(&of_b));
    assert_ne!(pointers(&of_a)[..2], pointers(&of_c)[..2]);
    assert_eq!(
        table.statistics(V4).cached_batches,
        0,
        "nobody needs them any more"
    );

    // A single change is packed once as well.
    announce(&mut table, "10.0.0.1/32", med(77));
    let (at_a, at_b) = (
        a.pull(&mut table, BUDGET).unwrap(),
        b.pull(&mut table, BUDGET).unwrap(),
    );
    assert_eq!(at_a.updates.as_ptr(), at_b.updates.as_ptr());
    assert_eq!(table.statistics(V4).cached_batches, 0);
}

#[test]
fn batches_are_kept_while_somebody_waits_for_them() {
    let mut table = two_batches();
    let [mut a, mut b, mut c] = [(); 3].map(|()| Peer::join(&mut table, ebgp(V4)));
    let cached = |table: &Table| table.statistics(V4).cached_batches;
    a.pull(&mut table, 4096);
    b.pull(&mut table, 4096);
    assert_eq!(cached(&table), 1, "for c");
    table.leave(c.id);
    assert_eq!(cached(&table), 0);

    a.pull(&mut table, 4096);
    assert_eq!(cached(&table), 1, "the second, for b");
    table.refresh(b.id, RefreshKind::Plain);
    assert_eq!(cached(&table), 0, "b begins anew");

    c = Peer::join(&mut table, ebgp(V4));
    while b.pull(&mut table, 4096).is_some() {}
    assert_eq!(cached(&table), 2, "for c, which was stuck from the start");
    table.sweep();
    assert_eq!(cached(&table), 2, "they are fresh");
    table.sweep();
    assert_eq!(table.statistics(V4).cached_octets, 0);
    c.drain(&mut table);
    assert_eq!(c.prefixes().len(), 6);
}

#[test]
fn changes_that_a_slower_peer_of_the_group_missed_reach_it_at_once() {
    let mut table = Table::new();
    let [mut fast, mut slow] = [(); 2].map(|()| Peer::join(&mut table, ebgp(V4)));
    fast.drain(&mut table);
    slow.drain(&mut table);
    for prefix in ["10.0.0.1/32", "10.0.0.2/32"] {
        announce(&mut table, prefix, med(1));
        fast.drain(&mut table);
    }
    let batches = slow.drain(&mut table);
    assert_eq!(batches.len(), 1);
    assert_eq!((batches[0].routes, batches[0].messages), (2, 1));
}

#[test]
fn a_batch_packed_before_a_peer_joined_does_not_serve_it() {
    let mut table = two_batches();
    let [mut a, waiting] = [(); 2].map(|()| Peer::join(&mut table, ebgp(V4)));
    let old = a.pull(&mut table, 4096).unwrap();
    assert_eq!(
        table.statistics(V4).cached_batches,
        1,
        "for the one that waits"
    );
    let _ = table.withdraw(&net("10.0.0.0/32"));

    let mut late = Peer::join(&mut table, ebgp(V4));
    let new = late.pull(&mut table, 4096).unwrap();
    assert_ne!(old.updates, new.updates);
    assert!(!late.prefixes().contains(&"10.0.0.0/32".to_owned()));
    late.drain(&mut table);
    assert_eq!(
        table.delivery(waiting.id, &net("10.0.0.0/32")),
        Delivery::Pending
    );
}

#[test]
fn a_batch_packed_without_a_withdrawal_does_not_serve_who_needs_that() {
    let mut table = Table::new();
    let large_ones = |table: &mut Table, numbers: std::ops::Range<u32>| {
        for number in numbers {
            announce(table, &format!("10.0.0.{number}/32"), large(number));
        }
    };
    let mut early = Peer::join(&mut table, ebgp(V4));
    announce(&mut table, "192.0.2.0/24", med(0));
    early.drain(&mut table);
    large_ones(&mut table, 0..4);
    early.drain(&mut table);
    assert_eq!(table.withdraw(&net("192.0.2.0/24")), Change::Withdrawn);
    large_ones(&mut table, 4..8);

    // Two that never saw the route: the batches of the first leave its withdrawal out, and are kept
    // for the second.
    let [mut first, _second] = [(); 2].map(|()| Peer::join(&mut table, ebgp(V4)));
    for _ in 0..2 {
        assert_eq!(first.pull(&mut table, 4096).unwrap().withdrawals, 0);
    }
    assert_eq!(table.statistics(V4).cached_batches, 2);
    table.refresh(early.id, RefreshKind::Plain);
    while early.pull(&mut table, 4096).is_some() {}
    assert_eq!(early.prefixes().len(), 8);
    assert!(!early.prefixes().contains(&"192.0.2.0/24".to_owned()));
}

#[test]
fn end_of_rib_waits_while_it_is_held() {
    let mut table = two_batches();
    table.hold_end_of_rib(true);
    let mut peer = Peer::join(&mut table, ebgp(V4));
    peer.drain(&mut table);
    assert_eq!(
        (peer.receiver.routes.len(), peer.receiver.ends_of_rib),
        (6, 0)
    );
    announce(&mut table, "10.1.0.0/16", med(1));
    peer.drain(&mut table);
    assert_eq!(
        (peer.receiver.routes.len(), peer.receiver.ends_of_rib),
        (7, 0)
    );
    table.hold_end_of_rib(false);
    peer.drain(&mut table);
    announce(&mut table, "10.2.0.0/16", med(1));
    peer.drain(&mut table);
    assert_eq!(peer.receiver.ends_of_rib, 1);
}

#[test]
fn an_empty_table_sends_end_of_rib_in_both_families() {
    let mut table = Table::new();
    for family in [V4, Family::IPV6_UNICAST] {
        let mut peer = Peer::join(&mut table, ebgp(family));
        let batches = peer.drain(&mut table);
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].marker, Some(Marker::EndOfRib));
    }
}

#[test]
fn a_peer_that_stops_reading_costs_no_memory() {
    let mut table = Table::new();
    table.announce_all(hosts(2000), med(0));
    let mut reading = Peer::join(&mut table, ebgp(V4));
    let stuck = Peer::join(&mut table, ebgp(V4));
    reading.drain(&mut table);
    table.sweep();
    table.sweep();
    assert_eq!(table.statistics(V4).cached_octets, 0);

    let mut most = table.statistics(V4).reserved_octets;
    for round in 0..100_000 {
        let prefix = hosts(2000).nth(round % 100).unwrap();
        table.announce_all([prefix], med(round as u32));
        reading.drain(&mut table);
        assert_eq!(table.statistics(V4).cached_batches, 0);
        most = most.max(table.statistics(V4).reserved_octets);
    }
    assert!(most < 2000 * 128, "{most} octets");
    assert_eq!(table.attribute_sets(), 101);
    assert_eq!(
        table.delivery(stuck.id, &net("10.0.0.1/32")),
        Delivery::Pending
    );
}

/// It always takes something, so nothing but the number of withdrawals it holds back tells.
#[test]
fn a_peer_that_reads_but_falls_behind_is_named() {
    let mut table = Table::new();
    let limit = TombstoneLimit {
        floor: 20,
        percent: 0,
    };
    table.announce_all(hosts(4000), med(0));
    let mut slow = Peer::join(&mut table, ebgp(V4));
    slow.drain(&mut table);
    for prefix in hosts(2000) {
        let _ = table.withdraw(&prefix);
    }
    // One message: some 800 withdrawals.
    let mut take_some = |table: &mut Table| assert!(slow.pull(table, 4096).is_some());
    take_some(&mut table);
    assert_eq!(table.laggards(limit), [], "so many were withdrawn at once");
    for prefix in hosts(4000).skip(2000) {
        let _ = table.withdraw(&prefix);
    }
    take_some(&mut table);
    assert!(table.statistics(V4).tombstones > 4 * 20);
    assert_eq!(table.laggards(limit), [slow.id]);
}

#[test]
fn a_peer_that_holds_back_too_many_withdrawals_is_named() {
    let mut table = Table::new();
    table.announce_all(hosts(100), med(0));
    let mut reading = Peer::join(&mut table, ebgp(V4));
    let mut stuck = Peer::join(&mut table, ebgp(V4));
    reading.drain(&mut table);
    stuck.drain(&mut table);
    for prefix in hosts(60) {
        let _ = table.withdraw(&prefix);
    }
    reading.drain(&mut table);
    let limit = TombstoneLimit {
        floor: 20,
        percent: 50,
    };
    assert_eq!(table.laggards(limit), [], "both moved since they joined");
    assert_eq!(
        table.laggards(limit),
        [stuck.id],
        "60 tombstones, 40 allowed"
    );
    assert_eq!(
        table.laggards(TombstoneLimit {
            floor: 40,
            percent: 50
        }),
        []
    );
    assert_eq!(table.statistics(V4).tombstones, 60);
    table.leave(stuck.id);
    assert_eq!(table.statistics(V4).tombstones, 0);
}

#[test]
fn a_route_takes_less_than_64_octets() {
    let mut table = Table::new();
    // The worst size: the vector has just doubled.
    table.announce_all(hosts(66_000), med(0));
    let octets = table.statistics(V4).reserved_octets;
    assert!(octets < 66_000 * 64, "{octets} octets");
}

#[test]
fn a_change_costs_a_record_however_large_the_table() {
    let mut table = Table::new();
    table.announce_all(hosts(10_000), med(0));
    let mut peer = Peer::join(&mut table, ebgp(V4));
    peer.drain(&mut table);
    assert!(!table.progress(peer.id).unwrap().ready);
    assert_eq!(table.withdraw(&net("10.0.0.77/32")), Change::Withdrawn);
    assert_eq!(table.progress(peer.id).unwrap().pending, 1);
    let batch = peer.pull(&mut table, BUDGET).unwrap();
    assert_eq!((batch.routes, batch.withdrawals, batch.messages), (0, 1, 1));
}

#[test]
fn messages_are_full_whatever_the_order_of_attributes() {
    let mut table = Table::new();
    for (prefix, number) in hosts(3000).zip(0..) {
        table.announce_all([prefix], med(number % 3));
    }
    let mut peer = Peer::join(&mut table, ebgp(V4));
    let batches = peer.drain(&mut table);
    // 5 octets a prefix, some 40 for the rest of a message: two messages for each set.
    assert_eq!((batches[0].routes, batches[0].messages), (3000, 6));

    let mut extended = Peer::join(
        &mut table,
        GroupKey {
            max_message: 65535,
            ..ebgp(V4)
        },
    );
    assert_eq!(extended.drain(&mut table)[0].messages, 3);
}

#[test]
fn a_route_whose_attributes_fit_no_message_is_withdrawn_and_counted() {
    let mut table = Table::new();
    announce(&mut table, "10.0.0.1/32", med(1));
    let mut plain = Peer::join(&mut table, ebgp(V4));
    let mut extended = Peer::join(
        &mut table,
        GroupKey {
            max_message: 65535,
            ..ebgp(V4)
        },
    );
    plain.drain(&mut table);
    extended.drain(&mut table);

    let communities = vec![bgp_wire::Community(1); 1200];
    announce(
        &mut table,
        "10.0.0.1/32",
        Attributes {
            communities,
            ..med(2)
        },
    );
    let batch = plain.pull(&mut table, BUDGET).unwrap();
    assert_eq!(
        (batch.routes, batch.withdrawals, batch.oversized),
        (0, 1, 1)
    );
    assert_eq!(plain.prefixes(), [""; 0]);
    assert_eq!(
        table.delivery(plain.id, &net("10.0.0.1/32")),
        Delivery::NotAdvertised
    );
    let batch = extended.pull(&mut table, BUDGET).unwrap();
    assert_eq!(
        (batch.routes, batch.withdrawals, batch.oversized),
        (1, 0, 0)
    );
}

#[test]
fn groups_that_could_be_told_nothing_are_refused() {
    let mut table = Table::new();
    let family = Family::IPV4_MULTICAST;
    let refused = table.join(GroupKey { family, ..ebgp(V4) });
    assert_eq!(refused, Err(JoinError::UnsupportedFamily(family)));
    let family = Family::IPV6_UNICAST;
    let refused = table.join(GroupKey { family, ..ebgp(V4) });
    assert_eq!(refused, Err(JoinError::NextHopFamily(family)));
    let refused = table.join(GroupKey {
        max_message: 4095,
        ..ebgp(V4)
    });
    assert_eq!(refused, Err(JoinError::MaxMessage(4095)));
}

#[test]
fn the_id_of_a_peer_that_left_is_without_effect() {
    let mut table = two_batches();
    let old = Peer::join(&mut table, ebgp(V4));
    table.leave(old.id);
    let mut new = Peer::join(&mut table, ebgp(V4));
    assert_ne!(old.id, new.id);
    table.leave(old.id);
    table.refresh(old.id, RefreshKind::Plain);
    assert_eq!(table.next_batch(old.id, BUDGET), None);
    assert_eq!(table.progress(old.id), None);
    assert_eq!(
        table.delivery(old.id, &net("10.0.0.0/32")),
        Delivery::NotAdvertised
    );
    new.drain(&mut table);
    assert_eq!(new.prefixes().len(), 6);
}

#[test]
#[should_panic(expected = "were released")]
fn released_attributes_cannot_be_announced() {
    let mut table = Table::new();
    let id = table.intern(Attributes::default());
    table.release(id);
    let _ = table.announce(net("10.0.0.0/8"), id);
}
