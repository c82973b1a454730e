//! bgpkit-parser.

use crate::{Codec, Encoder, Message, Sink, Way};
use bgpkit_parser::models::{
    AsPath, AsPathSegment, AsnLength, AttributeValue, BgpMessage, BgpUpdateMessage, Community,
    NetworkPrefix, NextHopAddress,
};
use bgpkit_parser::parser::bgp::parse_bgp_message;

/// `parse_bgp_message`. It keeps RFC 7606 warnings of its own.
pub struct Bgpkit;

impl Codec for Bgpkit {
    const NAME: &'static str = "bgpkit-parser";
    type Value<'a> = BgpUpdateMessage;

    fn new() -> Self {
        Self
    }

    #[inline]
    fn decode(&mut self, message: &Message) -> Option<BgpUpdateMessage> {
        let mut octets = message.octets.clone();
        match parse_bgp_message(&mut octets, message.add_path, &width(message.four_octets)).ok()? {
            BgpMessage::Update(update) => Some(update),
            _ => None,
        }
    }

    #[inline]
    fn visit(update: &BgpUpdateMessage, sink: &mut impl Sink) -> Option<()> {
        update.attributes.iter().for_each(|it| visit(it, sink));
        visit_prefixes(&update.announced_prefixes, Way::Announced, sink);
        visit_prefixes(&update.withdrawn_prefixes, Way::Withdrawn, sink);
        Some(())
    }
}

impl Encoder for Bgpkit {
    type Built = (BgpMessage, bool);

    fn build(&mut self, message: &Message) -> Option<Self::Built> {
        let update = self.decode(message)?;
        Some((BgpMessage::Update(update), message.four_octets))
    }

    #[inline]
    fn encode(&mut self, (update, four_octets): &Self::Built, out: &mut Vec<u8>) -> Option<()> {
        out.extend_from_slice(&update.encode(width(*four_octets)).ok()?);
        Some(())
    }
}

fn width(four_octets: bool) -> AsnLength {
    if four_octets {
        AsnLength::Bits32
    } else {
        AsnLength::Bits16
    }
}

#[inline]
fn visit(value: &AttributeValue, sink: &mut impl Sink) {
    match value {
        AttributeValue::Origin(it) => sink.number(1, u32::from(u8::from(*it))),
        AttributeValue::AsPath(path) => visit_path(2, path, sink),
        AttributeValue::As4Path(path) => visit_path(17, path, sink),
        AttributeValue::NextHop(it) => sink.next_hop(*it),
        AttributeValue::MultiExitDiscriminator(it) => sink.number(4, *it),
        AttributeValue::LocalPreference(it) => sink.number(5, *it),
        AttributeValue::OnlyToCustomer(it) => sink.number(35, it.to_u32()),
        AttributeValue::Aggregator { asn, id } => {
            sink.number(7, asn.to_u32());
            sink.number(7, id.to_bits());
        }
        AttributeValue::As4Aggregator { asn, id } => {
            sink.number(18, asn.to_u32());
            sink.number(18, id.to_bits());
        }
        AttributeValue::Communities(list) => list.iter().for_each(|it| {
            sink.community(match it {
                Community::NoExport => 0xffff_ff01,
                Community::NoAdvertise => 0xffff_ff02,
                Community::NoExportSubConfed => 0xffff_ff03,
                Community::Custom(asn, value) => asn.to_u32() << 16 | u32::from(*value),
            });
        }),
        AttributeValue::ExtendedCommunities(list) => sink.extended_communities(list.len()),
        AttributeValue::LargeCommunities(list) => list.iter().for_each(|it| {
            sink.large_community([it.global_admin, it.local_data[0], it.local_data[1]]);
        }),
        AttributeValue::OriginatorId(it) => sink.number(9, it.to_bits()),
        AttributeValue::Clusters(list) => list.iter().for_each(|it| sink.number(10, *it)),
        AttributeValue::MpReachNlri(it) => {
            match it.next_hop {
                Some(NextHopAddress::Ipv4(address)) => sink.next_hop(address.into()),
                Some(NextHopAddress::Ipv6(address) | NextHopAddress::Ipv6LinkLocal(address, _)) => {
                    sink.next_hop(address.into())
                }
                _ => {}
            }
            visit_prefixes(&it.prefixes, Way::Announced, sink);
        }
        AttributeValue::MpUnreachNlri(it) => visit_prefixes(&it.prefixes, Way::Withdrawn, sink),
        _ => {}
    }
}

#[inline]
fn visit_path(kind: u8, path: &AsPath, sink: &mut impl Sink) {
    for segment in &path.segments {
        let (AsPathSegment::AsSequence(asns)
        | AsPathSegment::AsSet(asns)
        | AsPathSegment::ConfedSequence(asns)
        | AsPathSegment::ConfedSet(asns)) = segment;
        asns.iter().for_each(|asn| sink.hop(kind, asn.to_u32()));
    }
}

#[inline]
fn visit_prefixes(prefixes: &[NetworkPrefix], way: Way, sink: &mut impl Sink) {
    // It does not clear the bits beyond the length.
    prefixes.iter().for_each(|it| {
        let prefix = it.prefix;
        sink.prefix(way, prefix.network(), prefix.prefix_len(), it.path_id);
    });
}
