//! What the path attributes of a route become in each update group.

use std::net::{Ipv4Addr, Ipv6Addr};

use bgp_wire::{
    AsPath, AsWidth, Asn, Attribute, Community, ExtendedCommunity, Family, LargeCommunity, NextHop,
    Origin, PeerKind, UpdateView,
};

use super::receiver::context;
use super::{Peer, announce, ebgp};
use crate::{Attributes, GroupKey, Table};

/// The attributes of the one route of a table, as a peer of the group reads them.
fn read(group: GroupKey, prefix: &str, attributes: Attributes) -> (Vec<Attribute>, NextHop) {
    let mut table = Table::new();
    announce(&mut table, prefix, attributes);
    let mut peer = Peer::join(&mut table, group);
    let batch = peer.pull(&mut table, Table::DEFAULT_BUDGET).unwrap();
    let context = context(&group);
    let update = UpdateView::parse(&batch.updates, &context).unwrap();
    let next_hop = update.next_hop(group.family).unwrap();
    let plain = update.attributes().filter(|attribute| {
        use bgp_wire::AttributeType as Type;
        ![Type::NEXT_HOP, Type::MP_REACH_NLRI].contains(&attribute.kind())
    });
    (
        plain.map(|attribute| attribute.to_owned()).collect(),
        next_hop,
    )
}

fn ipv4(kind: PeerKind) -> GroupKey {
    GroupKey {
        kind,
        ..ebgp(Family::IPV4_UNICAST)
    }
}

#[test]
fn an_ebgp_peer_sees_our_as_and_no_local_pref() {
    let attributes = Attributes {
        med: Some(5),
        local_pref: Some(200),
        ..Attributes::default()
    };
    let (list, _) = read(ipv4(PeerKind::Ebgp), "10.0.0.1/32", attributes);
    let path = AsPath::sequence([Asn(64512)]);
    let expected = [Attribute::Origin(Origin::Igp), Attribute::AsPath(path)];
    assert_eq!(list[..2], expected);
    assert_eq!(list[2..], [Attribute::MultiExitDisc(5)]);
}

#[test]
fn an_ibgp_peer_sees_an_empty_path_and_local_pref() {
    for (given, seen) in [(None, 100), (Some(200), 200)] {
        let attributes = Attributes {
            local_pref: given,
            ..Attributes::default()
        };
        let (list, _) = read(ipv4(PeerKind::Ibgp), "10.0.0.1/32", attributes);
        let path = Attribute::AsPath(AsPath::default());
        assert_eq!(
            list,
            [
                Attribute::Origin(Origin::Igp),
                path,
                Attribute::LocalPref(seen)
            ]
        );
    }
}

#[test]
fn a_confederation_peer_sees_our_member_as_and_local_pref() {
    let group = ipv4(PeerKind::Confederation);
    let (list, _) = read(group, "10.0.0.1/32", Attributes::default());
    let path = Attribute::AsPath(AsPath::confed_sequence([Asn(64512)]));
    assert_eq!(
        list,
        [
            Attribute::Origin(Origin::Igp),
            path,
            Attribute::LocalPref(100)
        ]
    );
}

#[test]
fn a_peer_with_narrow_as_numbers_sees_as_trans_and_the_real_one() {
    let prepend = Asn(4_200_000_000);
    let group = GroupKey {
        as_width: AsWidth::Two,
        prepend,
        ..ipv4(PeerKind::Ebgp)
    };
    let (list, _) = read(group, "10.0.0.1/32", Attributes::default());
    let path = |asn| AsPath::sequence([asn]);
    assert_eq!(list[1], Attribute::AsPath(path(Asn::TRANS)));
    assert_eq!(list[2..], [Attribute::As4Path(path(prepend))]);
}

#[test]
fn communities_of_every_size_are_carried() {
    let communities = vec![Community::NO_EXPORT, Community::new(64512, 7)];
    let extended = vec![ExtendedCommunity([0, 2, 0xfc, 0, 0, 0, 0, 1])];
    let large = vec![LargeCommunity {
        global: 4_200_000_000,
        local_1: 1,
        local_2: 2,
    }];
    let attributes = Attributes {
        origin: Origin::Incomplete,
        communities: communities.clone(),
        extended_communities: extended.clone(),
        large_communities: large.clone(),
        ..Attributes::default()
    };
    let group = ebgp(Family::IPV6_UNICAST);
    let (list, _) = read(group, "2001:db8::1/128", attributes);
    assert_eq!(list[0], Attribute::Origin(Origin::Incomplete));
    let expected = [
        Attribute::Communities(communities),
        Attribute::ExtendedCommunities(extended),
        Attribute::LargeCommunities(large),
    ];
    assert_eq!(list[2..], expected);
}

#[test]
fn a_next_hop_of_its_own_counts_where_it_can_be_carried() {
    let v4: NextHop = Ipv4Addr::new(192, 0, 2, 99).into();
    let v6: NextHop = "2001:db8::99".parse::<Ipv6Addr>().unwrap().into();
    let plain = ebgp(Family::IPV4_UNICAST);
    let ipv6 = ebgp(Family::IPV6_UNICAST);
    let extended = GroupKey {
        next_hop: ipv6.next_hop,
        ..plain
    };
    let cases = [
        (
            plain,
            "10.0.0.1/32",
            [None, Some(v4), Some(v6)],
            [plain.next_hop, v4, plain.next_hop],
        ),
        (
            extended,
            "10.0.0.1/32",
            [None, Some(v4), Some(v6)],
            [ipv6.next_hop, v4, v6],
        ),
        (
            ipv6,
            "2001:db8::1/128",
            [None, Some(v4), Some(v6)],
            [ipv6.next_hop, ipv6.next_hop, v6],
        ),
    ];
    for (group, prefix, given, seen) in cases {
        for (next_hop, seen) in given.into_iter().zip(seen) {
            let attributes = Attributes {
                next_hop,
                ..Attributes::default()
            };
            assert_eq!(
                read(group, prefix, attributes).1,
                seen,
                "{next_hop:?} for {group:?}"
            );
        }
    }
}
