//! netgauze-bgp-pkt.

use crate::{Codec, Encoder, Message, Sink, Way};
use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::nlri::{Ipv4UnicastAddress, Ipv6UnicastAddress};
use netgauze_bgp_pkt::path_attribute::{
    Aggregator, AsPath, MpReach, MpUnreach, PathAttribute, PathAttributeValue,
};
use netgauze_bgp_pkt::update::BgpUpdateMessage;
use netgauze_bgp_pkt::wire::deserializer::BgpParsingContext;
use netgauze_parse_utils::WritablePdu;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;

/// `BgpMessage::parse`.
pub struct Netgauze([BgpParsingContext; 2]);

impl Codec for Netgauze {
    const NAME: &'static str = "netgauze-bgp-pkt";
    type Value<'a> = BgpMessage;

    fn new() -> Self {
        Self([
            BgpParsingContext::asn2_default(),
            BgpParsingContext::default(),
        ])
    }

    #[inline]
    fn decode(&mut self, message: &Message) -> Option<BgpMessage> {
        let context = &mut self.0[usize::from(message.four_octets)];
        BgpMessage::parse(&mut SliceReader::new(&message.octets), context).ok()
    }

    #[inline]
    fn visit(message: &BgpMessage, sink: &mut impl Sink) -> Option<()> {
        match message {
            BgpMessage::Update(update) => visit(update, sink),
            _ => return None,
        }
        Some(())
    }
}

impl Encoder for Netgauze {
    type Built = BgpMessage;

    fn build(&mut self, message: &Message) -> Option<BgpMessage> {
        self.decode(message)
    }

    #[inline]
    fn encode(&mut self, built: &BgpMessage, out: &mut Vec<u8>) -> Option<()> {
        built.write(out).ok()
    }
}

#[inline]
fn visit(update: &BgpUpdateMessage, sink: &mut impl Sink) {
    for attribute in update.path_attributes() {
        visit_attribute(attribute, sink);
    }
    visit_v4(update.nlri(), Way::Announced, sink);
    visit_v4(update.withdraw_routes(), Way::Withdrawn, sink);
}

#[inline]
fn visit_attribute(attribute: &PathAttribute, sink: &mut impl Sink) {
    match attribute.value() {
        PathAttributeValue::Origin(it) => sink.number(1, *it as u32),
        PathAttributeValue::AsPath(AsPath::As2PathSegments(segments)) => {
            for segment in segments {
                let asns = segment.as_numbers().iter();
                asns.for_each(|asn| sink.hop(2, u32::from(*asn)));
            }
        }
        PathAttributeValue::AsPath(AsPath::As4PathSegments(segments)) => {
            for segment in segments {
                let asns = segment.as_numbers().iter();
                asns.for_each(|asn| sink.hop(2, *asn));
            }
        }
        PathAttributeValue::As4Path(path) => {
            for segment in path.segments() {
                let asns = segment.as_numbers().iter();
                asns.for_each(|asn| sink.hop(17, *asn));
            }
        }
        PathAttributeValue::NextHop(it) => sink.next_hop(it.next_hop().into()),
        PathAttributeValue::MultiExitDiscriminator(it) => sink.number(4, it.metric()),
        PathAttributeValue::LocalPreference(it) => sink.number(5, it.metric()),
        PathAttributeValue::Aggregator(Aggregator::As2Aggregator(it)) => {
            sink.number(7, u32::from(*it.asn()));
            sink.number(7, it.origin().to_bits());
        }
        PathAttributeValue::Aggregator(Aggregator::As4Aggregator(it)) => {
            sink.number(7, *it.asn());
            sink.number(7, it.origin().to_bits());
        }
        PathAttributeValue::Communities(list) => list
            .communities()
            .iter()
            .for_each(|it| sink.community(it.value())),
        PathAttributeValue::ExtendedCommunities(list) => {
            sink.extended_communities(list.communities().len());
        }
        PathAttributeValue::LargeCommunities(list) => list.communities().iter().for_each(|it| {
            sink.large_community([it.global_admin(), it.local_data1(), it.local_data2()]);
        }),
        PathAttributeValue::Originator(it) => sink.number(9, it.id().to_bits()),
        PathAttributeValue::ClusterList(list) => list
            .cluster_list()
            .iter()
            .for_each(|it| sink.number(10, it.id().to_bits())),
        PathAttributeValue::MpReach(it) => visit_reach(it, sink),
        PathAttributeValue::MpUnreach(it) => visit_unreach(it, sink),
        PathAttributeValue::OnlyToCustomer(it) => sink.number(35, it.asn()),
        // AS4_AGGREGATOR is among the unknown.
        PathAttributeValue::UnknownAttribute(it) => {
            super::visit_unknown(it.code(), it.value(), sink);
        }
        _ => {}
    }
}

#[inline]
fn visit_reach(reach: &MpReach, sink: &mut impl Sink) {
    match reach {
        MpReach::Ipv4Unicast { next_hop, nlri, .. } => {
            sink.next_hop(*next_hop);
            visit_v4(nlri, Way::Announced, sink);
        }
        MpReach::Ipv6Unicast {
            next_hop_global,
            nlri,
            ..
        } => {
            sink.next_hop((*next_hop_global).into());
            visit_v6(nlri, Way::Announced, sink);
        }
        _ => {}
    }
}

#[inline]
fn visit_unreach(unreach: &MpUnreach, sink: &mut impl Sink) {
    match unreach {
        MpUnreach::Ipv4Unicast { nlri } => visit_v4(nlri, Way::Withdrawn, sink),
        MpUnreach::Ipv6Unicast { nlri } => visit_v6(nlri, Way::Withdrawn, sink),
        _ => {}
    }
}

#[inline]
fn visit_v4(prefixes: &[Ipv4UnicastAddress], way: Way, sink: &mut impl Sink) {
    prefixes.iter().for_each(|it| {
        let net = it.network().address();
        sink.v4(way, net.network().to_bits(), net.prefix_len(), it.path_id());
    });
}

#[inline]
fn visit_v6(prefixes: &[Ipv6UnicastAddress], way: Way, sink: &mut impl Sink) {
    prefixes.iter().for_each(|it| {
        let net = it.network().address();
        sink.v6(way, net.network().to_bits(), net.prefix_len(), it.path_id());
    });
}
