//! zettabgp.

use crate::{Codec, Encoder, Message, Sink, Way};
use zettabgp::message::update::BgpUpdateMessage;
use zettabgp::prelude::*;

/// `decode_message_head`, then `BgpUpdateMessage::decode_from`.
pub struct Zettabgp([BgpSessionParams; 2]);

impl Codec for Zettabgp {
    const NAME: &'static str = "zettabgp";
    type Value<'a> = BgpUpdateMessage;

    fn new() -> Self {
        Self([false, true].map(|four_octets| {
            let mut params = BgpSessionParams::new(
                64512,
                90,
                BgpTransportMode::IPv4,
                [192, 0, 2, 1].into(),
                Vec::new(),
            );
            params.has_as32bit = four_octets;
            // It would guess whether there are path identifiers.
            params.fuzzy_pathid = false;
            params
        }))
    }

    #[inline]
    fn decode(&mut self, message: &Message) -> Option<BgpUpdateMessage> {
        let params = &self.0[usize::from(message.four_octets)];
        let (kind, len) = params.decode_message_head(&message.octets).ok()?;
        let body = message.octets.get(19..19 + len)?;
        let mut update = BgpUpdateMessage::new();
        (kind == BgpMessageType::Update).then_some(())?;
        update.decode_from(params, body).ok()?;
        Some(update)
    }

    #[inline]
    fn visit(update: &BgpUpdateMessage, sink: &mut impl Sink) -> Option<()> {
        update.attrs.iter().for_each(|it| visit(it, sink));
        visit_prefixes(&update.updates, Way::Announced, sink);
        visit_prefixes(&update.withdraws, Way::Withdrawn, sink);
        Some(())
    }
}

impl Encoder for Zettabgp {
    type Built = (BgpUpdateMessage, bool);

    fn build(&mut self, message: &Message) -> Option<Self::Built> {
        Some((self.decode(message)?, message.four_octets))
    }

    #[inline]
    fn encode(&mut self, (update, four_octets): &Self::Built, out: &mut Vec<u8>) -> Option<()> {
        let params = &self.0[usize::from(*four_octets)];
        out.resize(4096, 0);
        let len = update.encode_to(params, &mut out[19..]).ok()?;
        let len = params
            .prepare_message_buf(out, BgpMessageType::Update, len)
            .ok()?;
        out.truncate(len);
        Some(())
    }
}

#[inline]
fn visit(attribute: &BgpAttrItem, sink: &mut impl Sink) {
    match attribute {
        BgpAttrItem::Origin(it) => sink.number(1, it.value as u32),
        BgpAttrItem::ASPath(path) => {
            for item in &path.value {
                match item {
                    BgpASitem::Seq(it) => it.value.iter().for_each(|asn| sink.hop(2, asn.value)),
                    BgpASitem::Set(it) => it.value.iter().for_each(|asn| sink.hop(2, asn.value)),
                }
            }
        }
        BgpAttrItem::NextHop(it) => sink.next_hop(it.value),
        BgpAttrItem::MED(it) => sink.number(4, it.value),
        BgpAttrItem::LocalPref(it) => sink.number(5, it.value),
        BgpAttrItem::AggregatorAS(it) => {
            sink.number(7, it.asn);
            sink.number(7, it.addr.to_bits());
        }
        BgpAttrItem::CommunityList(list) => {
            list.value.iter().for_each(|it| sink.community(it.value));
        }
        BgpAttrItem::OriginatorID(it) => visit_address(9, it.value, sink),
        BgpAttrItem::ClusterList(list) => {
            list.value
                .iter()
                .for_each(|it| visit_address(10, *it, sink));
        }
        BgpAttrItem::MPUpdates(it) => {
            match it.nexthop {
                BgpAddr::V4(address) => sink.next_hop(address.into()),
                BgpAddr::V6(address) => sink.next_hop(address.into()),
                _ => {}
            }
            visit_prefixes(&it.addrs, Way::Announced, sink);
        }
        BgpAttrItem::MPWithdraws(it) => visit_prefixes(&it.addrs, Way::Withdrawn, sink),
        BgpAttrItem::ExtCommunityList(list) => sink.extended_communities(list.value.len()),
        BgpAttrItem::LargeCommunityList(list) => list
            .value
            .iter()
            .for_each(|it| sink.large_community([it.ga, it.ldp1, it.ldp2])),
        BgpAttrItem::OTC(it) => sink.number(35, it.value),
        // AS4_PATH and AS4_AGGREGATOR are among the unknown.
        BgpAttrItem::Unknown(it) => super::visit_unknown(it.params.typecode, &it.value, sink),
        _ => {}
    }
}

#[inline]
fn visit_address(kind: u8, address: std::net::IpAddr, sink: &mut impl Sink) {
    if let std::net::IpAddr::V4(it) = address {
        sink.number(kind, it.to_bits());
    }
}

#[inline]
fn visit_prefixes(prefixes: &BgpAddrs, way: Way, sink: &mut impl Sink) {
    match prefixes {
        BgpAddrs::IPV4U(list) | BgpAddrs::IPV4M(list) => list
            .iter()
            .for_each(|it| sink.v4(way, it.addr.to_bits(), it.prefixlen, None)),
        BgpAddrs::IPV6U(list) | BgpAddrs::IPV6M(list) => list
            .iter()
            .for_each(|it| sink.v6(way, it.addr.to_bits(), it.prefixlen, None)),
        _ => {}
    }
}
