//! bgp-wire: in place, owned, and as values.

use crate::{Codec, Encoder, Message, Sink, Way};
use bgp_wire::{
    AsPathView, AsWidth, Attribute, AttributeValue, Context, EncodeError, Family, FamilySet,
    MAX_EXTENDED_MESSAGE, NextHop, Nlri, PeerKind, Update, UpdateError, UpdatePacker, UpdateView,
};
use std::net::IpAddr;

/// The contexts of sessions with AS numbers of two and of four octets.
pub struct Contexts([Context; 2]);

impl Contexts {
    fn new() -> Self {
        Self([AsWidth::Two, AsWidth::Four].map(|width| {
            // Of iBGP, where LOCAL_PREF and the attributes of route reflection are read, as dumps have them.
            Context::new(PeerKind::Ibgp)
                .with_as_width(width)
                .with_max_message(MAX_EXTENDED_MESSAGE)
                .with_extended_next_hop(FamilySet::ALL)
                .with_aigp(true)
        }))
    }

    fn of(&self, message: &Message) -> Context {
        let context = self.0[usize::from(message.four_octets)];
        if message.add_path {
            context.with_add_path(FamilySet::ALL)
        } else {
            context
        }
    }
}

/// [`UpdateView`]: checked by RFC 7606, nothing copied.
pub struct OursView(Contexts);

impl OursView {
    /// The same as decoding, with the error.
    ///
    /// # Errors
    /// Those of [`UpdateView::parse`].
    #[inline]
    pub fn parse<'a>(&self, message: &'a Message) -> Result<UpdateView<'a>, UpdateError> {
        UpdateView::parse(&message.octets, &self.0.of(message))
    }
}

impl Codec for OursView {
    const NAME: &'static str = "bgp-wire view";
    type Value<'a> = UpdateView<'a>;

    fn new() -> Self {
        Self(Contexts::new())
    }

    #[inline]
    fn decode<'a>(&mut self, message: &'a Message) -> Option<UpdateView<'a>> {
        self.parse(message).ok()
    }

    #[inline]
    fn visit(value: &UpdateView<'_>, sink: &mut impl Sink) -> Option<()> {
        visit_view(value, sink);
        Some(())
    }
}

/// [`Update`]: the same, kept.
pub struct OursOwned(Contexts);

impl Codec for OursOwned {
    const NAME: &'static str = "bgp-wire owned";
    type Value<'a> = Update;

    fn new() -> Self {
        Self(Contexts::new())
    }

    #[inline]
    fn decode(&mut self, message: &Message) -> Option<Update> {
        Update::decode(&message.octets, &self.0.of(message)).ok()
    }

    #[inline]
    fn visit(value: &Update, sink: &mut impl Sink) -> Option<()> {
        visit_view(&value.view().ok()?, sink);
        Some(())
    }
}

impl Encoder for OursOwned {
    type Built = Update;

    fn build(&mut self, message: &Message) -> Option<Update> {
        self.decode(message)
    }

    #[inline]
    fn encode(&mut self, built: &Update, out: &mut Vec<u8>) -> Option<()> {
        built.encode(out).ok()
    }
}

/// Every attribute and prefix as a value of its own, as a program that builds UPDATEs has them.
pub struct OursValues(Contexts);

/// The values of an UPDATE.
pub struct Values {
    width: AsWidth,
    attributes: Vec<Attribute>,
    announced: Vec<Nlri>,
    withdrawn: Vec<Nlri>,
    next_hop: Option<NextHop>,
    family: Family,
}

impl Codec for OursValues {
    const NAME: &'static str = "bgp-wire values";
    type Value<'a> = Values;

    fn new() -> Self {
        Self(Contexts::new())
    }

    #[inline]
    fn decode(&mut self, message: &Message) -> Option<Values> {
        let context = self.0.of(message);
        let view = UpdateView::parse(&message.octets, &context).ok()?;
        let family = view
            .mp_reach()
            .map_or(Family::IPV4_UNICAST, |reach| reach.family);
        Some(Values {
            width: context.as_width,
            // Prefixes and next hops are kept beside the attributes.
            attributes: view
                .attributes()
                .filter(|it| !matches!(it.kind().0, 3 | 14 | 15))
                .map(|it| it.to_owned())
                .collect(),
            announced: view.announced().collect(),
            withdrawn: view.withdrawn().collect(),
            next_hop: view.next_hop(family),
            family,
        })
    }

    #[inline]
    fn visit(values: &Values, sink: &mut impl Sink) -> Option<()> {
        for attribute in &values.attributes {
            visit_attribute(attribute, sink);
        }
        visit_prefixes(&values.announced, Way::Announced, sink);
        visit_prefixes(&values.withdrawn, Way::Withdrawn, sink);
        if let Some(next_hop) = values.next_hop {
            visit_next_hop(next_hop, sink);
        }
        Some(())
    }
}

impl Encoder for OursValues {
    type Built = Values;

    /// Of messages that one packer writes: routes of one family that come or go.
    fn build(&mut self, message: &Message) -> Option<Values> {
        let mut values = self.decode(message)?;
        match (values.announced.first(), values.withdrawn.first()) {
            (Some(nlri), None) | (None, Some(nlri)) => values.family = nlri.family,
            _ => return None,
        }
        (values.announced.iter().chain(&values.withdrawn))
            .all(|it| it.family == values.family)
            .then_some(values)
    }

    #[inline]
    fn encode(&mut self, built: &Values, out: &mut Vec<u8>) -> Option<()> {
        write(built, out).ok()
    }
}

fn write(values: &Values, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let (mut packer, prefixes) = match values.next_hop {
        Some(next_hop) if !values.announced.is_empty() => {
            let packer = UpdatePacker::reach_with(
                values.family,
                next_hop,
                &values.attributes,
                values.width,
                MAX_EXTENDED_MESSAGE,
            )?;
            (packer, &values.announced)
        }
        _ => {
            let packer = UpdatePacker::unreach(values.family, MAX_EXTENDED_MESSAGE)?;
            (packer, &values.withdrawn)
        }
    };
    for nlri in prefixes {
        packer.push(out, nlri.prefix);
    }
    packer.finish(out);
    Ok(())
}

#[inline]
fn visit_view(view: &UpdateView<'_>, sink: &mut impl Sink) {
    for attribute in view.attributes() {
        visit_value(attribute.value(), sink);
    }
    visit_prefixes_of(view.announced(), Way::Announced, sink);
    visit_prefixes_of(view.withdrawn(), Way::Withdrawn, sink);
}

#[inline]
fn visit_value(value: AttributeValue<'_>, sink: &mut impl Sink) {
    match value {
        AttributeValue::Origin(it) => sink.number(1, it as u32),
        AttributeValue::AsPath(path) => visit_path(2, path, sink),
        AttributeValue::NextHop(it) => sink.next_hop(it.into()),
        AttributeValue::MultiExitDisc(it) => sink.number(4, it),
        AttributeValue::LocalPref(it) => sink.number(5, it),
        AttributeValue::Aggregator(it) => {
            sink.number(7, it.asn.0);
            sink.number(7, it.address.to_bits());
        }
        AttributeValue::Communities(list) => list.iter().for_each(|it| sink.community(it.0)),
        AttributeValue::OriginatorId(it) => sink.number(9, it.to_bits()),
        AttributeValue::ClusterList(list) => {
            list.iter().for_each(|it| sink.number(10, it.to_bits()));
        }
        AttributeValue::MpReach(reach) => {
            if let Some(next_hop) = reach.next_hop() {
                visit_next_hop(next_hop, sink);
            }
        }
        AttributeValue::ExtendedCommunities(list) => sink.extended_communities(list.iter().count()),
        AttributeValue::As4Path(path) => visit_path(17, path, sink),
        AttributeValue::As4Aggregator(it) => {
            sink.number(18, it.asn.0);
            sink.number(18, it.address.to_bits());
        }
        AttributeValue::LargeCommunities(list) => list
            .iter()
            .for_each(|it| sink.large_community([it.global, it.local_1, it.local_2])),
        AttributeValue::OnlyToCustomer(it) => sink.number(35, it.0),
        _ => {}
    }
}

#[inline]
fn visit_attribute(attribute: &Attribute, sink: &mut impl Sink) {
    match attribute {
        Attribute::Origin(it) => sink.number(1, *it as u32),
        Attribute::AsPath(path) => visit_owned_path(2, path, sink),
        Attribute::MultiExitDisc(it) => sink.number(4, *it),
        Attribute::LocalPref(it) => sink.number(5, *it),
        Attribute::Aggregator(it) => {
            sink.number(7, it.asn.0);
            sink.number(7, it.address.to_bits());
        }
        Attribute::Communities(list) => list.iter().for_each(|it| sink.community(it.0)),
        Attribute::OriginatorId(it) => sink.number(9, it.to_bits()),
        Attribute::ClusterList(list) => list.iter().for_each(|it| sink.number(10, it.to_bits())),
        Attribute::ExtendedCommunities(list) => sink.extended_communities(list.len()),
        Attribute::As4Path(path) => visit_owned_path(17, path, sink),
        Attribute::As4Aggregator(it) => {
            sink.number(18, it.asn.0);
            sink.number(18, it.address.to_bits());
        }
        Attribute::LargeCommunities(list) => list
            .iter()
            .for_each(|it| sink.large_community([it.global, it.local_1, it.local_2])),
        Attribute::OnlyToCustomer(it) => sink.number(35, it.0),
        _ => {}
    }
}

#[inline]
fn visit_path(kind: u8, path: AsPathView<'_>, sink: &mut impl Sink) {
    for segment in path.segments() {
        segment.members().for_each(|asn| sink.hop(kind, asn.0));
    }
}

#[inline]
fn visit_owned_path(kind: u8, path: &bgp_wire::AsPath, sink: &mut impl Sink) {
    for segment in &path.segments {
        segment.members.iter().for_each(|asn| sink.hop(kind, asn.0));
    }
}

#[inline]
fn visit_next_hop(next_hop: NextHop, sink: &mut impl Sink) {
    sink.next_hop(match next_hop {
        NextHop::V4(it) => IpAddr::V4(it),
        NextHop::V6 { global, .. } => IpAddr::V6(global),
    });
}

#[inline]
fn visit_prefixes(prefixes: &[Nlri], way: Way, sink: &mut impl Sink) {
    visit_prefixes_of(prefixes.iter().copied(), way, sink);
}

#[inline]
fn visit_prefixes_of(prefixes: impl Iterator<Item = Nlri>, way: Way, sink: &mut impl Sink) {
    prefixes.for_each(|it| sink.prefix(way, it.prefix.addr(), it.prefix.prefix_len(), it.path_id));
}
