//! routecore: over borrowed octets, and with every attribute as a value.

use crate::{Codec, Message, Sink, Way};
use routecore::bgp::aspath::{AsPath, Hop, HopPath};
use routecore::bgp::message::UpdateMessage;
use routecore::bgp::message::update::SessionConfig;
use routecore::bgp::nlri::afisafi::{IsPrefix, Nlri};
use routecore::bgp::path_attributes::{AggregatorInfo, PathAttribute, WireformatPathAttribute};
use routecore::bgp::types::AfiSafiType;
use std::net::{IpAddr, Ipv4Addr};

struct Sessions([SessionConfig; 4]);

impl Sessions {
    fn new() -> Self {
        let of = |modern: bool, add_path: bool| {
            let mut config = if modern {
                SessionConfig::modern()
            } else {
                SessionConfig::legacy()
            };
            if add_path {
                config.add_addpath_rxtx(AfiSafiType::Ipv4Unicast);
                config.add_addpath_rxtx(AfiSafiType::Ipv6Unicast);
                config.add_addpath_rxtx(AfiSafiType::Ipv4Multicast);
                config.add_addpath_rxtx(AfiSafiType::Ipv6Multicast);
            }
            config
        };
        Self([
            of(false, false),
            of(true, false),
            of(false, true),
            of(true, true),
        ])
    }

    fn of(&self, message: &Message) -> &SessionConfig {
        &self.0[usize::from(message.four_octets) + 2 * usize::from(message.add_path)]
    }
}

/// `UpdateMessage::from_octets` over a slice; attributes are read where they lie.
pub struct RoutecoreView(Sessions);

impl Codec for RoutecoreView {
    const NAME: &'static str = "routecore, borrowed";
    type Value<'a> = UpdateMessage<&'a [u8]>;

    fn new() -> Self {
        Self(Sessions::new())
    }

    #[inline]
    fn decode<'a>(&mut self, message: &'a Message) -> Option<UpdateMessage<&'a [u8]>> {
        UpdateMessage::from_octets(&message.octets[..], self.0.of(message)).ok()
    }

    #[inline]
    fn visit(update: &UpdateMessage<&[u8]>, sink: &mut impl Sink) -> Option<()> {
        for attribute in update.path_attributes().ok()? {
            visit_borrowed(&attribute.ok()?, sink)?;
        }
        visit_results(update.announcements().ok()?, Way::Announced, sink)?;
        visit_results(update.withdrawals().ok()?, Way::Withdrawn, sink)
    }
}

/// The same, with every attribute as an owned `PathAttribute`, and the prefixes in vectors.
pub struct RoutecoreOwned(Sessions);

/// What routecore owns of an UPDATE.
pub struct Owned<'a> {
    attributes: Vec<PathAttribute>,
    /// Of MP_REACH_NLRI, whose own value does not give it out.
    next_hop: Option<IpAddr>,
    announced: Vec<Nlri<&'a [u8]>>,
    withdrawn: Vec<Nlri<&'a [u8]>>,
}

impl Codec for RoutecoreOwned {
    const NAME: &'static str = "routecore, owned";
    type Value<'a> = Owned<'a>;

    fn new() -> Self {
        Self(Sessions::new())
    }

    #[inline]
    fn decode<'a>(&mut self, message: &'a Message) -> Option<Owned<'a>> {
        let update = UpdateMessage::from_octets(&message.octets[..], self.0.of(message)).ok()?;
        let (mut attributes, mut next_hop) = (Vec::new(), None);
        for attribute in update.path_attributes().ok()? {
            let attribute = attribute.ok()?;
            if let WireformatPathAttribute::MpReachNlri(it) = &attribute {
                next_hop = mp_next_hop(it.value_into_parser().peek_all());
            }
            attributes.push(attribute.to_owned().ok()?);
        }
        Some(Owned {
            attributes,
            next_hop,
            announced: update.announcements_vec().ok()?,
            withdrawn: update.withdrawals_vec().ok()?,
        })
    }

    #[inline]
    fn visit(owned: &Owned<'_>, sink: &mut impl Sink) -> Option<()> {
        owned.attributes.iter().for_each(|it| visit_owned(it, sink));
        owned.next_hop.into_iter().for_each(|it| sink.next_hop(it));
        owned
            .announced
            .iter()
            .for_each(|it| visit_nlri(it, Way::Announced, sink));
        owned
            .withdrawn
            .iter()
            .for_each(|it| visit_nlri(it, Way::Withdrawn, sink));
        Some(())
    }
}

#[inline]
fn visit_borrowed(
    attribute: &WireformatPathAttribute<'_, &[u8]>,
    sink: &mut impl Sink,
) -> Option<()> {
    use WireformatPathAttribute as Wire;
    match attribute {
        Wire::Origin(it) => sink.number(1, it.value_into_parser().parse_u8().ok()?.into()),
        Wire::AsPath(it) => {
            let value = it.value_into_parser();
            let path =
                AsPath::new(value.peek_all(), it.pdu_parse_info().four_octet_enabled()).ok()?;
            for segment in path.segments() {
                segment.asns().for_each(|asn| sink.hop(2, asn.into_u32()));
            }
        }
        Wire::As4Path(it) => {
            let value = it.value_into_parser();
            let path = AsPath::new(value.peek_all(), true).ok()?;
            for segment in path.segments() {
                segment.asns().for_each(|asn| sink.hop(17, asn.into_u32()));
            }
        }
        Wire::ConventionalNextHop(it) => {
            sink.next_hop(Ipv4Addr::from_bits(it.value_into_parser().parse_u32_be().ok()?).into())
        }
        Wire::MultiExitDisc(it) => sink.number(4, it.value_into_parser().parse_u32_be().ok()?),
        Wire::LocalPref(it) => sink.number(5, it.value_into_parser().parse_u32_be().ok()?),
        Wire::Aggregator(it) => {
            let mut value = it.value_into_parser();
            sink.number(
                7,
                if it.pdu_parse_info().four_octet_enabled() {
                    value.parse_u32_be().ok()?
                } else {
                    value.parse_u16_be().ok()?.into()
                },
            );
            sink.number(7, value.parse_u32_be().ok()?);
        }
        Wire::As4Aggregator(it) => {
            let mut value = it.value_into_parser();
            sink.number(18, value.parse_u32_be().ok()?);
            sink.number(18, value.parse_u32_be().ok()?);
        }
        Wire::StandardCommunities(it) => {
            numbers(it.value_into_parser().peek_all()).for_each(|it| sink.community(it))
        }
        Wire::OriginatorId(it) => sink.number(9, it.value_into_parser().parse_u32_be().ok()?),
        Wire::ClusterList(it) => {
            numbers(it.value_into_parser().peek_all()).for_each(|it| sink.number(10, it));
        }
        Wire::ExtendedCommunities(it) => {
            sink.extended_communities(it.value_into_parser().remaining() / 8);
        }
        Wire::LargeCommunities(it) => {
            for [a, b, c] in it
                .value_into_parser()
                .peek_all()
                .as_chunks::<4>()
                .0
                .as_chunks::<3>()
                .0
            {
                sink.large_community([*a, *b, *c].map(u32::from_be_bytes));
            }
        }
        Wire::Otc(it) => sink.number(35, it.value_into_parser().parse_u32_be().ok()?),
        Wire::MpReachNlri(it) => mp_next_hop(it.value_into_parser().peek_all())
            .into_iter()
            .for_each(|it| sink.next_hop(it)),
        _ => {}
    }
    Some(())
}

/// The next hop of MP_REACH_NLRI, from its octets: its own accessor looks for the attribute anew.
#[inline]
fn mp_next_hop(value: &[u8]) -> Option<IpAddr> {
    match *value {
        [_, _, _, 4, a, b, c, d, ..] => Some([a, b, c, d].into()),
        [_, _, _, 16 | 32, ref rest @ ..] => rest.first_chunk::<16>().map(|it| (*it).into()),
        _ => None,
    }
}

#[inline]
fn numbers(octets: &[u8]) -> impl Iterator<Item = u32> {
    octets
        .as_chunks::<4>()
        .0
        .iter()
        .map(|it| u32::from_be_bytes(*it))
}

#[inline]
fn visit_owned(attribute: &PathAttribute, sink: &mut impl Sink) {
    match attribute {
        PathAttribute::Origin(it) => sink.number(1, u8::from(it.0).into()),
        PathAttribute::AsPath(path) => visit_hops(2, path, sink),
        PathAttribute::As4Path(path) => visit_hops(17, &path.0, sink),
        PathAttribute::ConventionalNextHop(it) => sink.next_hop(it.0.into()),
        PathAttribute::MultiExitDisc(it) => sink.number(4, it.0),
        PathAttribute::LocalPref(it) => sink.number(5, it.0),
        PathAttribute::Aggregator(it) => visit_aggregator(7, it, sink),
        PathAttribute::As4Aggregator(it) => visit_aggregator(18, &it.0, sink),
        PathAttribute::StandardCommunities(list) => list
            .communities()
            .iter()
            .for_each(|it| sink.community(it.to_u32())),
        PathAttribute::OriginatorId(it) => sink.number(9, it.0.to_bits()),
        PathAttribute::ClusterList(list) => list
            .cluster_ids()
            .iter()
            .for_each(|it| sink.number(10, u32::from_be_bytes((*it).into()))),
        PathAttribute::ExtendedCommunities(list) => {
            sink.extended_communities(list.communities().len());
        }
        PathAttribute::LargeCommunities(list) => list
            .communities()
            .iter()
            .for_each(|it| sink.large_community([it.global(), it.local1(), it.local2()])),
        PathAttribute::Otc(it) => sink.number(35, it.0.into_u32()),
        _ => {}
    }
}

#[inline]
fn visit_hops(kind: u8, path: &HopPath, sink: &mut impl Sink) {
    for hop in path.iter() {
        match hop {
            Hop::Asn(asn) => sink.hop(kind, asn.into_u32()),
            Hop::Segment(segment) => segment
                .asns()
                .for_each(|asn| sink.hop(kind, asn.into_u32())),
        }
    }
}

#[inline]
fn visit_aggregator(kind: u8, aggregator: &AggregatorInfo, sink: &mut impl Sink) {
    sink.number(kind, aggregator.asn().into_u32());
    sink.number(kind, aggregator.address().to_bits());
}

#[inline]
fn visit_results<O, E>(
    prefixes: impl Iterator<Item = Result<Nlri<O>, E>>,
    way: Way,
    sink: &mut impl Sink,
) -> Option<()> {
    for nlri in prefixes {
        visit_nlri(&nlri.ok()?, way, sink);
    }
    Some(())
}

#[inline]
fn visit_nlri<O>(nlri: &Nlri<O>, way: Way, sink: &mut impl Sink) {
    let (prefix, path_id) = match nlri {
        Nlri::Ipv4Unicast(it) => (it.prefix(), None),
        Nlri::Ipv4Multicast(it) => (it.prefix(), None),
        Nlri::Ipv6Unicast(it) => (it.prefix(), None),
        Nlri::Ipv6Multicast(it) => (it.prefix(), None),
        Nlri::Ipv4UnicastAddpath(it) => (it.prefix(), IsPrefix::path_id(it)),
        Nlri::Ipv4MulticastAddpath(it) => (it.prefix(), IsPrefix::path_id(it)),
        Nlri::Ipv6UnicastAddpath(it) => (it.prefix(), IsPrefix::path_id(it)),
        Nlri::Ipv6MulticastAddpath(it) => (it.prefix(), IsPrefix::path_id(it)),
        _ => return,
    };
    sink.prefix(way, prefix.addr(), prefix.len(), path_id.map(|id| id.0));
}
