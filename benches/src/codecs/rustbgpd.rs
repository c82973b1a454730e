//! rustbgpd-wire.

use crate::{Codec, Encoder, Message, Sink, Way};
use rustbgpd_wire::attribute::{AsPathSegment, PathAttribute};
use rustbgpd_wire::nlri::{Ipv4NlriEntry, NlriEntry, Prefix};
use rustbgpd_wire::update::ParsedUpdate;
use rustbgpd_wire::validate::validate_update_attributes;
use rustbgpd_wire::{Ipv4UnicastMode, UpdateMessage, decode_message};

/// `decode_message`, then `UpdateMessage::parse`, which does not do what RFC 7606 says.
pub struct Rustbgpd;

impl Codec for Rustbgpd {
    const NAME: &'static str = "rustbgpd-wire";
    type Value<'a> = ParsedUpdate;

    fn new() -> Self {
        Self
    }

    #[inline]
    fn decode(&mut self, message: &Message) -> Option<ParsedUpdate> {
        split(message)?.parse(message.four_octets, false, &[]).ok()
    }

    #[inline]
    fn visit(update: &ParsedUpdate, sink: &mut impl Sink) -> Option<()> {
        visit(update, sink);
        Some(())
    }
}

impl Encoder for Rustbgpd {
    type Built = (ParsedUpdate, bool);

    fn build(&mut self, message: &Message) -> Option<Self::Built> {
        Some((self.decode(message)?, message.four_octets))
    }

    #[inline]
    fn encode(&mut self, (update, four_octets): &Self::Built, out: &mut Vec<u8>) -> Option<()> {
        UpdateMessage::try_build(
            &update.announced,
            &update.withdrawn,
            &update.attributes,
            *four_octets,
            false,
            Ipv4UnicastMode::Body,
        )
        .ok()?
        .encode_with_limit(out, u16::MAX)
        .ok()
    }
}

/// `parse_revised`, and `validate_update_attributes` on what it gives: its way of RFC 7606.
pub struct RustbgpdChecked;

impl Codec for RustbgpdChecked {
    const NAME: &'static str = "rustbgpd-wire, RFC 7606";
    type Value<'a> = ParsedUpdate;

    fn new() -> Self {
        Self
    }

    #[inline]
    fn decode(&mut self, message: &Message) -> Option<ParsedUpdate> {
        let update = split(message)?
            .parse_revised(message.four_octets, true, false, &[])
            .ok()?;
        if !update.malformed.is_empty() {
            return None;
        }
        let update = update.update;
        let body = !update.announced.is_empty();
        let any = body
            || update.attributes.iter().any(
                |it| matches!(it, PathAttribute::MpReachNlri(reach) if !reach.announced.is_empty()),
            );
        validate_update_attributes(&update.attributes, any, body, false).ok()?;
        Some(update)
    }

    #[inline]
    fn visit(update: &ParsedUpdate, sink: &mut impl Sink) -> Option<()> {
        visit(update, sink);
        Some(())
    }
}

#[inline]
fn split(message: &Message) -> Option<UpdateMessage> {
    match decode_message(&mut message.octets.clone(), u16::MAX).ok()? {
        rustbgpd_wire::Message::Update(update) => Some(update),
        _ => None,
    }
}

#[inline]
fn visit(update: &ParsedUpdate, sink: &mut impl Sink) {
    for attribute in &update.attributes {
        visit_attribute(attribute, sink);
    }
    visit_v4(&update.announced, Way::Announced, sink);
    visit_v4(&update.withdrawn, Way::Withdrawn, sink);
}

#[inline]
fn visit_attribute(attribute: &PathAttribute, sink: &mut impl Sink) {
    match attribute {
        PathAttribute::Origin(it) => sink.number(1, *it as u32),
        PathAttribute::AsPath(path) => {
            for segment in &path.segments {
                let (AsPathSegment::AsSequence(asns) | AsPathSegment::AsSet(asns)) = segment;
                asns.iter().for_each(|asn| sink.hop(2, *asn));
            }
        }
        PathAttribute::NextHop(it) => sink.next_hop((*it).into()),
        PathAttribute::Med(it) => sink.number(4, *it),
        PathAttribute::LocalPref(it) => sink.number(5, *it),
        PathAttribute::Aggregator(it) => {
            sink.number(7, it.asn);
            sink.number(7, it.router_id.to_bits());
        }
        PathAttribute::Communities(list) | PathAttribute::CommunitiesPartial(list) => {
            list.iter().for_each(|it| sink.community(*it));
        }
        PathAttribute::OriginatorId(it) => sink.number(9, it.to_bits()),
        PathAttribute::ClusterList(list) => {
            list.iter().for_each(|it| sink.number(10, it.to_bits()));
        }
        PathAttribute::MpReachNlri(it) => {
            sink.next_hop(it.next_hop);
            visit_prefixes(&it.announced, Way::Announced, sink);
        }
        PathAttribute::MpUnreachNlri(it) => visit_prefixes(&it.withdrawn, Way::Withdrawn, sink),
        PathAttribute::ExtendedCommunities(list)
        | PathAttribute::ExtendedCommunitiesPartial(list) => sink.extended_communities(list.len()),
        PathAttribute::LargeCommunities(list) | PathAttribute::LargeCommunitiesPartial(list) => {
            list.iter().for_each(|it| {
                sink.large_community([it.global_admin, it.local_data1, it.local_data2]);
            });
        }
        PathAttribute::OnlyToCustomer(it) | PathAttribute::OnlyToCustomerPartial(it) => {
            sink.number(35, *it);
        }
        // AS4_PATH and AS4_AGGREGATOR are among the unknown.
        PathAttribute::Unknown(it) => super::visit_unknown(it.type_code, &it.data, sink),
        _ => {}
    }
}

#[inline]
fn visit_v4(prefixes: &[Ipv4NlriEntry], way: Way, sink: &mut impl Sink) {
    prefixes
        .iter()
        .for_each(|it| sink.v4(way, it.prefix.addr.to_bits(), it.prefix.len, None));
}

#[inline]
fn visit_prefixes(prefixes: &[NlriEntry], way: Way, sink: &mut impl Sink) {
    prefixes.iter().for_each(|it| match it.prefix {
        Prefix::V4(prefix) => sink.v4(way, prefix.addr.to_bits(), prefix.len, None),
        Prefix::V6(prefix) => sink.v6(way, prefix.addr.to_bits(), prefix.len, None),
    });
}
